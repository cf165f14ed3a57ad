--TEST--
No way of changing a value reaches the kept one with OPcache
--INI--
appserver.cache_values=immutable
opcache.enable=1
opcache.enable_cli=1
opcache.jit=disable
--SKIPIF--
<?php if (!function_exists('opcache_get_status')) die('skip needs OPcache'); ?>
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
var_dump(count(opcache_get_status()['scripts']) > 5);
?>
--EXPECT--
[]
bool(true)
bool(true)
bool(true)
