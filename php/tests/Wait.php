<?php

declare(strict_types=1);

namespace AppServer\Tests;

use RuntimeException;

/** Waiting for what other processes do. */
final class Wait
{
    private const DEADLINE_S = 30.0;

    /**
     * @param callable(): bool $condition
     * @throws RuntimeException It did not become true.
     */
    public static function until(string $what, callable $condition): void
    {
        $end = microtime(true) + self::DEADLINE_S;
        while (!$condition()) {
            if (microtime(true) > $end) {
                throw new RuntimeException("waited in vain until $what");
            }
            usleep(5_000);
        }
    }
}
