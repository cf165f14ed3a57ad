--TEST--
exit() while a result is decoded ends the script in order
--FILE--
<?php
class Leaver
{
    public function __wakeup(): void
    {
        exit("left\n");
    }
}

register_shutdown_function(function () {
    echo appserver_call('greet', 'shutdown'), "\n";
    var_dump(appserver_status()['calls_in_flight']);
});
$future = appserver_async('make', 'Leaver');
$future->await();
echo "not reached\n";
?>
--EXPECT--
left
Hello, shutdown!
int(0)
