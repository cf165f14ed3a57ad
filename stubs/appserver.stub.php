<?php

/**
 * API of the PHP extension "appserver", for IDEs and static analysers.
 *
 * Times are seconds as float, everywhere. Every exception thrown here extends AppServer\Exception,
 * except those that the remote function itself threw.
 *
 * This file is for reading, never for loading: where to name it is in docs/api.md, "IDEs and static
 * analysers".
 */

namespace {
    /**
     * Calls a function of a deployed application and returns its result, as if it were local.
     *
     * @param string $function "function", "Class::method", or "app:function".
     * @param mixed ...$args Positional, named and spread arguments, as in a local call.
     * @throws AppServer\Exception What went wrong with the call itself.
     * @throws \Throwable What the function threw; AppServer\RemoteException where its class is unknown
     *   or not allowed here.
     */
    function appserver_call(string $function, mixed ...$args): mixed {}

    /**
     * Starts a call and returns at once.
     *
     * @throws AppServer\Exception The call cannot be made; everything else is thrown by await().
     */
    function appserver_async(string $function, mixed ...$args): AppServer\Future {}

    /**
     * Calls $function once for each input, several at a time, and yields the results lazily under
     * the keys of the inputs.
     *
     * @template TKey
     * @param iterable<TKey, mixed> $inputs The function's only argument, each; taken as they are needed.
     * @param int $concurrency Most calls in flight; 0 = as many as the workers have executors.
     * @param bool $ordered true: in the order of the inputs; false: as they complete.
     * @return AppServer\Map<TKey, mixed>
     * @throws AppServer\Exception The calls cannot be made; their failures are thrown while iterating.
     */
    function appserver_map(string $function, iterable $inputs, int $concurrency = 0, bool $ordered = true): AppServer\Map {}

    /**
     * Queues a job: a call of a deployed function that a worker makes later, and again if it fails.
     * Returns its id once the job is on the worker's disk.
     *
     * @param string|AppServer\Job $job A function, as for appserver_call(), with its arguments behind it;
     *   or an object, whose run() is called.
     * @param mixed ...$args Positional, named and spread arguments, as in a local call.
     * @throws AppServer\UnknownFunctionException
     * @throws AppServer\NotCallableException
     * @throws AppServer\QueueFullException
     * @throws AppServer\DuplicateJobException
     * @throws AppServer\NoJobStoreException
     * @throws AppServer\ConnectionLost Nobody knows whether the job is stored.
     * @throws AppServer\Exception Nothing was queued.
     */
    function appserver_queue(string|AppServer\Job $job, mixed ...$args): string {}

    /**
     * The state of this process's client: settings, workers with their health, open connections, counters.
     *
     * @return array{
     *     version: string,
     *     settings: array{workers: string, app: string, timeout: float, connect_timeout: float, pin: string},
     *     calls_in_flight: int,
     *     cache: array{
     *         hits: int,
     *         misses: array{absent: int, expired: int, early: int, invalidated: int, too_old: int, fresh_wanted: int},
     *         kept: int,
     *         refused: int,
     *         evicted: int,
     *         entries: int,
     *         bytes: int,
     *         bytes_held_by_request: int,
     *         bytes_max: int
     *     },
     *     clusters: list<array{
     *         workers_setting: string,
     *         membership_epoch: int,
     *         workers: list<array{
     *             address: string,
     *             weight: int,
     *             listed: bool,
     *             healthy: bool,
     *             failures_in_a_row: int,
     *             rests_for: float,
     *             connections_open: int,
     *             connections_idle: int,
     *             board: bool,
     *             calls: int,
     *             failures: int
     *         }>,
     *         apps: list<array{app: string, release: string, functions: int}>
     *     }>
     * }
     */
    function appserver_status(): array {}
}

namespace AppServer {
    /**
     * From now on until the end of the script, or of the web request, every call of the application
     * runs in one release with one generation of its settings, on whichever worker: the current one, or
     * the one that an earlier call of the request is pinned to. A Client that chose another pin than
     * "auto" keeps to its own. Pinning again changes nothing; unpin() lets go.
     *
     * @param ?string $app null: appserver.app, or the only one.
     * @return string The release, as `appserver status` shows it.
     * @throws ConfigException
     * @throws ConnectException
     * @throws UnknownAppException
     */
    function pin(?string $app = null): string {}

    /** Lets go of every release that this script or web request is pinned to: the next call begins anew. */
    function unpin(): void {}

    /**
     * A setting of the application that this code belongs to, as the running call sees it: a call sees
     * one generation of the settings from beginning to end.
     *
     * @param string $key A setting's key, or the beginning of some before a dot: then an array of those,
     *   by the rest of their keys.
     * @param mixed $default What to return when there is no such setting.
     * @throws ConfigException This process is no application's, or its settings cannot be read.
     */
    function config(string $key, mixed $default = null): mixed {}

    /**
     * A resource of the application that this code belongs to, by its name in app.toml: for a
     * [datasource.NAME] a PDO, the same one throughout a request; for a [resource.NAME] an array.
     *
     * @return \PDO|array<string, mixed>
     * @throws ConfigException There is no such resource, or this process is no application's.
     * @throws \PDOException The database does not let it in.
     */
    function resource(string $name): mixed {}

    /**
     * As appserver_queue(), with options of the job. What is left out, the function's #[Queued] says; what
     * that leaves out, the worker's settings.
     *
     * @param array<array-key, mixed> $arguments Elements with string keys are named arguments.
     * @param ?string $queue The queue's name.
     * @param ?float $delay Seconds from now.
     * @param ?\DateTimeInterface $runAt Instead of a delay: not before then.
     * @param ?int $priority Higher ones first, from -128 to 127; waiting raises it, so that none starves.
     * @param ?int $attempts How often it may fail before it is dead.
     * @param ?int $crashAttempts How many processes may die under it before it is.
     * @param int|float|list<int|float>|Backoff|null $backoff Seconds to wait after a failed attempt: always
     *   the same, one after the other (the last one from then on), or growing.
     * @param ?float $timeout Seconds that an attempt may take.
     * @param ?float $expires Seconds within which it has to begin.
     * @param string|Unique|null $unique A key that no other job may have while this one waits or runs; a
     *   Unique says what becomes of the second one.
     * @param ?string $group Jobs of one group run in the order they came in, one at a time.
     * @param ?Limit $limit A limit that all jobs with the same key share.
     * @param list<string>|null $tags At most 16 texts of up to 64 bytes by which jobs are found.
     * @param ?string $idempotencyKey Queueing with the same key again returns the id of the first job; and
     *   the job sees the key, in every attempt.
     * @param ?float $keep Seconds for which the job and its result can be asked for when it is done or
     *   cancelled.
     * @param ?string $batch Id of a batch that is not over, and that the job joins.
     * @throws Exception As appserver_queue().
     */
    function queue(
        string|Job $job,
        array $arguments = [],
        ?string $queue = null,
        ?float $delay = null,
        ?\DateTimeInterface $runAt = null,
        ?int $priority = null,
        ?int $attempts = null,
        ?int $crashAttempts = null,
        int|float|array|Backoff|null $backoff = null,
        ?float $timeout = null,
        ?float $expires = null,
        string|Unique|null $unique = null,
        ?string $group = null,
        ?Limit $limit = null,
        ?array $tags = null,
        ?string $idempotencyKey = null,
        ?float $keep = null,
        ?string $batch = null,
    ): string {}

    /**
     * The arguments of a job as bytes, for what stores them on the way to a worker, as an outbox does. Nothing
     * is sent.
     *
     * @param array<array-key, mixed> $arguments As for queue().
     * @throws EncodeException
     * @throws ConfigException
     */
    function encode(string|Job $job, array $arguments = []): Encoded {}

    /**
     * Says how far the running job has come. Free to be called often: some 20 reports a second leave, and
     * always the last one. In code that no job runs it does nothing.
     *
     * @param int $total 0: not known.
     */
    function progress(int $done, int $total = 0, string $message = ''): void {}

    /** Results of #[Cacheable] functions, which PHP processes keep. */
    final class Cache
    {
        private function __construct() {}
        /**
         * When it returns, no PHP process on a host of any worker gives a result that was computed before:
         * of the function, of functions with one of the tags, of the whole application if neither is given.
         *
         * @param string|list<string> $tags As the attribute makes them, e.g. "product:7".
         * @return int How many workers were told.
         * @throws Exception Some could not be told: their hosts may give old results until their time is over.
         */
        public static function invalidate(?string $function = null, string|array $tags = [], ?Client $client = null): int {}
        /**
         * What became of calls whose results may be kept, and what is kept, in this process.
         *
         * @return array{
         *     hits: int,
         *     misses: array{absent: int, expired: int, early: int, invalidated: int, too_old: int, fresh_wanted: int},
         *     kept: int,
         *     refused: int,
         *     evicted: int,
         *     entries: int,
         *     bytes: int,
         *     bytes_held_by_request: int,
         *     bytes_max: int
         * }
         */
        public static function stats(): array {}
        /** This process forgets what it keeps. */
        public static function clear(): void {}
    }

    /** Explicit options for calls. Immutable: each with…() returns a changed copy. */
    final class Client
    {
        /**
         * Every option left null is taken from the ini settings.
         *
         * @throws ConfigException
         */
        public function __construct(
            ?string $workers = null,
            ?string $app = null,
            ?float $timeout = null,
            ?string $affinity = null,
            ?string $pin = null,
            #[\SensitiveParameter] ?string $token = null,
            ?string $ca = null,
            ?string $certificate = null,
            ?string $key = null,
        ) {}

        /**
         * Comma-separated addresses: "unix:/run/appserver/appserver.sock,tls:10.0.0.7:25887;weight=2".
         *
         * @throws ConfigException
         */
        public function withWorkers(string $workers): Client {}
        /** @throws ConfigException */
        public function withApp(string $app): Client {}
        /**
         * Seconds; 0 = no limit.
         *
         * @throws ConfigException
         */
        public function withTimeout(float $seconds): Client {}
        /** Calls with the same key go to the same worker. */
        public function withAffinity(?string $key): Client {}
        /**
         * "request", "call", "off" or "auto": which calls stay in one release, see appserver.pin.
         *
         * @throws ConfigException
         */
        public function withPin(string $pin): Client {}
        /** @throws ConfigException */
        public function withToken(#[\SensitiveParameter] ?string $token): Client {}
        /** Client certificate and key (PEM files), and the CA that signed the worker's. */
        public function withCertificate(?string $certificate, ?string $key, ?string $ca = null): Client {}
        /** What the function prints is printed here too, all of it: beyond limits.frame_bytes_max it is an EncodeException. */
        public function withOutput(bool $output = true): Client {}
        /** Calls are made although their results are kept here; the new results are kept. */
        public function withFresh(bool $fresh = true): Client {}
        /**
         * No kept result that is older will do; null = any that is not over.
         *
         * @throws ConfigException
         */
        public function withMaxAge(?float $seconds): Client {}
        /**
         * Options of the jobs that this client queues, as of AppServer\queue(). They take the place of all
         * that were there before.
         *
         * @param int|float|list<int|float>|Backoff|null $backoff
         * @param list<string>|null $tags
         */
        public function withJob(
            ?string $queue = null,
            ?float $delay = null,
            ?\DateTimeInterface $runAt = null,
            ?int $priority = null,
            ?int $attempts = null,
            ?int $crashAttempts = null,
            int|float|array|Backoff|null $backoff = null,
            ?float $timeout = null,
            ?float $expires = null,
            string|Unique|null $unique = null,
            ?string $group = null,
            ?Limit $limit = null,
            ?array $tags = null,
            ?string $idempotencyKey = null,
            ?float $keep = null,
            ?string $batch = null,
        ): Client {}

        /**
         * As appserver_call().
         *
         * @throws Exception
         * @throws \Throwable What the function threw.
         */
        public function call(string $function, mixed ...$args): mixed {}
        /**
         * As appserver_async().
         *
         * @throws Exception
         */
        public function async(string $function, mixed ...$args): Future {}
        /**
         * As appserver_map().
         *
         * @template TKey
         * @param iterable<TKey, mixed> $inputs
         * @return Map<TKey, mixed>
         * @throws Exception
         */
        public function map(string $function, iterable $inputs, int $concurrency = 0, bool $ordered = true): Map {}
        /**
         * As appserver_queue().
         *
         * @throws Exception
         */
        public function queue(string|Job $job, mixed ...$args): string {}
    }

    /** A call in flight. Dropping the last reference to one that has not finished cancels it. */
    final class Future
    {
        private function __construct() {}

        /**
         * Waits for the result; throws what the call threw.
         *
         * @param float|null $timeout Seconds to wait here; null = as long as the call may take. When it
         *   passes, TimeoutException is thrown and the call goes on: await() may be called again.
         * @throws TimeoutException
         * @throws Exception
         * @throws \Throwable What the function threw.
         */
        public function await(?float $timeout = null): mixed {}
        /** Whether await() would return, or throw, at once. */
        public function ready(): bool {}
        /** Interrupts the call. Returns false when it had already finished. */
        public function cancel(): bool {}

        /**
         * Waits for all; the results under the keys of $futures. The first failure is thrown, and the
         * others are cancelled.
         *
         * @template TKey of array-key
         * @param iterable<TKey, Future> $futures
         * @return array<TKey, mixed>
         * @throws Exception
         * @throws \Throwable What the function that failed first threw.
         */
        public static function all(iterable $futures, ?float $timeout = null): array {}
        /**
         * The first result; failures count only when all failed (AggregateException). The rest is cancelled.
         *
         * @param iterable<array-key, Future> $futures
         * @throws AggregateException
         * @throws TimeoutException
         */
        public static function any(iterable $futures, ?float $timeout = null): mixed {}
        /**
         * The first outcome, be it a result or a failure. The rest is cancelled.
         *
         * @param iterable<array-key, Future> $futures
         * @throws Exception
         * @throws \Throwable What the function threw.
         */
        public static function race(iterable $futures, ?float $timeout = null): mixed {}
    }

    /**
     * Results of appserver_map(), in one pass. Where a call failed, iterating throws.
     *
     * @template TKey
     * @template TValue
     * @implements \Iterator<TKey, TValue>
     */
    final class Map implements \Iterator
    {
        private function __construct() {}
        /** @return TValue */
        public function current(): mixed {}
        /** @return TKey */
        public function key(): mixed {}
        /**
         * @throws Exception
         * @throws \Throwable What the function threw.
         */
        public function next(): void {}
        /** @throws \LogicException The first result has been passed already. */
        public function rewind(): void {}
        public function valid(): bool {}
    }

    /** Exports a function although app.toml's "export" patterns do not name it; or hides it. */
    #[\Attribute(\Attribute::TARGET_FUNCTION | \Attribute::TARGET_METHOD)]
    final class Remote
    {
        public function __construct(public readonly bool $export = true) {}
    }

    /** The longest a call of this function may take, in seconds. */
    #[\Attribute(\Attribute::TARGET_FUNCTION | \Attribute::TARGET_METHOD)]
    final class Timeout
    {
        public function __construct(public readonly float $seconds) {}
    }

    /** Calls with the same value of this parameter go to the same worker. */
    #[\Attribute(\Attribute::TARGET_FUNCTION | \Attribute::TARGET_METHOD)]
    final class Affinity
    {
        public function __construct(public readonly string $parameter) {}
    }

    /** Running this function twice does no harm: a call whose fate is unknown is sent again. */
    #[\Attribute(\Attribute::TARGET_FUNCTION | \Attribute::TARGET_METHOD)]
    final class Idempotent
    {
        public function __construct() {}
    }

    /** "stateless" (each call has a PHP request of its own) or "resident" (state lives on), see docs/isolation.md. */
    #[\Attribute(\Attribute::TARGET_FUNCTION | \Attribute::TARGET_METHOD)]
    final class Isolation
    {
        public const STATELESS = 'stateless';
        public const RESIDENT = 'resident';

        public function __construct(public readonly string $mode) {}
    }

    /** The pool whose executors run this function: a section [pools.NAME] of app.toml, see docs/configuration.md. */
    #[\Attribute(\Attribute::TARGET_FUNCTION | \Attribute::TARGET_METHOD)]
    final class Pool
    {
        public function __construct(public readonly string $name) {}
    }

    /**
     * Callers may keep results of this function. Times are in seconds. A section
     * [functions.NAME.cache] of app.toml goes before it, see docs/configuration.md.
     */
    #[\Attribute(\Attribute::TARGET_FUNCTION | \Attribute::TARGET_METHOD)]
    final class Cacheable
    {
        /**
         * @param float $ttl How long a result is kept.
         * @param ?float $negative How long one that is null is kept; 0: not at all; null: as others.
         * @param list<string> $tags By which results can be invalidated: {name} stands for the argument for
         *   that parameter, which is an int, a string or a bool.
         * @param ?list<string> $vary Parameters whose arguments tell one result from another, with all that
         *   stand in tags; null: all.
         */
        public function __construct(
            public readonly float $ttl,
            public readonly ?float $negative = null,
            public readonly array $tags = [],
            public readonly ?array $vary = null,
        ) {}
    }

    /**
     * How jobs of this function, or of this class of jobs, are treated where those who queue them do not
     * say. Times are in seconds.
     */
    #[\Attribute(\Attribute::TARGET_CLASS | \Attribute::TARGET_FUNCTION | \Attribute::TARGET_METHOD)]
    final class Queued
    {
        /**
         * @param int|float|list<int|float>|Backoff|null $backoff
         * @param ?int $concurrency Most attempts of the function at a time, on each worker.
         * @param ?string $rate Most attempts of the function in a time, on each worker: '100/60s', '5000/h'.
         */
        public function __construct(
            public readonly ?string $queue = null,
            public readonly ?int $priority = null,
            public readonly ?int $attempts = null,
            public readonly ?int $crashAttempts = null,
            public readonly int|float|array|Backoff|null $backoff = null,
            public readonly ?float $timeout = null,
            public readonly ?float $expires = null,
            public readonly ?float $keep = null,
            public readonly ?int $concurrency = null,
            public readonly ?string $rate = null,
        ) {}
    }

    /** A worker queues this function, which needs no arguments, whenever the schedule says. */
    #[\Attribute(\Attribute::TARGET_FUNCTION | \Attribute::TARGET_METHOD | \Attribute::IS_REPEATABLE)]
    final class Schedule
    {
        /**
         * @param string $cron Minute, hour, day, month, weekday; or six fields with seconds before them; or
         *   "@hourly" and the like.
         * @param ?string $timezone As in "Europe/Berlin"; null: UTC.
         * @param string $missed What becomes of times that passed while no worker ran: "once" (one job for
         *   all of them), "skip" or "all".
         */
        public function __construct(
            public readonly string $cron,
            public readonly ?string $timezone = null,
            public readonly string $missed = 'once',
        ) {}
    }

    /** Waiting ever longer after failed attempts: $base seconds, twice that, and so on up to $max. */
    final class Backoff
    {
        /** @param float $jitter From 0 to 1: the share of each pause that is left to chance. */
        public function __construct(
            public readonly float $base = 1.0,
            public readonly float $max = 3600.0,
            public readonly float $jitter = 0.5,
        ) {}
    }

    /** At most one job with a key. */
    final class Unique
    {
        /** @param float $window Seconds, for Debounce and Throttle. */
        public function __construct(
            public readonly string $key,
            public readonly UniqueMode $mode = UniqueMode::Reject,
            public readonly float $window = 0.0,
        ) {}
    }

    /** What becomes of a second job with the same unique key. */
    enum UniqueMode: string
    {
        /** DuplicateJobException while the first waits or runs. */
        case Reject = 'reject';
        /** The id of the first is returned while that waits or runs. */
        case Existing = 'existing';
        /** It takes the place of the first while that waits; while that runs, it waits for its end. */
        case Replace = 'replace';
        /** It takes the place of the first while that waits, and the window begins anew. */
        case Debounce = 'debounce';
        /** The id of the first is returned until the window after it was queued is over. */
        case Throttle = 'throttle';
        /** While the first runs, one more may wait; its id is returned to all further ones. */
        case OnceMore = 'once-more';
    }

    /** A limit over all jobs with the same key, whatever their function. */
    final class Limit
    {
        /**
         * @param ?int $concurrency Most of them at a time.
         * @param ?string $rate Most attempts in a time: '100/60s', '5000/h'.
         */
        public function __construct(
            public readonly string $key,
            public readonly ?int $concurrency = null,
            public readonly ?string $rate = null,
        ) {}
    }

    /**
     * Arguments as AppServer\encode() made them. Given to whatever queues a job as the function's only
     * argument, it stands for all of them, which are sent on as they are: no object is made of them.
     */
    final class Encoded
    {
        public function __construct(public readonly string $bytes) {}
    }

    /**
     * A job as an object: a class that extends it has what the job needs in properties, and does it in
     * run(), which may have a return type of its own and has no required parameters. In a chain or as
     * what follows a batch, the result before it, or the batch's id, is passed as the first argument.
     */
    abstract class Job
    {
        abstract public function run();

        /**
         * How a job stands; null: there is no such job, or no longer.
         *
         * @throws Exception Not every worker that may have it could be asked.
         */
        final public static function find(string $id, ?Client $client = null): ?JobStatus {}
        /** The job that the running code is an attempt at; null: it is none. */
        final public static function current(): ?CurrentJob {}
    }

    /** What a running job knows of itself. */
    final class CurrentJob
    {
        public readonly string $id;
        /** From 1; what ended a job before its first attempt stands under 0. */
        public readonly int $attempt;
        /** Attempts that failed since it was queued, or since somebody had it run again when it was over. */
        public readonly int $failures;
        /** As $failures, those under which a process died. */
        public readonly int $crashes;
        public readonly ?string $idempotencyKey;
        /** Id of the batch that it belongs to. */
        public readonly ?string $batch;

        private function __construct() {}
    }

    /**
     * An exception with which a job says that no further attempt is of use: the job is dead at once, with
     * its error. It has to be the one that leaves the job, not a previous one of that.
     */
    interface Unrecoverable extends \Throwable {}

    /** To be thrown by a job where no exception of the application's implements Unrecoverable. */
    class UnrecoverableException extends \RuntimeException implements Unrecoverable {}

    /**
     * Thrown by a job that puts itself back: its next attempt is at least so many seconds later. That is
     * no failure, however often it happens, unless it says that it counts.
     */
    class RetryAfter extends \RuntimeException
    {
        public readonly ?float $seconds;
        public readonly bool $counts;

        /**
         * @param ?float $seconds From now; null: the job's back-off. At least 0.1 where it does not count.
         * @param bool $counts Whether it counts as a failure, of which a job has its attempts.
         */
        public function __construct(
            ?float $seconds = null,
            bool $counts = false,
            string $message = '',
            ?\Throwable $previous = null,
        ) {}
    }

    enum JobState: string
    {
        /** For its time or its turn. */
        case Waiting = 'waiting';
        case Running = 'running';
        /** It returned. */
        case Done = 'done';
        /** Its attempts are used up, or it expired. */
        case Dead = 'dead';
        case Cancelled = 'cancelled';
    }

    /** How a job stood when it was asked for. Times are seconds since 1970. */
    final class JobStatus
    {
        public readonly string $id;
        public readonly string $function;
        public readonly string $queue;
        public readonly JobState $state;
        public readonly int $priority;
        public readonly float $madeAt;
        /** When it may run, at the earliest. */
        public readonly float $dueAt;
        public readonly int $attemptsMax;
        public readonly int $failures;
        public readonly int $crashes;
        /** @var list<Attempt> The last ones, oldest first. */
        public readonly array $attempts;
        public readonly ?string $group;
        /** @var list<string> */
        public readonly array $tags;
        public readonly ?string $idempotencyKey;
        /** Id of the batch that it belongs to. */
        public readonly ?string $batch;
        /** Why it does not run; empty when there is nothing to say. */
        public readonly string $waitsFor;
        /** Id of the next step of its chain, once it is made: when this one is done. */
        public readonly ?string $next;
        public readonly ?Progress $progress;

        private function __construct() {}

        /**
         * What the job returned.
         *
         * @throws JobNotDoneException
         * @throws JobFailedException
         * @throws CancelledException
         * @throws UnavailableException It was not kept.
         */
        public function result(): mixed {}
        /**
         * Waits until the job is over, and returns what it returned. The worker tells when that is.
         *
         * @param ?float $timeout Seconds to wait here; null: as long as it takes. When it passes, the job
         *   goes on.
         * @throws TimeoutException
         * @throws JobFailedException
         * @throws CancelledException
         * @throws Exception
         */
        public function await(?float $timeout = null): mixed {}
        /**
         * One that waits never runs, one that runs is interrupted. Returns false when it was over already.
         *
         * @throws Exception
         */
        public function cancel(): bool {}
        /**
         * How it stands now.
         *
         * @throws UnknownJobException It is no longer kept.
         * @throws Exception
         */
        public function refresh(): JobStatus {}
    }

    /** One attempt at a job. */
    final class Attempt
    {
        /** From 1. */
        public readonly int $number;
        /** Seconds since 1970. */
        public readonly float $beganAt;
        /** Seconds. */
        public readonly float $took;
        /** "returned", "failed", "timed-out", "crashed", "interrupted", "cancelled", "expired" or "released". */
        public readonly string $outcome;
        /** What went wrong; empty when it returned. */
        public readonly string $error;

        private function __construct() {}
    }

    /** What a job said last of its progress. */
    final class Progress
    {
        public readonly int $done;
        /** 0: not known. */
        public readonly int $total;
        public readonly string $message;

        private function __construct() {}
    }

    /**
     * Jobs that are stored together, all or none, and what follows when they are over. Options are the
     * client's, and hold for every job.
     */
    final class Batch
    {
        /** @throws ConfigException The client's options cannot be those of several jobs. */
        public function __construct(string $name = '', ?Client $client = null) {}
        /** How a batch stands; null: there is no such batch, or no longer. */
        public static function find(string $id, ?Client $client = null): ?BatchStatus {}
        /** @throws EncodeException */
        public function add(string|Job $job, mixed ...$args): Batch {}
        /** Queued when all its jobs are done. The batch's id comes before its arguments, as in the others. */
        public function then(string|Job $job, mixed ...$args): Batch {}
        /** Queued once, when the first of its jobs is dead. */
        public function catch(string|Job $job, mixed ...$args): Batch {}
        /** Queued when all its jobs are over, one way or the other. */
        public function finally(string|Job $job, mixed ...$args): Batch {}
        /** A dead job leaves the others alone; without this they are cancelled. */
        public function allowFailures(): Batch {}
        /**
         * Returns the batch's id once all of it is on the worker's disk.
         *
         * @throws Exception As appserver_queue().
         */
        public function queue(): string {}
    }

    /** How a batch stood when it was asked for. */
    final class BatchStatus
    {
        public readonly string $id;
        public readonly string $name;
        /** Seconds since 1970. */
        public readonly float $madeAt;
        public readonly int $total;
        public readonly int $done;
        public readonly int $failed;
        public readonly int $cancelled;
        /** Ids of the jobs that followed it, once they are made. */
        public readonly ?string $then;
        public readonly ?string $catch;
        public readonly ?string $finally;

        private function __construct() {}

        /** Whether every job of it is over. */
        public function isOver(): bool {}
        /**
         * Waits until every job of it is over; how it stands then.
         *
         * @throws TimeoutException
         * @throws UnknownJobException
         * @throws Exception
         */
        public function await(?float $timeout = null): BatchStatus {}
        /**
         * Cancels those of its jobs that are not over. Returns false when there were none.
         *
         * @throws Exception
         */
        public function cancel(): bool {}
        /**
         * How it stands now.
         *
         * @throws UnknownJobException
         * @throws Exception
         */
        public function refresh(): BatchStatus {}
    }

    /**
     * Jobs that run one after the other. What one returned comes before the arguments of the next. The
     * client's options hold for every job; delay, runAt, expires, unique and idempotencyKey for the first.
     */
    final class Chain
    {
        public function __construct(?Client $client = null) {}
        /** @throws EncodeException */
        public function add(string|Job $job, mixed ...$args): Chain {}
        /**
         * Returns the id of the first job once all of it is on the worker's disk.
         *
         * @throws Exception As appserver_queue().
         */
        public function queue(): string {}
    }

    /** Base of everything that goes wrong with a call itself. */
    abstract class Exception extends \RuntimeException
    {
        /** The worker concerned, or null. */
        final public function getWorker(): ?string {}
        /** The function concerned, or null. */
        final public function getFunction(): ?string {}
    }

    /** A setting, option or address makes no sense. */
    final class ConfigException extends Exception {}

    /** No worker could be reached. Nothing ran. */
    final class ConnectException extends Exception {}

    /** The worker refused the connection: credentials, limits, or it is shutting down. Nothing ran. */
    final class RefusedException extends Exception {}

    /** The connection broke during a call. */
    final class ConnectionLost extends Exception
    {
        /** Whether the function may have run, wholly or in part. */
        public function mayHaveRun(): bool {}
    }

    /** The deadline passed. The function was interrupted. */
    final class TimeoutException extends Exception {}

    /** The call was cancelled. */
    final class CancelledException extends Exception {}

    /** The worker serves no application of this name. */
    final class UnknownAppException extends Exception
    {
        /** @return list<string> Names close to the one that was not found. */
        public function getNear(): array {}
    }

    /** The application exports no function of this name. */
    final class UnknownFunctionException extends Exception
    {
        /** @return list<string> Names close to the one that was not found. */
        public function getNear(): array {}
    }

    /** The function exists but cannot be called remotely, e.g. it has a by-reference parameter. */
    final class NotCallableException extends Exception {}

    /** A value cannot be sent. */
    final class EncodeException extends Exception
    {
        /** E.g. `argument 2 ($rows)[3]["cb"]` or `result->owner`. */
        public function getPath(): string {}
    }

    /** A value was received that cannot be made here, e.g. its class is not allowed. */
    final class DecodeException extends Exception
    {
        public function getPath(): string {}
    }

    /** The function ended without returning: exit(), a fatal error, or memory_limit. */
    final class RemoteFatal extends Exception
    {
        /** "exit", "memory" or "fatal". */
        public function getKind(): string {}
        public function getRemoteFile(): string {}
        public function getRemoteLine(): int {}
    }

    /** The process that ran the function died: a crash, a stack overflow, or it was killed. */
    final class ExecutorDied extends Exception
    {
        /** The signal that ended it, or null. */
        public function getSignal(): ?int {}
        /** Its exit status, or null. */
        public function getExitStatus(): ?int {}
    }

    /**
     * The function threw an exception whose class is not known here; code, file, line and trace are
     * that one's. getMessage() is its class and its message, as in "Shop\OutOfStock: no unicorns".
     */
    final class RemoteException extends Exception
    {
        public function getRemoteClass(): string {}
        /** The message alone. */
        public function getRemoteMessage(): string {}
        public function getRemoteTraceAsString(): string {}
    }

    /** Every one of several calls failed. */
    final class AggregateException extends Exception
    {
        /** @return array<array-key, \Throwable> */
        public function getExceptions(): array {}
    }

    /** No worker has the release this request is pinned to any more. Nothing ran. */
    final class ReleaseGone extends Exception {}

    /** The worker cannot run the call now. */
    final class UnavailableException extends Exception {}

    /** The peer sent something that is not the protocol. */
    final class ProtocolException extends Exception {}

    /** The workers that can be reached keep no jobs: they are switched off. Nothing was queued. */
    final class NoJobStoreException extends Exception {}

    /** The queue has as many jobs as it may have. Nothing was queued. */
    final class QueueFullException extends Exception
    {
        public function getQueue(): string {}
    }

    /** There is a job with the same unique key. Nothing was queued. */
    final class DuplicateJobException extends Exception
    {
        /** The id of the job that is there. */
        public function getId(): string {}
    }

    /** There is no such job or batch, or no longer. */
    final class UnknownJobException extends Exception {}

    /** The job has no result yet. */
    final class JobNotDoneException extends Exception {}

    /** The job is dead: the message ends with what went wrong in its last attempt. */
    final class JobFailedException extends Exception
    {
        public function getId(): string {}
    }
}
