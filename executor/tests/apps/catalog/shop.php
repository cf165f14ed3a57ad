<?php
declare(strict_types=1);

namespace Shop;

use AppServer\{Affinity, Idempotent, Isolation, Remote, Timeout};

enum Size: string
{
    case Small = 's';
    case Large = 'l';
}

/** The price of an article. */
#[Affinity('sku'), Timeout(1.5)]
#[Idempotent]
function quote(
    string $sku,
    int|float $amount = 1.5,
    ?array $options = [1, 'a' => null],
    Size $size = Size::Small,
    string ...$more,
): ?float {
    return null;
}

#[Remote]
function always(): void
{
}

#[Remote(export: false)]
function hidden(): void
{
}

final class Store
{
    #[Isolation('resident')]
    public static function remember(): void
    {
    }

    public function instance_method(): void
    {
    }

    private static function secret(): void
    {
    }
}
