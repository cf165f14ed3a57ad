<?php

use AppServer\Cacheable;

// Functions whose results are kept. Each returns something that no two runs share.

#[Cacheable(ttl: 60)]
function kept(mixed $value = null): array
{
    return ['value' => $value, 'run' => hrtime(true)];
}

#[Cacheable(ttl: 60)]
function kept_names(int $a, float $b = 2.0, ?string $c = null): string
{
    return var_export([$a, $b, $c], true) . hrtime(true);
}

#[Cacheable(ttl: 60, tags: ['kept:{id}', 'kept'])]
function kept_tagged(int|string|array $id, string $other = ''): int
{
    return hrtime(true);
}

#[Cacheable(ttl: 60, vary: ['id'])]
function kept_by_id(int $id, string $trace = ''): int
{
    return hrtime(true);
}

#[Cacheable(ttl: 60, vary: ['first', 'rest'])]
function kept_by_rest(int $first, int $other = 0, int ...$rest): int
{
    return hrtime(true);
}

#[Cacheable(ttl: 0.2)]
function kept_briefly(): int
{
    return hrtime(true);
}

/** Adds a line to the file with each run. */
#[Cacheable(ttl: 60, negative: 0)]
function kept_unless_null(string $file, bool $null): ?int
{
    file_put_contents($file, "run\n", FILE_APPEND);
    return $null ? null : 1;
}

/** Null from the second run on. */
#[Cacheable(ttl: 60, negative: 0)]
function kept_until_null(string $file): ?int
{
    return file_put_contents($file, "run\n", FILE_APPEND) && filesize($file) > 4 ? null : 1;
}

#[Cacheable(ttl: 60, tags: ['int:{id}'])]
function kept_by_int(int $id): array
{
    return [$id, hrtime(true)];
}

/** As above. */
#[Cacheable(ttl: 60)]
function kept_never_thrown(string $file): int
{
    file_put_contents($file, "run\n", FILE_APPEND);
    throw new DomainException('no');
}

#[Cacheable(ttl: 60)]
function kept_large(int $bytes): string
{
    return str_pad((string) hrtime(true), $bytes, 'x');
}

#[Cacheable(ttl: 60)]
function kept_object(): ArrayObject
{
    return new ArrayObject([hrtime(true)]);
}
