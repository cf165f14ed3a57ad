--TEST--
No way of changing a value reaches the kept one with the tracing compiler
--INI--
appserver.cache_values=immutable
opcache.enable=1
opcache.enable_cli=1
opcache.jit=tracing
opcache.jit_buffer_size=32M
opcache.jit_hot_func=1
opcache.jit_hot_loop=1
opcache.jit_hot_return=1
opcache.jit_hot_side_exit=1
--SKIPIF--
<?php
if (!function_exists('opcache_get_status')) die('skip needs OPcache');
if (getenv('APPSERVER_TEST_SAPI') === 'fpm') die('skip FPM takes the buffer size at its start alone');
if (getenv('APPSERVER_TEST_SAPI') === 'valgrind') die('skip compiled code takes minutes under valgrind');
?>
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
var_dump(opcache_get_status()['jit']['on']);
?>
--EXPECT--
[]
bool(true)
bool(true)
bool(true)
