<?php

declare(strict_types=1);

/**
 * Jobs one after the other, and beside each one write to the same disk. Argument: a folder on it.
 * Commands on standard input, one a line:
 *
 *   enqueue MILLISECONDS  stores jobs that do not run
 *   start MILLISECONDS    stores jobs that begin at once, and waits until each is done
 *
 * The answer is two JSON arrays of nanoseconds: of the jobs, and of the writes.
 */
require __DIR__ . '/disk.php';

const SAMPLES_MAX = 100_000;
const WARM_UP_JOBS = 20;

$disk = new Disk($argv[1]);
$held = (new AppServer\Client())->withJob(queue: 'held');
$commands = [
    'enqueue' => static function () use ($held): int {
        $before = hrtime(true);
        $held->queue('nothing', 'world');
        return hrtime(true) - $before;
    },
    'start' => static function (): int {
        $before = hrtime(true);
        $id = appserver_queue('began');
        return AppServer\Job::find($id)->await() - $before;
    },
];
foreach ($commands as $measure) {
    for ($i = 0; $i < WARM_UP_JOBS; $i++) {
        $measure();
    }
}
fwrite(STDOUT, "ready\n");
while (($line = fgets(STDIN)) !== false) {
    [$command, $milliseconds] = explode(' ', trim($line));
    $jobs = $writes = [];
    $stop = hrtime(true) + (int) $milliseconds * 1_000_000;
    while (hrtime(true) < $stop && count($jobs) < SAMPLES_MAX) {
        $jobs[] = $commands[$command]();
        $writes[] = $disk->write();
    }
    fwrite(STDOUT, json_encode([$jobs, $writes]) . "\n");
}
