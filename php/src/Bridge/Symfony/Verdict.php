<?php

declare(strict_types=1);

namespace AppServer\Bridge\Symfony;

use AppServer\RetryAfter;
use AppServer\Unrecoverable;
use AppServer\UnrecoverableException;
use Symfony\Component\Messenger\Exception\HandlerFailedException;
use Symfony\Component\Messenger\Exception\RecoverableExceptionInterface;
use Symfony\Component\Messenger\Exception\UnrecoverableExceptionInterface;
use Throwable;

/** What exceptions by which Messenger knows whether to try again mean for the attempts of a job. */
final class Verdict
{
    /** By Messenger's rule: one that is recoverable is enough, but all have to be unrecoverable. */
    public static function on(Throwable $failure): Throwable
    {
        $causes = self::causes($failure);
        foreach ($causes as $cause) {
            if ($cause instanceof RetryAfter) {
                return new RetryAfter($cause->seconds, $cause->counts, $cause->getMessage(), $failure);
            }
            if ($cause instanceof RecoverableExceptionInterface) {
                return new RetryAfter(self::delay($cause), message: $cause->getMessage(), previous: $failure);
            }
        }
        $hopeless = static fn (Throwable $cause): bool =>
            $cause instanceof UnrecoverableExceptionInterface || $cause instanceof Unrecoverable;
        return array_filter($causes, $hopeless) === $causes
            ? new UnrecoverableException($failure->getMessage(), previous: $failure)
            : $failure;
    }

    /** @return array<array-key, Throwable> What the handlers threw, each. */
    private static function causes(Throwable $failure): array
    {
        if (!$failure instanceof HandlerFailedException) {
            return [$failure];
        }
        // Its name before Messenger 6.4, which 7.0 has no more.
        return method_exists($failure, 'getWrappedExceptions')
            ? $failure->getWrappedExceptions()
            : $failure->getNestedExceptions();
    }

    /** In seconds, where the exception says it, as it can from Messenger 7.2 on; else the job's back-off holds. */
    private static function delay(RecoverableExceptionInterface $cause): ?float
    {
        /** @var int|null $milliseconds */
        $milliseconds = method_exists($cause, 'getRetryDelay') ? $cause->getRetryDelay() : null;
        return $milliseconds === null ? null : $milliseconds / 1000;
    }
}
