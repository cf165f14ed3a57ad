<?php

declare(strict_types=1);

namespace AppServer\Tests\Bridge;

use AppServer\Bridge\Laravel\Consumer;
use AppServer\Job;
use AppServer\JobFailedException;
use AppServer\JobState;
use AppServer\Tests\Administrator;
use AppServer\Tests\Files;
use AppServer\Tests\Wait;
use BadMethodCallException;
use Illuminate\Contracts\Bus\Dispatcher;
use Illuminate\Contracts\Queue\Queue;
use LogicException;
use PHPUnit\Framework\TestCase;
use SendReceipt;

use function laravel;

require_once __DIR__ . '/../app/bootstrap.php';
require_once __DIR__ . '/../app/laravel.php';

/** Laravel's own code on both sides: its queue manager and bus here, its worker in the executor. */
final class LaravelTest extends TestCase
{
    private Files $files;

    protected function setUp(): void
    {
        // Laravel 8 with PHP 8.2.
        error_reporting(E_ALL & ~E_DEPRECATED);
        $this->files = new Files();
    }

    protected function tearDown(): void
    {
        error_reporting(E_ALL);
        $this->files->remove();
    }

    public function testADispatchedJobRunsInTheDeployedApplication(): void
    {
        $id = laravel()->make(Dispatcher::class)->dispatch($this->receipt('works')->onQueue('receipts'));
        Job::find($id)->await(60);
        $job = Job::find($id);
        self::assertSame(
            ['consume_job', 'receipts', ['SendReceipt']],
            [$job->function, $job->queue, $job->tags],
        );
        self::assertSame(['attempt 1'], $this->lines());
    }

    public function testADelayAndTheDefaultQueue(): void
    {
        $job = Job::find($this->queue()->later(new \DateInterval('PT1H'), $this->receipt('later')));
        self::assertSame(['laravel', JobState::Waiting], [$job->queue, $job->state]);
        self::assertEqualsWithDelta(3600, $job->dueAt - $job->madeAt, 2);
        $job->cancel();
    }

    public function testTriesOfTheConnectionHoldAndTheLastFailureIsLogged(): void
    {
        $id = $this->queue()->push($this->receipt('fails'));
        $this->waitUntilDead($id, 'RuntimeException: failed');
        self::assertSame(
            ['attempt 1', 'attempt 2', 'failed: failed', 'logged by jobs, laravel: failed'],
            $this->lines(),
        );
        self::assertSame(['failed', 'failed'], $this->outcomes($id));
    }

    public function testTriesOfTheJobComeFirst(): void
    {
        $receipt = $this->receipt('fails');
        $receipt->tries = 1;
        $id = $this->queue()->push($receipt);
        $this->waitUntilDead($id, 'RuntimeException: failed');
        self::assertSame(
            ['attempt 1', 'failed: failed', 'logged by jobs, laravel: failed'],
            $this->lines(),
        );
    }

    public function testReleasePutsTheSameJobBack(): void
    {
        $id = $this->queue()->push($this->receipt('releases'));
        Job::find($id)->await(60);
        self::assertSame(['attempt 1', 'attempt 2'], $this->lines());
        self::assertSame(['failed', 'returned'], $this->outcomes($id));
    }

    public function testReleaseWaitsAsLongAsItSays(): void
    {
        $receipt = $this->receipt('releases');
        $receipt->pause = 3600;
        $id = $this->queue()->push($receipt);
        Wait::until('it waits again', fn (): bool => Job::find($id)->failures + count(Job::find($id)->attempts) > 0);
        $job = Job::find($id);
        self::assertSame(JobState::Waiting, $job->state);
        self::assertEqualsWithDelta(3600, $job->dueAt - $job->attempts[0]->beganAt, 60);
        $job->cancel();
    }

    public function testAJobThatGivesUpIsDead(): void
    {
        $id = $this->queue()->push($this->receipt('gives up'));
        $this->waitUntilDead($id, 'gave up');
        self::assertSame(
            ['attempt 1', 'failed: gave up', 'logged by jobs, laravel: gave up'],
            $this->lines(),
        );
    }

    public function testAnExceptionThatCanNeverWorkFailsTheJob(): void
    {
        $id = $this->queue()->push($this->receipt('unrecoverable'));
        $this->waitUntilDead($id, 'never will');
        self::assertSame(
            ['attempt 1', 'failed: never will', 'logged by jobs, laravel: never will'],
            $this->lines(),
        );
    }

    public function testTimeOutsAreTriedAgainUntilLaravelFailsTheJob(): void
    {
        $receipt = $this->receipt('hangs');
        $receipt->timeout = 0.2;
        $id = $this->queue()->push($receipt);
        $this->waitUntilDead($id, 'attempted too many times');
        $lines = $this->lines();
        self::assertSame(['attempt 1', 'attempt 2'], array_slice($lines, 0, 2));
        self::assertStringStartsWith('failed: SendReceipt has been attempted too many times', $lines[2]);
        self::assertCount(4, $lines);
        self::assertSame(['timed-out', 'timed-out', 'failed'], $this->outcomes($id));
    }

    public function testAProcessThatDiesWhenItHasReleasedLeavesOneJob(): void
    {
        $id = $this->queue()->push($this->receipt('dies'));
        Job::find($id)->await(60);
        self::assertSame(['attempt 1', 'attempt 2'], $this->lines());
        self::assertSame(['crashed', 'returned'], $this->outcomes($id));
    }

    public function testSeveralAtOnceAndRawPayloads(): void
    {
        $this->queue()->bulk([$this->receipt('works'), $this->receipt('works')]);
        $this->waitForLines(2);
        self::assertSame(['attempt 1', 'attempt 1'], $this->lines());
    }

    public function testADeadJobThatIsRunAgainHasAllItsTries(): void
    {
        $receipt = $this->receipt('fails once');
        $receipt->tries = 1;
        $id = $this->queue()->push($receipt);
        $this->waitUntilDead($id, 'failed');
        Administrator::queue('retry', $id);
        Job::find($id)->await(60);
        self::assertSame(
            ['attempt 1', 'failed: failed', 'logged by jobs, laravel: failed', 'attempt 1'],
            $this->lines(),
        );
    }

    public function testALongNameOfAClassIsATagByItsEnd(): void
    {
        $receipt = $this->receipt('works');
        // The last 64 bytes begin inside the Ü.
        $end = str_repeat('x', 46) . '\\Jobs\\SendReceipt';
        $receipt->name = "App\\Ü$end";
        $id = $this->queue()->push($receipt);
        Job::find($id)->await(60);
        self::assertSame([63, [$end]], [strlen($end), Job::find($id)->tags]);
    }

    public function testAConsumerLeavesNothingBehind(): void
    {
        $id = $this->queue()->push($this->receipt('counts listeners'));
        Job::find($id)->await(60);
        self::assertSame(['attempt 1', 'listeners: 0'], $this->lines());
    }

    public function testOutsideAJobNothingIsConsumed(): void
    {
        $this->expectException(LogicException::class);
        $this->expectExceptionMessage('outside a job');
        (new Consumer(laravel()))->consume('jobs', 'laravel', '{}');
    }

    public function testThereIsNothingToPop(): void
    {
        $this->expectException(BadMethodCallException::class);
        $this->expectExceptionMessage('consume_job(), which is deployed');
        $this->queue()->pop();
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

    /** @return list<string> */
    private function outcomes(string $id): array
    {
        return array_column(Job::find($id)->attempts, 'outcome');
    }

    private function queue(): Queue
    {
        return laravel()->make('queue')->connection();
    }

    private function receipt(string $what): SendReceipt
    {
        return new SendReceipt("{$this->files->path}/receipts", $what);
    }

    /** @return list<string> */
    private function lines(): array
    {
        return $this->files->lines('receipts');
    }

    private function waitForLines(int $count): void
    {
        Wait::until("the file has $count lines", fn (): bool => count($this->lines()) >= $count);
    }
}
