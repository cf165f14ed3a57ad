--TEST--
docs/configuration.md lists every ini setting with its default
--FILE--
<?php
preg_match_all('/^\| `(appserver\.\w+)` \| (?:`(.*?)`)? ?\|/m', file_get_contents(getenv('APPSERVER_DOCS') . '/configuration.md'), $rows);
$documented = array_combine($rows[1], $rows[2]);
// This process was given settings; one that has the extension alone has their defaults.
$code = 'echo json_encode(ini_get_all("appserver", details: false));';
$command = [getenv('APPSERVER_TEST_PHP'), '-n', '-d', 'extension=' . getenv('APPSERVER_EXTENSION'), '-r', $code];
$settings = json_decode(shell_exec(implode(' ', array_map('escapeshellarg', $command))), true);
ksort($documented);
ksort($settings);
foreach ($settings as $name => $default) {
    if (($documented[$name] ?? null) !== (string) $default) {
        echo "$name = $default is documented as ", var_export($documented[$name] ?? null, true), "\n";
    }
}
echo implode(' ', array_diff(array_keys($documented), array_keys($settings))), "\n";
?>
--EXPECT--

