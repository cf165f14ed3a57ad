<?php
// Calls every function as a caller would, and prints what came of it. Run with the originals and with
// the proxies, it prints the same.

namespace Caller;

use Shop\Rates;
use Shop\Values\{Money, Size};

$file = tempnam(sys_get_temp_dir(), 'appserver-proxies-');
$calls = [
    'all given' => fn () => \Shop\quote('a', 2, [Size::Large], 'n', 3, 4),
    'left out' => fn () => \Shop\quote('a'),
    'named' => fn () => \Shop\quote(sku: 'a', note: 'x'),
    'named out of order' => fn () => \Shop\quote(note: 'x', amount: 0.1, sku: 'a'),
    'variadic by name' => fn () => \Shop\quote('a', 1, [], null, 5, six: 6, seven: 7),
    'only variadic by name' => fn () => \Shop\quote('a', six: 6),
    'spread' => fn () => \Shop\quote(...['sku' => 'a', 'amount' => 1, 'x' => 2]),
    'first class callable' => fn () => \Shop\quote(...)('a'),
    'callable string' => fn () => array_map('Shop\loose', ['a', 'b']),
    'missing' => fn () => \Shop\quote(),
    'of the wrong type' => fn () => \Shop\quote([]),
    'unknown name in a function without variadic' => fn () => \Shop\loose(1, c: 2),
    'defaults' => fn () => \Shop\defaults(1, text: 'x', ref: 3),
    'void' => fn () => [\Shop\nothing($file), file_get_contents($file)],
    'never' => fn () => \Shop\fail('because'),
    'object' => fn () => \Shop\money(new Money(150, Size::Large)),
    'object, named' => fn () => \Shop\money(times: 3, money: new Money(1)),
    'intersection' => fn () => \Shop\objects(new \ArrayObject([1, 2])),
    'union' => fn () => \Shop\objects(new \ArrayObject(), Size::Small),
    'untyped' => fn () => \Shop\loose(null),
    'mixed' => fn () => [\Shop\any(), \Shop\any(1.0), bin2hex(\Shop\any("\0\xff"))],
    'new in a default' => fn () => [\Shop\with_new(), \Shop\with_new(new \ArrayObject())],
    'attribute of a parameter' => fn () => \Shop\secret('four'),
    'callable' => fn () => \Shop\secret('four', how: 'is_string'),
    'null as default' => fn () => [\Shop\null_default(), \Shop\null_default(1)],
    'arguments are values' => function () {
        $given = ['x' => 1.0];
        $result = Rates::all($given);
        return [$given, $result];
    },
    'method' => fn () => Rates::all(['a' => 100.0, 'b' => 50.0], by: 'z'),
    'method, by a variable' => fn () => call_user_func(['Shop\Rates', 'all'], []),
    'constants' => fn () => [Rates::VAT, Rates::NAMES],
    'no parameters' => fn () => \shop_version(),
    'static result' => fn () => \Plain::of(1, 2) instanceof \Plain,
];
foreach ($calls as $name => $call) {
    try {
        $outcome = var_export($call(), true);
    } catch (\Throwable $thrown) {
        $message = preg_replace('/, (?:called|\d+ passed) in .*/', '', $thrown->getMessage());
        $outcome = $thrown::class . ": $message ({$thrown->getCode()})";
    }
    echo "$name: $outcome\n";
}
unlink($file);
