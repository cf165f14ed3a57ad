--TEST--
A result is kept for the same arguments, and is the one that was returned
--FILE--
<?php
$first = appserver_call('kept', [1, 'a' => [2.5, null, true]]);
$again = appserver_call('kept', [1, 'a' => [2.5, null, true]]);
var_dump($first === $again, $first['value'] === [1, 'a' => [2.5, null, true]]);
var_dump(appserver_call('kept') === appserver_call('kept'));
// A client of one's own keeps and is given the same.
var_dump((new AppServer\Client())->call('kept') === appserver_call('kept'));
$object = appserver_call('kept_object');
$other = appserver_call('kept_object');
var_dump($object == $other, $object === $other);
$stats = AppServer\Cache::stats();
printf("%d hits, %d absent, %d kept, %d entries\n", $stats['hits'], $stats['misses']['absent'], $stats['kept'], $stats['entries']);
var_dump($stats['bytes'] > 0 && $stats['bytes'] < $stats['bytes_max']);
AppServer\Cache::clear();
var_dump($first === appserver_call('kept', [1, 'a' => [2.5, null, true]]), AppServer\Cache::stats()['entries']);
?>
--EXPECT--
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(false)
5 hits, 3 absent, 3 kept, 3 entries
bool(true)
bool(false)
int(1)
