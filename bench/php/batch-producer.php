<?php

declare(strict_types=1);

/** Stores jobs that do not run, a thousand in one request. */
require __DIR__ . '/subject.php';

const JOBS = 1000;

$client = (new AppServer\Client())->withJob(queue: 'held');
$store = static function () use ($client): string {
    $batch = new AppServer\Batch('', $client);
    for ($i = 0; $i < JOBS; $i++) {
        $batch->add('nothing', 'world');
    }
    return strlen($batch->queue()) === 36 ? 'stored' : 'no id';
};
serve_commands($store, answer: 'stored', warm_up: 2, counts: JOBS);
