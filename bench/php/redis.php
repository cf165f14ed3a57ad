<?php

declare(strict_types=1);

/** Reads a key from Redis. Argument: its unix socket. */
require __DIR__ . '/subject.php';

$redis = new Redis();
$redis->connect($argv[1]);
$redis->set('hello', 'Hello world');
serve_commands(static fn (): string => (string) $redis->get('hello'));
