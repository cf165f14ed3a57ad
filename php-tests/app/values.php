<?php

// Classes that exist on both sides, and functions that tell what arrived.

function serialized(mixed $value): string
{
    return serialize($value);
}

function next_key(array $array): int
{
    $array[] = null;
    return array_key_last($array);
}

/** Whether both are the same object, or two names of one array element. */
function same_object(object $a, object $b): bool
{
    return $a === $b;
}

enum Suit: string
{
    case Hearts = 'H';
    case Spades = 'S';
}

enum Direction
{
    case Up;
    case Down;
}

class Point
{
    public function __construct(public readonly int $x, public readonly int $y)
    {
    }
}

class BaseOfSecret
{
    private string $secret = 'of the base';

    public function ofBase(): string
    {
        return $this->secret;
    }
}

class Secret extends BaseOfSecret
{
    private string $secret = 'of the child';
    protected array $list = [1, 2];
    public ?int $never;

    public function ofChild(): string
    {
        return $this->secret;
    }

    public function fill(string $child, string $base): static
    {
        $this->secret = $child;
        (fn () => $this->secret = $base)->bindTo($this, BaseOfSecret::class)();
        return $this;
    }
}

class Node
{
    public ?Node $next = null;
    public array $children = [];

    public function __construct(public string $name)
    {
    }
}

class WithSerialize
{
    public function __construct(private array $data)
    {
    }

    public function __serialize(): array
    {
        return ['data' => $this->data];
    }

    public function __unserialize(array $data): void
    {
        $this->data = [...$data['data'], 'woken'];
    }

    public function data(): array
    {
        return $this->data;
    }
}

class WithSleep
{
    public string $kept = 'kept';
    public string $dropped = 'default';
    public bool $awake = false;

    public function __sleep(): array
    {
        return ['kept'];
    }

    public function __wakeup(): void
    {
        $this->awake = true;
    }
}
