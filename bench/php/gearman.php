<?php

declare(strict_types=1);

/** Calls through gearmand. Argument: its port on 127.0.0.1. */
require __DIR__ . '/subject.php';

$client = new GearmanClient();
$client->addServer('127.0.0.1', (int) $argv[1]);
serve_commands(static fn (): string => (string) $client->doNormal('hello', 'world'));
