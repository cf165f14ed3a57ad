<?php

declare(strict_types=1);

use Symfony\Component\Cache\Adapter\ApcuAdapter;

/**
 * What a kept result costs its caller, against apcu_fetch() of the same value in the same process, and against
 * symfony/cache over APCu where its autoloader is given. Prints a JSON object: by shape, the median nanoseconds
 * of each.
 */
const ROUNDS = 31;

$symfony = null;
if (isset($argv[1])) {
    require $argv[1];
    $symfony = new ApcuAdapter('bench');
}
$client = (new AppServer\Client())->withFresh();
$shapes = [
    'small array' => ['kept_row', [], 20_000],
    '10,000 rows' => ['kept_rows', [10_000], 5],
];
$figures = [];
foreach ($shapes as $name => [$function, $arguments, $count]) {
    $value = appserver_call($function, ...$arguments);
    apcu_store($name, $value) || exit("APCu does not keep $name\n");
    apcu_fetch($name) === $value || exit("APCu keeps something else than $name\n");
    $get = static fn() => $symfony->get($name, static fn() => $value);
    $symfony === null || $get() === $value || exit("symfony/cache gives something else than $name\n");
    $ours = $apcu = $symfonys = [];
    for ($round = 0; $round < ROUNDS; $round++) {
        $ours[] = each($count * ($count < 100 ? 1000 : 1), static fn() => appserver_call($function, ...$arguments));
        $apcu[] = each($count, static fn() => apcu_fetch($name));
        $symfony === null || $symfonys[] = each($count, $get);
    }
    $figures[] = [
        'name' => $name,
        'ours_ns' => median($ours),
        'apcu_ns' => median($apcu),
        'symfony_ns' => $symfony === null ? null : median($symfonys),
    ];
}
// A miss, against the plain call: what is kept is asked for anew each time.
$plain = $miss = [];
for ($round = 0; $round < ROUNDS; $round++) {
    $plain[] = each(500, static fn() => appserver_call('row'));
    $miss[] = each(500, static fn() => $client->call('kept_row'));
}
$hits = AppServer\Cache::stats()['hits'];
$hits > ROUNDS * 20_000 || exit("only $hits were hits\n");
echo json_encode(['shapes' => $figures, 'plain_ns' => median($plain), 'miss_ns' => median($miss)]), "\n";

/** Nanoseconds of one of them, without what calling the closure costs. */
function each(int $count, Closure $do): float
{
    $nothing = static fn() => null;
    $took = static function (Closure $do) use ($count): int {
        $begin = hrtime(true);
        for ($i = 0; $i < $count; $i++) {
            $do();
        }
        return hrtime(true) - $begin;
    };
    return max(0, $took($do) - $took($nothing)) / $count;
}

/** @param list<float> $numbers */
function median(array $numbers): float
{
    sort($numbers);
    return $numbers[intdiv(count($numbers), 2)];
}
