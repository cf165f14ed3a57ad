<?php

declare(strict_types=1);

/**
 * The application that the bench calls: `hello` for the times, the last ones for jobs, the others for the
 * long run in which nothing may grow.
 */
use AppServer\Cacheable;
use AppServer\Isolation;

function hello(string $name): string
{
    return "Hello $name";
}

#[Isolation(Isolation::RESIDENT)]
function hello_resident(string $name): string
{
    return "Hello $name";
}

/** @param list<int> $numbers */
function total(array $numbers): int
{
    return array_sum($numbers);
}

/** @return list<array<string, mixed>> */
function rows(int $count): array
{
    $rows = [];
    for ($id = 1; $id <= $count; $id++) {
        $rows[] = ['id' => $id, 'name' => "row $id", 'price' => $id / 7, 'active' => $id % 2 === 0];
    }
    return $rows;
}

final class Point
{
    public function __construct(public float $x = 0.0, public float $y = 0.0)
    {
    }

    public static function middle(Point $a, Point $b): Point
    {
        return new Point(($a->x + $b->x) / 2, ($a->y + $b->y) / 2);
    }
}

function join_words(string $glue = ' ', string ...$words): string
{
    return implode($glue, $words);
}

function reject(string $reason): never
{
    throw new DomainException($reason);
}

function chatter(string $text): int
{
    echo $text, "\n";
    return strlen($text);
}

/** Leaves behind what a request may leave behind: a static, a global, a cycle, a handler. */
function litter(): int
{
    static $calls = 0;
    $GLOBALS['litter'][] = str_repeat('x', 1000);
    $node = new stdClass();
    $node->self = $node;
    set_error_handler(static fn (): bool => true);
    return ++$calls;
}

/** A job that is stored, or run, for the sake of that. */
function nothing(string $text = ''): void
{
}

/** When it began, in nanoseconds of the monotonic clock. */
function began(): int
{
    return hrtime(true);
}

/** @return array<string, mixed> */
function row(): array
{
    return ['id' => 1, 'name' => 'row 1', 'price' => 1 / 7, 'active' => true];
}

/** @return array<string, mixed> */
#[Cacheable(ttl: 3600)]
function kept_row(): array
{
    return row();
}

/** @return list<array<string, mixed>> */
#[Cacheable(ttl: 3600)]
function kept_rows(int $count): array
{
    return rows($count);
}
