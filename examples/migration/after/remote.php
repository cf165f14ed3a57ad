<?php

// Made by `appserver proxy generate`: changes here are lost when it is made again.
//
// Functions of the application "pricing", called where it is deployed. They take the place of the
// code that was deployed: remove that here, or PHP cannot declare them twice.

declare(strict_types=1);

namespace Shop;

/** Cents that a larger order saves. */
function discount(int $count): int
{
    /** @var int $result */
    $result = \appserver_call('pricing:Shop\\discount', ...\func_get_args());

    return $result;
}

/** What an order of an article costs, in cents. */
function price(string $article, int $count = 1): int
{
    /** @var int $result */
    $result = \appserver_call('pricing:Shop\\price', ...\func_get_args());

    return $result;
}
