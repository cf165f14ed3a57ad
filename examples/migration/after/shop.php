<?php

declare(strict_types=1);

// What `appserver proxy generate --app pricing` wrote, and the exception, which both sides know.
require __DIR__ . '/remote.php';
require __DIR__ . '/exceptions.php';

foreach ([['tea', 3], ['cup', 12], ['kettle', 1]] as [$article, $count]) {
    try {
        printf("%-6s %2d  %7.2f\n", $article, $count, Shop\price($article, count: $count) / 100);
    } catch (Shop\SoldOut $e) {
        printf("%-6s %2d  %s\n", $article, $count, $e->getMessage());
    }
}
