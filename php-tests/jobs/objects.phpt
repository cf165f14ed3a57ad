--TEST--
An object of a job class is queued, and its run() is called where the class is deployed
--FILE--
<?php
use AppServer\{Job, JobState};

// What is deployed decides what runs; here the class only has to have the same properties.
final class Shout extends Job
{
    public function __construct(private readonly string $what, public ?DateTimeImmutable $at = null)
    {
    }

    public function run()
    {
        return 'not here';
    }
}

final class Unknown extends Job
{
    public function run() {}
}

var_dump(Job::find(appserver_queue(new Shout('hello', new DateTimeImmutable('2030-01-01'))))->await());
var_dump(Job::find($id = AppServer\queue(new Shout('with options'), priority: 3))->await());
$job = Job::find($id);
var_dump($job->function, $job->priority);

foreach ([
    fn() => appserver_queue(new Unknown()),
    fn() => appserver_call('Shout::run'),
    fn() => appserver_queue(new Shout('x'), 1),
    fn() => appserver_queue(new class extends Job { public function run() {} }),
    fn() => appserver_queue(new stdClass()),
    fn() => appserver_queue('Shout::run', 'hello'),
    fn() => AppServer\queue('shout::RUN'),
    fn() => appserver_queue('Shout::run', what: new Shout('x')),
    fn() => appserver_queue('Shout::run', JobState::Done),
] as $wrong) {
    try {
        $wrong();
        echo "queued\n";
    } catch (Throwable $error) {
        echo $error::class, ': ', $error->getMessage(), "\n";
    }
}

// An object that says itself how it is stored.
final class KeepsState extends Job
{
    public function __serialize(): array { return ['text' => 'state']; }
    public function __unserialize(array $data): void {}
    public function run() {}
}
var_dump(Job::find(appserver_queue('Shout::run', new Shout('hello')))->await());
var_dump(Job::find(appserver_queue(new KeepsState()))->await());
?>
--EXPECTF--
string(5) "HELLO"
string(12) "WITH OPTIONS"
string(10) "Shout::run"
int(3)
AppServer\UnknownFunctionException: the worker exports no function Unknown::run()%s
AppServer\NotCallableException: Shout::run() cannot be called from another process: %s
ValueError: appserver_queue(): Argument #1 ($job) must be a function's name where arguments follow: an object has its own
AppServer\ConfigException: an object of an anonymous class cannot be queued: no worker could find the class
TypeError: appserver_queue(): Argument #1 ($job) must be of type AppServer\Job|string, stdClass given
AppServer\NotCallableException: Shout::run() cannot be queued: jobs of it are objects: queue a new Shout(...), and nothing else
AppServer\NotCallableException: Shout::run() cannot be queued: jobs of it are objects: queue a new Shout(...), and nothing else
AppServer\NotCallableException: Shout::run() cannot be queued: jobs of it are objects: queue a new Shout(...), and nothing else
AppServer\NotCallableException: Shout::run() cannot be queued: jobs of it are objects: queue a new Shout(...), and nothing else
string(5) "HELLO"
string(5) "STATE"
