<?php

declare(strict_types=1);

namespace AppServer\Tests\Outbox;

use AppServer\Client;
use AppServer\Outbox;
use AppServer\Tests\Administrator;
use AppServer\Tests\Files;
use PDO;
use PHPUnit\Framework\TestCase;
use ValueError;

/** What becomes of rows that cannot be sent, and of those behind them. One database speaks for all. */
final class RelayTest extends TestCase
{
    private Files $files;
    private PDO $db;
    private Outbox $outbox;
    private string $log;

    protected function setUp(): void
    {
        $this->files = new Files();
        $this->db = new PDO("sqlite:{$this->files->path}/shop.db");
        $this->outbox = \AppServer\outbox($this->db);
        $this->outbox->migrate();
        $this->log = (string) ini_set('error_log', "{$this->files->path}/errors");
    }

    protected function tearDown(): void
    {
        ini_set('error_log', $this->log);
        $this->files->remove();
    }

    /** @return array<string, array{array<string, mixed>}> */
    public static function optionsThatCannotBe(): array
    {
        return [
            'a queue' => [['queue' => 'my queue']],
            'a tag' => [['tags' => [str_repeat('t', 70)]]],
            'a group' => [['group' => str_repeat('g', 300)]],
            'a time' => [['keep' => 11 * 365 * 86_400.0]],
        ];
    }

    /**
     * @dataProvider optionsThatCannotBe
     * @param array<string, mixed> $options
     */
    public function testOptionsThatCannotBeAreRefusedAtOnce(array $options): void
    {
        $this->expectException(ValueError::class);
        $this->expectExceptionMessage('($' . key($options) . ') must be');
        $this->outbox->queue('seen', ...$options);
    }

    /**
     * As another version may have let them pass.
     *
     * @dataProvider optionsThatCannotBe
     * @param array<string, mixed> $options
     */
    public function testOptionsThatCannotBeHoldUpNoOthers(array $options): void
    {
        $poison = $this->outbox->queue('seen');
        $this->db->prepare('UPDATE appserver_outbox SET options = ? WHERE job_key = ?')
            ->execute([json_encode($options), $poison]);
        $behind = $this->outbox->queue('seen');
        self::assertSame([$behind], array_keys($this->outbox->relay()));
        self::assertStringContainsString('($' . key($options) . ') must be', $this->errorOf($poison));
        self::assertSame([], $this->outbox->relay());
    }

    public function testADrainedQueueHoldsUpNoOthers(): void
    {
        $queue = 'drained-' . getmypid();
        Administrator::queue('drain', $queue, '--app', 'library');
        $drained = $this->outbox->queue('seen', queue: $queue, group: 'g');
        $grouped = $this->outbox->queue('seen', group: 'g');
        $other = $this->outbox->queue('seen');
        self::assertSame([$other], array_keys($this->outbox->relay()));
        self::assertStringContainsString('is being drained', $this->errorOf($drained));

        Administrator::queue('resume', $queue, '--app', 'library');
        $this->timePasses();
        self::assertSame([$drained, $grouped], array_keys($this->outbox->relay()));
    }

    public function testAWorkerThatIsAwayHoldsUpItsOwnJobsAlone(): void
    {
        // By its key each job falls to one of both: all of 60 to the same one once in 2^59 times.
        $one = ini_get('appserver.workers');
        $both = new Outbox($this->db, new Client(workers: "$one,unix:{$this->files->path}/nobody"));
        $keys = [];
        for ($number = 0; $number < 60; $number++) {
            $keys[] = $both->queue('seen', [$number], group: uniqid('group', true));
        }
        $sent = array_keys($both->relay());
        self::assertNotEmpty($sent);
        self::assertSame(60 - count($sent), $both->waiting());
        self::assertGreaterThan(0, $both->waiting());
        foreach (array_diff($keys, $sent) as $key) {
            self::assertStringContainsString('cannot be reached', $this->errorOf($key));
        }
        self::assertCount(1, $this->files->lines('errors'), 'one reason is told once');
        // Nobody is there for any of the others.
        $this->timePasses();
        try {
            $both->relay();
            self::fail();
        } catch (\AppServer\ConnectException) {
            self::assertSame(60 - count($sent), $both->waiting());
        }
    }

    public function testWhatIsRefusedCountsAmongWhatIsTried(): void
    {
        for ($number = 0; $number < 20; $number++) {
            $this->outbox->queue('not_deployed');
        }
        $this->outbox->queue('seen');
        self::assertSame([], $this->outbox->relay(5));
        self::assertSame(5, (int) $this->db->query('SELECT SUM(refusals) FROM appserver_outbox')->fetchColumn());
        self::assertCount(1, $this->outbox->relay(16));
    }

    private function errorOf(string $key): string
    {
        $statement = $this->db->prepare('SELECT error FROM appserver_outbox WHERE job_key = ?');
        $statement->execute([$key]);
        return (string) $statement->fetchColumn();
    }

    /** What was put off is due. */
    private function timePasses(): void
    {
        $this->db->exec('UPDATE appserver_outbox SET retry_at = 1');
    }
}
