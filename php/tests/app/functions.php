<?php

// What the outbox queues.

/** Adds a line to a file. */
function note(string $file, string $line): string
{
    file_put_contents($file, "$line\n", FILE_APPEND | LOCK_EX);
    return $line;
}

/** What the job was called with, and by which key. */
function seen(mixed ...$arguments): array
{
    return [$arguments, AppServer\Job::current()?->idempotencyKey];
}

final class Greeting extends AppServer\Job
{
    public function __construct(private readonly string $name, private readonly DateTimeImmutable $at)
    {
    }

    public function run(): string
    {
        return "Hello $this->name, it is {$this->at->format('Y')}";
    }
}
