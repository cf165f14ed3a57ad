<?php

declare(strict_types=1);

namespace AppServer\Outbox;

use LogicException;

/** The table, in each database's words. */
enum Schema: string
{
    case Sqlite = 'sqlite';
    case Postgres = 'pgsql';
    case Mysql = 'mysql';

    public static function of(string $driver): self
    {
        return self::tryFrom($driver)
            ?? throw new LogicException("the outbox knows SQLite, PostgreSQL and MySQL, not PDO's \"$driver\"");
    }

    /** @return list<string> */
    public function statements(): array
    {
        [$id, $key, $bytes, $end] = match ($this) {
            self::Sqlite => ['INTEGER PRIMARY KEY AUTOINCREMENT', 'TEXT', 'BLOB', ''],
            self::Postgres => ['BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY', 'TEXT', 'BYTEA', ''],
            self::Mysql => [
                'BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY',
                'VARCHAR(255)',
                'LONGBLOB',
                ' ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin',
            ],
        };
        // Keys are no constraint: the same one twice is the same job twice, which the worker makes one of.
        // Times are milliseconds since 1970.
        return [<<<SQL
            CREATE TABLE IF NOT EXISTS appserver_outbox (
                id $id,
                job_key $key NOT NULL,
                target $key NOT NULL,
                arguments $bytes NOT NULL,
                options TEXT NOT NULL,
                group_key $key,
                made_at BIGINT NOT NULL,
                refusals INTEGER NOT NULL DEFAULT 0,
                retry_at BIGINT NOT NULL DEFAULT 0,
                error TEXT
            )$end
            SQL];
    }
}
