<?php

declare(strict_types=1);

/** Leaves jobs to gearmand, for which there is no worker. Argument: its port on 127.0.0.1. */
require __DIR__ . '/subject.php';

$client = new GearmanClient();
$client->addServer('127.0.0.1', (int) $argv[1]);
serve_commands(
    static fn (): string => $client->doBackground('nothing', 'world') !== '' ? 'stored' : 'no handle',
    answer: 'stored',
);
