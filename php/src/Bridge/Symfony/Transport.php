<?php

declare(strict_types=1);

namespace AppServer\Bridge\Symfony;

use AppServer\Client;
use AppServer\Exception;
use AppServer\Job;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Exception\LogicException;
use Symfony\Component\Messenger\Exception\TransportException;
use Symfony\Component\Messenger\Stamp\DelayStamp;
use Symfony\Component\Messenger\Stamp\RedeliveryStamp;
use Symfony\Component\Messenger\Stamp\TransportMessageIdStamp;
use Symfony\Component\Messenger\Transport\Serialization\SerializerInterface;
use Symfony\Component\Messenger\Transport\TransportInterface;

/** Messages become jobs of a deployed function, which gives them to a Consumer. */
final class Transport implements TransportInterface
{
    public function __construct(
        private readonly Dsn $dsn,
        private readonly SerializerInterface $serializer,
        private readonly Client $client,
    ) {
    }

    /** @return Envelope With the job's id as its TransportMessageIdStamp. */
    public function send(Envelope $envelope): Envelope
    {
        $stamp = $envelope->last(JobStamp::class);
        $stamp = $stamp instanceof JobStamp ? $stamp : null;
        $encoded = $this->serializer->encode($envelope->withoutAll(TransportMessageIdStamp::class));
        try {
            $id = $this->client->withJob(...$this->options($envelope, $stamp))->queue(
                $this->dsn->target,
                $this->dsn->transport,
                Treatment::write($encoded, $stamp),
            );
        } catch (Exception $error) {
            throw new TransportException($error->getMessage(), 0, $error);
        }
        return $envelope->with(new TransportMessageIdStamp($id));
    }

    /** @return iterable<Envelope> */
    public function get(): iterable
    {
        throw $this->pushed();
    }

    public function ack(Envelope $envelope): void
    {
        throw $this->pushed();
    }

    public function reject(Envelope $envelope): void
    {
        throw $this->pushed();
    }

    /** @return array<string, mixed> */
    private function options(Envelope $envelope, ?JobStamp $stamp): array
    {
        $options = ($stamp?->options() ?? []) + $this->dsn->job;
        $delay = $envelope->last(DelayStamp::class);
        if ($delay instanceof DelayStamp && $delay->getDelay() > 0) {
            $options['delay'] = $delay->getDelay() / 1000;
        }
        // A retry from inside the job that failed: if that job's process dies now, its next attempt sends the
        // same retry, not a second one.
        $retry = $envelope->last(RedeliveryStamp::class);
        $job = Job::current();
        if ($retry instanceof RedeliveryStamp && $job !== null) {
            $options['idempotencyKey'] = "$job->id:retry:{$retry->getRetryCount()}";
        }
        return $options;
    }

    private function pushed(): LogicException
    {
        return new LogicException(
            "The workers give messages of the transport \"{$this->dsn->transport}\" to {$this->dsn->target}(), which"
            . ' is deployed: there is nothing for "messenger:consume" to do.',
        );
    }
}
