<?php

/**
 * How often each word occurs in a text.
 *
 * @return array<string, int> By word, in the order of their first occurrence.
 */
function word_count(string $text): array
{
    preg_match_all("/[a-z]+(?:'[a-z]+)*/", strtolower($text), $found);

    return array_count_values($found[0]);
}

/**
 * Adds up the counts of several texts.
 *
 * @param array<string, int> ...$counts
 * @return array<string, int> By word, in alphabetical order.
 */
function add_counts(array ...$counts): array
{
    $total = [];
    foreach ($counts as $count) {
        foreach ($count as $word => $times) {
            $total[$word] = ($total[$word] ?? 0) + $times;
        }
    }
    ksort($total, SORT_STRING);

    return $total;
}

/**
 * The most frequent words of at least $letters letters.
 *
 * @param array<string, int> $counts
 * @return array<string, int>
 */
function top_words(array $counts, int $limit = 10, int $letters = 1): array
{
    $long = array_filter($counts, fn (string $word) => strlen($word) >= $letters, ARRAY_FILTER_USE_KEY);
    // Equally frequent words by name, so that every run gives the same list.
    uksort($long, fn (string $a, string $b) => $long[$b] <=> $long[$a] ?: strcmp($a, $b));

    return array_slice($long, 0, $limit, true);
}
