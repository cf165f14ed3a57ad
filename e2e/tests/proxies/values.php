<?php
// Classes that callers and functions share.

namespace Shop\Values;

enum Size: string
{
    case Small = 's';
    case Large = 'l';

    public static function largest(): self
    {
        return self::Large;
    }
}

final class Money
{
    public function __construct(public readonly int $cents, public readonly Size $size = Size::Small)
    {
    }

    public static function parse(string $text): self
    {
        return new self((int) round((float) $text * 100));
    }
}
