--TEST--
The attribute classes are native, readonly and checked
--FILE--
<?php
use AppServer\{Affinity, Cacheable, Idempotent, Isolation, Pool, Remote, Timeout};

#[Remote] #[Timeout(2.5)] #[Affinity('key')] #[Idempotent] #[Isolation(Isolation::RESIDENT)] #[Pool('reports')]
#[Cacheable(60, tags: ['f:{key}'], vary: ['key'])]
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
    fn () => new Cacheable(ttl: 0),
    fn () => new Cacheable(ttl: NAN),
    fn () => new Cacheable(ttl: 315360001),
    fn () => new Cacheable(60, negative: -0.5),
    fn () => new Cacheable(60, tags: array_fill(0, 9, 'tag')),
    fn () => new Cacheable(60, tags: [str_repeat('t', 201)]),
    fn () => new Cacheable(60, tags: ["\xff"]),
    fn () => new Cacheable(60, tags: ['product:{id']),
    fn () => new Cacheable(60, vary: []),
    fn () => new Cacheable(60, vary: 'id'),
    fn () => new Cacheable(),
    function () {
        $kept = new Cacheable(1);
        $kept->tags[] = 'more';
    },
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
object(AppServer\Cacheable)#%d (4) {
  ["ttl"]=>
  float(60)
  ["negative"]=>
  NULL
  ["tags"]=>
  array(1) {
    [0]=>
    string(7) "f:{key}"
  }
  ["vary"]=>
  array(1) {
    [0]=>
    string(3) "key"
  }
}
ValueError: AppServer\Timeout::__construct(): Argument #1 ($seconds) must be more than 0 and at most 86400 seconds
ValueError: AppServer\Isolation::__construct(): Argument #1 ($mode) must be "stateless" or "resident"
Error: Cannot modify readonly property AppServer\Timeout::$seconds
Error: Cannot modify readonly property AppServer\Timeout::$seconds
Error: Unknown named parameter $more
ValueError: AppServer\Cacheable::__construct(): Argument #1 ($ttl) must be more than 0 and at most 315360000 seconds, which are ten years
ValueError: AppServer\Cacheable::__construct(): Argument #1 ($ttl) must be more than 0 and at most 315360000 seconds, which are ten years
ValueError: AppServer\Cacheable::__construct(): Argument #1 ($ttl) must be more than 0 and at most 315360000 seconds, which are ten years
ValueError: AppServer\Cacheable::__construct(): Argument #2 ($negative) must be 0 (not kept) or more and at most 315360000 seconds, which are ten years
ValueError: AppServer\Cacheable::__construct(): Argument #3 ($tags) must be at most 8
ValueError: AppServer\Cacheable::__construct(): Argument #3 ($tags) must be of 1 to 200 bytes each
ValueError: AppServer\Cacheable::__construct(): Argument #3 ($tags) must be strings of valid UTF-8
ValueError: AppServer\Cacheable::__construct(): Argument #3 ($tags) must close every {, as in 'product:{id}'; "product:{id" does not
ValueError: AppServer\Cacheable::__construct(): Argument #4 ($vary) must name at least one parameter; without it, all of them count
TypeError: AppServer\Cacheable::__construct(): Argument #4 ($vary) must be of type ?array, string given
ArgumentCountError: AppServer\Cacheable::__construct() expects at least 1 argument, 0 given
Error: Cannot modify readonly property AppServer\Cacheable::$tags
