<?php
declare(strict_types=1);

/** Says hello. */
function hello(string $name, string $greeting = 'Hello'): string
{
    return "$greeting, $name!";
}

function add(int $a, int ...$more): int
{
    return $a + array_sum($more);
}

function counted(): int
{
    static $calls = 0;
    return ++$calls + ($GLOBALS['calls'] = ($GLOBALS['calls'] ?? 0) + 1) - 1;
}

final class OrderException extends RuntimeException
{
    public function __construct(string $message, private int $order)
    {
        parent::__construct($message, 42, new LogicException('the cause'));
    }
}

function fails(): never
{
    throw new OrderException('no such order', 7);
}

function exits(int $status): never
{
    exit($status);
}

function fatal(): never
{
    trigger_error('enough', E_USER_ERROR);
}

function devours(): string
{
    ini_set('memory_limit', '16M');
    return str_repeat('x', 64 * 1024 * 1024);
}

function recurses(int $n): int
{
    return recurses($n + 1) + 1;
}

function loops(): never
{
    while (true) {
    }
}

function sleeps(int $seconds): int
{
    return sleep($seconds);
}

function swaps(array &$values): void
{
    $values = array_reverse($values);
}

function prints(string $text): string
{
    ob_start();
    echo $text;
    header('X-Test: 1');
    return PHP_SAPI;
}

function forks(): string
{
    $pid = pcntl_fork();
    if ($pid === 0) {
        return 'from the child';
    }
    pcntl_waitpid($pid, $status);
    return 'from the parent';
}

function closes(): Closure
{
    return static fn () => 1;
}

final class Math
{
    public static function square(int $n): int
    {
        return $n * $n;
    }

    private static function secret(): void
    {
    }
}
