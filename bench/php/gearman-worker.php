<?php

declare(strict_types=1);

/** A Gearman worker. Argument: gearmand's port on 127.0.0.1. */
function hello(string $name): string
{
    return "Hello $name";
}

$worker = new GearmanWorker();
$worker->addServer('127.0.0.1', (int) $argv[1]);
$worker->addFunction('hello', static fn (GearmanJob $job): string => hello($job->workload()));
while ($worker->work()) {
    // One job a turn.
}
