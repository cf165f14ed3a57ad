--TEST--
Options of jobs: what makes no sense is refused before anything is sent
--INI--
appserver.workers=unix:/nonexistent/appserver.sock
--FILE--
<?php
use AppServer\{Backoff, Batch, Chain, Client, Limit, Queued, Schedule, Unique, UniqueMode};

foreach ([
    fn() => new Backoff(jitter: 1.5),
    fn() => new Backoff(base: -1),
    fn() => new Backoff('soon'),
    fn() => new Unique(''),
    fn() => new Unique(str_repeat('k', 256)),
    fn() => new Unique('k', UniqueMode::Throttle),
    fn() => new Unique('k', window: 5),
    fn() => new Limit('k'),
    fn() => new Limit('k', 0),
    fn() => new Limit('k', rate: 'often'),
    fn() => new Limit('k', rate: '2000000/h'),
    fn() => new Queued(attempts: 0),
    fn() => new Queued(queue: 'my mails'),
    fn() => new Queued(rate: '5/0s'),
    fn() => new Schedule('* * * * *', missed: 'never'),
    fn() => AppServer\queue('f', delay: -1),
    fn() => AppServer\queue('f', delay: 315_360_001),
    fn() => AppServer\queue('f', queue: 'my mails'),
    fn() => AppServer\queue('f', delay: 1, runAt: new DateTime()),
    fn() => AppServer\queue('f', runAt: new DateTime('1960-01-01')),
    fn() => AppServer\queue('f', runAt: 1_900_000_000),
    fn() => AppServer\queue('f', priority: 128),
    fn() => AppServer\queue('f', timeout: 0),
    fn() => AppServer\queue('f', backoff: []),
    fn() => AppServer\queue('f', backoff: [1, 'x']),
    fn() => AppServer\queue('f', backoff: 'later'),
    fn() => AppServer\queue('f', backoff: range(1, 101)),
    fn() => AppServer\queue('f', group: ''),
    fn() => AppServer\queue('f', group: str_repeat('g', 256)),
    fn() => AppServer\queue('f', tags: range(1, 20)),
    fn() => AppServer\queue('f', tags: array_fill(0, 17, 't')),
    fn() => AppServer\queue('f', tags: [str_repeat('t', 65)]),
    fn() => AppServer\queue('f', batch: '17'),
    fn() => AppServer\queue('f', 1),
    fn() => AppServer\queue('f', ['a' => 1, 2]),
    fn() => AppServer\queue('f', nothing: 1),
    fn() => AppServer\queue(1),
    fn() => AppServer\queue(),
    fn() => appserver_queue(''),
    fn() => appserver_queue('My App:f'),
    fn() => (new Client())->withJob(attempts: 70_000),
    fn() => new Batch(client: (new Client())->withJob(unique: 'k')),
    fn() => (new Batch())->queue(),
    fn() => (new Batch())->add('other:f'),
    fn() => (new Chain())->queue(),
    fn() => AppServer\progress(-1),
] as $wrong) {
    try {
        $wrong();
        echo "taken\n";
    } catch (AppServer\ConnectException) {
        echo "sent\n";
    } catch (Throwable $error) {
        echo $error::class, ': ', $error->getMessage(), "\n";
    }
}

echo "-- and what does\n";
foreach ([
    fn() => AppServer\queue('f', delay: 315_360_000),
    fn() => AppServer\queue('f', backoff: range(1, 100), group: str_repeat('g', 255)),
    fn() => AppServer\queue('f', [1], 'mail', runAt: new DateTimeImmutable('+1 hour'), backoff: 5, expires: 60),
    fn() => AppServer\queue('f', backoff: [1, 2.5], unique: 'k', limit: new Limit('l', 1, '5/s'), keep: 0),
    fn() => (new Client())->withJob(backoff: new Backoff(), unique: new Unique('k', UniqueMode::Debounce, 5))->queue('f', x: 1),
] as $right) {
    try {
        $right();
    } catch (AppServer\ConnectException) {
        echo "sent\n";
    }
}
var_dump(AppServer\progress(1, 2, 'in no job'), AppServer\Job::current());
?>
--EXPECT--
ValueError: AppServer\Backoff::__construct(): Argument #3 ($jitter) must be from 0 (none) to 1
ValueError: AppServer\Backoff::__construct(): Argument #1 ($base) must be seconds from 0 to 315360000 (ten years)
TypeError: AppServer\Backoff::__construct(): Argument #1 ($base) must be of type float, string given
ValueError: AppServer\Unique::__construct(): Argument #1 ($key) must not be empty
ValueError: AppServer\Unique::__construct(): Argument #1 ($key) must be 1 to 255 bytes, none of them zero
ValueError: AppServer\Unique::__construct(): Argument #3 ($window) must be given with UniqueMode::Debounce and Throttle, and no other
ValueError: AppServer\Unique::__construct(): Argument #3 ($window) must be given with UniqueMode::Debounce and Throttle, and no other
ValueError: AppServer\Limit::__construct(): Argument #2 ($concurrency) must be given where no rate is
ValueError: AppServer\Limit::__construct(): Argument #2 ($concurrency) must be from 1 to 4294967295
ValueError: AppServer\Limit::__construct(): Argument #3 ($rate) must be a count and a time, as in '100/60s' or '5000/h'
ValueError: AppServer\Limit::__construct(): Argument #3 ($rate) must be 1 to 1000000 in a time from 1 ms to ten years
ValueError: AppServer\Queued::__construct(): Argument #3 ($attempts) must be from 1 to 65535
ValueError: AppServer\Queued::__construct(): Argument #1 ($queue) must be 1 to 64 of a-z, A-Z, 0-9, _, -, . and :
ValueError: AppServer\Queued::__construct(): Argument #10 ($rate) must be a count and a time, as in '100/60s' or '5000/h'
ValueError: AppServer\Schedule::__construct(): Argument #3 ($missed) must be "once", "skip" or "all"
ValueError: AppServer\queue(): Argument #4 ($delay) must be seconds from 0 to 315360000 (ten years)
ValueError: AppServer\queue(): Argument #4 ($delay) must be seconds from 0 to 315360000 (ten years)
ValueError: AppServer\queue(): Argument #3 ($queue) must be 1 to 64 of a-z, A-Z, 0-9, _, -, . and :
ValueError: AppServer\queue(): Argument #4 ($delay) must not be given beside runAt
ValueError: AppServer\queue(): Argument #5 ($runAt) must be a time after 1970
TypeError: AppServer\queue(): Argument #5 ($runAt) must be of type ?DateTimeInterface, int given
ValueError: AppServer\queue(): Argument #6 ($priority) must be from -128 to 127
ValueError: AppServer\queue(): Argument #10 ($timeout) must be more than 0 and at most 4294967 seconds
ValueError: AppServer\queue(): Argument #9 ($backoff) must be seconds from 0 to 315360000 (ten years), or a list of 1 to 100 of them, or an AppServer\Backoff
ValueError: AppServer\queue(): Argument #9 ($backoff) must be seconds from 0 to 315360000 (ten years), or a list of 1 to 100 of them, or an AppServer\Backoff
TypeError: AppServer\queue(): Argument #9 ($backoff) must be of type AppServer\Backoff|array|int|float|null, string given
ValueError: AppServer\queue(): Argument #9 ($backoff) must be seconds from 0 to 315360000 (ten years), or a list of 1 to 100 of them, or an AppServer\Backoff
ValueError: AppServer\queue(): Argument #13 ($group) must not be empty
ValueError: AppServer\queue(): Argument #13 ($group) must be 1 to 255 bytes, none of them zero
ValueError: AppServer\queue(): Argument #15 ($tags) must be texts
ValueError: AppServer\queue(): Argument #15 ($tags) must be at most 16 texts of 1 to 64 bytes
ValueError: AppServer\queue(): Argument #15 ($tags) must be at most 16 texts of 1 to 64 bytes
ValueError: AppServer\queue(): Argument #18 ($batch) must be the id of a batch, as AppServer\Batch::queue() returns it
TypeError: AppServer\queue(): Argument #2 ($arguments) must be of type array, int given
ValueError: AppServer\queue(): Argument #2 ($arguments) must not have positional arguments after named ones
Error: Unknown named parameter $nothing
TypeError: AppServer\queue(): Argument #1 ($job) must be of type AppServer\Job|string, int given
ArgumentCountError: AppServer\queue() expects at least 1 argument, 0 given
AppServer\ConfigException: "" is no function name; write "function", "Class::method" or "app:function"
AppServer\ConfigException: "My App" is not an application name: use 1 to 64 of a-z, 0-9, _ and -, beginning with a letter
ValueError: AppServer\Client::withJob(): Argument #5 ($attempts) must be from 1 to 65535
AppServer\ConfigException: the jobs of a batch cannot share the options unique, idempotencyKey or batch: use a Client without them
LogicException: a batch without jobs cannot be queued: add() some
AppServer\ConfigException: the jobs of a batch or chain are of one application: give it a Client with that app
LogicException: a chain without jobs cannot be queued: add() some
ValueError: AppServer\progress(): Argument #1 ($done) must be 0 or more
-- and what does
sent
sent
sent
sent
sent
NULL
NULL
