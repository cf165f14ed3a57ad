--TEST--
Map: results lazily under the inputs' keys, in order or as completed, of endless inputs too
--FILE--
<?php
echo json_encode(iterator_to_array(appserver_map('square', ['a' => 1, 'b' => 2, 3]))), "\n";

// Endless: no more is pulled than the window holds.
$pulled = 0;
$endless = (function () use (&$pulled) {
    while (true) {
        yield "k$pulled" => $pulled++;
    }
})();
foreach (appserver_map('square', $endless, concurrency: 2) as $key => $value) {
    echo "$key=$value ";
    if ($value === 25) {
        break;
    }
}
var_dump($pulled <= 6 + 2 * 2);

// As completed: the slow one comes last.
foreach (appserver_map('wait', ['slow' => 2.0, 'quick' => 0], 2, ordered: false) as $key => $value) {
    echo "$key ";
}
foreach (appserver_map('wait', ['slow' => 0.3, 'quick' => 0], 2) as $key => $value) {
    echo "$key ";
}
echo "\n";

// A failure surfaces at its key, and the rest is there.
$map = appserver_map('square', ['x' => 12, 'y' => 13, 'z' => 14, 'w' => fn () => 1]);
for (; $map->valid(); $map->next()) {
    try {
        echo $map->key(), ': ', $map->current(), "\n";
    } catch (Exception $error) {
        echo $error::class, ': ', $error->getMessage(), "\n";
    }
}
try {
    $map->rewind();
} catch (LogicException $error) {
    echo $error->getMessage(), "\n";
}
// An exception of the inputs comes through.
try {
    foreach (appserver_map('square', (function () { yield 1; throw new LogicException('no more'); })(), 1) as $value) {
        echo "$value\n";
    }
} catch (LogicException $error) {
    echo $error->getMessage(), "\n";
}
// Inputs that reach for the map itself.
$map = appserver_map('square', (function () use (&$map) { yield $map->valid(); })());
try {
    $map->valid();
} catch (LogicException $error) {
    echo $error->getMessage(), "\n";
}
unset($map, $error);
gc_collect_cycles();
var_dump(appserver_status()['calls_in_flight']);
?>
--EXPECT--
{"a":1,"b":4,"0":9}
k0=0 k1=1 k2=4 k3=9 k4=16 k5=25 bool(true)
quick slow slow quick 
x: 144
y: RangeException: thirteen
z: 196
w: AppServer\EncodeException: square(): argument 1 ($n): Closure cannot be sent
a Map is gone over once, it keeps no results: call appserver_map() again, or keep them with iterator_to_array()
1
no more
a Map cannot be used by the code that its inputs run
int(0)
