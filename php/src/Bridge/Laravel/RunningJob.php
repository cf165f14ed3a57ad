<?php

declare(strict_types=1);

namespace AppServer\Bridge\Laravel;

use Illuminate\Container\Container;
use Illuminate\Contracts\Queue\Job as JobContract;
use Illuminate\Queue\Jobs\Job;

/** The job that a Consumer gives to Laravel's worker. */
final class RunningJob extends Job implements JobContract
{
    public function __construct(
        Container $container,
        private readonly Queue $from,
        string $connection,
        string $queue,
        private readonly string $payloadText,
        private readonly string $id,
        private readonly int $attempt,
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
     * Those of the jobs that this one continues, and this one's own: more than one when processes died.
     *
     * @return int
     */
    public function attempts()
    {
        return (int) ($this->payload()['attempts'] ?? 0) + $this->attempt;
    }

    /**
     * @param int $delay
     * @return void
     */
    public function release($delay = 0)
    {
        parent::release($delay);
        $this->from->again($this, max(0, (int) $delay));
    }
}
