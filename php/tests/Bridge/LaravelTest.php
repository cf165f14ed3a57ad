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
            ['consume_job', 'receipts', ['SendReceipt'], 1],
            [$job->function, $job->queue, $job->tags, $job->attemptsMax],
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
        $this->queue()->push($this->receipt('fails'));
        $this->waitForLines(4);
        self::assertSame(
            ['attempt 1', 'attempt 2', 'failed: failed', 'logged by jobs, laravel: failed'],
            $this->lines(),
        );
    }

    public function testTriesOfTheJobComeFirst(): void
    {
        $receipt = $this->receipt('fails');
        $receipt->tries = 1;
        $id = $this->queue()->push($receipt);
        try {
            Job::find($id)->await(60);
            self::fail();
        } catch (JobFailedException $error) {
            self::assertStringContainsString('RuntimeException: failed', $error->getMessage());
        }
        self::assertSame(
            ['attempt 1', 'failed: failed', 'logged by jobs, laravel: failed'],
            $this->lines(),
        );
    }

    public function testReleasePutsTheJobBack(): void
    {
        $id = $this->queue()->push($this->receipt('releases'));
        Job::find($id)->await(60);
        $this->waitForLines(2);
        self::assertSame(['attempt 1', 'attempt 2'], $this->lines());
    }

    public function testAJobThatGivesUpIsDead(): void
    {
        $id = $this->queue()->push($this->receipt('gives up'));
        try {
            Job::find($id)->await(60);
            self::fail();
        } catch (JobFailedException) {
            self::assertSame(JobState::Dead, Job::find($id)->state);
        }
        self::assertSame(
            ['attempt 1', 'failed: gave up', 'logged by jobs, laravel: gave up'],
            $this->lines(),
        );
    }

    public function testAProcessThatDiesAfterItsReleaseReleasesOnce(): void
    {
        $id = $this->queue()->push($this->receipt('dies'));
        Job::find($id)->await(60);
        // The same key again gives the job that is there.
        $released = Job::find(\AppServer\queue('seen', idempotencyKey: "$id:released"));
        self::assertSame('consume_job', $released->function);
        $released->await(60);
        self::assertSame(1, Job::find($id)->crashes);
    }

    public function testSeveralAtOnceAndRawPayloads(): void
    {
        $this->queue()->bulk([$this->receipt('works'), $this->receipt('works')]);
        $this->waitForLines(2);
        self::assertSame(['attempt 1', 'attempt 1'], $this->lines());
    }

    public function testAReleaseThatCannotBeQueuedIsAFailure(): void
    {
        $id = laravel()->make('queue')->connection('one way')->push($this->receipt('releases'));
        try {
            Job::find($id)->await(60);
            self::fail('its second attempt is lost');
        } catch (JobFailedException $error) {
            self::assertStringContainsString('not_deployed', $error->getMessage());
        }
        [$attempt, $logged] = $this->lines();
        self::assertSame('attempt 1', $attempt);
        self::assertStringContainsString('logged by one way, laravel: the worker exports no function', $logged);
    }

    public function testADeadJobThatIsRunAgainHasAllItsTries(): void
    {
        $receipt = $this->receipt('fails once');
        $receipt->tries = 1;
        $id = $this->queue()->push($receipt);
        try {
            Job::find($id)->await(60);
            self::fail();
        } catch (JobFailedException) {
            Administrator::queue('retry', $id);
        }
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
