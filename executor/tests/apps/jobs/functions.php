<?php
declare(strict_types=1);

namespace Jobs;

use AppServer\{Backoff, Job, Queued, Remote, Schedule};

#[Queued(queue: 'images', attempts: 5, backoff: new Backoff(base: 2, max: 60, jitter: 0.25))]
final class Resize extends Job
{
    public function __construct(private string $file)
    {
    }

    public function run(mixed $before = null): string
    {
        return "$this->file after " . json_encode($before) . ', attempt ' . Job::current()->attempt;
    }
}

final class Fails extends Job
{
    public function run(): never
    {
        throw new \DomainException('never works');
    }
}

final class Hidden extends Job
{
    #[Remote(export: false)]
    public function run(): void
    {
    }
}

abstract class Base extends Job
{
    public static int $count = 0;
    protected int $shared = 1;
    private ?int $secret = null;
}

final class Stored extends Base
{
    protected int $shared = 2;
    private string $secret = '';
    public $loose;

    public function __construct(private readonly ?\DateTimeImmutable $at = null)
    {
    }

    public function run(): void
    {
    }
}

final class StoresItself extends Job
{
    private int $number = 0;

    public function __serialize(): array
    {
        return [];
    }

    public function run(): void
    {
    }
}

function resize(string $file): Resize
{
    return new Resize($file);
}

function fails(): Fails
{
    return new Fails();
}

function seen(mixed ...$arguments): array
{
    return [$arguments, Job::current()];
}

#[Queued(backoff: [1, 2.5], timeout: 0.5, rate: '100/60s', concurrency: 2)]
function counts(int $to): string
{
    for ($i = 1; $i <= $to; $i++) {
        \AppServer\progress($i, $to, "step $i");
    }
    return 'counted';
}

#[Schedule('*/5 * * * *', timezone: 'Europe/Berlin', missed: 'skip')]
#[Schedule('@hourly')]
function tidies(int $most = 5): void
{
}

function forks(): bool
{
    $child = pcntl_fork();
    if ($child === 0) {
        \AppServer\progress(666);
        exit;
    }
    pcntl_waitpid($child, $status);
    \AppServer\progress(1);
    return true;
}

function exits(): never
{
    for ($i = 1; $i <= 100; $i++) {
        \AppServer\progress($i);
    }
    exit(3);
}
