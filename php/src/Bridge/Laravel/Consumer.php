<?php

declare(strict_types=1);

namespace AppServer\Bridge\Laravel;

use AppServer\Job;
use AppServer\RetryAfter;
use AppServer\Unrecoverable;
use AppServer\UnrecoverableException;
use Illuminate\Container\Container;
use Illuminate\Contracts\Debug\ExceptionHandler;
use Illuminate\Queue\QueueManager;
use Illuminate\Queue\Worker;
use Illuminate\Queue\WorkerOptions;
use LogicException;
use Throwable;

/**
 * What the deployed function gives jobs to. Each goes through Laravel's own worker, with its events and middleware.
 *
 * Whether a failed job is tried again is for Laravel to say, by its tries, backoff, retryUntil and release(): then
 * this job puts itself back. One that failed for good is logged among the failed jobs, as queue:work does it, and
 * this job is dead with its exception.
 */
final class Consumer
{
    public function __construct(private readonly Container $app)
    {
    }

    /**
     * @param string $connection The connection's name, as the job's first argument.
     * @param string $queue The queue's name, as its second argument.
     * @param string $payload As its third argument.
     * @throws UnrecoverableException The job failed for good.
     * @throws RetryAfter Laravel released it.
     */
    public function consume(string $connection, string $queue, string $payload): void
    {
        $job = $this->job($connection, $queue, $payload);
        $error = $this->process($connection, $job);
        // One that was not put back fails for good, too.
        $failure = $job->failure() ?? ($job->isReleased() ? null : $error);
        if ($failure !== null) {
            $this->log($job, $failure);
            throw new UnrecoverableException($failure->getMessage(), previous: $failure);
        }
        if ($job->isReleased()) {
            $why = $error?->getMessage() ?? 'it was released';
            throw new RetryAfter($this->pause($job, $error), counts: true, message: $why, previous: $error);
        }
    }

    /** What the job threw. An exception that says that it is of no use to try again is taken at its word. */
    private function process(string $connection, RunningJob $job): ?Throwable
    {
        try {
            $this->worker()->process($connection, $job, $this->options($connection));
            return null;
        } catch (Throwable $error) {
            $this->app->make(ExceptionHandler::class)->report($error);
            if ($error instanceof Unrecoverable && $job->failure() === null) {
                $job->fail($error);
            }
            return $error;
        }
    }

    private function pause(RunningJob $job, ?Throwable $error): float
    {
        return $error instanceof RetryAfter && $error->seconds !== null ? $error->seconds : (float) $job->delay();
    }

    private function job(string $connection, string $queue, string $payload): RunningJob
    {
        if (!$this->manager()->connection($connection) instanceof Queue) {
            throw new LogicException(
                "the connection \"$connection\" in config/queue.php is not of the driver \"appserver\": it must be"
                . ' the same where jobs are queued and where they run',
            );
        }
        $current = Job::current() ?? throw new LogicException(
            'consume() was called outside a job: queue the function that calls it, do not call it',
        );
        return new RunningJob(
            $this->app,
            $connection,
            $queue,
            $payload,
            $current->id,
            $current->failures + $current->crashes,
        );
    }

    private function worker(): Worker
    {
        $worker = $this->app->make('queue.worker');
        // For jobs that say how many exceptions they may throw.
        if ($this->app->bound('cache')) {
            $worker->setCache($this->app->make('cache')->driver());
        }
        return $worker;
    }

    /** What queue:work has in its --tries and --backoff is said in config/queue.php. */
    private function options(string $connection): WorkerOptions
    {
        $config = $this->app->make('config')->get("queue.connections.$connection", []);
        $options = new WorkerOptions();
        $options->maxTries = (int) ($config['tries'] ?? 1);
        $options->backoff = Connector::backoff($config);
        return $options;
    }

    private function log(RunningJob $job, Throwable $error): void
    {
        if ($this->app->bound('queue.failer')) {
            $this->app->make('queue.failer')
                ->log($job->getConnectionName(), $job->getQueue(), $job->getRawBody(), $error);
        }
    }

    private function manager(): QueueManager
    {
        return $this->app->make('queue');
    }
}
