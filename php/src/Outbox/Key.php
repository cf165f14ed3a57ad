<?php

declare(strict_types=1);

namespace AppServer\Outbox;

/** A UUID of version 7, by which the worker knows a job again. */
final class Key
{
    public static function make(int $nowMs): string
    {
        $bytes = substr(pack('J', $nowMs), 2) . random_bytes(10);
        $bytes[6] = chr(ord($bytes[6]) & 0x0f | 0x70);
        $bytes[8] = chr(ord($bytes[8]) & 0x3f | 0x80);
        return vsprintf('%s%s-%s-%s-%s-%s%s%s', str_split(bin2hex($bytes), 4));
    }
}
