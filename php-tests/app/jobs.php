<?php

// What the tests of jobs queue.

use AppServer\{Job, Queued};

function add(int $a, int $b): int
{
    return $a + $b;
}

/** What a job knows of itself, and what it was called with. */
function job_context(mixed ...$arguments): array
{
    return [$arguments, Job::current()?->attempt, Job::current()?->idempotencyKey, Job::current()?->batch];
}

#[Queued(attempts: 2, backoff: 0)]
function job_fails(string $why): never
{
    throw new DomainException($why);
}

#[Queued(attempts: 1, crashAttempts: 1)]
function job_exits(): never
{
    exit(3);
}

/** Fails, then crashes, then tells what it knows of that. */
#[Queued(backoff: 0)]
function job_counts(): array
{
    $job = Job::current();
    return match ($job->attempt) {
        1 => throw new DomainException('first'),
        2 => exit(3),
        default => [$job->attempt, $job->failures, $job->crashes],
    };
}

/** Says how far it is, and goes on when somebody has put the file there. */
function job_waits(string $file): string
{
    AppServer\progress(1, 3, 'waiting');
    while (!file_exists($file)) {
        usleep(2_000);
        clearstatcache();
    }
    return 'it is there';
}

/** What came before, and what it is called after, as a line of the file. */
function job_notes(mixed $before, string $file, string $event): void
{
    file_put_contents($file, "$event: " . json_encode($before) . "\n", FILE_APPEND | LOCK_EX);
}

final class Shout extends Job
{
    public function __construct(private readonly string $what, public ?DateTimeImmutable $at = null)
    {
    }

    public function run(mixed $before = null): string
    {
        return strtoupper($this->what) . ($before === null ? '' : ' ' . json_encode($before));
    }
}

final class KeepsState extends Job
{
    private string $text = '';

    public function __serialize(): array
    {
        return ['text' => $this->text];
    }

    public function __unserialize(array $data): void
    {
        $this->text = $data['text'];
    }

    public function run(): string
    {
        return strtoupper($this->text);
    }
}

#[Queued(attempts: 1)]
final class Broken extends Job
{
    public function run(): never
    {
        throw new LogicException('broken');
    }
}

final class NoSuchCustomer extends DomainException implements AppServer\Unrecoverable
{
}

function job_gives_up(string $how): never
{
    throw match ($how) {
        'NoSuchCustomer' => new NoSuchCustomer('no such customer'),
        'wrapped' => new RuntimeException('wrapped', previous: new NoSuchCustomer('no such customer')),
        default => new AppServer\UnrecoverableException('no such customer'),
    };
}

/** Works at the attempt of that number. */
function job_comes_back(int $works, float $after, bool $counts = false): int
{
    $attempt = Job::current()->attempt;
    return $attempt < $works ? throw new AppServer\RetryAfter($after, $counts, 'not yet') : $attempt;
}
