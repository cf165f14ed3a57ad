--TEST--
What is kept never takes more than it may (immutable)
--INI--
appserver.cache_size=100K
appserver.cache_values=immutable
--FILE--
<?php
$held = [];
for ($i = 0; $i < 300; $i++) {
    $held[] = appserver_call('kept_large', 3000 + $i % 100);
    $held[] = appserver_call('kept_large', 3000);
    $stats = AppServer\Cache::stats();
    if ($stats['bytes'] > 100 * 1024) {
        exit("{$stats['bytes']} bytes\n");
    }
}
// Values that were given stay as they were, whatever went meanwhile.
$bad = array_filter($held, fn(string $text): bool => !preg_match('/^\d+x+$/', $text));
echo count($bad), "\n";
echo $stats['evicted'] + $stats['refused'] > 0 ? "some had to go\n" : "nothing had to go\n";
echo appserver_call('kept_large', 20_000) === appserver_call('kept_large', 20_000) ? 'kept' : 'too large', "\n";
?>
--EXPECT--
0
some had to go
too large
