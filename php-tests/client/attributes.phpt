--TEST--
The attribute classes are native, readonly and checked
--FILE--
<?php
use AppServer\{Affinity, Idempotent, Isolation, Pool, Remote, Timeout};

#[Remote] #[Timeout(2.5)] #[Affinity('key')] #[Idempotent] #[Isolation(Isolation::RESIDENT)] #[Pool('reports')]
function f(string $key): void {}

foreach ((new ReflectionFunction('f'))->getAttributes() as $attribute) {
    var_dump($attribute->newInstance());
}
#[Timeout(0)] function never(): void {}
#[Isolation('none')] function wrong(): void {}

foreach ([
    fn () => (new ReflectionFunction('never'))->getAttributes()[0]->newInstance(),
    fn () => (new ReflectionFunction('wrong'))->getAttributes()[0]->newInstance(),
    function () {
        $timeout = new Timeout(1);
        $timeout->seconds = 2.0;
    },
    fn () => (new Timeout(1))->__construct(2),
    fn () => new Remote(export: 'x', more: 1),
] as $wrong) {
    try {
        $wrong();
        echo "accepted\n";
    } catch (Throwable $error) {
        echo $error::class, ': ', $error->getMessage(), "\n";
    }
}
?>
--EXPECTF--
object(AppServer\Remote)#%d (1) {
  ["export"]=>
  bool(true)
}
object(AppServer\Timeout)#%d (1) {
  ["seconds"]=>
  float(2.5)
}
object(AppServer\Affinity)#%d (1) {
  ["parameter"]=>
  string(3) "key"
}
object(AppServer\Idempotent)#%d (0) {
}
object(AppServer\Isolation)#%d (1) {
  ["mode"]=>
  string(8) "resident"
}
object(AppServer\Pool)#%d (1) {
  ["name"]=>
  string(7) "reports"
}
ValueError: AppServer\Timeout::__construct(): Argument #1 ($seconds) must be more than 0 and at most 86400 seconds
ValueError: AppServer\Isolation::__construct(): Argument #1 ($mode) must be "stateless" or "resident"
Error: Cannot modify readonly property AppServer\Timeout::$seconds
Error: Cannot modify readonly property AppServer\Timeout::$seconds
Error: Unknown named parameter $more
