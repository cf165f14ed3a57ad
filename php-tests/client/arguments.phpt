--TEST--
Wrong arguments of our own functions are errors as PHP words them
--FILE--
<?php
foreach ([
    fn () => appserver_call(),
    fn () => appserver_call([]),
    fn () => appserver_call("\xff"),
    fn () => appserver_status(1),
    fn () => appserver_map('f'),
    fn () => appserver_map('f', 5),
    fn () => appserver_map('f', [], -1),
    fn () => AppServer\Future::all(7),
    fn () => AppServer\Future::all(['x']),
    fn () => AppServer\Future::all([], -1),
    fn () => AppServer\Future::race([]),
    fn () => AppServer\Future::any([]),
    fn () => new AppServer\Future(),
    fn () => new AppServer\Map(),
    fn () => throw new AppServer\Exception('abstract'),
] as $wrong) {
    try {
        $wrong();
        echo "accepted\n";
    } catch (Throwable $error) {
        echo $error::class, ': ', $error->getMessage(), "\n";
    }
}
var_dump(AppServer\Future::all([]), iterator_to_array(appserver_map('f', [])));
?>
--EXPECT--
ArgumentCountError: appserver_call() expects at least 1 argument, 0 given
TypeError: appserver_call(): Argument #1 ($function) must be of type string, array given
ValueError: appserver_call(): Argument #1 ($function) must be valid UTF-8
ArgumentCountError: appserver_status() expects exactly 0 arguments, 1 given
ArgumentCountError: appserver_map() expects at least 2 arguments, 1 given
TypeError: appserver_map(): Argument #2 ($inputs) must be of type Traversable|array, int given
ValueError: appserver_map(): Argument #3 ($concurrency) must be 0 (as many as there are executors) or more
TypeError: AppServer\Future::all(): Argument #1 ($futures) must be of type Traversable|array, int given
TypeError: AppServer\Future::all(): Argument #1 ($futures) must be of type iterable of AppServer\Future, string given
ValueError: AppServer\Future::all(): Argument #2 ($timeout) must be from 0 to 86400 seconds
AppServer\ConfigException: race() of no futures would wait for ever
AppServer\AggregateException: all 0 calls failed; see getExceptions()
Error: Call to private AppServer\Future::__construct() from global scope
Error: Call to private AppServer\Map::__construct() from global scope
Error: Cannot instantiate abstract class AppServer\Exception
array(0) {
}
array(0) {
}
