<?php

declare(strict_types=1);

namespace AppServer\Tests;

use RuntimeException;

/** A folder in memory for one test. */
final class Files
{
    public readonly string $path;

    public function __construct()
    {
        $parent = is_writable('/dev/shm') ? '/dev/shm' : sys_get_temp_dir();
        $this->path = "$parent/appserver-library-" . getmypid() . '-' . bin2hex(random_bytes(4));
        mkdir($this->path, 0o755) || throw new RuntimeException("cannot make $this->path");
    }

    /** @return list<string> Its lines; none when there is no such file. */
    public function lines(string $name): array
    {
        return is_file("$this->path/$name") ? file("$this->path/$name", FILE_IGNORE_NEW_LINES) : [];
    }

    public function remove(): void
    {
        exec('rm -rf ' . escapeshellarg($this->path));
    }
}
