<?php

declare(strict_types=1);

namespace AppServer;

use PDO;

/**
 * Jobs that are queued inside transactions of the application's own database: there if and only if the
 * transaction is. See docs/bridges.md.
 *
 * @param ?Client $client Through which the jobs go to the workers; null: by the settings of php.ini.
 */
function outbox(PDO $db, ?Client $client = null): Outbox
{
    return new Outbox($db, $client);
}
