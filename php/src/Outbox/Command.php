<?php

declare(strict_types=1);

namespace AppServer\Outbox;

use AppServer\Outbox;
use LogicException;
use Throwable;

/** The command line: appserver-outbox. */
final class Command
{
    private const HELP = <<<'TEXT'
        Relays the jobs in an application's table appserver_outbox to the workers.

        appserver-outbox FILE [--every SECONDS]
            FILE returns the PDO of the database, or an AppServer\Outbox; or a function that returns one.
            Without --every it relays what is there, and ends. With it each round has a connection of its
            own: the function is called again, or FILE is required again, which one that declares functions
            or classes cannot be. SECONDS: from 0.1 to 86400.
        appserver-outbox --schema DRIVER
            Prints the SQL that makes the table: sqlite, pgsql or mysql.

        Exit status: 0, or 1 when not everything could be relayed (the table keeps the rest), 64 for wrong
        arguments.

        TEXT;
    /** As of sysexits.h. */
    private const USAGE = 64;
    /** Pauses of --every, in seconds. */
    private const EVERY_S_MIN = 0.1;
    private const EVERY_S_MAX = 86_400;

    /** @param list<string> $arguments */
    public function run(array $arguments): int
    {
        return match (true) {
            $arguments === ['--help'] || $arguments === ['-h'] => $this->say(self::HELP),
            count($arguments) === 2 && $arguments[0] === '--schema' => $this->schema($arguments[1]),
            count($arguments) === 1 && $arguments[0][0] !== '-' => $this->once(new Source($arguments[0])),
            count($arguments) === 3 && $arguments[1] === '--every' => $this->ever(new Source($arguments[0]), $arguments[2]),
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

    private function once(Source $source): int
    {
        try {
            $outbox = $source->outbox();
            do {
                $sent = count($outbox->relay());
            } while ($sent > 0);
            return $outbox->waiting() > 0 ? 1 : 0;
        } catch (Throwable $error) {
            fwrite(STDERR, "appserver-outbox: {$error->getMessage()}\n");
            return 1;
        }
    }

    private function ever(Source $source, string $seconds): int
    {
        $pause = filter_var($seconds, FILTER_VALIDATE_FLOAT);
        if ($pause === false || $pause < self::EVERY_S_MIN || $pause > self::EVERY_S_MAX) {
            return $this->refuse('--every wants seconds, from ' . self::EVERY_S_MIN . ' to ' . self::EVERY_S_MAX);
        }
        while (true) {
            $this->once($source);
            $declared = $source->declaresOnce();
            if ($declared !== null) {
                return $this->refuse(
                    "the file declares $declared, so it cannot be required for each round of --every: have it"
                    . ' return a function that returns the PDO',
                );
            }
            usleep((int) ($pause * 1_000_000.0));
        }
    }
}
