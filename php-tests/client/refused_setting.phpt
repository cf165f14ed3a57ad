--TEST--
A refused setting of php.ini fails every call with what is wrong, until somebody puts it right
--INI--
appserver.pin=sometimes
--SKIPIF--
<?php if (getenv('APPSERVER_TEST_SAPI') === 'fpm') die('skip scripts cannot change settings given by PHP_ADMIN_VALUE'); ?>
--FILE--
<?php
foreach ([
    fn () => appserver_call('square', 2),
    fn () => appserver_async('square', 2),
    fn () => appserver_map('square', [2]),
    fn () => new AppServer\Client(),
] as $call) {
    try {
        $call();
        echo "called\n";
    } catch (AppServer\ConfigException $error) {
        echo $error->getMessage(), "\n";
    }
}
ini_set('appserver.pin', 'call');
var_dump(appserver_call('square', 2));
ini_restore('appserver.pin');
try {
    appserver_call('square', 2);
} catch (AppServer\ConfigException $error) {
    echo "refused again\n";
}
?>
--EXPECTF--
%Aappserver.pin = "sometimes" is refused: expected one of request, call, off, auto%A
appserver.pin = "sometimes" is refused: expected one of request, call, off, auto
appserver.pin = "sometimes" is refused: expected one of request, call, off, auto
appserver.pin = "sometimes" is refused: expected one of request, call, off, auto
appserver.pin = "sometimes" is refused: expected one of request, call, off, auto
int(4)
refused again
