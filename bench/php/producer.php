<?php

declare(strict_types=1);

/** Stores jobs that do not run, through the extension. */
require __DIR__ . '/subject.php';

$client = (new AppServer\Client())->withJob(queue: 'held');
serve_commands(
    static fn (): string => strlen($client->queue('nothing', 'world')) === 36 ? 'stored' : 'no id',
    answer: 'stored',
);
