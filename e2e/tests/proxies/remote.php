<?php

// Made by `appserver proxy generate`: changes here are lost when it is made again.
//
// Functions of the application "shop", called where it is deployed. They take the place of the
// code that was deployed: remove that here, or PHP cannot declare them twice.
//
// Refused:
//   Shop\by_ref(), throws: $n is by reference, and what is written to it there would be lost; give it back instead
//   Shop\counts(), throws: it is a generator, which runs where it is; return an array instead
//   Shop\endless(), throws: it is a generator, which runs where it is; return an array instead
//   Shop\gives_ref(), throws: it returns by reference, and what callers write there would be lost
//   Shop\makes_closure(), throws: it returns a closure, which cannot be sent
//   Shop\untyped(), throws: $rest is by reference, and what is written to it there would be lost; give it back instead
//   Shop\Rates::by_ref(), throws: $x is by reference, and what is written to it there would be lost; give it back instead
//   class Shop\Values\Money, left out: its objects have a property $cents, so that it is more than its static functions; keep it in the application, and call those as appserver_call('shop:Shop\Values\Money::…')
//   class Shop\Values\Size, left out: it is an enum, so that it is more than its static functions; keep it in the application, and call those as appserver_call('shop:Shop\Values\Size::…')
//
// Classes that signatures name, and that callers need:
//   Shop\Values\Money
//   Shop\Values\Size

declare(strict_types=1);

namespace {

class Plain
{
    /** @return static */
    public static function of(int ...$n): static
    {
        /** @var static $result */
        $result = \appserver_call('shop:Plain::of', ...\func_get_args(), ...\array_filter($n, \is_string(...), \ARRAY_FILTER_USE_KEY));

        return $result;
    }
}

function shop_version(): string
{
    /** @var string $result */
    $result = \appserver_call('shop:shop_version');

    return $result;
}

}

namespace Shop {

use Shop\Values\Size;

/** Rates by law. */
#[\AllowDynamicProperties]
abstract class Rates
{
    /** In per cent. */
    public const VAT = 19;
    final public const NAMES = ['vat' => 'Value added tax', 'none' => null];

    private function __construct() {}

    /**
     * @param array<string, float> $prices
     * @return array<string, float>
     */
    #[\AppServer\Timeout(1)]
    public static function all(array $prices, int $rate = self::VAT, string $by = 'hidden'): array
    {
        /** @var array<string, float> $result */
        $result = \appserver_call('shop:Shop\\Rates::all', ...\func_get_args());

        return $result;
    }

    public static function by_ref(array &$x): void
    {
        throw new \AppServer\NotCallableException('Shop\\Rates::by_ref() cannot be called remotely: $x is by reference, and what is written to it there would be lost; give it back instead');
    }

    public static function count(): int
    {
        /** @var int $result */
        $result = \appserver_call('shop:Shop\\Rates::count');

        return $result;
    }
}

function any(mixed $value = null): mixed
{
    return \appserver_call('shop:Shop\\any', ...\func_get_args());
}

function by_ref(int &$n): int
{
    throw new \AppServer\NotCallableException('Shop\\by_ref() cannot be called remotely: $n is by reference, and what is written to it there would be lost; give it back instead');
}

function counts(int $to): \Generator
{
    throw new \AppServer\NotCallableException('Shop\\counts() cannot be called remotely: it is a generator, which runs where it is; return an array instead');
}

/** @return list<mixed> */
function defaults(
    int $limit = 12,
    int $max = \PHP_INT_MAX,
    string $text = 'it\'s a \\ $x
' . "\0" . '',
    float $small = -5.0E-10,
    bool $yes = true,
    array $deep = ['a' => ['b' => [1, 2.0, null]], 7 => 'x', 'y'],
    string $atom = \DATE_ATOM,
    \Shop\Values\Size $size = \Shop\Values\Size::Large,
    int $ref = 19,
): array {
    /** @var list<mixed> $result */
    $result = \appserver_call('shop:Shop\\defaults', ...\func_get_args());

    return $result;
}

function endless(): iterable
{
    throw new \AppServer\NotCallableException('Shop\\endless() cannot be called remotely: it is a generator, which runs where it is; return an array instead');
}

/** Never gives anything back. */
function fail(string $why): never
{
    \appserver_call('shop:Shop\\fail', ...\func_get_args());
    throw new \LogicException('Shop\\fail() returned, although it never does');
}

function &gives_ref(): array
{
    throw new \AppServer\NotCallableException('Shop\\gives_ref() cannot be called remotely: it returns by reference, and what callers write there would be lost');
}

function loose($a, $b = 'b')
{
    return \appserver_call('shop:Shop\\loose', ...\func_get_args());
}

function makes_closure(): \Closure
{
    throw new \AppServer\NotCallableException('Shop\\makes_closure() cannot be called remotely: it returns a closure, which cannot be sent');
}

function money(\Shop\Values\Money $money, int $times = 2): \Shop\Values\Money
{
    /** @var \Shop\Values\Money $result */
    $result = \appserver_call('shop:Shop\\money', ...\func_get_args());

    return $result;
}

function nothing(string $path): void
{
    \appserver_call('shop:Shop\\nothing', ...\func_get_args());
}

function null_default(?int $x = null): ?int
{
    /** @var ?int $result */
    $result = \appserver_call('shop:Shop\\null_default', ...\func_get_args());

    return $result;
}

function objects(
    \Countable&\Traversable $both,
    \ArrayObject|\Shop\Values\Size|null $either = null,
): \Countable&\Traversable {
    /** @var \Countable&\Traversable $result */
    $result = \appserver_call('shop:Shop\\objects', ...\func_get_args());

    return $result;
}

/**
 * The price of articles.
 *
 * @param string $sku What is bought.
 * @param array<array-key, Size> $sizes
 * @param int ...$more Further amounts, some by name.
 * @return array{sku: string, amount: int|float, sizes: list<string>, note: ?string, more: array<array-key, int>}
 */
#[\AppServer\Timeout(2.5)]
#[\AppServer\Idempotent]
#[\AppServer\Affinity('sku')]
function quote(
    string $sku,
    int|float $amount = 1.5,
    array $sizes = [\Shop\Values\Size::Small, 'k' => \Shop\Values\Size::Large],
    ?string $note = null,
    int ...$more
): array {
    /** @var array{sku: string, amount: int|float, sizes: list<string>, note: ?string, more: array<array-key, int>} $result */
    $result = \appserver_call('shop:Shop\\quote', ...\func_get_args(), ...\array_filter($more, \is_string(...), \ARRAY_FILTER_USE_KEY));

    return $result;
}

function secret(#[\SensitiveParameter] string $password, iterable $rows = [], callable|string $how = 'strlen'): int|bool
{
    /** @var int|bool $result */
    $result = \appserver_call('shop:Shop\\secret', ...\func_get_args());

    return $result;
}

/** No types at all. */
function untyped($a, $b = [1, 2], &...$rest)
{
    throw new \AppServer\NotCallableException('Shop\\untyped() cannot be called remotely: $rest is by reference, and what is written to it there would be lost; give it back instead');
}

function with_new(object $of = new \ArrayObject([0 => 1, 'k' => 2])): int
{
    /** @var int $result */
    $result = \appserver_call('shop:Shop\\with_new', ...\func_get_args());

    return $result;
}

}
