<?php

declare(strict_types=1);

namespace AppServer\Outbox;

/** The clock. */
final class Time
{
    /** Milliseconds since 1970. */
    public static function now(): int
    {
        return (int) (microtime(true) * 1000.0);
    }
}
