--TEST--
An autoloader that is asked for the class of what was thrown may make failing calls, throw, and exit
--FILE--
<?php
function show(string $function): void
{
    try {
        appserver_call($function);
    } catch (AppServer\RemoteException $error) {
        for ($thrown = $error; $thrown; $thrown = $thrown->getPrevious()) {
            echo $thrown->getMessage(), ' ', $thrown->getCode(), ' ',
                basename($thrown->getFile()), ' ', $thrown->getTrace()[0]['function'], "\n";
        }
    }
}

$autoload = function (string $class): void {
    for ($i = 0; $i < 20; $i++) {
        try {
            appserver_call("no_such_function_$i");
        } catch (AppServer\UnknownFunctionException) {
        }
    }
    echo "asked for $class\n";
};
spl_autoload_register($autoload);
show('fail_for_a_reason');
spl_autoload_unregister($autoload);

spl_autoload_register($throws = fn () => throw new LogicException('of the autoloader'));
show('fail_in_its_own_way');
spl_autoload_unregister($throws);

register_shutdown_function(fn () => print("in order\n"));
spl_autoload_register(fn () => exit("left\n"));
show('fail_in_its_own_way');
echo "not reached\n";
?>
--EXPECT--
asked for KnownToTheWorkerAlone
asked for KnownToTheWorkerAlone
KnownToTheWorkerAlone: the consequence 3 calls.php fail_for_a_reason
KnownToTheWorkerAlone: only here 0 calls.php fail_in_its_own_way
KnownToTheWorkerAlone: only here 0 calls.php fail_in_its_own_way
left
in order
