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
    private int $delay = 0;

    /** @param int $ended Attempts that failed or crashed since it was queued, or was run again by hand. */
    public function __construct(
        Container $container,
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
     * This one, and those that were released, took too long or lost their process; and those that a job had before
     * it was moved here. What the worker's stop interrupted is none, and "appserver queue retry" begins anew.
     *
     * @return int
     */
    public function attempts()
    {
        return (int) ($this->payload()['attempts'] ?? 0) + $this->ended + 1;
    }

    /**
     * The Consumer puts it back when Laravel has done with it.
     *
     * @param int $delay
     * @return void
     */
    public function release($delay = 0)
    {
        parent::release($delay);
        $this->delay = max(0, (int) $delay);
    }

    /** How long it wants to wait after it was released, in seconds. */
    public function delay(): int
    {
        return $this->delay;
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
