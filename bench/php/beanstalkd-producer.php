<?php

declare(strict_types=1);

/** Puts jobs to beanstalkd, in its own words. Argument: its unix socket. */
require __DIR__ . '/subject.php';

$stream = stream_socket_client("unix://$argv[1]");
$put = static function () use ($stream): string {
    fwrite($stream, "put 0 0 60 5\r\nworld\r\n");
    return substr((string) fgets($stream), 0, 8);
};
serve_commands($put, answer: 'INSERTED');
