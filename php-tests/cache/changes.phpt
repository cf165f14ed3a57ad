--TEST--
No way of changing a value reaches the kept one that was handed out without a copy
--INI--
appserver.cache_values=immutable
--FILE--
<?php
require_once __DIR__ . '/../app/cache.php';
require __DIR__ . '/changes.inc';

$first = appserver_call('cached_places');
echo json_encode(ways_that_were_seen(fn () => appserver_call('cached_places'))), "\n";

foreach (appserver_call('cached_places') as $key => &$place) {
    $place = $key;
}
$last = appserver_call('cached_places');
var_dump($last === $first, array_slice($last, 1, preserve_keys: true) === places());
?>
--EXPECT--
[]
bool(true)
bool(true)
