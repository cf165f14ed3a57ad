--TEST--
Futures: calls run in parallel; await, ready, cancel, all, any, race
--FILE--
<?php
use AppServer\Future;

$slow = appserver_async('wait', 20);
$quick = appserver_async('square', 4);
var_dump($quick->await(), $quick->await(), $quick->ready(), $quick->cancel());

// The slow one is still at it, which a limit of our own shows, and may be awaited again.
var_dump($slow->ready());
try {
    $slow->await(0.01);
} catch (AppServer\TimeoutException $error) {
    echo $error->getMessage(), "\n";
}
var_dump($slow->cancel(), $slow->cancel());
try {
    $slow->await();
} catch (AppServer\CancelledException $error) {
    echo $error->getMessage(), "\n";
}

echo json_encode(Future::all(['b' => appserver_async('square', 2), 5 => appserver_async('square', 3)])), "\n";
echo json_encode(Future::all((function () { yield 'k' => appserver_async('square', 5); })())), "\n";
try {
    Future::all([appserver_async('wait', 20), appserver_async('square', 13)]);
} catch (RangeException $error) {
    echo 'all: ', $error->getMessage(), "\n";
}
var_dump(Future::any([appserver_async('square', 13), appserver_async('square', 6), appserver_async('wait', 20)]));
try {
    Future::any(['a' => appserver_async('square', 13), 'b' => appserver_async('square', 13)]);
} catch (AppServer\AggregateException $error) {
    foreach ($error->getExceptions() as $key => $each) {
        echo "any $key: ", $each->getMessage(), "\n";
    }
}
var_dump(Future::race([appserver_async('wait', 20), appserver_async('square', 7)]));
try {
    Future::race([appserver_async('wait', 20), appserver_async('square', 13)]);
} catch (RangeException $error) {
    echo 'race: ', $error->getMessage(), "\n";
}
try {
    Future::all([appserver_async('wait', 20)], 0.01);
} catch (AppServer\TimeoutException $error) {
    echo 'all: ', $error->getMessage(), "\n";
}
// Dropping an unfinished future cancels its call.
$dropped = appserver_async('wait', 20);
unset($dropped, $slow, $quick, $error, $each);
// Exceptions of futures hold the futures, as arguments in their traces.
gc_collect_cycles();
var_dump(appserver_status()['calls_in_flight']);
?>
--EXPECT--
int(16)
int(16)
bool(true)
bool(false)
bool(false)
no result yet within the time given to await; the call goes on
bool(true)
bool(false)
the call of wait() was cancelled
{"b":4,"5":9}
{"k":25}
all: thirteen
int(36)
any a: thirteen
any b: thirteen
int(49)
race: thirteen
all: no result yet within the time given to await; the call goes on
int(0)
