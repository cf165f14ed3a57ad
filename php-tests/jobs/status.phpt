--TEST--
How a job stands: before, while, after
--FILE--
<?php
use AppServer\{Job, JobState};

$file = sys_get_temp_dir() . '/appserver-jobs-' . getmypid() . '-status';
$id = AppServer\queue('job_waits', [$file], priority: 7, tags: ['a', 'b'], group: $file);
var_dump(preg_match('/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/', $id));

$job = Job::find($id);
while ($job->progress === null) {
    $job = $job->refresh();
}
var_dump($job->id === $id, $job->function, $job->queue, $job->state, $job->priority, $job->tags);
var_dump($job->progress->done, $job->progress->total, $job->progress->message);
var_dump(abs($job->madeAt - microtime(true)) < 60, $job->group === $file, $job->batch);
try {
    $job->result();
} catch (AppServer\JobNotDoneException $error) {
    echo str_replace($id, 'ID', $error->getMessage()), ' (', $error->getFunction(), ")\n";
}
try {
    $job->await(0.01);
} catch (AppServer\TimeoutException $error) {
    echo str_replace($id, 'ID', $error->getMessage()), "\n";
}
touch($file);
var_dump($job->await());
var_dump($job->state, $job->refresh()->state === JobState::Done, $job->refresh()->result());
$attempts = $job->refresh()->attempts;
var_dump(count($attempts), $attempts[0]->number, $attempts[0]->outcome, $attempts[0]->error);
unlink($file);

var_dump(Job::find('nonsense'), Job::find('01932c07-209c-7a4f-bfff-ff0000000001'));
?>
--EXPECT--
int(1)
bool(true)
string(9) "job_waits"
string(7) "default"
enum(AppServer\JobState::Running)
int(7)
array(2) {
  [0]=>
  string(1) "a"
  [1]=>
  string(1) "b"
}
int(1)
int(3)
string(7) "waiting"
bool(true)
bool(true)
NULL
job ID is running; await() waits for it (job_waits)
job ID is running, and the time given to await is over; it goes on
string(11) "it is there"
enum(AppServer\JobState::Running)
bool(true)
string(11) "it is there"
int(1)
int(1)
string(8) "returned"
string(0) ""
NULL
NULL
