<?php

declare(strict_types=1);

namespace AppServer\Outbox;

use AppServer\Encoded;

/** A job in the table. Times are milliseconds since 1970. */
final readonly class Row
{
    public function __construct(
        public int $id,
        public string $key,
        public string $target,
        public Encoded $arguments,
        public string $options,
        public ?string $group,
        public int $madeAt,
        public int $refusals,
    ) {
    }
}
