--TEST--
AppServer\pin() keeps a script's calls in one release and names it; AppServer\unpin() lets go
--INI--
appserver.pin=call
--FILE--
<?php
$release = AppServer\pin();
var_dump(strlen($release), ctype_xdigit($release));
var_dump(appserver_call('greet', 'World'));
var_dump(AppServer\pin() === $release);
$both = AppServer\Future::all([appserver_async('sum', 1, 2), appserver_async('sum', 3, 4)]);
var_dump($both);
var_dump(AppServer\unpin());
var_dump(appserver_call('greet', 'World'));
$apps = appserver_status()['clusters'][0]['apps'];
var_dump(array_unique(array_column($apps, 'release')) === [$release]);
var_dump(AppServer\pin($apps[0]['app']) === $release);
foreach (['My App', 'nobody', "\xff"] as $app) {
    try {
        AppServer\pin($app);
    } catch (Throwable $error) {
        echo $error::class, ': ', $error->getMessage(), "\n";
    }
}
?>
--EXPECTF--
int(16)
bool(true)
string(13) "Hello, World!"
bool(true)
array(2) {
  [0]=>
  int(3)
  [1]=>
  int(7)
}
NULL
string(13) "Hello, World!"
bool(true)
bool(true)
AppServer\ConfigException: "My App" is not an application name: use 1 to 64 of a-z, 0-9, _ and -, beginning with a letter
AppServer\UnknownAppException: there is no application "nobody" on this worker%S
ValueError: AppServer\pin(): Argument #1 ($app) must be valid UTF-8
