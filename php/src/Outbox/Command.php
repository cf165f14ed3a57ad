<?php

declare(strict_types=1);

namespace AppServer\Outbox;

use AppServer\Outbox;
use LogicException;
use PDO;
use Throwable;

/** The command line: appserver-outbox. */
final class Command
{
    private const HELP = <<<'TEXT'
        Relays the jobs in an application's table appserver_outbox to the workers.

        appserver-outbox FILE [--every SECONDS]
            FILE returns the PDO of the database, or an AppServer\Outbox. Without --every it relays what is
            there, and ends.
        appserver-outbox --schema DRIVER
            Prints the SQL that makes the table: sqlite, pgsql or mysql.

        Exit status: 0, or 1 when not everything could be relayed (the table keeps the rest), 64 for wrong
        arguments.

        TEXT;
    /** As of sysexits.h. */
    private const USAGE = 64;

    /** @param list<string> $arguments */
    public function run(array $arguments): int
    {
        return match (true) {
            $arguments === ['--help'] || $arguments === ['-h'] => $this->say(self::HELP),
            count($arguments) === 2 && $arguments[0] === '--schema' => $this->schema($arguments[1]),
            count($arguments) === 1 && $arguments[0][0] !== '-' => $this->once($arguments[0]),
            count($arguments) === 3 && $arguments[1] === '--every' => $this->ever($arguments[0], $arguments[2]),
            default => $this->refuse('see appserver-outbox --help'),
        };
    }

    private function say(string $text): int
    {
        fwrite(STDOUT, $text);
        return 0;
    }

    private function refuse(string $why): int
    {
        fwrite(STDERR, "appserver-outbox: $why\n");
        return self::USAGE;
    }

    private function schema(string $driver): int
    {
        try {
            return $this->say(implode(";\n", Outbox::schema($driver)) . ";\n");
        } catch (LogicException $error) {
            return $this->refuse($error->getMessage());
        }
    }

    private function once(string $file): int
    {
        try {
            $outbox = self::outbox($file);
            do {
                $sent = count($outbox->relay());
            } while ($sent > 0);
            return $outbox->waiting() > 0 ? 1 : 0;
        } catch (Throwable $error) {
            fwrite(STDERR, "appserver-outbox: {$error->getMessage()}\n");
            return 1;
        }
    }

    private function ever(string $file, string $seconds): int
    {
        if (!is_numeric($seconds) || (float) $seconds <= 0.0) {
            return $this->refuse('--every wants a number of seconds');
        }
        // Each time with a connection of its own, which a database that was restarted needs.
        while (true) {
            $this->once($file);
            usleep((int) ((float) $seconds * 1_000_000.0));
        }
    }

    private static function outbox(string $file): Outbox
    {
        if (!is_file($file)) {
            throw new LogicException("there is no file $file");
        }
        $made = require $file;
        return match (true) {
            $made instanceof Outbox => $made,
            $made instanceof PDO => new Outbox($made),
            default => throw new LogicException("$file returns neither a PDO nor an AppServer\\Outbox"),
        };
    }
}
