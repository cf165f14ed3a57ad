--TEST--
A setting that makes no sense is refused with a warning that names it, and the old value stays
--INI--
appserver.timeout=12.5
--SKIPIF--
<?php if (getenv('APPSERVER_TEST_SAPI') === 'fpm') die('skip scripts cannot change settings given by PHP_ADMIN_VALUE'); ?>
--FILE--
<?php
foreach ([
    'workers' => 'localhost',
    'app' => 'My App',
    'timeout' => '-1',
    'connect_timeout' => '0',
    'busy_poll_us' => '1.5',
    'pin' => 'sometimes',
    'frame_bytes_max' => '12',
    'value_depth_max' => '0',
    'connections_max' => 'many',
    'retries' => '99',
    'backoff' => '0',
] as $name => $value) {
    $before = ini_get("appserver.$name");
    var_dump(ini_set("appserver.$name", $value));
    var_dump(ini_get("appserver.$name") === $before);
}
ini_set('appserver.token', str_repeat('s', 5000));
ini_set('appserver.token', 'file:token');
var_dump(ini_set('appserver.frame_bytes_max', '64M'), ini_set('appserver.frame_bytes_max', ' 16k'));
var_dump(ini_set('appserver.frame_bytes_max', '4G'));
var_dump(ini_set('appserver.timeout', '2'), appserver_status()['settings']['timeout']);
?>
--EXPECTF--
Warning: ini_set(): appserver.workers = "localhost" is refused: "localhost" is no address; write unix:PATH, tls:HOST:PORT or tcp:HOST:PORT in %s on line %d
bool(false)
bool(true)

Warning: ini_set(): appserver.app = "My App" is refused: "My App" is not an application name: use 1 to 64 of a-z, 0-9, _ and -, beginning with a letter in %s on line %d
bool(false)
bool(true)

Warning: ini_set(): appserver.timeout = "-1" is refused: expected seconds from 0 to 86400, e.g. 30 or 0.5 in %s on line %d
bool(false)
bool(true)

Warning: ini_set(): appserver.connect_timeout = "0" is refused: expected more than 0 seconds in %s on line %d
bool(false)
bool(true)

Warning: ini_set(): appserver.busy_poll_us = "1.5" is refused: expected a whole number from 0 to 10000 in %s on line %d
bool(false)
bool(true)

Warning: ini_set(): appserver.pin = "sometimes" is refused: expected one of request, call, off, auto in %s on line %d
bool(false)
bool(true)

Warning: ini_set(): appserver.frame_bytes_max = "12" is refused: expected bytes from 4096 to 4294967295, e.g. 16M in %s on line %d
bool(false)
bool(true)

Warning: ini_set(): appserver.value_depth_max = "0" is refused: expected a whole number from 1 to 4096 in %s on line %d
bool(false)
bool(true)

Warning: ini_set(): appserver.connections_max = "many" is refused: expected a whole number from 1 to 4096 in %s on line %d
bool(false)
bool(true)

Warning: ini_set(): appserver.retries = "99" is refused: expected a whole number from 0 to 16 in %s on line %d
bool(false)
bool(true)

Warning: ini_set(): appserver.backoff = "0" is refused: expected more than 0 seconds in %s on line %d
bool(false)
bool(true)

Warning: ini_set(): appserver.token = "(hidden)" is refused: expected a token of at most 4096 bytes in %s on line %d

Warning: ini_set(): appserver.token = "(hidden)" is refused: expected an absolute path after file: in %s on line %d
string(8) "67108864"
string(3) "64M"

Warning: ini_set(): appserver.frame_bytes_max = "4G" is refused: expected bytes from 4096 to 4294967295, e.g. 16M in %s on line %d
bool(false)
string(4) "12.5"
float(2)
