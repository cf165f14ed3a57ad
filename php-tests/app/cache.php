<?php

// Functions whose results are kept, with a number that only a second run would change.

function number_of_run(): string
{
    return bin2hex(random_bytes(8));
}

/** A value with a place for each way of changing one. */
#[AppServer\Cacheable(ttl: 60)]
function cached_places(): array
{
    return ['run' => number_of_run()] + places();
}

#[AppServer\Cacheable(ttl: 60)]
function cached_text(): string
{
    return 'run ' . number_of_run();
}

/** The element of kinds() of this name, and the run. */
#[AppServer\Cacheable(ttl: 60)]
function cached_kind(string $name): array
{
    return [kinds()[$name], number_of_run()];
}

#[AppServer\Cacheable(ttl: 60)]
function cached_object(): array
{
    $node = new Node(number_of_run());
    $node->children = ['list' => [1, 2], 'again' => $node];
    return [$node, $node];
}

#[AppServer\Cacheable(ttl: 60)]
function cached_reference(): array
{
    $value = [number_of_run(), 'changed by its other name'];
    $value[] = &$value[1];
    return $value;
}

function places(): array
{
    $holes = range(0, 20);
    unset($holes[0], $holes[7]);
    return [
        'list' => [3, 1, 2],
        'names' => ['img12', 'img2', 'IMG1'],
        'rows' => [
            ['id' => 1, 'name' => 'one', 'price' => 1.5],
            ['id' => 2, 'name' => 'two', 'price' => 2.5],
        ],
        'deep' => ['a' => ['b' => ['c' => [1, 2]]]],
        'holes' => $holes,
        'empty' => [],
        'text' => 'some text of more than one word',
        'pattern' => '/some (\w+)/u',
        'code' => 'az',
        'digits' => '41',
        'letter' => 'a',
        'int' => 7,
        'float' => 1.5,
        'yes' => true,
        'none' => null,
        10 => 'ten',
        -3 => ['below', 'zero'],
    ];
}

function kinds(): array
{
    $popped = [1, 2, 3];
    array_pop($popped);
    $cleared = ['x' => 1, 7 => 2];
    unset($cleared[7]);
    return [
        'null' => null,
        'booleans' => [true, false],
        'ints' => [0, -1, PHP_INT_MIN, PHP_INT_MAX],
        'floats' => [-0.0, NAN, INF, 0.1],
        'strings' => ['', 'a', 'ab', "\0\xff binary", 'größer', str_repeat('long', 50000)],
        'empty' => [],
        'list' => range(1, 1000),
        'holes' => array_filter(range(0, 20), fn ($i) => $i % 3),
        'order' => ['z' => 1, 'a' => 2, 5 => 3, -7 => 4, 'm' => 5],
        'gap' => [9 => 'after it', 3 => 'before it'],
        'keys' => ['08' => 1, '-0' => 2, "\0" => 3, '' => 4, '1.5' => 5],
        'rows' => array_map(fn ($i) => ['id' => $i, 'name' => "n$i", 'gone' => null], range(1, 300)),
        'popped' => $popped,
        'cleared' => $cleared,
        'nested' => [[[[[[[['deep']]]]]]]],
    ];
}
