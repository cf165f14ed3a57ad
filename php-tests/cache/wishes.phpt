--TEST--
Callers can want it fresh or young, and nothing longer
--FILE--
<?php
$client = new AppServer\Client();
$kept = $client->call('kept', 'wish');
var_dump($client->withMaxAge(60)->call('kept', 'wish') === $kept);
$fresh = $client->withFresh()->call('kept', 'wish');
var_dump($fresh === $kept, $client->call('kept', 'wish') === $fresh);
var_dump($client->withFresh()->withFresh(false)->call('kept', 'wish') === $fresh);
while ($client->withMaxAge(0.05)->call('kept', 'wish') === $fresh) {
    // Until it is older than that.
}
$young = $client->call('kept', 'wish');
var_dump($young === $fresh, $client->withMaxAge(0.05)->withMaxAge(null)->call('kept', 'wish') === $young);
// For a longer time than the function says.
$old = appserver_call('kept_briefly');
while ($client->withMaxAge(3600)->call('kept_briefly') === $old) {
    // Until it has expired.
}
echo "expired\n";
try {
    $client->withMaxAge(-1);
} catch (AppServer\ConfigException $e) {
    echo $e->getMessage(), "\n";
}
// What it prints would be missing.
var_dump($client->withOutput()->call('kept', 'wish') === $young);
var_dump($client->async('kept', 'wish')->await() === $young);
?>
--EXPECT--
bool(true)
bool(false)
bool(true)
bool(true)
bool(false)
bool(true)
expired
maxAge -1 is refused: expected seconds, 0 or more
bool(false)
bool(false)
