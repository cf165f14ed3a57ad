<?php

declare(strict_types=1);

/** The same function, called in this process. */
require __DIR__ . '/subject.php';

function hello(string $name): string
{
    return "Hello $name";
}

serve_commands(static fn (): string => hello('world'), batch: 1000);
