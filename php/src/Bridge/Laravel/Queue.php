<?php

declare(strict_types=1);

namespace AppServer\Bridge\Laravel;

use AppServer\Client;
use BadMethodCallException;
use DateInterval;
use DateTimeInterface;
use Illuminate\Contracts\Queue\Queue as QueueContract;
use Illuminate\Queue\Queue as BaseQueue;

/** Laravel's jobs become jobs of a deployed function, which gives them to a Consumer. */
final class Queue extends BaseQueue implements QueueContract
{
    /** Longest tag that a worker takes. */
    private const TAG_BYTES_MAX = 64;
    /** Most attempts, and most pauses between them. */
    private const ATTEMPTS_MAX = 65_535;
    private const PAUSES_MAX = 100;

    /**
     * @param string $target The function, as for appserver_queue().
     * @param string $backoff Of jobs that do not say: seconds, as in '1,10,60'.
     */
    public function __construct(
        private readonly Client $client,
        private readonly string $target,
        private readonly string $default,
        private readonly string $backoff = '0',
        bool $afterCommit = false,
    ) {
        $this->dispatchAfterCommit = $afterCommit;
    }

    /**
     * @param object|string $job
     * @param mixed $data
     * @param ?string $queue
     * @return ?string The job's id; null while a transaction is awaited.
     */
    public function push($job, $data = '', $queue = null)
    {
        return $this->later(0, $job, $data, $queue);
    }

    /**
     * @param DateTimeInterface|DateInterval|int $delay
     * @param object|string $job
     * @param mixed $data
     * @param ?string $queue
     * @return ?string
     */
    public function later($delay, $job, $data = '', $queue = null)
    {
        return $this->enqueueUsing(
            $job,
            $this->createPayload($job, $this->name($queue), $data),
            $queue,
            $delay,
            fn (string $payload, ?string $queue, mixed $delay): string =>
                $this->store($payload, $queue, $this->secondsUntil($delay)),
        );
    }

    /**
     * @param string $payload
     * @param ?string $queue
     * @param array<array-key, mixed> $options
     * @return string
     */
    public function pushRaw($payload, $queue = null, array $options = [])
    {
        return $this->store($payload, $queue, 0);
    }

    /**
     * @param ?string $queue
     * @return never
     */
    public function size($queue = null)
    {
        throw new BadMethodCallException('The workers count jobs: see "appserver queue stats".');
    }

    /**
     * @param ?string $queue
     * @return never
     */
    public function pop($queue = null)
    {
        throw new BadMethodCallException(
            "The workers give jobs to $this->target(), which is deployed: there is nothing for \"queue:work\" to do.",
        );
    }

    private function store(string $payload, ?string $queue, int $delay): string
    {
        /**
         * @var array{
         *     displayName?: ?string,
         *     timeout?: int|float|null,
         *     failOnTimeout?: ?bool,
         *     backoff?: int|string|null,
         * } $said
         */
        $said = json_decode($payload, true, flags: JSON_THROW_ON_ERROR);
        $client = $this->client->withJob(
            queue: $this->name($queue),
            delay: $delay > 0 ? (float) $delay : null,
            timeout: ($said['timeout'] ?? 0) > 0 ? (float) $said['timeout'] : null,
            tags: self::tags((string) ($said['displayName'] ?? '')),
            // How many there may be is for Laravel to say, each time that it runs; see Consumer.
            attempts: ($said['failOnTimeout'] ?? false) ? 1 : self::ATTEMPTS_MAX,
            // After a time-out, of which Laravel does not hear; else it says when it releases the job.
            backoff: self::pauses((string) ($said['backoff'] ?? $this->backoff)),
        );
        return $client->queue($this->target, (string) $this->connectionName, $this->name($queue), $payload);
    }

    /** @return list<float> */
    private static function pauses(string $backoff): array
    {
        $pauses = array_slice(explode(',', $backoff), 0, self::PAUSES_MAX);
        return array_map(static fn (string $pause): float => max(0.0, (float) $pause), $pauses);
    }

    /**
     * The end of a class's name is what tells it from others.
     *
     * @return ?list<string>
     */
    private static function tags(string $name): ?array
    {
        // From the first whole character on.
        $end = preg_replace('/^[\x80-\xBF]+/', '', substr($name, -self::TAG_BYTES_MAX));
        return $end === null || $end === '' ? null : [$end];
    }

    private function name(?string $queue): string
    {
        return $queue === null || $queue === '' ? $this->default : $queue;
    }
}
