<?php

declare(strict_types=1);

namespace Shop;

/** Thrown when an article is not sold any more. */
final class SoldOut extends \DomainException {}

/** What an order of an article costs, in cents. */
function price(string $article, int $count = 1): int
{
    $prices = ['tea' => 450, 'cup' => 1290, 'pot' => 3900];
    if (!isset($prices[$article])) {
        throw new SoldOut("$article is not sold any more");
    }
    return $prices[$article] * $count - discount($count);
}

/** Cents that a larger order saves. */
function discount(int $count): int
{
    return $count >= 10 ? 100 * intdiv($count, 10) : 0;
}
