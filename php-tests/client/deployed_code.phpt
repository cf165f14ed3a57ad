--TEST--
What deployed code is given is not for callers
--FILE--
<?php
foreach ([fn () => AppServer\config('x', 1), fn () => AppServer\resource('main')] as $given) {
    try {
        $given();
    } catch (AppServer\ConfigException $e) {
        echo $e->getMessage(), "\n";
    }
}
try {
    AppServer\config();
} catch (ArgumentCountError $e) {
    echo $e->getMessage(), "\n";
}
?>
--EXPECT--
AppServer\config() is for the code of an application that appserver runs; this process only calls such applications
AppServer\resource() is for the code of an application that appserver runs; this process only calls such applications
AppServer\config() expects at least 1 argument, 0 given
