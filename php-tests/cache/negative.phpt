--TEST--
Null is kept as long as the function says, and exceptions never are
--FILE--
<?php
$file = tempnam(sys_get_temp_dir(), 'kept');
$runs = static function () use ($file): int {
    clearstatcache();
    $runs = substr_count(file_get_contents($file), "\n");
    file_put_contents($file, '');
    return $runs;
};
for ($i = 0; $i < 3; $i++) {
    appserver_call('kept_unless_null', $file, true);
}
echo $runs(), "\n";
for ($i = 0; $i < 3; $i++) {
    appserver_call('kept_unless_null', $file, false);
}
echo $runs(), "\n";
for ($i = 0; $i < 3; $i++) {
    try {
        appserver_call('kept_never_thrown', $file);
    } catch (DomainException $e) {
        echo $e->getMessage(), "\n";
    }
}
echo $runs(), "\n";
// What is not kept takes the place of what was, all the same.
var_dump(appserver_call('kept_until_null', $file), appserver_call('kept_until_null', $file));
var_dump((new AppServer\Client())->withFresh()->call('kept_until_null', $file));
var_dump(appserver_call('kept_until_null', $file));
unlink($file);
?>
--EXPECT--
3
1
no
no
no
3
int(1)
int(1)
NULL
NULL
