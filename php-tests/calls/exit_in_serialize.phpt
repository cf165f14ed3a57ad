--TEST--
exit() while an argument is encoded ends the script in order
--FILE--
<?php
class Leaver
{
    public function __serialize(): array
    {
        exit("left\n");
    }
}

register_shutdown_function(function () {
    echo appserver_call('greet', 'shutdown'), "\n";
    var_dump(appserver_status()['calls_in_flight']);
});
try {
    appserver_call('identity', ['deep' => [new Leaver()]]);
} catch (Throwable $error) {
    echo "caught\n";
} finally {
    echo "finally\n";
}
?>
--EXPECT--
left
Hello, shutdown!
int(0)
