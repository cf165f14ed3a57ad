<?php

declare(strict_types=1);

namespace AppServer\Bridge\Symfony;

use AppServer\Limit;

/**
 * A message's JobStamp on its way to the job that consumes it, beside what the serializer made of the message: a
 * retry is sent from there, and is to be treated as the first job was.
 */
final class Treatment
{
    private const KEY = 'appserver';

    /**
     * @param array<string, mixed> $encoded
     * @return array<string, mixed>
     */
    public static function write(array $encoded, ?JobStamp $stamp): array
    {
        $options = $stamp?->options() ?? [];
        // Of this one job: the retry is queued while that still runs.
        unset($options['unique'], $options['idempotencyKey']);
        if (isset($options['limit'])) {
            $options['limit'] = get_object_vars($options['limit']);
        }
        return $options === [] ? $encoded : [self::KEY => $options] + $encoded;
    }

    /**
     * Takes it out again.
     *
     * @param array<string, mixed> $encoded
     */
    public static function read(array &$encoded): ?JobStamp
    {
        $options = $encoded[self::KEY] ?? null;
        unset($encoded[self::KEY]);
        if (!is_array($options)) {
            return null;
        }
        if (isset($options['limit'])) {
            $options['limit'] = new Limit(...$options['limit']);
        }
        return new JobStamp(...$options);
    }
}
