<?php

declare(strict_types=1);

namespace AppServer\Tests\Outbox;

use AppServer\Tests\Files;

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

    protected function dsn(): string
    {
        return 'sqlite:' . self::$database->path . '/shop.db';
    }
}
