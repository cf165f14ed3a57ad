<?php

declare(strict_types=1);

namespace AppServer\Bridge\Symfony;

use AppServer\Job;
use Psr\Log\LoggerInterface;
use Symfony\Component\Messenger\MessageBusInterface;
use Symfony\Component\Messenger\Stamp\TransportMessageIdStamp;
use Symfony\Component\Messenger\Transport\Serialization\SerializerInterface;
use Symfony\Component\Messenger\Worker;
use Symfony\Contracts\EventDispatcher\EventDispatcherInterface;
use Throwable;

/**
 * What the deployed function gives messages to. Each goes through Messenger's own Worker, with its events,
 * middleware and batch handlers.
 *
 * Whether a failed message is tried again is for Messenger's listeners to say: when one sent it again, this job
 * is done, and the retry is a job of its own; else the job fails with what the handler threw. So retry_strategy,
 * RecoverableMessageHandlingException and UnrecoverableMessageHandlingException mean what they always do; the last
 * two for the job's own attempts as well.
 */
final class Consumer
{
    /**
     * @param SerializerInterface $serializer The transport's.
     * @param ?EventDispatcherInterface $events The application's, with Messenger's listeners. Without it nothing
     *   is tried again, unless the transport has "attempts".
     */
    public function __construct(
        private readonly MessageBusInterface $bus,
        private readonly SerializerInterface $serializer,
        private readonly ?EventDispatcherInterface $events = null,
        private readonly ?LoggerInterface $logger = null,
    ) {
    }

    /**
     * @param string $transport The transport's name, as the job's first argument.
     * @param array<string, mixed> $encoded The message, as the job's second argument.
     * @throws Throwable The message was not handled, and nobody sent it again.
     */
    public function consume(string $transport, array $encoded): void
    {
        $stamp = Treatment::read($encoded);
        $envelope = $this->serializer->decode($encoded);
        if ($stamp !== null) {
            $envelope = $envelope->with($stamp);
        }
        $job = Job::current();
        if ($job !== null) {
            $envelope = $envelope->with(new TransportMessageIdStamp($job->id));
        }
        $receiver = new OneMessage($envelope);
        $events = new Outcome($this->events);
        $worker = new Worker([$transport => $receiver], $this->bus, $events, $this->logger);
        $receiver->onEmpty($worker->stop(...));
        $worker->run(['sleep' => 0]);
        if ($events->failure !== null) {
            throw Verdict::on($events->failure);
        }
    }
}
