--TEST--
Signal handlers run while a call is waited for; the wait goes on, or ends with what they throw
--EXTENSIONS--
pcntl
--SKIPIF--
<?php if (getenv('APPSERVER_TEST_SAPI') === 'fpm') die('skip no pcntl in FPM'); ?>
--FILE--
<?php
use AppServer\Future;

pcntl_async_signals(true);
$seen = 0;
pcntl_signal(SIGUSR1, function () use (&$seen) { $seen++; });
pcntl_signal(SIGUSR2, fn () => throw new LogicException('enough'));
$me = getmypid();

var_dump(appserver_call('signal_caller', $me, 'USR1', 0.05, 'value'), $seen);
var_dump(Future::all([appserver_async('signal_caller', $me, 'USR1', 0.05, 'all')]), $seen);

$waits = [
    'call' => fn () => appserver_call('signal_caller', $me, 'USR2', 20),
    'await' => fn () => appserver_async('signal_caller', $me, 'USR2', 20)->await(),
    'all' => fn () => Future::all([appserver_async('signal_caller', $me, 'USR2', 20)]),
    'race' => fn () => Future::race([appserver_async('signal_caller', $me, 'USR2', 20)]),
    'map' => function () use ($me) {
        foreach (appserver_map('signal_caller_of', [['pid' => $me, 'signal' => 'USR2', 'then' => 20]]) as $_);
    },
];
foreach ($waits as $name => $wait) {
    try {
        $wait();
        echo "$name returned\n";
    } catch (LogicException $error) {
        echo $name, ': ', $error->getMessage(), "\n";
    }
    unset($error);
}

// A handler may call, too.
pcntl_signal(SIGUSR1, function () { echo appserver_call('greet', 'handler'), "\n"; });
var_dump(appserver_call('signal_caller', $me, 'USR1', 0.05, 'after'));
pcntl_signal(SIGUSR1, fn () => exit("the handler ends the script\n"));
appserver_call('signal_caller', $me, 'USR1', 20);
echo "not reached\n";
?>
--EXPECT--
string(5) "value"
int(1)
array(1) {
  [0]=>
  string(3) "all"
}
int(2)
call: enough
await: enough
all: enough
race: enough
map: enough
Hello, handler!
string(5) "after"
the handler ends the script
