<?php

declare(strict_types=1);

namespace AppServer\Tests\Outbox;

use AppServer\Tests\Files;
use AppServer\Tests\Wait;
use PDO;
use PDOException;
use RuntimeException;

/** A database of a test's own: files in memory, a socket in a folder, no port, ended with the test. */
final class Server
{
    /** @var resource */
    private $process;

    /**
     * @param list<string> $setUp
     * @param list<string> $command
     */
    private function __construct(
        private readonly Files $files,
        private readonly string $user,
        public readonly string $dsn,
        array $setUp,
        array $command,
    ) {
        // Neither server runs as root.
        if (posix_geteuid() === 0) {
            chown($files->path, $user);
        }
        $this->process = $this->start($setUp);
        if ($this->wait() !== 0) {
            throw new RuntimeException("$setUp[0] failed: " . $this->log());
        }
        $this->process = $this->start($command);
        Wait::until("$command[0] answers", $this->answers(...));
    }

    public static function postgres(): self
    {
        $bin = dirname(glob('/usr/lib/postgresql/*/bin/initdb')[0] ?? throw self::missing('postgresql'));
        $files = new Files();
        return new self(
            $files,
            'postgres',
            "pgsql:host=$files->path;user=postgres;dbname=postgres",
            ["$bin/initdb", '--no-sync', '--auth=trust', '--username=postgres', "--pgdata=$files->path/data"],
            ["$bin/postgres", '-D', "$files->path/data", '-k', $files->path, '-c', 'listen_addresses=',
                '-c', 'fsync=off', '-c', 'shared_buffers=8MB'],
        );
    }

    public static function mysql(): self
    {
        is_file('/usr/sbin/mariadbd') || throw self::missing('mariadb-server-core');
        $files = new Files();
        return new self(
            $files,
            posix_getpwnam('mysql') ? 'mysql' : 'nobody',
            "mysql:unix_socket=$files->path/socket;dbname=test;charset=utf8mb4",
            ['mariadb-install-db', '--no-defaults', "--datadir=$files->path/data",
                '--auth-root-authentication-method=normal', '--innodb-log-file-size=8M'],
            ['/usr/sbin/mariadbd', '--no-defaults', "--datadir=$files->path/data", "--socket=$files->path/socket",
                '--skip-networking', '--innodb-flush-log-at-trx-commit=0', '--innodb-log-file-size=8M',
                '--innodb-buffer-pool-size=16M'],
        );
    }

    public function stop(): void
    {
        proc_terminate($this->process, SIGKILL);
        $this->wait();
        $this->files->remove();
    }

    /**
     * @param list<string> $command
     * @return resource
     */
    private function start(array $command)
    {
        if (posix_geteuid() === 0) {
            $id = posix_getpwnam($this->user) ?: throw new RuntimeException("there is no user $this->user");
            array_unshift(
                $command,
                'setpriv',
                "--reuid={$id['uid']}",
                "--regid={$id['gid']}",
                '--clear-groups',
            );
        }
        $log = ['file', "{$this->files->path}/log", 'a'];
        $process = proc_open($command, [['file', '/dev/null', 'r'], $log, $log], $pipes, $this->files->path);
        return is_resource($process) ? $process : throw new RuntimeException("$command[0] cannot be started");
    }

    private function wait(): int
    {
        Wait::until('a process ended', function () use (&$status): bool {
            $status = proc_get_status($this->process);
            return !$status['running'];
        });
        proc_close($this->process);
        return $status['exitcode'];
    }

    private function answers(): bool
    {
        try {
            $this->connect()->query('SELECT 1');
            return true;
        } catch (PDOException) {
            proc_get_status($this->process)['running'] || throw new RuntimeException($this->log());
            return false;
        }
    }

    private function connect(): PDO
    {
        if (!str_starts_with($this->dsn, 'mysql:')) {
            return new PDO($this->dsn);
        }
        $db = new PDO(str_replace('dbname=test;', '', $this->dsn), 'root');
        $db->exec('CREATE DATABASE IF NOT EXISTS test');
        return $db;
    }

    private function log(): string
    {
        return (string) @file_get_contents("{$this->files->path}/log");
    }

    private static function missing(string $package): RuntimeException
    {
        return new RuntimeException("the package $package is not installed: run \"make setup\"");
    }
}
