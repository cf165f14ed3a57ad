<?php

declare(strict_types=1);

/** Pushes to a list in Redis. Argument: its unix socket. */
require __DIR__ . '/subject.php';

$redis = new Redis();
$redis->connect($argv[1]);
serve_commands(
    static fn (): string => $redis->lPush('jobs', 'world') > 0 ? 'stored' : 'not pushed',
    answer: 'stored',
);
