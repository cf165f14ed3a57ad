<?php

declare(strict_types=1);

namespace AppServer\Bridge\Symfony;

use AppServer\Limit;
use AppServer\Unique;
use Symfony\Component\Messenger\Stamp\NonSendableStampInterface;

/**
 * How one message's job is treated, beyond what the transport says: as of AppServer\queue().
 *
 * Serializers leave it out, for not every one could make it again; see Treatment.
 */
final readonly class JobStamp implements NonSendableStampInterface
{
    /** @param ?list<string> $tags */
    public function __construct(
        public ?string $queue = null,
        public ?int $priority = null,
        public ?float $timeout = null,
        public ?float $expires = null,
        public string|Unique|null $unique = null,
        public ?string $group = null,
        public ?Limit $limit = null,
        public ?array $tags = null,
        public ?string $idempotencyKey = null,
        public ?float $keep = null,
    ) {
    }

    /** @return array<string, mixed> */
    public function options(): array
    {
        return array_filter(get_object_vars($this), static fn (mixed $value): bool => $value !== null);
    }
}
