<?php

declare(strict_types=1);

/**
 * Calls of every kind, over and over, for the bench to see whether a process grows. Reads a number of
 * calls per line, makes them, and answers "done".
 */
$calls = [
    static fn () => expect(appserver_call('hello', 'world') === 'Hello world'),
    static fn () => expect(appserver_call('hello_resident', name: 'world') === 'Hello world'),
    static fn () => expect(appserver_call('total', [1, 2, 3, 4]) === 10),
    static fn () => expect(count(appserver_call('rows', 10)) === 10),
    static fn () => expect(appserver_call('join_words', '-', 'a', 'b') === 'a-b'),
    static fn () => expect(appserver_async('hello', 'world')->await() === 'Hello world'),
    static fn () => expect(appserver_call('Point::middle', new Point(0, 0), new Point(2, 4))->y === 2.0),
    static fn () => expect(appserver_call('chatter', 'talking') === 7),
    static fn () => expect(appserver_call('litter') === 1),
    static fn () => expect(is_rejected()),
];

final class Point
{
    public function __construct(public float $x = 0.0, public float $y = 0.0)
    {
    }
}

appserver_call('hello', 'world');
fwrite(STDOUT, "ready\n");
while (($line = fgets(STDIN)) !== false) {
    $count = (int) $line;
    for ($i = 0; $i < $count; $i++) {
        $calls[$i % count($calls)]();
    }
    fwrite(STDOUT, "done\n");
}

function is_rejected(): bool
{
    try {
        appserver_call('reject', 'no');
        return false;
    } catch (DomainException) {
        return true;
    }
}

function expect(bool $as_it_should_be): void
{
    if (!$as_it_should_be) {
        fwrite(STDERR, "a call returned something else than it should\n");
        exit(1);
    }
}
