--TEST--
A forked child opens connections of its own and leaves its parent's alone
--EXTENSIONS--
pcntl
--SKIPIF--
<?php if (getenv('APPSERVER_TEST_SAPI') === 'fpm') die('skip pcntl_fork() in FPM'); ?>
--FILE--
<?php
echo appserver_call('greet', 'parent'), "\n";
$future = appserver_async('wait', 0.2, 'still mine');
$child = pcntl_fork();
if ($child === 0) {
    $own = appserver_call('greet', 'child');
    try {
        $future->await();
        $own .= ' and more';
    } catch (AppServer\ConnectionLost) {
    }
    unset($future);
    exit($own === 'Hello, child!' ? 7 : 1);
}
pcntl_waitpid($child, $status);
var_dump(pcntl_wexitstatus($status), $future->await());
echo appserver_call('greet', 'parent'), "\n";
var_dump(array_sum(array_column(appserver_status()['clusters'][0]['workers'], 'failures')));
?>
--EXPECT--
Hello, parent!
int(7)
string(10) "still mine"
Hello, parent!
int(0)
