<?php

declare(strict_types=1);

namespace AppServer\Outbox;

use AppServer\Backoff;
use AppServer\Limit;
use AppServer\Unique;
use AppServer\UniqueMode;
use DateTimeImmutable;
use DateTimeInterface;
use UnexpectedValueException;

/** Options of a job, by the names of AppServer\queue()'s parameters, on their way through a column. */
final readonly class Options
{
    /** What a job gets to begin within, when its time is over already: it ends as one that expired. */
    private const EXPIRED_S = 0.001;

    /** @param array<string, mixed> $named */
    private function __construct(private array $named)
    {
    }

    /** @param array<string, mixed> $named Those that are null are left out. */
    public static function of(array $named): self
    {
        return new self(array_filter($named, static fn (mixed $value): bool => $value !== null));
    }

    public static function fromJson(string $json): self
    {
        $named = json_decode($json, true, flags: JSON_THROW_ON_ERROR);
        return is_array($named)
            ? new self($named)
            : throw new UnexpectedValueException('the options of the job are no JSON object');
    }

    public function group(): ?string
    {
        $group = $this->named['group'] ?? null;
        return is_string($group) ? $group : null;
    }

    /** A delay becomes a time: it counts from now, not from when the job is relayed. */
    public function toJson(int $nowMs): string
    {
        $named = $this->named;
        if (isset($named['delay'])) {
            $named['runAt'] = $nowMs + (int) round($named['delay'] * 1000);
        } elseif (isset($named['runAt']) && $named['runAt'] instanceof DateTimeInterface) {
            $named['runAt'] = (int) $named['runAt']->format('Uv');
        }
        // A column of their own, or said already.
        unset($named['delay'], $named['idempotencyKey']);
        // The objects' properties are public, and the names of their constructors' parameters.
        return json_encode((object) $named, JSON_THROW_ON_ERROR | JSON_PRESERVE_ZERO_FRACTION | JSON_UNESCAPED_UNICODE);
    }

    /**
     * For Client::withJob(), of a job that was queued at $madeAt.
     *
     * @return array<string, mixed>
     */
    public function toNamed(int $madeAtMs, int $nowMs): array
    {
        $named = $this->named;
        $make = [
            'runAt' => static fn (int $ms): DateTimeImmutable => self::time($ms),
            'backoff' => static fn (mixed $of): mixed =>
                is_array($of) && !array_is_list($of) ? new Backoff(...$of) : $of,
            'unique' => static fn (mixed $of): mixed =>
                is_array($of) ? new Unique(...['mode' => UniqueMode::from($of['mode'])] + $of) : $of,
            'limit' => static fn (array $of): Limit => new Limit(...$of),
            'expires' => static fn (int|float $seconds): float =>
                max(self::EXPIRED_S, (float) $seconds - (float) ($nowMs - $madeAtMs) / 1000.0),
        ];
        foreach (array_intersect_key($make, $named) as $name => $value) {
            $named[$name] = $value($named[$name]);
        }
        return $named;
    }

    private static function time(int $ms): DateTimeImmutable
    {
        $text = sprintf('%d.%03d', intdiv($ms, 1000), $ms % 1000);
        return DateTimeImmutable::createFromFormat('U.v', $text)
            ?: throw new UnexpectedValueException("$ms ms since 1970 is no time");
    }
}
