<?php
// Every kind of signature that a proxy must keep, and of those that it cannot.

declare(strict_types=1);

namespace Shop;

use AppServer\{Affinity, Idempotent, Timeout};
use ArrayObject;
use Shop\Values\Money as Price;
use Shop\Values\{Size};


const LIMIT = 12;

/**
 * The price of articles.
 *
 * @param string $sku What is bought.
 * @param array<array-key, Size> $sizes
 * @param int ...$more Further amounts, some by name.
 * @return array{sku: string, amount: int|float, sizes: list<string>, note: ?string, more: array<array-key, int>}
 */
#[Timeout(2.5), Idempotent]
#[Affinity('sku')]
function quote(string $sku, int|float $amount = 1.5, array $sizes = [Size::Small, 'k' => Size::Large], ?string $note = null, int ...$more): array
{
    $sizes = array_map(static fn (Size $size): string => $size->name, array_values($sizes));
    return compact('sku', 'amount', 'sizes', 'note', 'more');
}

/** @return list<mixed> */
function defaults(
    int $limit = LIMIT,
    int $max = PHP_INT_MAX,
    string $text = "it's a \\ \$x\n\0",
    float $small = -0.5e-9,
    bool $yes = true,
    array $deep = ['a' => ['b' => [1, 2.0, null]], 7 => 'x', 8 => 'y'],
    string $atom = \DATE_ATOM,
    Size $size = Size::Large,
    int $ref = Rates::VAT,
): array {
    return func_get_args();
}

function nothing(string $path): void
{
    file_put_contents($path, 'called');
}

/** Never gives anything back. */
function fail(string $why): never
{
    throw new \DomainException($why, 7);
}

function money(Price $money, int $times = 2): Price
{
    return new Price($money->cents * $times, $money->size);
}

function objects(\Countable&\Traversable $both, ArrayObject|Size|null $either = null): \Countable&\Traversable
{
    return new ArrayObject([count($both), $either instanceof Size ? $either : 'none']);
}

/** No types at all. */
function untyped($a, $b = [1, 2], &...$rest)
{
    return [$a, $b, $rest];
}

function loose($a, $b = 'b')
{
    return [$a, $b];
}

function any(mixed $value = null): mixed
{
    return $value;
}

function with_new(object $of = new ArrayObject([1, 'k' => 2])): int
{
    return count((array) $of);
}

function secret(#[\SensitiveParameter] string $password, iterable $rows = [], callable|string $how = 'strlen'): bool|int
{
    return $how($password);
}

function null_default(int $x = null): ?int
{
    return $x;
}

function by_ref(int &$n): int
{
    return ++$n;
}

function &gives_ref(): array
{
    static $kept = [];
    return $kept;
}

function counts(int $to): \Generator
{
    for ($i = 0; $i < $to; $i++) {
        yield $i;
    }
}

function endless(): iterable
{
    yield 1;
}

function makes_closure(): \Closure
{
    return static fn (): int => 1;
}

/** Rates by law. */
#[\AllowDynamicProperties]
abstract class Rates
{
    /** In per cent. */
    public const VAT = 19;
    final public const NAMES = ['vat' => 'Value added tax', 'none' => null];
    private const SECRET = 'hidden';

    private static int $calls = 0;

    private function __construct()
    {
    }

    /**
     * @param array<string, float> $prices
     * @return array<string, float>
     */
    #[Timeout(1)]
    public static function all(array $prices, int $rate = self::VAT, string $by = self::SECRET): array
    {
        self::$calls++;
        return array_map(static fn (float $price): float => $price * (100 + $rate) / 100, $prices) + [$by => 0.0];
    }

    public static function count(): int
    {
        return self::$calls;
    }

    public static function by_ref(array &$x): void
    {
        $x[] = 1;
    }

    protected static function inner(): void
    {
    }
}
