--TEST--
The stub file's shape of appserver_status() is that of the built extension
--FILE--
<?php
$stubs = file_get_contents(getenv('APPSERVER_DOCS') . '/../stubs/appserver.stub.php');
preg_match('/@return (array\{(?:(?!\*\/).)+\})\s+\*\/\s+function appserver_status/s', $stubs, $found);
$documented = preg_replace('/[\s*]+/', '', $found[1]);

/** Lists have no keys of their own: their first element stands for all. */
function shape(mixed $value): string
{
    if (!is_array($value)) {
        return get_debug_type($value);
    }
    if (array_is_list($value)) {
        return 'list<' . shape($value[0] ?? null) . '>';
    }
    $fields = array_map(fn($key, $value) => "$key:" . shape($value), array_keys($value), $value);
    return 'array{' . implode(',', $fields) . '}';
}

appserver_call('sum', 1, 2);
$built = shape(appserver_status());
echo $built === $documented ? "same\n" : "built: $built\nstub:  $documented\n";
?>
--EXPECT--
same
