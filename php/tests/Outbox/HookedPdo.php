<?php

declare(strict_types=1);

namespace AppServer\Tests\Outbox;

use Closure;
use PDO;
use PDOStatement;

/** Calls something once, at one statement of the outbox, or around the commit. */
final class HookedPdo extends PDO
{
    private ?string $point = null;
    private Closure $call;

    /** @param string $point How the statement begins; or "before COMMIT", "after COMMIT". */
    public function at(string $point, Closure $call): void
    {
        $this->point = $point;
        $this->call = $call;
    }

    /** @param array<int, mixed> $options */
    public function prepare(string $query, array $options = []): PDOStatement|false
    {
        $this->reached($query);
        return parent::prepare($query, $options);
    }

    public function commit(): bool
    {
        $this->reached('before COMMIT');
        $committed = parent::commit();
        $this->reached('after COMMIT');
        return $committed;
    }

    private function reached(string $point): void
    {
        if ($this->point !== null && str_starts_with($point, $this->point)) {
            $this->point = null;
            ($this->call)();
        }
    }
}
