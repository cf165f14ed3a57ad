--TEST--
exit() in the inputs of a map ends the script in order
--FILE--
<?php
register_shutdown_function(function () {
    echo (new AppServer\Client(timeout: 10))->call('greet', 'shutdown'), "\n";
});
$inputs = (function () {
    for ($i = 0; $i < 4; $i++) {
        yield 0.5;
    }
    exit("left\n");
})();
foreach (appserver_map('wait', $inputs, 8) as $value) {
    echo "not reached\n";
}
?>
--EXPECT--
left
Hello, shutdown!
