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
     * Queues a job and returns its id once it is stored durably. Reserved: this version has no job store.
     *
     * @throws AppServer\NoJobStoreException Always, in this version; use appserver_async().
     */
    function appserver_queue(string $function, mixed ...$args): string {}

    /**
     * The state of this process's client: settings, workers with their health, open connections, counters.
     *
     * @return array{
     *     version: string,
     *     settings: array{workers: string, app: string, timeout: float, connect_timeout: float, pin: string},
     *     calls_in_flight: int,
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
         * @throws NoJobStoreException Always, in this version.
         */
        public function queue(string $function, mixed ...$args): string {}
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

    /** The worker has no job store. */
    final class NoJobStoreException extends Exception {}
}
