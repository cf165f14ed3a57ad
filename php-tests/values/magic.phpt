--TEST--
__serialize and __unserialize, __sleep and __wakeup are used, once each way
--FILE--
<?php
require __DIR__ . '/round_trip.inc';

// Woken on the way there and on the way back.
echo implode(' ', appserver_call('identity', new WithSerialize(['a']))->data()), "\n";

$asleep = new WithSleep();
$asleep->dropped = 'changed';
$back = appserver_call('identity', $asleep);
var_dump($back->kept, $back->dropped, $back->awake);
?>
--EXPECT--
a woken woken
string(4) "kept"
string(7) "default"
bool(true)
