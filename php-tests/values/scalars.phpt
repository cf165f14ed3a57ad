--TEST--
Scalars arrive and come back bit for bit
--FILE--
<?php
require __DIR__ . '/round_trip.inc';

check('null', null);
check('true', true);
check('false', false);
foreach ([0, 1, -1, 127, 128, -128, -129, 255, 256, 65535, 65536, 2147483647, -2147483648, 4294967296,
    PHP_INT_MAX, PHP_INT_MIN] as $int) {
    check("int $int", $int);
}
foreach ([0.0, 1.5, -1.0, 0.1, 1e308, 5e-324, PHP_FLOAT_EPSILON, INF, -INF, NAN] as $float) {
    check("float $float", $float);
}
check('empty string', '');
check('binary string', implode('', array_map('chr', range(0, 255))));
check('invalid UTF-8', "\xff\xfe\xc3");
check('numeric string', '123');
check('long string', str_repeat("0123456789\0", 100000));

$zero = appserver_call('identity', -0.0);
var_dump($zero, 1 / ($zero <=> 1), fdiv(1, $zero));
var_dump(bin2hex(pack('E', appserver_call('identity', NAN))) === bin2hex(pack('E', NAN)));
?>
--EXPECT--
null: ok
true: ok
false: ok
int 0: ok
int 1: ok
int -1: ok
int 127: ok
int 128: ok
int -128: ok
int -129: ok
int 255: ok
int 256: ok
int 65535: ok
int 65536: ok
int 2147483647: ok
int -2147483648: ok
int 4294967296: ok
int 9223372036854775807: ok
int -9223372036854775808: ok
float 0: ok
float 1.5: ok
float -1: ok
float 0.1: ok
float 1.0E+308: ok
float 4.9406564584125E-324: ok
float 2.2204460492503E-16: ok
float INF: ok
float -INF: ok
float NAN: ok
empty string: ok
binary string: ok
invalid UTF-8: ok
numeric string: ok
long string: ok
float(-0)
int(-1)
float(-INF)
bool(true)
