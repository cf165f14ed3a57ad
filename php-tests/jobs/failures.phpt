--TEST--
A job that fails is tried again as often as its function says, and its errors are kept
--FILE--
<?php
use AppServer\Job;

function end_of(string $id): void
{
    try {
        Job::find($id)->await();
    } catch (AppServer\JobFailedException $error) {
        var_dump($error->getId() === $id);
        echo preg_replace(['~/\S*/~', "/$id/"], ['', 'ID'], $error->getMessage()), "\n";
    }
    $job = Job::find($id);
    echo "$job->failures failures, $job->crashes crashes of $job->attemptsMax: ", $job->state->value, "\n";
    foreach ($job->attempts as $attempt) {
        echo "  $attempt->number $attempt->outcome: ", preg_replace('~/\S*/~', '', $attempt->error), "\n";
    }
}

end_of(appserver_queue('job_fails', 'not today'));
end_of(AppServer\queue('job_fails', ['once'], attempts: 1));
end_of(appserver_queue(new Broken()));
end_of(appserver_queue('job_exits'));
echo 'attempt, failures, crashes: ', implode(', ', Job::find(appserver_queue('job_counts'))->await()), "\n";

// The class is the application's: this process knows it, too.
final class Broken extends Job
{
    public function run() {}
}
?>
--EXPECTF--
bool(true)
job ID, job_fails(), is dead after 2 attempts: DomainException: not today in jobs.php:%d
2 failures, 0 crashes of 2: dead
  1 failed: DomainException: not today in jobs.php:%d
  2 failed: DomainException: not today in jobs.php:%d
bool(true)
job ID, job_fails(), is dead after 1 attempts: DomainException: once in jobs.php:%d
1 failures, 0 crashes of 1: dead
  1 failed: DomainException: once in jobs.php:%d
bool(true)
job ID, Broken::run(), is dead after 1 attempts: LogicException: broken in jobs.php:%d
1 failures, 0 crashes of 1: dead
  1 failed: LogicException: broken in jobs.php:%d
bool(true)
job ID, job_exits(), is dead after 1 attempts: %s
0 failures, 1 crashes of 1: dead
  1 crashed: %s
attempt, failures, crashes: 3, 1, 1
