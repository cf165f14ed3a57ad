<?php

declare(strict_types=1);

namespace AppServer\Tests;

use AppServer\Outbox;
use PDO;
use PHPUnit\Framework\TestCase;

/** The package as Composer loads it, and its command. */
final class PackageTest extends TestCase
{
    private Files $files;
    private string $package;

    protected function setUp(): void
    {
        $this->files = new Files();
        $this->package = "{$this->files->path}/package";
        $this->shell('cp -r ' . escapeshellarg(dirname(__DIR__)) . ' ' . escapeshellarg($this->package));
        $this->composer('dump-autoload');
    }

    protected function tearDown(): void
    {
        $this->files->remove();
    }

    public function testComposerKnowsEveryClass(): void
    {
        $this->composer('validate --no-check-publish');
        // Fails for a class whose file is not where PSR-4 looks for it.
        $this->composer('dump-autoload --optimize --strict-psr --no-dev');
        $this->addToAssertionCount(1);
    }

    public function testTheCommandPrintsTheSchemaAndRelays(): void
    {
        foreach (['sqlite' => 'AUTOINCREMENT', 'pgsql' => 'BYTEA', 'mysql' => 'InnoDB'] as $driver => $word) {
            [$sql, $status] = $this->outbox('--schema', $driver);
            self::assertStringContainsString($word, $sql);
            self::assertSame(0, $status);
        }
        [$sql] = $this->outbox('--schema', 'sqlite');
        $database = "{$this->files->path}/shop.db";
        $db = new PDO("sqlite:$database");
        $db->exec($sql);
        $outbox = new Outbox($db);
        $outbox->queue('seen');
        file_put_contents("{$this->files->path}/db.php", "<?php return new PDO('sqlite:$database');");
        self::assertSame(['', 0], $this->outbox("{$this->files->path}/db.php"));
        self::assertSame(0, $outbox->waiting());

        $outbox->queue('not_deployed');
        [, $status] = $this->outbox("{$this->files->path}/db.php");
        self::assertSame(1, $status);
        self::assertSame(1, $outbox->waiting());
    }

    public function testAFileThatDeclaresMayReturnAFunctionForTheRounds(): void
    {
        $connects = "function shop_db(): PDO {
            file_put_contents('{$this->files->path}/rounds', \"round\\n\", FILE_APPEND);
            if (count(file('{$this->files->path}/rounds')) === 3) exit(9);
            return new PDO('sqlite::memory:');
        }";
        file_put_contents("{$this->files->path}/db.php", "<?php return shop_db(...); $connects");
        // There is no table: each round fails, and the next one is made nevertheless.
        self::assertSame(9, $this->outbox("{$this->files->path}/db.php", '--every', '0.1')[1]);
        self::assertStringNotContainsString('redeclare', implode($this->files->lines('errors')));

        file_put_contents("{$this->files->path}/db.php", "<?php return shop_db(); $connects");
        self::assertSame(64, $this->outbox("{$this->files->path}/db.php", '--every', '0.1')[1]);
        self::assertStringContainsString('declares shop_db()', implode($this->files->lines('errors')));
    }

    public function testTheCommandRefusesWhatItDoesNotKnow(): void
    {
        self::assertSame(64, $this->outbox('--schema', 'oracle')[1]);
        self::assertSame(64, $this->outbox('--unknown')[1]);
        foreach (['now', '0', '-1', '1e-9', '0.05', '86401', '1e400', 'nan'] as $seconds) {
            self::assertSame(64, $this->outbox('file.php', '--every', $seconds)[1], $seconds);
        }
        self::assertSame(1, $this->outbox('/nonexistent')[1]);
        self::assertStringContainsString('appserver-outbox FILE', $this->outbox('--help')[0]);
    }

    /** @return array{string, int} */
    private function outbox(string ...$arguments): array
    {
        return (new Child("$this->package/bin/appserver-outbox", $arguments, "{$this->files->path}/errors"))->end();
    }

    private function composer(string $command): void
    {
        $this->shell("composer --working-dir=$this->package --no-interaction --quiet $command");
    }

    private function shell(string $command): void
    {
        exec("COMPOSER_ALLOW_SUPERUSER=1 $command 2>&1", $output, $status);
        self::assertSame(0, $status, "$command: " . implode("\n", $output));
    }
}
