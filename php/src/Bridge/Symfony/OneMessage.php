<?php

declare(strict_types=1);

namespace AppServer\Bridge\Symfony;

use Closure;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Transport\Receiver\ReceiverInterface;

/** A receiver that has one message, and says when that is gone. */
final class OneMessage implements ReceiverInterface
{
    /** @var ?Closure(): void */
    private ?Closure $onEmpty = null;

    public function __construct(private ?Envelope $envelope)
    {
    }

    /** @param Closure(): void $call */
    public function onEmpty(Closure $call): void
    {
        $this->onEmpty = $call;
    }

    /** @return iterable<Envelope> */
    public function get(): iterable
    {
        $envelope = $this->envelope;
        $this->envelope = null;
        if ($envelope === null) {
            // Not before: a batch handler may not have answered for the message yet, and is made to by the end.
            ($this->onEmpty)?->__invoke();
            return [];
        }
        return [$envelope];
    }

    public function ack(Envelope $envelope): void
    {
        // The function returns.
    }

    public function reject(Envelope $envelope): void
    {
        // Outcome has heard why.
    }
}
