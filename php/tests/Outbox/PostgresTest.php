<?php

declare(strict_types=1);

namespace AppServer\Tests\Outbox;

final class PostgresTest extends Cases
{
    private static Server $server;

    public static function setUpBeforeClass(): void
    {
        self::$server = Server::postgres();
    }

    public static function tearDownAfterClass(): void
    {
        self::$server->stop();
    }

    protected function dsn(): string
    {
        return self::$server->dsn;
    }
}
