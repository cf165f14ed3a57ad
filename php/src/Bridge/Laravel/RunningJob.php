<?php

declare(strict_types=1);

namespace AppServer\Bridge\Laravel;

use Illuminate\Container\Container;
use Illuminate\Contracts\Queue\Job as JobContract;
use Illuminate\Queue\Jobs\Job;
use Illuminate\Queue\ManuallyFailedException;
use Throwable;

/** The job that a Consumer gives to Laravel's worker. */
final class RunningJob extends Job implements JobContract
{
    private ?Throwable $failure = null;

    /** @param int $ended Attempts that failed or crashed since it was queued, or was run again by hand. */
    public function __construct(
        Container $container,
        private readonly Queue $from,
        string $connection,
        string $queue,
        private readonly string $payloadText,
        private readonly string $id,
        private readonly int $ended,
    ) {
        $this->container = $container;
        $this->connectionName = $connection;
        $this->queue = $queue;
    }

    /** @return string */
    public function getJobId()
    {
        return $this->id;
    }

    /** @return string */
    public function getRawBody()
    {
        return $this->payloadText;
    }

    /**
     * Those of the jobs that this one continues, and this one's own: more than one when processes died. What the
     * worker's stop interrupted is none, and "appserver queue retry" begins anew.
     *
     * @return int
     */
    public function attempts()
    {
        return (int) ($this->payload()['attempts'] ?? 0) + $this->ended + 1;
    }

    /**
     * @param int $delay
     * @return void
     */
    public function release($delay = 0)
    {
        $this->from->again($this, max(0, (int) $delay));
        // Not before: it is released when it is queued anew, and only then is this one done.
        parent::release($delay);
    }

    /**
     * @param ?Throwable $e
     * @return void
     */
    public function fail($e = null)
    {
        if (!$this->isDeleted()) {
            $this->failure ??= $e ?? new ManuallyFailedException();
        }
        parent::fail($e);
    }

    /** What it failed with for good; null: it has not. */
    public function failure(): ?Throwable
    {
        return $this->failure;
    }
}
