<?php

declare(strict_types=1);

namespace AppServer\Tests\Outbox;

use AppServer\Outbox\Table;
use LogicException;
use PDO;

final class MysqlTest extends Cases
{
    private static Server $server;

    public static function setUpBeforeClass(): void
    {
        self::$server = Server::mysql();
    }

    public static function tearDownAfterClass(): void
    {
        self::$server->stop();
    }

    public function testWhatEndedATurnIsToldAlsoWhenTheConnectionIsGone(): void
    {
        $this->db->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_SILENT);
        $turn = (new Table($this->db))->turn();
        $this->expectExceptionObject(new LogicException('the reason'));
        $turn->take(function (): never {
            $id = $this->db->query('SELECT CONNECTION_ID()')->fetchColumn();
            $this->connect()->exec("KILL $id");
            throw new LogicException('the reason');
        });
    }

    protected function dsn(): string
    {
        return self::$server->dsn;
    }
}
