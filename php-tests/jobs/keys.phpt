--TEST--
Unique keys and idempotency keys
--FILE--
<?php
use AppServer\{Job, Unique, UniqueMode};

$key = uniqid('key', true);
$first = AppServer\queue('add', [1, 2], delay: 3600, unique: $key);
try {
    AppServer\queue('add', [3, 4], unique: $key);
} catch (AppServer\DuplicateJobException $error) {
    var_dump($error->getId() === $first, str_contains($error->getMessage(), $key));
}
var_dump(AppServer\queue('add', [3, 4], unique: new Unique($key, UniqueMode::Existing)) === $first);
var_dump(Job::find($first)->cancel(), Job::find($first)->cancel());
$second = AppServer\queue('add', [5, 6], unique: $key);
var_dump($second !== $first, Job::find($second)->await());
try {
    Job::find($first)->await();
} catch (AppServer\CancelledException $error) {
    echo str_replace($first, 'ID', $error->getMessage()), "\n";
}

try {
    AppServer\queue('add', [1, 2], batch: $second);
} catch (AppServer\UnknownJobException) {
    echo "no batch\n";
}

$same = uniqid('same', true);
$first = AppServer\queue('job_context', ['x'], idempotencyKey: $same);
var_dump(AppServer\queue('job_context', ['x'], idempotencyKey: $same) === $first);
[$arguments, $attempt, $seen] = Job::find($first)->await();
var_dump($arguments, $attempt, $seen === $same);
var_dump(appserver_call('job_context'));
?>
--EXPECT--
bool(true)
bool(true)
bool(true)
bool(true)
bool(false)
bool(true)
int(11)
job ID, add(), was cancelled
no batch
bool(true)
array(1) {
  [0]=>
  string(1) "x"
}
int(1)
bool(true)
array(4) {
  [0]=>
  array(0) {
  }
  [1]=>
  NULL
  [2]=>
  NULL
  [3]=>
  NULL
}
