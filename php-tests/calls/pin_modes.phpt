--TEST--
Calls work the same with every pin, alone and beside others
--FILE--
<?php
foreach (['request', 'call', 'off', 'auto'] as $pin) {
    $client = new AppServer\Client(pin: $pin);
    echo $pin, ': ', $client->call('greet', 'World'), ' ', $client->async('sum', 1, 2)->await(), ' ';
    echo implode(' ', iterator_to_array($client->map('sum', [3, 4]))), "\n";
    AppServer\unpin();
}
?>
--EXPECT--
request: Hello, World! 3 3 4
call: Hello, World! 3 3 4
off: Hello, World! 3 3 4
auto: Hello, World! 3 3 4
