--TEST--
What a function prints is printed here if wanted, and only then
--FILE--
<?php
var_dump(appserver_call('say', 'unheard'));
$loud = (new AppServer\Client())->withOutput();
var_dump($loud->call('say', "heard\n"));
ob_start();
$future = $loud->async('say', 'captured');
$future->await();
var_dump(ob_get_clean());
var_dump($loud->withOutput(false)->call('say', 'unheard'));
?>
--EXPECT--
int(7)
heard
int(6)
string(8) "captured"
int(7)
