--TEST--
A kept result comes back as the function returned it, to the next index of its arrays
--INI--
appserver.cache_values=immutable
--FILE--
<?php
require_once __DIR__ . '/../app/cache.php';

/** All that can be told of a value. */
function told(mixed $value): array
{
    $text = serialize($value);
    if (is_array($value)) {
        $value[] = null;
        return [$text, array_key_last($value)];
    }
    return [$text];
}

foreach (kinds() as $name => $kind) {
    [, $run] = appserver_call('cached_kind', $name);
    for ($time = 0; $time < 2; $time++) {
        [$kept, $same] = appserver_call('cached_kind', $name);
        echo $name, ': ', $same === $run ? 'kept' : 'run again', told($kept) === told($kind) ? '' : ', different', "\n";
    }
}
?>
--EXPECT--
null: kept
null: kept
booleans: kept
booleans: kept
ints: kept
ints: kept
floats: kept
floats: kept
strings: kept
strings: kept
empty: kept
empty: kept
list: kept
list: kept
holes: kept
holes: kept
order: kept
order: kept
gap: kept
gap: kept
keys: kept
keys: kept
rows: kept
rows: kept
popped: kept
popped: kept
cleared: kept
cleared: kept
nested: kept
nested: kept
