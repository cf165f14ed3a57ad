<?php

declare(strict_types=1);

namespace AppServer\Tests;

use PHPUnit\Framework\Assert;

/** Whoever manages the worker's queues, by its command. */
final class Administrator
{
    /** `appserver queue …`, which has to do it. */
    public static function queue(string ...$arguments): void
    {
        $command = implode(' ', array_map(escapeshellarg(...), [
            getenv('APPSERVER_BIN_DIR') . '/appserver', 'queue', ...$arguments,
        ]));
        exec("$command 2>&1 </dev/null", $output, $status);
        Assert::assertSame(0, $status, "$command: " . implode("\n", $output));
    }
}
