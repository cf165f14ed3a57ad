--TEST--
What is invalidated is asked for again, and nothing else
--FILE--
<?php
$ask = static fn(): array => [
    appserver_call('kept', 1),
    appserver_call('kept_tagged', 7),
    appserver_call('kept_tagged', '7', 'other'),
    appserver_call('kept_tagged', 8),
    appserver_call('kept_by_id', 7),
];
$changed = static function (string $what) use ($ask): void {
    static $before = null;
    $now = $ask();
    $before !== null && print("$what: " . implode(' ', array_keys(array_filter($now, fn($v, $k) => $v !== $before[$k], ARRAY_FILTER_USE_BOTH))) . "\n");
    $before = $now;
};
$changed('');
$changed('nothing');
$workers = AppServer\Cache::invalidate(tags: 'kept:7');
var_dump($workers >= 1);
$changed('a tag');
AppServer\Cache::invalidate(tags: ['kept:8', 'nobody:has']);
$changed('another');
AppServer\Cache::invalidate(tags: ['kept']);
$changed('the tag of all');
AppServer\Cache::invalidate('KEPT');
$changed('a function');
AppServer\Cache::invalidate('kept_by_id', 'kept:8');
$changed('both');
AppServer\Cache::invalidate();
$changed('the application');
// A tag that cannot be filled in: nothing could invalidate it.
var_dump(appserver_call('kept_tagged', [7]) === appserver_call('kept_tagged', [7]));
echo AppServer\Cache::stats()['misses']['invalidated'], "\n";
try {
    AppServer\Cache::invalidate(tags: [7]);
} catch (AppServer\ConfigException $e) {
    echo $e->getMessage(), "\n";
}
?>
--EXPECT--
nothing: 
bool(true)
a tag: 1 2
another: 3
the tag of all: 1 2 3
a function: 0
both: 3 4
the application: 0 1 2 3 4
bool(false)
14
tags: expected strings
