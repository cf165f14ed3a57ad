--TEST--
Running out of memory while the class of what was thrown is looked for ends the script, not the client
--INI--
memory_limit=16M
--SKIPIF--
<?php if (getenv('APPSERVER_TEST_SAPI') === 'valgrind') die('skip valgrind takes the place of the allocator that counts'); ?>
--FILE--
<?php
spl_autoload_register(fn () => str_repeat('x', 64 << 20));
register_shutdown_function(function () {
    echo "\n", appserver_call('greet', 'shutdown'), "\n";
    var_dump(appserver_status()['calls_in_flight']);
});
appserver_call('fail_for_a_reason');
echo "not reached\n";
?>
--EXPECTF--
%AAllowed memory size of %d bytes exhausted%A
Hello, shutdown!
int(0)
