<?php

function shop_version(): string
{
    return '1.2';
}

class Plain
{
    /** @return static */
    public static function of(int ...$n): static
    {
        return new static();
    }
}
