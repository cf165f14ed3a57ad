<?php

declare(strict_types=1);

namespace AppServer\Tests;

use RuntimeException;

/** A PHP process with the extension. */
final class Child
{
    /** @var resource */
    private $process;
    /** @var array<int, resource> */
    private array $pipes = [];

    /**
     * @param list<string> $arguments
     * @param ?string $errors A file for what it writes to standard error; null: where this process's goes.
     */
    public function __construct(string $script, array $arguments, ?string $errors = null)
    {
        $command = [PHP_BINARY, '-d', 'extension=' . getenv('APPSERVER_EXTENSION'),
            '-d', 'appserver.workers=' . ini_get('appserver.workers'), $script, ...$arguments];
        $stderr = $errors === null ? STDERR : ['file', $errors, 'a'];
        $process = proc_open($command, [['file', '/dev/null', 'r'], ['pipe', 'w'], $stderr], $this->pipes);
        $this->process = is_resource($process) ? $process : throw new RuntimeException("cannot start $script");
    }

    /**
     * Waits for its end.
     *
     * @return array{string, int} What it printed; its exit status, or less than 0: a signal.
     */
    public function end(): array
    {
        $output = (string) stream_get_contents($this->pipes[1]);
        do {
            $status = proc_get_status($this->process);
        } while ($status['running'] && usleep(2_000) === null);
        proc_close($this->process);
        return [$output, $status['signaled'] ? -$status['termsig'] : $status['exitcode']];
    }
}
