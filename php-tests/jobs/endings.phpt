--TEST--
A job ends itself without further attempts, or puts itself back, by the exception that it throws
--FILE--
<?php
use AppServer\{Job, JobFailedException, RetryAfter, Unrecoverable, UnrecoverableException};

function end_of(string $id): void
{
    try {
        var_dump(Job::find($id)->await(30));
    } catch (JobFailedException $error) {
        echo preg_replace(['~/\S*/~', "/$id/"], ['', 'ID'], $error->getMessage()), "\n";
    }
    $job = Job::find($id);
    echo "$job->failures failures of $job->attemptsMax: ", $job->state->value, "\n";
    foreach ($job->attempts as $attempt) {
        echo "  $attempt->number $attempt->outcome: ", preg_replace('~/\S*/~', '', $attempt->error), "\n";
    }
}

// Dead at once, with the error, whatever attempts are left.
end_of(AppServer\queue('job_gives_up', ['UnrecoverableException'], attempts: 5));
end_of(AppServer\queue('job_gives_up', ['NoSuchCustomer'], attempts: 5));
// Only what leaves the job counts, not what came before it.
end_of(AppServer\queue('job_gives_up', ['wrapped'], attempts: 2, backoff: 0));

// Back again as often as it likes, and not a failure.
end_of(AppServer\queue('job_comes_back', [3, 0.01], attempts: 1));
// Unless it says so.
end_of(AppServer\queue('job_comes_back', [9, 0.01, true], attempts: 2, backoff: 3600));

$id = AppServer\queue('job_comes_back', [3, 3600.0], attempts: 1);
do {
    usleep(2_000);
    $job = Job::find($id);
} while (!$job->attempts);
echo $job->state->value, ', ', preg_replace('/\d+ s/', 'N s', $job->waitsFor), ' ', $job->dueAt > microtime(true) + 3500 ? 'in an hour' : 'too soon', "\n";
$job->cancel();

// Beyond jobs they are exceptions like others.
try {
    appserver_call('job_gives_up', 'UnrecoverableException');
} catch (Unrecoverable $error) {
    echo get_class($error), ': ', $error->getMessage(), "\n";
}

$before = new DomainException('before');
$again = new RetryAfter(1, counts: true, message: 'later', previous: $before);
var_dump($again->seconds, $again->counts, $again->getMessage(), $again->getPrevious() === $before, $again->getLine());
var_dump((new RetryAfter())->seconds, (new RetryAfter())->counts, (new RetryAfter(null))->getMessage());
var_dump(new UnrecoverableException('x', 3, $before) instanceof Throwable, is_subclass_of(RetryAfter::class, RuntimeException::class));
foreach ([fn() => new RetryAfter(-1), fn() => new RetryAfter(NAN), fn() => new RetryAfter('soon'), fn() => new RetryAfter(1, previous: new stdClass())] as $wrong) {
    try {
        $wrong();
    } catch (Error $error) {
        echo get_class($error), ': ', $error->getMessage(), "\n";
    }
}
?>
--EXPECTF--
job ID, job_gives_up(), is dead after 1 attempts: AppServer\UnrecoverableException: no such customer in jobs.php:%d
1 failures of 5: dead
  1 failed: AppServer\UnrecoverableException: no such customer in jobs.php:%d
job ID, job_gives_up(), is dead after 1 attempts: NoSuchCustomer: no such customer in jobs.php:%d
1 failures of 5: dead
  1 failed: NoSuchCustomer: no such customer in jobs.php:%d
job ID, job_gives_up(), is dead after 2 attempts: RuntimeException: wrapped in jobs.php:%d; caused by NoSuchCustomer: no such customer in jobs.php:%d
2 failures of 2: dead
  1 failed: RuntimeException: wrapped in jobs.php:%d; caused by NoSuchCustomer: no such customer in jobs.php:%d
  2 failed: RuntimeException: wrapped in jobs.php:%d; caused by NoSuchCustomer: no such customer in jobs.php:%d
int(3)
0 failures of 1: done
  1 released: AppServer\RetryAfter: not yet in jobs.php:%d
  2 released: AppServer\RetryAfter: not yet in jobs.php:%d
  3 returned: 
job ID, job_comes_back(), is dead after 2 attempts: AppServer\RetryAfter: not yet in jobs.php:%d
2 failures of 2: dead
  1 failed: AppServer\RetryAfter: not yet in jobs.php:%d
  2 failed: AppServer\RetryAfter: not yet in jobs.php:%d
waiting, attempt 1 has ended: the next one is in N s in an hour
AppServer\UnrecoverableException: no such customer
float(1)
bool(true)
string(5) "later"
bool(true)
int(%d)
NULL
bool(false)
string(0) ""
bool(true)
bool(true)
ValueError: AppServer\RetryAfter::__construct(): Argument #1 ($seconds) must be seconds from 0 to 315360000 (ten years)
ValueError: AppServer\RetryAfter::__construct(): Argument #1 ($seconds) must be seconds from 0 to 315360000 (ten years)
TypeError: AppServer\RetryAfter::__construct(): Argument #1 ($seconds) must be of type ?float, string given
TypeError: AppServer\RetryAfter::__construct(): Argument #4 ($previous) must be of type ?Throwable, stdClass given
