--TEST--
Arguments that mean the same share a result, and others do not
--FILE--
<?php
function same(array $a, array $b, string $function = 'kept'): void
{
    echo json_encode($a), appserver_call($function, ...$a) === appserver_call($function, ...$b) ? ' is ' : ' is not ', json_encode($b), "\n";
}
same([1], ['1']);
same([1], [1.0]);
same([1], [true]);
same([0], [null]);
same([['a' => 1, 'b' => 2]], [['b' => 2, 'a' => 1]]);
same([[1, 2]], [[2, 1]]);
same([[1]], [['0' => 1]]);
same([''], []);
same([1, 2.0, 'x'], ['c' => 'x', 'b' => 2.0, 'a' => 1], 'kept_names');
same([1, 2], [1, 2.0], 'kept_names');
same([1], [1.0], 'kept_names');
same([1, 2.5], ['b' => 2.5, 'a' => 1], 'kept_names');
same(['a' => 1, 'c' => 'x'], ['c' => 'x', 'a' => 1], 'kept_names');
same(['a' => 1, 'c' => 'x'], [1, 2.0, 'y'], 'kept_names');
same([1, 'one'], [1, 'two'], 'kept_by_id');
same([1, 'one'], ['trace' => 'three', 'id' => 1], 'kept_by_id');
same([1, 'one'], [2, 'one'], 'kept_by_id');
same([1, 2, 3, 4], [1, 9, 3, 4], 'kept_by_rest');
same([1, 2, 3, 4], [1, 2, 3, 5], 'kept_by_rest');
same([1, 2, 3, 4], [1, 2, 3], 'kept_by_rest');
same([1], [1, 2], 'kept_by_rest');
// The function sees 7, and invalidating 7 has to reach it: not kept.
same(['07'], ['07'], 'kept_by_int');
same([7], [7.0], 'kept_by_int');
try {
    appserver_call('kept_by_int', 9);
    appserver_call('kept_by_int', 7, id: 9);
} catch (Error $e) {
    echo get_class($e), "\n";
}
// Names do not differ by case.
var_dump(appserver_call('kept', 5) === appserver_call('KEPT', 5));
?>
--EXPECT--
[1] is not ["1"]
[1] is not [1]
[1] is not [true]
[0] is not [null]
[{"a":1,"b":2}] is not [{"b":2,"a":1}]
[[1,2]] is not [[2,1]]
[[1]] is [[1]]
[""] is not []
[1,2,"x"] is {"c":"x","b":2,"a":1}
[1,2] is [1,2]
[1] is [1]
[1,2.5] is {"b":2.5,"a":1}
{"a":1,"c":"x"} is {"c":"x","a":1}
{"a":1,"c":"x"} is not [1,2,"y"]
[1,"one"] is [1,"two"]
[1,"one"] is {"trace":"three","id":1}
[1,"one"] is not [2,"one"]
[1,2,3,4] is [1,9,3,4]
[1,2,3,4] is not [1,2,3,5]
[1,2,3,4] is not [1,2,3]
[1] is [1,2]
["07"] is not ["07"]
[7] is [7]
Error
bool(true)
