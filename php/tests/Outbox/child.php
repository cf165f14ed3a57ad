<?php

// What tests of the outbox do in processes of their own:
//
//     child.php DSN relay|queue FILE [STATEMENT]
//
// It prints what relay() returned, as JSON. At STATEMENT it is killed.

declare(strict_types=1);

require __DIR__ . '/../bootstrap.php';

[, $dsn, $work, $file] = $argv;
$db = new AppServer\Tests\Outbox\HookedPdo($dsn, str_starts_with($dsn, 'mysql:') ? 'root' : null);
if (isset($argv[4])) {
    $db->at($argv[4], static fn () => posix_kill(getmypid(), SIGKILL));
}
$outbox = AppServer\outbox($db);
match ($work) {
    'relay' => print(json_encode($outbox->relay(), JSON_THROW_ON_ERROR)),
    'queue' => $outbox->transaction(static fn () => $outbox->queue('note', [$file, 'from a child'])),
};
