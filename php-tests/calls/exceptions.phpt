--TEST--
An exception arrives as its own class, with message, code, place, trace, previous chain and properties
--FILE--
<?php
// As the worker has it; the other class of the worker is not known here.
class OutOfStock extends DomainException
{
    protected array $warehouses = [];
    public readonly string $sku;
    private int $left;

    public function __construct()
    {
        throw new LogicException('a constructor has run');
    }

    public function details(): array
    {
        return [$this->sku, $this->left, $this->warehouses];
    }
}

try {
    appserver_call('buy', 'A-1');
} catch (OutOfStock $error) {
    var_dump($error->getMessage(), $error->getCode(), basename($error->getFile()), $error->details());
    $previous = $error->getPrevious();
    var_dump($previous::class, $previous->getMessage(), $previous->getCode(), $previous->getPrevious());
    $functions = array_column($error->getTrace(), 'function');
    var_dump($functions[0], str_starts_with($functions[1], '{remote call to unix:'), $functions[2]);
    var_dump(str_contains($error->getTraceAsString(), 'appserver_call'));
}
try {
    appserver_call('fail_in_its_own_way');
} catch (AppServer\RemoteException $error) {
    var_dump($error->getRemoteClass(), $error->getRemoteMessage(), $error->getMessage(), basename($error->getFile()), $error->getFunction());
    var_dump(str_starts_with($error->getRemoteTraceAsString(), '#0 '));
    var_dump(str_starts_with($error->getWorker(), 'unix:'));
}
try {
    appserver_call('square', 'x');
} catch (TypeError $error) {
    echo $error->getMessage(), "\n";
}
try {
    appserver_call('call_a_missing_function');
} catch (Error $error) {
    echo $error::class, ': ', $error->getMessage(), "\n";
}
// From a call inside the call.
try {
    appserver_call('relay', ini_get('appserver.workers'), 'buy', 'B-2');
} catch (OutOfStock $error) {
    echo $error->getMessage(), "\n";
}
?>
--EXPECT--
string(6) "no A-1"
int(42)
string(9) "calls.php"
array(3) {
  [0]=>
  string(3) "A-1"
  [1]=>
  int(3)
  [2]=>
  array(2) {
    [0]=>
    string(5) "north"
    [1]=>
    string(5) "south"
  }
}
string(24) "InvalidArgumentException"
string(10) "the reason"
int(7)
NULL
string(3) "buy"
bool(true)
string(14) "appserver_call"
bool(true)
string(21) "KnownToTheWorkerAlone"
string(9) "only here"
string(32) "KnownToTheWorkerAlone: only here"
string(9) "calls.php"
string(19) "fail_in_its_own_way"
bool(true)
bool(true)
square(): Argument #1 ($n) must be of type int, string given
Error: Call to undefined function missing()
no B-2
