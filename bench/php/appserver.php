<?php

declare(strict_types=1);

/** Calls through the extension. Argument: name of the function. */
require __DIR__ . '/subject.php';

$function = $argv[1];
serve_commands(static fn (): string => appserver_call($function, 'world'));
