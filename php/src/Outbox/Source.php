<?php

declare(strict_types=1);

namespace AppServer\Outbox;

use AppServer\Outbox;
use Closure;
use LogicException;
use PDO;
use ReflectionClass;
use ReflectionFunction;

/** The file that the command gets its outbox from. */
final class Source
{
    /** What the file returned, when that is a function. */
    private ?Closure $make = null;

    public function __construct(private readonly string $file)
    {
    }

    /** With a connection of its own each time, which a database that was restarted needs. */
    public function outbox(): Outbox
    {
        $made = $this->make === null ? $this->required() : ($this->make)();
        return match (true) {
            $made instanceof Outbox => $made,
            $made instanceof PDO => new Outbox($made),
            default => throw new LogicException(
                "$this->file returns neither a PDO nor an AppServer\\Outbox, nor a function that returns one",
            ),
        };
    }

    /**
     * The function or class for which the file cannot be required a second time; null: it can, or need not be.
     * What is declared by files that it requires is theirs to require once.
     */
    public function declaresOnce(): ?string
    {
        if ($this->make !== null) {
            return null;
        }
        $path = realpath($this->file);
        foreach (get_defined_functions()['user'] as $function) {
            if ((new ReflectionFunction($function))->getFileName() === $path) {
                return "$function()";
            }
        }
        foreach (get_declared_classes() as $class) {
            if ((new ReflectionClass($class))->getFileName() === $path) {
                return $class;
            }
        }
        return null;
    }

    private function required(): mixed
    {
        if (!is_file($this->file)) {
            throw new LogicException("there is no file $this->file");
        }
        $made = require $this->file;
        if (!$made instanceof Closure) {
            return $made;
        }
        $this->make = $made;
        return $made();
    }
}
