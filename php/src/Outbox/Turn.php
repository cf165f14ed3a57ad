<?php

declare(strict_types=1);

namespace AppServer\Outbox;

use LogicException;
use PDO;
use RuntimeException;

/**
 * One relay at a time, so that jobs reach the worker in the order of their rows. The lock is the database's and
 * ends with its connection, or with the process: one that died is in nobody's way.
 *
 * Rows locked by FOR UPDATE SKIP LOCKED would let several relays work side by side, and a job of a group
 * overtake an older one that another relay holds.
 */
final class Turn
{
    public function __construct(private readonly PDO $db, private readonly Table $table)
    {
    }

    /**
     * Calls $work, or returns false when another relay is at it.
     *
     * @param callable(): void $work
     */
    public function take(callable $work): bool
    {
        return match (Schema::of($this->table->driver())) {
            Schema::Sqlite => $this->byFile($work),
            Schema::Postgres => $this->byTransaction($work),
            Schema::Mysql => $this->byName($work),
        };
    }

    /**
     * The lock of a transaction, not of the session: a pooler between may give each transaction another one.
     *
     * @param callable(): void $work
     */
    private function byTransaction(callable $work): bool
    {
        $this->db->beginTransaction();
        try {
            $held = $this->isYes("SELECT pg_try_advisory_xact_lock(hashtextextended('appserver_outbox', 0))");
            if ($held) {
                $work();
            }
            return $held;
        } finally {
            // Also when it throws: what was sent until then has been removed.
            $this->db->commit();
        }
    }

    /** @param callable(): void $work */
    private function byName(callable $work): bool
    {
        // Names are the server's, of 64 characters at most.
        $name = "CONCAT('appserver_outbox:', MD5(DATABASE()))";
        if (!$this->isYes("SELECT GET_LOCK($name, 0)")) {
            return false;
        }
        try {
            $work();
        } finally {
            try {
                $this->table->run("SELECT RELEASE_LOCK($name)")->closeCursor();
            } catch (RuntimeException) {
                // A PDOException, or the table's where PDO throws none: the connection is gone, and the lock
                // with it. What $work threw is the news.
            }
        }
        return true;
    }

    /**
     * A file beside the database: a lock inside it would keep every writer waiting for the network.
     *
     * @param callable(): void $work
     */
    private function byFile(callable $work): bool
    {
        $database = $this->table->run('PRAGMA database_list')->fetchAll(PDO::FETCH_NUM)[0][2] ?? '';
        // One in memory is this process's alone.
        $path = $database === '' ? '/dev/null' : "$database-outbox";
        $file = fopen($path, 'c')
            ?: throw new LogicException("$path cannot be opened: relays of the outbox take turns by it");
        if ($database !== '' && !flock($file, LOCK_EX | LOCK_NB)) {
            return false;
        }
        try {
            $work();
        } finally {
            fclose($file);
        }
        return true;
    }

    private function isYes(string $sql): bool
    {
        $statement = $this->table->run($sql);
        $answer = $statement->fetchColumn();
        $statement->closeCursor();
        return $answer === true || (int) $answer === 1;
    }
}
