--TEST--
Calls that nobody waits for any more are cancelled: dropped, or in flight when the script ends
--FILE--
<?php
function leave_futures(): void
{
    for ($i = 0; $i < 4; $i++) {
        $futures[] = appserver_async('wait', 0.5);
    }
}

function leave_map(): void
{
    foreach (appserver_map('wait', [0, 0.5, 0.5, 0.5], 4, ordered: false) as $value) {
        break;
    }
}

// More calls than there are executors, so that another call waits until one is free.
$client = new AppServer\Client(timeout: 20);
leave_futures();
echo appserver_status()['calls_in_flight'], ' ', $client->call('greet', 'World'), "\n";
leave_map();
echo appserver_status()['calls_in_flight'], ' ', $client->call('greet', 'World'), "\n";

class Holder
{
    public function __construct(public mixed $held)
    {
    }

    public function __destruct()
    {
        echo get_debug_type($this->held), "\n";
    }
}

$future = appserver_async('wait', 0.5);
$map = appserver_map('wait', (function () { yield 0; yield 0.5; yield 0.5; })(), 2, false);
$map->valid();
$holder = new Holder($future);
$cycle = [$map];
$cycle[] = &$cycle;
?>
--EXPECT--
0 Hello, World!
0 Hello, World!
AppServer\Future
