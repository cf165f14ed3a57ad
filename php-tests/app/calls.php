<?php

// What functions can come to: exceptions, time, output, ends of their own.

class OutOfStock extends DomainException
{
    protected array $warehouses = ['north', 'south'];

    public function __construct(public readonly string $sku, private int $left = 0)
    {
        parent::__construct("no $sku", 42, new InvalidArgumentException('the reason', 7));
    }

    public function details(): array
    {
        return [$this->sku, $this->left, $this->warehouses];
    }
}

class KnownToTheWorkerAlone extends RuntimeException
{
}

function buy(string $sku): never
{
    throw new OutOfStock($sku, 3);
}

function fail_in_its_own_way(): never
{
    throw new KnownToTheWorkerAlone('only here');
}

function wait(float $seconds, mixed $result = null): mixed
{
    usleep((int) ($seconds * 1_000_000));
    return $result;
}

function square(int $n): int
{
    if ($n === 13) {
        throw new RangeException('thirteen');
    }
    return $n * $n;
}

function by_reference(array &$list): void
{
    $list[] = 1;
}

function say(string $what): int
{
    echo $what;
    return strlen($what);
}

function leave(int $status): never
{
    exit($status);
}

function call_a_missing_function(): never
{
    missing();
}

function relay(string $workers, string $function, mixed ...$args): mixed
{
    return (new AppServer\Client(workers: $workers))->call($function, ...$args);
}

/** Throws what its caller does not know, with a reason the caller does not know either. */
function fail_for_a_reason(): never
{
    try {
        fail_in_its_own_way();
    } catch (KnownToTheWorkerAlone $reason) {
        throw new KnownToTheWorkerAlone('the consequence', 3, $reason);
    }
}
