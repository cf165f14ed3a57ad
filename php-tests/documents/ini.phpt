--TEST--
docs/configuration.md lists every ini setting with its default
--FILE--
<?php
preg_match_all('/^\| `(appserver\.\w+)` \| (?:`(.*?)`)? ?\|/m', file_get_contents(getenv('APPSERVER_DOCS') . '/configuration.md'), $rows);
$documented = array_combine($rows[1], $rows[2]);
$settings = ini_get_all('appserver', details: true);
ksort($documented);
ksort($settings);
foreach ($settings as $name => $setting) {
    // The default stands in no array; what nobody has set is the default.
    if ($name === 'appserver.workers') {
        continue;
    }
    if (($documented[$name] ?? null) !== (string) $setting['global_value']) {
        echo "$name = $setting[global_value] is documented as ", var_export($documented[$name] ?? null, true), "\n";
    }
}
echo implode(' ', array_diff(array_keys($documented), array_keys($settings))), "\n";
?>
--EXPECT--

