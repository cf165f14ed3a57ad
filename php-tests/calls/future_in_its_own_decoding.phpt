--TEST--
A future awaited by code that decoding its result runs is an error, and no wait for ever
--FILE--
<?php
class Leaver
{
    public function __wakeup(): void
    {
        global $future;
        var_dump($future->ready(), $future->cancel());
        $ways = [
            fn () => $future->await(),
            fn () => AppServer\Future::all([$future]),
            fn () => AppServer\Future::any([$future]),
            fn () => AppServer\Future::race([appserver_async('wait', 20), $future]),
        ];
        foreach ($ways as $way) {
            try {
                $way();
            } catch (AppServer\ConfigException $error) {
                echo $error->getMessage(), "\n";
            }
        }
    }
}

$future = appserver_async('make', 'Leaver');
var_dump($future->await() === $future->await(), appserver_status()['calls_in_flight']);
?>
--EXPECT--
bool(true)
bool(false)
a Future cannot be awaited by the code that decoding its result runs (an autoloader, __unserialize() or __wakeup())
a Future cannot be awaited by the code that decoding its result runs (an autoloader, __unserialize() or __wakeup())
a Future cannot be awaited by the code that decoding its result runs (an autoloader, __unserialize() or __wakeup())
a Future cannot be awaited by the code that decoding its result runs (an autoloader, __unserialize() or __wakeup())
bool(true)
int(0)
