<?php

declare(strict_types=1);

/** Calls through PHP-FPM: FastCGI over one kept connection. Argument: its unix socket. */
require __DIR__ . '/subject.php';
require __DIR__ . '/fastcgi.php';

$connection = new FastCgiConnection($argv[1], __DIR__ . '/fpm-page.php');
serve_commands(static fn (): string => $connection->post('world'));
