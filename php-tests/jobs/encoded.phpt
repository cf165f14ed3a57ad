--TEST--
Arguments that were encoded before are sent on as they are, by whatever queues a job
--FILE--
<?php
use AppServer\{Batch, Client, Encoded, Job};

final class Shout extends Job
{
    public function __construct(private readonly string $what, public ?DateTimeImmutable $at = null)
    {
    }

    public function run() {}
}

$encoded = AppServer\encode('add', [1, 'b' => 2]);
var_dump($encoded instanceof Encoded, strlen($encoded->bytes) > 0);
// As if it came from a table.
$encoded = new Encoded($encoded->bytes);
var_dump(Job::find(appserver_queue('add', $encoded))->await());
var_dump(Job::find(AppServer\queue('add', [$encoded], attempts: 1))->await());
var_dump(Job::find((new Client())->queue('add', $encoded))->await());
var_dump(Batch::find((new Batch())->add('add', $encoded)->queue())->await(30)->done);
var_dump(Job::find(appserver_queue('Shout::run', AppServer\encode(new Shout('hello'))))->await());
var_dump(Job::find(appserver_queue('job_context', AppServer\encode('job_context')))->await()[0]);

function refused(callable $work): void
{
    try {
        $work();
        echo "queued\n";
    } catch (Throwable $error) {
        echo $error::class, ': ', $error->getMessage(), "\n";
    }
}

refused(fn () => AppServer\encode('add', [fn () => 1]));
refused(fn () => AppServer\encode(new Shout('x'), [1]));
refused(fn () => AppServer\encode('add', 1));
refused(fn () => appserver_queue('add', new Encoded('')));
refused(fn () => appserver_queue('add', new Encoded("\xff" . substr($encoded->bytes, 1))));
ini_set('appserver.frame_bytes_max', 4096);
$bytes = $encoded->bytes[0] . str_repeat('x', 5000);
refused(fn () => appserver_queue('add', new Encoded($bytes)));
ini_restore('appserver.frame_bytes_max');

// The worker reads them as what they are, bytes of anybody.
$id = AppServer\queue('add', [new Encoded($encoded->bytes[0] . "\xff\xff\xff")], attempts: 1);
refused(fn () => Job::find($id)->await(30));
?>
--EXPECTF--
bool(true)
bool(true)
int(3)
int(3)
int(3)
int(1)
string(5) "HELLO"
array(0) {
}
AppServer\EncodeException: add(): argument 1%s: Closure cannot be sent
ValueError: AppServer\encode(): Argument #1 ($job) must be a function's name where arguments follow: an object has its own
TypeError: AppServer\encode(): Argument #2 ($arguments) must be of type array, int given
AppServer\EncodeException: add(): arguments: not as AppServer\encode() of this version makes it
AppServer\EncodeException: add(): arguments: not as AppServer\encode() of this version makes it
AppServer\EncodeException: add(): arguments: larger than the limit of 4096 bytes (appserver.frame_bytes_max)
AppServer\JobFailedException: %s
