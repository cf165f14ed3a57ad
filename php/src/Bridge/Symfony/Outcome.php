<?php

declare(strict_types=1);

namespace AppServer\Bridge\Symfony;

use Symfony\Component\Messenger\Event\WorkerMessageFailedEvent;
use Symfony\Contracts\EventDispatcher\EventDispatcherInterface;
use Throwable;

/** Passes a worker's events on, and keeps what a message failed with and nobody took care of. */
final class Outcome implements EventDispatcherInterface
{
    public ?Throwable $failure = null;

    public function __construct(private readonly ?EventDispatcherInterface $events)
    {
    }

    public function dispatch(object $event, ?string $eventName = null): object
    {
        $event = $this->events?->dispatch($event, $eventName) ?? $event;
        if ($event instanceof WorkerMessageFailedEvent && !$event->willRetry()) {
            $this->failure = $event->getThrowable();
        }
        return $event;
    }
}
