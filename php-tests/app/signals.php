<?php

// What happens to a caller while it waits.

function signal_caller(int $pid, string $signal, float $then, mixed $result = null): mixed
{
    shell_exec('kill -s ' . escapeshellarg($signal) . " $pid");
    return wait($then, $result);
}

/** @param array{pid: int, signal: string, then: float} $caller */
function signal_caller_of(array $caller): mixed
{
    return signal_caller(...$caller);
}
