<?php

declare(strict_types=1);

namespace AppServer\Tests\Outbox;

use AppServer\Backoff;
use AppServer\Job;
use AppServer\JobState;
use AppServer\Limit;
use AppServer\Outbox;
use AppServer\Outbox\Table;
use AppServer\Tests\Child;
use AppServer\Tests\Files;
use AppServer\Tests\Wait;
use AppServer\Unique;
use AppServer\UniqueMode;
use LogicException;
use PHPUnit\Framework\TestCase;
use RuntimeException;

require_once __DIR__ . '/../app/functions.php';

/** What the outbox promises, on each database. */
abstract class Cases extends TestCase
{
    private Files $files;
    protected HookedPdo $db;
    protected Outbox $outbox;

    abstract protected function dsn(): string;

    protected function setUp(): void
    {
        $this->files = new Files();
        $this->db = $this->connect();
        $this->outbox = \AppServer\outbox($this->db);
        $this->db->exec('DROP TABLE IF EXISTS appserver_outbox');
        $this->db->exec('DROP TABLE IF EXISTS orders');
        $this->db->exec('CREATE TABLE orders (number INTEGER)');
        $this->outbox->migrate();
    }

    protected function tearDown(): void
    {
        $this->files->remove();
    }

    public function testAJobIsThereWhenItsTransactionIs(): void
    {
        $key = $this->outbox->transaction(function (Outbox $outbox): string {
            $this->db->exec('INSERT INTO orders VALUES (1)');
            return $outbox->queue('note', [$this->file(), 'paid']);
        });
        self::assertMatchesRegularExpression('/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/', $key);
        // It was relayed at once: the same key is the same job.
        self::assertSame(0, $this->outbox->waiting());
        self::assertSame('paid', $this->resultOf($key));
        self::assertSame(['paid'], $this->noted());
    }

    public function testNothingIsLeftOfATransactionThatIsRolledBack(): void
    {
        try {
            $this->outbox->transaction(function (Outbox $outbox): never {
                $outbox->queue('note', [$this->file(), 'never']);
                self::assertSame(1, $outbox->waiting());
                throw new RuntimeException('no');
            });
        } catch (RuntimeException $error) {
            self::assertSame('no', $error->getMessage());
        }
        self::assertFalse($this->db->inTransaction());
        self::assertSame(0, $this->outbox->waiting());
        self::assertSame([], $this->outbox->relay());
    }

    public function testArgumentsAndOptionsArriveAsTheyWereGiven(): void
    {
        $arguments = ["\x00\xff binary", 1.5, ['a' => null, 7 => [true]], 'named' => new \DateTimeImmutable('2026-01-02')];
        $runAt = new \DateTimeImmutable('+1 hour');
        $this->db->beginTransaction();
        $plain = $this->outbox->queue('seen', $arguments);
        $object = $this->outbox->queue(new \Greeting('Anna', new \DateTimeImmutable('2026-05-05')));
        $full = $this->outbox->queue(
            'seen',
            queue: 'slow',
            runAt: $runAt,
            priority: -5,
            attempts: 7,
            crashAttempts: 2,
            backoff: new Backoff(2, 60, 0.25),
            timeout: 30,
            expires: 7200,
            unique: new Unique(uniqid('unique', true), UniqueMode::Existing),
            group: uniqid('group', true),
            limit: new Limit('limit', rate: '5/s'),
            tags: ['one', 'two'],
            idempotencyKey: $key = uniqid('mine', true),
            keep: 60,
        );
        $delayed = $this->outbox->queue('seen', delay: 3600, backoff: [1, 2.5], unique: uniqid('u', true));
        $this->outbox->commit();

        [$seen, $seenKey] = $this->resultOf($plain);
        self::assertEquals($arguments, $seen);
        self::assertSame($plain, $seenKey);
        self::assertSame('Hello Anna, it is 2026', $this->resultOf($object));

        self::assertSame($key, $full);
        $job = Job::find($this->idOf($full));
        self::assertSame(
            ['seen', 'slow', -5, 7, ['one', 'two'], $key, JobState::Waiting],
            [$job->function, $job->queue, $job->priority, $job->attemptsMax, $job->tags, $job->idempotencyKey, $job->state],
        );
        self::assertEqualsWithDelta((float) $runAt->format('U.v'), $job->dueAt, 0.01);
        $delayedJob = Job::find($this->idOf($delayed));
        self::assertGreaterThan(3000, $delayedJob->dueAt - $delayedJob->madeAt);
        $job->cancel();
        $delayedJob->cancel();
    }

    public function testAKillBetweenAcknowledgementAndRemovalMakesNoSecondJob(): void
    {
        $key = $this->outbox->queue('note', [$this->file(), 'once']);
        [, $status] = $this->child('relay', 'DELETE FROM appserver_outbox');
        self::assertSame(-SIGKILL, $status);
        self::assertSame(1, $this->outbox->waiting());
        $ids = [];
        // A server keeps the lock of the killed one until it has seen its end.
        Wait::until('it is relayed', function () use (&$ids): bool {
            $ids += $this->outbox->relay();
            return $this->outbox->waiting() === 0;
        });
        self::assertSame('once', Job::find($ids[$key])->await(60));
        self::assertSame(['once'], $this->noted());
    }

    public function testAKillBeforeTheCommitLeavesNothing(): void
    {
        [, $status] = $this->child('queue', 'before COMMIT');
        self::assertSame(-SIGKILL, $status);
        self::assertSame(0, $this->outbox->waiting());
    }

    public function testAKillAfterTheCommitLosesNothing(): void
    {
        [, $status] = $this->child('queue', 'after COMMIT');
        self::assertSame(-SIGKILL, $status);
        self::assertSame(1, $this->outbox->waiting());
        $ids = $this->outbox->relay();
        self::assertSame('from a child', Job::find(reset($ids))->await(60));
        self::assertSame(['from a child'], $this->noted());
    }

    public function testSeveralRelaysSendEachJobOnceAndInOrder(): void
    {
        $group = uniqid('group', true);
        $this->db->beginTransaction();
        for ($number = 0; $number < 250; $number++) {
            $keys[] = $this->outbox->queue('note', [$this->file(), (string) $number], group: $group);
        }
        $this->db->commit();
        $children = [];
        for ($number = 0; $number < 3; $number++) {
            $children[] = new Child(__DIR__ . '/child.php', [$this->dsn(), 'relay', $this->file()]);
        }
        $ids = [];
        foreach ($children as $child) {
            [$output, $status] = $child->end();
            self::assertSame(0, $status);
            $ids += json_decode($output, true);
        }
        $ids += $this->outbox->relay();
        self::assertSame(0, $this->outbox->waiting());
        self::assertCount(250, $ids);
        self::assertSame('249', Job::find($ids[$keys[249]])->await(60));
        self::assertSame(array_map(strval(...), range(0, 249)), $this->noted());
    }

    public function testOneRelayAtATime(): void
    {
        $this->outbox->queue('note', [$this->file(), 'mine']);
        $turn = (new Table($this->connect()))->turn();
        $held = $turn->take(function (): void {
            self::assertSame(['[]', 0], $this->child('relay'));
        });
        self::assertTrue($held);
        self::assertCount(1, $this->outbox->relay());
    }

    public function testWhatIsCommittedDuringARelayIsRelayedByIt(): void
    {
        $this->outbox->queue('note', [$this->file(), 'first']);
        // The child's own relay finds that it is not its turn.
        $this->db->at('DELETE FROM appserver_outbox', function (): void {
            self::assertSame(['', 0], $this->child('queue'));
            self::assertSame(2, (new Table($this->connect()))->count());
        });
        self::assertCount(2, $this->outbox->relay());
    }

    public function testWhatAWorkerRefusesStaysAndHoldsUpItsGroupAlone(): void
    {
        $log = ini_set('error_log', '/dev/null');
        $group = uniqid('group', true);
        $this->outbox->queue('not_deployed_yet', group: $group);
        $this->outbox->queue('note', [$this->file(), 'behind it'], group: $group);
        $other = $this->outbox->queue('note', [$this->file(), 'beside it']);
        $ids = $this->outbox->relay();
        self::assertSame([$other], array_keys($ids));
        self::assertSame(2, $this->outbox->waiting());
        $error = $this->db->query("SELECT error FROM appserver_outbox WHERE target = 'not_deployed_yet'")->fetchColumn();
        self::assertStringContainsString('not_deployed_yet', (string) $error);

        // It was deployed meanwhile, and its time has come.
        $this->db->exec("UPDATE appserver_outbox SET target = 'seen', retry_at = 1 WHERE target = 'not_deployed_yet'");
        $ids = $this->outbox->relay();
        self::assertCount(2, $ids);
        self::assertSame('behind it', Job::find(end($ids))->await(60));
        ini_set('error_log', (string) $log);
    }

    public function testWithoutAWorkerTheRowsStay(): void
    {
        $log = ini_set('error_log', '/dev/null');
        $away = new Outbox($this->db, new \AppServer\Client(workers: "unix:{$this->files->path}/nobody"));
        $key = $away->transaction(fn () => $away->queue('note', [$this->file(), 'late']));
        self::assertSame(1, $this->outbox->waiting());
        try {
            $away->relay();
            self::fail();
        } catch (\AppServer\ConnectException) {
            self::assertFalse($this->db->inTransaction());
        } finally {
            ini_set('error_log', (string) $log);
        }
        self::assertSame([$key], array_keys($this->outbox->relay()));
    }

    public function testInsideATransactionNothingIsRelayed(): void
    {
        $this->db->beginTransaction();
        try {
            $this->outbox->relay();
            self::fail();
        } catch (LogicException $error) {
            self::assertStringContainsString('inside a transaction', $error->getMessage());
        } finally {
            $this->db->rollBack();
        }
    }

    protected function connect(): HookedPdo
    {
        return new HookedPdo($this->dsn(), str_starts_with($this->dsn(), 'mysql:') ? 'root' : null);
    }

    private function file(): string
    {
        return "{$this->files->path}/notes";
    }

    /** @return list<string> */
    private function noted(): array
    {
        return $this->files->lines('notes');
    }

    /** @return array{string, int} */
    private function child(string $work, ?string $killedAt = null): array
    {
        $arguments = [$this->dsn(), $work, $this->file(), ...(array) $killedAt];
        return (new Child(__DIR__ . '/child.php', $arguments))->end();
    }

    /** The same key again gives the job that is there. */
    private function idOf(string $key): string
    {
        return \AppServer\queue('seen', ['not this one'], idempotencyKey: $key);
    }

    private function resultOf(string $key): mixed
    {
        return Job::find($this->idOf($key))->await(60);
    }
}
