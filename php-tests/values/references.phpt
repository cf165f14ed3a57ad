--TEST--
References, shared objects and cycles keep their identity
--FILE--
<?php
require __DIR__ . '/round_trip.inc';

$x = 1;
check('two references to one value', ['a' => &$x, 'b' => &$x, 'c' => $x]);

$array = ['name' => 'loop'];
$array['self'] = &$array;
$back = appserver_call('identity', $array);
$back['self']['self']['name'] = 'changed';
echo 'array that contains itself: ', $back['self']['name'], "\n";

$inner = ['deep' => 1];
$nested = [&$inner, [&$inner]];
$back = appserver_call('identity', $nested);
$back[0]['deep'] = 2;
echo 'nested references: ', $back[1][0]['deep'], "\n";

$node = new Node('a');
$node->next = new Node('b');
$node->next->next = $node;
check('cycle of objects', $node);

$shared = new Node('shared');
check('object twice', [$shared, ['again' => $shared]]);
var_dump(appserver_call('same_object', $shared, $shared));
var_dump(appserver_call('same_object', $shared, clone $shared));

$holder = new Node('holder');
$holder->children = [&$holder->name];
check('reference into a property', $holder);
$back = appserver_call('identity', $holder);
$back->children[0] = 'renamed';
echo "$back->name\n";
?>
--EXPECT--
two references to one value: ok
array that contains itself: changed
nested references: 2
cycle of objects: ok
object twice: ok
bool(true)
bool(false)
reference into a property: ok
renamed
