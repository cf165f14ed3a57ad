--TEST--
Running out of memory in the inputs of a map ends the script, not the client
--INI--
memory_limit=16M
--SKIPIF--
<?php if (getenv('APPSERVER_TEST_SAPI') === 'valgrind') die('skip valgrind takes the place of the allocator that counts'); ?>
--FILE--
<?php
register_shutdown_function(function () {
    echo "\n", appserver_call('greet', 'shutdown'), "\n";
});
$inputs = (function () {
    yield strlen(str_repeat('x', 64 << 20));
})();
foreach (appserver_map('square', $inputs, 1) as $value) {
    var_dump($value);
}
echo "not reached\n";
?>
--EXPECTF--
%AAllowed memory size of %d bytes exhausted%A
Hello, shutdown!
