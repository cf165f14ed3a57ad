<?php

declare(strict_types=1);

namespace AppServer\Bridge\Symfony;

use Symfony\Component\Messenger\Exception\InvalidArgumentException;

/**
 * "appserver://?app=shop&queue=mails": where messages go, and how their jobs are treated. The same keys may be
 * given as options of the transport, which come before those of the DSN.
 *
 * - function: the deployed function that consumes messages; "consume_message" without it
 * - app: its application; else appserver.app
 * - queue, group; priority, attempts, crash_attempts; timeout, expires, keep (seconds); backoff (seconds, or a
 *   list of them with commas between): as of AppServer\queue()
 */
final readonly class Dsn
{
    public const SCHEME = 'appserver://';
    private const TEXTS = ['queue' => 'queue', 'group' => 'group'];
    private const INTS = ['priority' => 'priority', 'attempts' => 'attempts', 'crash_attempts' => 'crashAttempts'];
    private const SECONDS = ['timeout' => 'timeout', 'expires' => 'expires', 'keep' => 'keep'];

    /** @param array<string, mixed> $job Options for Client::withJob(). */
    private function __construct(public string $transport, public string $target, public array $job)
    {
    }

    /** @param array<array-key, mixed> $options */
    public static function of(string $dsn, array $options): self
    {
        [, $query] = explode('?', $dsn, 2) + ['', ''];
        parse_str($query, $given);
        $given = $options + $given;
        $function = self::take($given, 'function') ?? 'consume_message';
        $app = self::take($given, 'app');
        // Symfony says it among the options.
        $transport = self::take($given, 'transport_name') ?? 'appserver';
        // Retries are Messenger's; see Consumer.
        $job = ['attempts' => 1];
        foreach ($given as $key => $value) {
            [$name, $read] = self::option((string) $key, $value);
            $job[$name] = $read;
        }
        return new self($transport, $app === null ? $function : "$app:$function", $job);
    }

    /** @param array<array-key, mixed> $given */
    private static function take(array &$given, string $key): ?string
    {
        $value = $given[$key] ?? null;
        unset($given[$key]);
        return is_string($value) && $value !== '' ? $value : null;
    }

    /** @return array{string, mixed} */
    private static function option(string $key, mixed $value): array
    {
        return match (true) {
            isset(self::TEXTS[$key]) && is_string($value) => [self::TEXTS[$key], $value],
            isset(self::INTS[$key]) && filter_var($value, FILTER_VALIDATE_INT) !== false =>
                [self::INTS[$key], (int) $value],
            isset(self::SECONDS[$key]) && is_numeric($value) => [self::SECONDS[$key], (float) $value],
            $key === 'backoff' => ['backoff', self::pauses($value)],
            default => throw new InvalidArgumentException(sprintf(
                'The transport of appserver does not know the option "%s", or not with this value: use %s.',
                $key,
                implode(', ', [
                    'function', 'app', 'backoff',
                    ...array_keys(self::TEXTS), ...array_keys(self::INTS), ...array_keys(self::SECONDS),
                ]),
            )),
        };
    }

    /** @return list<float> */
    private static function pauses(mixed $value): array
    {
        $pauses = is_array($value) ? array_values($value) : explode(',', (string) $value);
        foreach ($pauses as $pause) {
            if (!is_numeric($pause)) {
                throw new InvalidArgumentException(
                    'The option "backoff" of appserver\'s transport is seconds with commas between, as in "1,5,60".',
                );
            }
        }
        return array_map(floatval(...), $pauses);
    }
}
