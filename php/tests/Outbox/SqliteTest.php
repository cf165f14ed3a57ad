<?php

declare(strict_types=1);

namespace AppServer\Tests\Outbox;

use AppServer\Outbox;
use AppServer\Tests\Files;
use PDOException;

final class SqliteTest extends Cases
{
    private static Files $database;

    public static function setUpBeforeClass(): void
    {
        self::$database = new Files();
    }

    public static function tearDownAfterClass(): void
    {
        self::$database->remove();
    }

    public function testACommitThatFailsIsRolledBack(): void
    {
        $this->db->exec('PRAGMA foreign_keys = ON');
        $this->db->exec('DROP TABLE IF EXISTS lines');
        $this->db->exec('DROP TABLE IF EXISTS customers');
        $this->db->exec('CREATE TABLE customers (number INTEGER PRIMARY KEY)');
        $this->db->exec('CREATE TABLE lines (customer INTEGER REFERENCES customers DEFERRABLE INITIALLY DEFERRED)');
        try {
            $this->outbox->transaction(function (Outbox $outbox): void {
                $outbox->queue('seen');
                $this->db->exec('INSERT INTO lines VALUES (1)');
            });
            self::fail();
        } catch (PDOException $error) {
            self::assertStringContainsString('FOREIGN KEY', $error->getMessage());
        }
        self::assertFalse($this->db->inTransaction());
        self::assertSame(0, $this->outbox->waiting());
    }

    protected function dsn(): string
    {
        return 'sqlite:' . self::$database->path . '/shop.db';
    }
}
