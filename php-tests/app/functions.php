<?php

// Fixture functions of the .phpt suite: one for each behaviour that a test looks at. Tests of one
// subject keep theirs in a file of their own beside this one.

function greet(string $name, string $greeting = 'Hello'): string
{
    return "$greeting, $name!";
}

function identity(mixed $value): mixed
{
    return $value;
}

function sum(int ...$numbers): int
{
    return array_sum($numbers);
}
