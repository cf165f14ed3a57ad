<?php

declare(strict_types=1);

namespace AppServer\Tests\Bridge;

use AppServer\Bridge\Symfony\Dsn;
use AppServer\Bridge\Symfony\JobStamp;
use AppServer\Bridge\Symfony\Treatment;
use AppServer\Client;
use AppServer\Job;
use AppServer\JobFailedException;
use AppServer\JobState;
use AppServer\Limit;
use AppServer\Tests\Files;
use AppServer\Tests\Wait;
use AppServer\Unique;
use AppServer\UniqueMode;
use Bulk;
use Mail;
use Messages;
use PHPUnit\Framework\TestCase;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Exception\InvalidArgumentException;
use Symfony\Component\Messenger\Exception\LogicException;
use Symfony\Component\Messenger\Exception\TransportException;
use Symfony\Component\Messenger\Stamp\DelayStamp;
use Symfony\Component\Messenger\Stamp\TransportMessageIdStamp;
use Symfony\Component\Messenger\Worker;

require_once __DIR__ . '/../app/bootstrap.php';
require_once __DIR__ . '/../app/messages.php';

/** Messenger's own code on both sides: its bus here, its worker in the executor. */
final class SymfonyTest extends TestCase
{
    private Files $files;

    protected function setUp(): void
    {
        $this->files = new Files();
    }

    protected function tearDown(): void
    {
        $this->files->remove();
    }

    public function testADispatchedMessageIsHandledByTheDeployedApplication(): void
    {
        $id = $this->dispatch('hello');
        Job::find($id)->await(60);
        self::assertSame(['first', 'hello'], $this->lines());
        $job = Job::find($id);
        self::assertSame(['consume_message', 'mails', 1], [$job->function, $job->queue, $job->attemptsMax]);
    }

    public function testStampsSayHowTheJobIsTreated(): void
    {
        $unique = new Unique(uniqid('mail', true), UniqueMode::Existing);
        $stamp = new JobStamp(queue: 'urgent', priority: 9, unique: $unique, tags: ['mail']);
        $id = $this->dispatch('later', new DelayStamp(3_600_000), $stamp);
        $job = Job::find($id);
        self::assertSame(
            ['urgent', 9, ['mail'], JobState::Waiting],
            [$job->queue, $job->priority, $job->tags, $job->state],
        );
        self::assertEqualsWithDelta(3600, $job->dueAt - $job->madeAt, 1);
        self::assertSame($id, $this->dispatch('later', $stamp));
        $job->cancel();
    }

    public function testMessengersRetryStrategyHolds(): void
    {
        // First, and two retries.
        $this->dispatch('fails');
        $this->waitForLines(3);
        self::assertSame(['first', 'retry', 'retry'], $this->lines());
    }

    public function testWhatCanNeverWorkIsNotTriedAgain(): void
    {
        $this->waitUntilDead($this->dispatch('unrecoverable'), 'never will');
        self::assertSame(['first'], $this->lines());
    }

    public function testWhatWillWorkIsTriedBeyondTheStrategy(): void
    {
        $this->dispatch('recoverable');
        $this->waitForLines(5);
        self::assertSame(['first', 'retry', 'retry', 'retry', 'retry'], $this->lines());
    }

    public function testWhatCanNeverWorkTakesNoFurtherAttemptOfItsJob(): void
    {
        $messages = new Messages('appserver://?attempts=3&backoff=0');
        $id = $this->idOf($messages->bus->dispatch(new Mail($this->file(), 'unrecoverable')));
        $this->waitUntilDead($id, 'never will');
        self::assertSame(['first'], $this->lines());
    }

    public function testWithoutMessengersListenersTheJobsOwnAttemptsHold(): void
    {
        $this->waitUntilDead($this->direct('fails'), 'failed');
        self::assertSame(['first', 'first', 'first'], $this->lines());
    }

    public function testWithoutMessengersListenersWhatCanNeverWorkIsNotTriedAgain(): void
    {
        $this->waitUntilDead($this->direct('unrecoverable'), 'never will');
        self::assertSame(['first'], $this->lines());
    }

    public function testWithoutMessengersListenersWhatWillWorkIsTriedBeyondTheJobsAttempts(): void
    {
        $id = $this->direct('recoverable');
        Job::find($id)->await(60);
        self::assertCount(5, array_diff($this->lines(), ['recoverable']));
        self::assertSame(
            [0, ['released', 'released', 'released', 'released', 'returned']],
            [Job::find($id)->failures, array_column(Job::find($id)->attempts, 'outcome')],
        );
    }

    public function testAProcessThatDiesAfterItsRetryWasQueuedQueuesNoSecondOne(): void
    {
        $id = $this->dispatch('dies');
        Job::find($id)->await(60);
        self::assertSame(1, Job::find($id)->crashes);
        // The same key again gives the job that is there.
        $retry = Job::find(\AppServer\queue('seen', idempotencyKey: "$id:retry:1"));
        self::assertSame('consume_message', $retry->function);
        $retry->await(60);
        $lines = $this->lines();
        sort($lines);
        self::assertSame(['first', 'first', 'retry'], $lines);
    }

    public function testARetryIsTreatedAsTheMessageWas(): void
    {
        $stamp = new JobStamp(
            queue: 'urgent',
            priority: 9,
            timeout: 20,
            unique: uniqid('mail', true),
            group: uniqid('group', true),
            limit: new Limit('limit', rate: '100/s'),
            tags: ['mail'],
        );
        $id = $this->dispatch('fails', $stamp);
        Job::find($id)->await(60);
        $first = Job::find($id);
        $retry = Job::find(\AppServer\queue('seen', idempotencyKey: "$id:retry:1", group: $stamp->group));
        foreach (['function', 'queue', 'priority', 'group', 'tags'] as $property) {
            self::assertSame($first->$property, $retry->$property, $property);
        }
        self::assertSame(9, $retry->priority);
        $this->waitForLines(3);
    }

    public function testWhatTheStampSaysTravelsWithEverySerializer(): void
    {
        $stamp = new JobStamp(timeout: 20, expires: 60, unique: 'u', limit: new Limit('l', 2, '5/s'), idempotencyKey: 'k');
        $encoded = Treatment::write(['body' => 'b'], $stamp);
        self::assertSame('{"timeout":20,"expires":60,"limit":{"key":"l","concurrency":2,"rate":"5\/s"}}', json_encode($encoded['appserver']));
        $read = Treatment::read($encoded);
        self::assertEquals(new JobStamp(timeout: 20, expires: 60, limit: new Limit('l', 2, '5/s')), $read);
        self::assertSame(['body' => 'b'], $encoded);
        self::assertNull(Treatment::read($encoded));
        self::assertSame(['body' => 'b'], Treatment::write($encoded, new JobStamp(unique: 'u')));
    }

    public function testBatchHandlersAreFlushed(): void
    {
        $envelope = (new Messages())->bus->dispatch(new Bulk($this->file()));
        Job::find($this->idOf($envelope))->await(60);
        self::assertSame(['flushed'], $this->lines());
    }

    public function testWithoutAWorkerDispatchingFails(): void
    {
        $messages = new Messages();
        $transport = (new \AppServer\Bridge\Symfony\TransportFactory(new Client(workers: 'unix:/nonexistent')))
            ->createTransport('appserver://', [], $messages->serializer);
        $this->expectException(TransportException::class);
        $transport->send(new Envelope(new Mail($this->file(), 'nobody')));
    }

    public function testMessengerConsumeSaysThatThereIsNothingToDo(): void
    {
        $messages = new Messages();
        $this->expectException(LogicException::class);
        $this->expectExceptionMessage('consume_message(), which is deployed');
        (new Worker(['async' => $messages->transport], $messages->bus))->run();
    }

    public function testDsn(): void
    {
        $dsn = Dsn::of(
            'appserver://?app=shop&queue=mails&attempts=3&backoff=1,2.5&timeout=30',
            ['transport_name' => 'async', 'queue' => 'first'],
        );
        self::assertSame('shop:consume_message', $dsn->target);
        self::assertEquals(
            ['attempts' => 3, 'queue' => 'first', 'backoff' => [1.0, 2.5], 'timeout' => 30.0],
            $dsn->job,
        );
        $this->expectException(InvalidArgumentException::class);
        $this->expectExceptionMessage('"qeue"');
        Dsn::of('appserver://?qeue=mails', []);
    }

    private function dispatch(string $text, object ...$stamps): string
    {
        return $this->idOf((new Messages())->bus->dispatch(new Mail($this->file(), $text), $stamps));
    }

    /** A message of three attempts, to a function that gives Messenger no listeners. */
    private function direct(string $text): string
    {
        $messages = new Messages('appserver://?function=consume_directly&attempts=3&backoff=0');
        return $this->idOf($messages->bus->dispatch(new Mail($this->file(), $text)));
    }

    private function waitUntilDead(string $id, string $why): void
    {
        try {
            Job::find($id)->await(60);
            self::fail('it is done');
        } catch (JobFailedException $error) {
            self::assertStringContainsString($why, $error->getMessage());
        }
        self::assertSame(JobState::Dead, Job::find($id)->state);
    }

    private function idOf(Envelope $envelope): string
    {
        return $envelope->last(TransportMessageIdStamp::class)->getId();
    }

    private function file(): string
    {
        return "{$this->files->path}/mails";
    }

    /** @return list<string> */
    private function lines(): array
    {
        return $this->files->lines('mails');
    }

    private function waitForLines(int $count): void
    {
        Wait::until("the file has $count lines", fn (): bool => count($this->lines()) >= $count);
    }
}
