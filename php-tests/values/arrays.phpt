--TEST--
Arrays keep their keys, their order and their next index
--FILE--
<?php
require __DIR__ . '/round_trip.inc';

check('empty', []);
check('list', [1, 'two', 3.0, null, true, []]);
check('ints', range(-1000, 100000, 37));
check('floats', array_map(fn ($i) => $i / 7, range(0, 999)));
check('packed with holes', array_filter(range(0, 20), fn ($i) => $i % 3));
check('hash', ['a' => 1, 'b' => ['c' => 2]]);
check('order of keys', ['z' => 1, 'a' => 2, 5 => 3, -7 => 4, 'm' => 5]);
check('descending ints', [5 => 'a', 3 => 'b', 1 => 'c']);
check('numeric string keys', ['08' => 1, '-0' => 2, ' 1' => 3, '1.5' => 4, '9223372036854775808' => 5]);
check('extreme keys', [PHP_INT_MIN => 1, PHP_INT_MAX => 2]);
check('binary keys', ["\0" => 1, "a\0b" => 2, '' => 3, "\xff" => 4]);
check('rows', array_map(fn ($i) => ['id' => $i, 'name' => "n$i", 'price' => $i / 100, 'gone' => null], range(1, 300)));
check('mixed rows', [['a' => 1, 'b' => 2], ['b' => 2, 'a' => 1], ['a' => 1]]);

$popped = [1, 2, 3];
array_pop($popped);
unset($popped[1]);
$negative = [-5 => 'a'];
$cleared = ['x' => 1, 7 => 2];
unset($cleared[7]);
foreach (compact('popped', 'negative', 'cleared') as $label => $array) {
    $here = $array;
    $here[] = null;
    $back = appserver_call('identity', $array);
    $back[] = null;
    echo "next index of $label: ", array_key_last($here), ' ', appserver_call('next_key', $array), ' ',
        array_key_last($back), "\n";
}
?>
--EXPECT--
empty: ok
list: ok
ints: ok
floats: ok
packed with holes: ok
hash: ok
order of keys: ok
descending ints: ok
numeric string keys: ok
extreme keys: ok
binary keys: ok
rows: ok
mixed rows: ok
next index of popped: 2 2 2
next index of negative: -4 -4 -4
next index of cleared: 8 8 8
