<?php

declare(strict_types=1);

require __DIR__ . '/pricing.php';

foreach ([['tea', 3], ['cup', 12], ['kettle', 1]] as [$article, $count]) {
    try {
        printf("%-6s %2d  %7.2f\n", $article, $count, Shop\price($article, count: $count) / 100);
    } catch (Shop\SoldOut $e) {
        printf("%-6s %2d  %s\n", $article, $count, $e->getMessage());
    }
}
