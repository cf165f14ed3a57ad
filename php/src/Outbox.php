<?php

declare(strict_types=1);

namespace AppServer;

use AppServer\Outbox\Options;
use AppServer\Outbox\Relay;
use AppServer\Outbox\Schema;
use AppServer\Outbox\Table;
use DateTimeInterface;
use LogicException;
use PDO;
use Throwable;

/**
 * Jobs that become rows of the application's own database, in its transaction, and are relayed to a worker
 * when that is committed.
 *
 * A row carries the key by which the worker knows the job again. So a process that dies between the worker's
 * answer and the row's end does no harm: the next relay sends the same key, and gets the same job.
 */
final class Outbox
{
    /** Most jobs that a commit relays, its own or others': whoever commits does not wait for a whole backlog. */
    private const AFTER_COMMIT_MAX = 100;

    private readonly Table $table;

    /** @param ?Client $client Through which the jobs go to the workers; null: by the settings of php.ini. */
    public function __construct(private readonly PDO $db, private readonly ?Client $client = null)
    {
        $this->table = new Table($db);
    }

    /**
     * The statements that make the table, for migrations of the application's own.
     *
     * @param string $driver "sqlite", "pgsql" or "mysql", as PDO names them.
     * @return list<string>
     */
    public static function schema(string $driver): array
    {
        return Schema::of($driver)->statements();
    }

    /** Makes the table where it is missing. Not inside a transaction: MySQL would commit that. */
    public function migrate(): void
    {
        $this->refuseTransaction('migrate()');
        foreach (self::schema($this->table->driver()) as $statement) {
            $this->table->run($statement);
        }
    }

    /**
     * As AppServer\queue(), but the job is a row of the database until it is relayed. A delay counts from now,
     * and so does $expires.
     *
     * @param array<array-key, mixed> $arguments
     * @param int|float|list<int|float>|Backoff|null $backoff
     * @param list<string>|null $tags
     * @return string The job's idempotency key: the one given, else a new UUID. relay() tells the job's id.
     * @throws Exception The arguments cannot be sent, or an option makes no sense.
     */
    public function queue(
        string|Job $job,
        array $arguments = [],
        ?string $queue = null,
        ?float $delay = null,
        ?DateTimeInterface $runAt = null,
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
    ): string {
        // All that this was called with, by name.
        $options = array_diff_key(get_defined_vars(), ['job' => true, 'arguments' => true]);
        // Says what is wrong with them where it can still be mended; the rest the worker says.
        $this->client()->withJob(...$options);
        return $this->table->add(
            $job instanceof Job ? $job::class . '::run' : $job,
            encode($job, $arguments),
            Options::of($options),
            $idempotencyKey,
        );
    }

    /**
     * Calls $work with this outbox inside a transaction, commits, and relays. When $work throws, all of it is
     * rolled back, jobs included.
     *
     * @template T
     * @param callable(self): T $work
     * @return T
     */
    public function transaction(callable $work): mixed
    {
        $this->refuseTransaction('transaction()');
        $this->db->beginTransaction();
        try {
            $result = $work($this);
            $this->end();
        } catch (Throwable $error) {
            // Also after a commit that failed: SQLite leaves the transaction open.
            if ($this->db->inTransaction()) {
                $this->db->rollBack();
            }
            throw $error;
        }
        $this->relayAfterCommit();
        return $result;
    }

    /** Commits the transaction that is open, and relays: what that cannot, the next relay does. */
    public function commit(): void
    {
        $this->end();
        $this->relayAfterCommit();
    }

    /**
     * Sends what is committed to the workers, in the order in which it was queued, and removes it from the
     * table. Of several at a time one does it, the others return at once.
     *
     * What is not taken now, e.g. because the function is not deployed yet or the worker of the job's key is away,
     * stays with the reason in its row and is tried again later, ever more rarely; jobs of the same group wait
     * for it, others do not.
     *
     * @param int $max Most jobs to try now, those that are not taken included.
     * @return array<string, string> Ids of the jobs by the keys that queue() returned.
     * @throws Exception Nothing could be sent, because no worker was there.
     */
    public function relay(int $max = 1000): array
    {
        $this->refuseTransaction('relay()');
        return (new Relay($this->table, $this->client()))->run($max);
    }

    /** How many jobs are in the table, those that wait for their next try included. */
    public function waiting(): int
    {
        return $this->table->count();
    }

    private function end(): void
    {
        if (!$this->db->commit()) {
            throw new LogicException('the transaction could not be committed: ' . $this->table->lastError());
        }
    }

    private function relayAfterCommit(): void
    {
        try {
            $this->relay(self::AFTER_COMMIT_MAX);
        } catch (Throwable $error) {
            // What was committed is not undone by an exception here, and the rows are relayed later. Not a
            // warning: frameworks make exceptions of those.
            error_log('appserver: the outbox is relayed later: ' . $error->getMessage());
        }
    }

    private function client(): Client
    {
        return $this->client ?? new Client();
    }

    private function refuseTransaction(string $what): void
    {
        if ($this->db->inTransaction()) {
            throw new LogicException("AppServer\\Outbox::$what was called inside a transaction: commit it before");
        }
    }
}
