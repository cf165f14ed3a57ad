--TEST--
phpinfo() has a section with the settings, and hides the token
--INI--
appserver.token=very-secret
--FILE--
<?php
ob_start();
(new ReflectionExtension('appserver'))->info();
$info = ob_get_clean();
foreach (['appserver => enabled', 'Version => ', 'appserver.timeout => 30 => 30', 'appserver.token => (hidden) => (hidden)'] as $row) {
    var_dump(str_contains($info, $row));
}
var_dump(str_contains($info, 'very-secret'));
?>
--SKIPIF--
<?php if (getenv('APPSERVER_TEST_SAPI') === 'fpm') die('skip looks at the text form of phpinfo()'); ?>
--EXPECT--
bool(true)
bool(true)
bool(true)
bool(true)
bool(false)
