--TEST--
Map and Future::any(): an answer that comes while they look for one is not waited for
--FILE--
<?php
// Each map ends with one call on its way, whose answer comes at any moment of the last look around.
for ($n = 0; $n < 3000; $n++) {
    $sum = 0;
    foreach (appserver_map('square', [1, 2, 3], 2, ordered: $n % 2 === 0) as $square) {
        $sum += $square;
    }
    if ($sum !== 14) {
        exit("$n: $sum\n");
    }
}
for ($n = 0; $n < 3000; $n++) {
    $futures = array_map(fn ($i) => appserver_async('square', $i), [1, 2]);
    if (!in_array(AppServer\Future::any($futures), [1, 4], true)) {
        exit("$n: no answer");
    }
}
echo "done\n";
?>
--EXPECT--
done
