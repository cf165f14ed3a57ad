--TEST--
A kept string is as it was after changes of what was handed out
--INI--
appserver.cache_values=immutable
--FILE--
<?php
$first = appserver_call('cached_text');
$text = appserver_call('cached_text');
$text[0] = 'R';
$text .= '!';
var_dump(appserver_call('cached_text') === $first, $text === 'R' . substr($first, 1) . '!');

$text = appserver_call('cached_text');
$reference = &$text;
for ($i = 0; $i < 100; $i++) {
    $reference .= $i;
}
$text = appserver_call('cached_text');
$text++;
settype($text, 'array');
$text[0][0] = 'R';
$array = [appserver_call('cached_text') => 1];
$array[appserver_call('cached_text')]++;
var_dump($array === [$first => 2], appserver_call('cached_text') === $first);
?>
--EXPECT--
bool(true)
bool(true)
bool(true)
bool(true)
