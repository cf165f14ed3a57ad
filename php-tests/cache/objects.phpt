--TEST--
Each call that is answered by a kept result has objects and references of its own
--INI--
appserver.cache_values=immutable
--FILE--
<?php
require_once __DIR__ . '/../app/values.php';

$first = appserver_call('cached_object');
$second = appserver_call('cached_object');
var_dump($first[0]->name === $second[0]->name, $first[0] === $second[0], $second[0] === $second[1]);

$second[0]->children['list'][] = 3;
$second[0]->name = 'changed';
[$third] = appserver_call('cached_object');
var_dump($third->name === $first[0]->name, $third->children['list'] === [1, 2], $third->children['again'] === $third);

$first = appserver_call('cached_reference');
$second = appserver_call('cached_reference');
$second[1] = 'changed';
$third = appserver_call('cached_reference');
var_dump($second[2], $third === $first, $third[2]);
?>
--EXPECT--
bool(true)
bool(false)
bool(true)
bool(true)
bool(true)
bool(true)
string(7) "changed"
bool(true)
string(25) "changed by its other name"
