<?php

declare(strict_types=1);

namespace AppServer\Outbox;

use AppServer\Encoded;
use PDO;
use PDOStatement;
use RuntimeException;

/** The rows. Works in every error mode of PDO, and whatever it makes of columns' names. */
final class Table
{
    /** Of arguments that are in memory together, if there are more than one job's. */
    private const BATCH_BYTES = 8 << 20;
    /** Of an error's text. */
    private const ERROR_BYTES_MAX = 1000;

    public function __construct(private readonly PDO $db)
    {
    }

    public function driver(): string
    {
        return (string) $this->db->getAttribute(PDO::ATTR_DRIVER_NAME);
    }

    /** @return string The row's key. */
    public function add(string $target, Encoded $arguments, Options $options, ?string $key): string
    {
        $now = Time::now();
        $key ??= Key::make($now);
        $this->run(
            'INSERT INTO appserver_outbox (job_key, target, arguments, options, group_key, made_at)'
                . ' VALUES (?, ?, ?, ?, ?, ?)',
            [$key, $target, $arguments, $options->toJson($now), $options->group(), $now],
        );
        return $key;
    }

    /**
     * Those whose turn it is, oldest first: none of a group of which one waits for its next try.
     *
     * @return list<Row>
     */
    public function next(int $max): array
    {
        $ids = $this->due($max);
        if ($ids === []) {
            return [];
        }
        $statement = $this->run(
            'SELECT id, job_key, target, arguments, options, group_key, made_at, refusals FROM appserver_outbox'
                . ' WHERE id IN (' . implode(', ', $ids) . ') ORDER BY id',
        );
        /** @var list<array{mixed, mixed, mixed, mixed, mixed, mixed, mixed, mixed}> $rows */
        $rows = $statement->fetchAll(PDO::FETCH_NUM);
        return array_map(self::row(...), $rows);
    }

    public function isAnyDue(): bool
    {
        return $this->due(1) !== [];
    }

    /** @param list<int> $ids */
    public function remove(array $ids): void
    {
        if ($ids !== []) {
            $this->run('DELETE FROM appserver_outbox WHERE id IN (' . implode(', ', $ids) . ')');
        }
    }

    public function postpone(Row $row, int $retryAt, string $error): void
    {
        $this->run(
            'UPDATE appserver_outbox SET refusals = refusals + 1, retry_at = ?, error = ? WHERE id = ?',
            [$retryAt, mb_strcut(mb_scrub($error, 'UTF-8'), 0, self::ERROR_BYTES_MAX, 'UTF-8'), $row->id],
        );
    }

    /** It is due, whatever it was put off to. */
    public function hurry(Row $row): void
    {
        $this->run('UPDATE appserver_outbox SET retry_at = 0 WHERE id = ?', [$row->id]);
    }

    public function count(): int
    {
        return (int) $this->run('SELECT COUNT(*) FROM appserver_outbox')->fetchColumn();
    }

    /** @param list<int|string|Encoded|null> $values */
    public function run(string $sql, array $values = []): PDOStatement
    {
        $statement = $this->db->prepare($sql);
        if ($statement === false) {
            throw new RuntimeException('appserver_outbox: ' . $this->lastError());
        }
        foreach ($values as $index => $value) {
            match (true) {
                $value instanceof Encoded => $statement->bindValue($index + 1, $value->bytes, PDO::PARAM_LOB),
                is_int($value) => $statement->bindValue($index + 1, $value, PDO::PARAM_INT),
                $value === null => $statement->bindValue($index + 1, null, PDO::PARAM_NULL),
                default => $statement->bindValue($index + 1, $value),
            };
        }
        if (!$statement->execute()) {
            throw new RuntimeException('appserver_outbox: ' . ($statement->errorInfo()[2] ?? 'no reason'));
        }
        return $statement;
    }

    public function lastError(): string
    {
        return $this->db->errorInfo()[2] ?? 'no reason';
    }

    public function turn(): Turn
    {
        return new Turn($this->db, $this);
    }

    /**
     * As many as memory has room for.
     *
     * @return list<int>
     */
    private function due(int $max): array
    {
        $now = Time::now();
        $statement = $this->run(
            'SELECT id, LENGTH(arguments) FROM appserver_outbox WHERE retry_at <= ?'
                // By itself, not for each row: MySQL would take seconds for a backlog.
                . ' AND (group_key IS NULL OR group_key NOT IN'
                . ' (SELECT group_key FROM appserver_outbox WHERE retry_at > ? AND group_key IS NOT NULL))'
                . " ORDER BY id LIMIT $max",
            [$now, $now],
        );
        $ids = [];
        $room = self::BATCH_BYTES;
        foreach ($statement->fetchAll(PDO::FETCH_NUM) as [$id, $length]) {
            $room -= (int) $length;
            if ($room < 0 && $ids !== []) {
                break;
            }
            $ids[] = (int) $id;
        }
        return $ids;
    }

    /** @param array{mixed, mixed, mixed, mixed, mixed, mixed, mixed, mixed} $row */
    private static function row(array $row): Row
    {
        [$id, $key, $target, $arguments, $options, $group, $madeAt, $refusals] = $row;
        return new Row(
            (int) $id,
            (string) $key,
            (string) $target,
            // PostgreSQL's driver gives a stream.
            new Encoded(is_resource($arguments) ? (string) stream_get_contents($arguments) : (string) $arguments),
            (string) $options,
            $group === null ? null : (string) $group,
            (int) $madeAt,
            (int) $refusals,
        );
    }
}
