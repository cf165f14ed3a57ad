--TEST--
With no room nothing is kept, and with less than before nothing that was
--FILE--
<?php
$kept = appserver_call('kept', 'off');
var_dump(appserver_call('kept', 'off') === $kept);
ini_set('appserver.cache_size', '0');
// At once, and not with the next call.
$stats = AppServer\Cache::stats();
echo "{$stats['entries']} entries, {$stats['bytes_max']} bytes\n";
var_dump(appserver_call('kept', 'off') === $kept, appserver_call('kept', 'off') === appserver_call('kept', 'off'));
ini_set('appserver.cache_size', '1M');
var_dump(appserver_call('kept', 'off') === $kept, appserver_call('kept', 'off') === appserver_call('kept', 'off'));
echo AppServer\Cache::stats()['bytes_max'], "\n";
?>
--EXPECT--
bool(true)
0 entries, 0 bytes
bool(false)
bool(false)
bool(false)
bool(true)
1048576
