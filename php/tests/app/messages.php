<?php

// A Symfony application of one file: Messenger's own bus, worker, listeners and serializer, as its framework
// wires them.

use AppServer\Bridge\Symfony\Consumer;
use AppServer\Bridge\Symfony\TransportFactory;
use Psr\Container\ContainerInterface;
use Psr\Log\NullLogger;
use Symfony\Component\EventDispatcher\EventDispatcher;
use Symfony\Component\Messenger\Event\WorkerMessageRetriedEvent;
use Symfony\Component\Messenger\EventListener\SendFailedMessageForRetryListener;
use Symfony\Component\Messenger\Exception\RecoverableMessageHandlingException;
use Symfony\Component\Messenger\Exception\UnrecoverableMessageHandlingException;
use Symfony\Component\Messenger\Handler\Acknowledger;
use Symfony\Component\Messenger\Handler\BatchHandlerInterface;
use Symfony\Component\Messenger\Handler\BatchHandlerTrait;
use Symfony\Component\Messenger\Handler\HandlersLocator;
use Symfony\Component\Messenger\MessageBus;
use Symfony\Component\Messenger\Middleware\HandleMessageMiddleware;
use Symfony\Component\Messenger\Middleware\SendMessageMiddleware;
use Symfony\Component\Messenger\Retry\MultiplierRetryStrategy;
use Symfony\Component\Messenger\Transport\Sender\SendersLocator;
use Symfony\Component\Messenger\Transport\Serialization\PhpSerializer;
use Symfony\Component\Messenger\Transport\TransportInterface;

function consume_message(string $transport, array $message): void
{
    $application = new Messages();
    (new Consumer($application->bus, $application->serializer, $application->events))->consume($transport, $message);
}

/** As consume_message(), and nobody but the worker tries again. */
function consume_directly(string $transport, array $message): void
{
    $application = new Messages();
    (new Consumer($application->bus, $application->serializer))->consume($transport, $message);
}

/** What the handlers do is a line in the message's file. */
final class Mail
{
    public function __construct(public readonly string $file, public readonly string $text)
    {
    }
}

final class Container implements ContainerInterface
{
    /** @param array<string, object> $services */
    public function __construct(private readonly array $services)
    {
    }

    public function get(string $id): object
    {
        return $this->services[$id];
    }

    public function has(string $id): bool
    {
        return isset($this->services[$id]);
    }
}

final class Messages
{
    public readonly TransportInterface $transport;
    public readonly MessageBus $bus;
    public readonly EventDispatcher $events;

    public function __construct(
        string $dsn = 'appserver://?queue=mails',
        public readonly PhpSerializer $serializer = new PhpSerializer(),
    ) {
        $this->transport = (new TransportFactory())->createTransport($dsn, ['transport_name' => 'async'], $serializer);
        $transports = new Container(['async' => $this->transport]);
        $this->bus = new MessageBus([
            new SendMessageMiddleware(new SendersLocator(['*' => ['async']], $transports)),
            new HandleMessageMiddleware(new HandlersLocator([
                Mail::class => [handle_mail(...)],
                Bulk::class => [new HandlesInBatches()],
            ])),
        ]);
        $this->events = new EventDispatcher();
        $this->events->addSubscriber(new SendFailedMessageForRetryListener(
            $transports,
            new Container(['async' => new MultiplierRetryStrategy(2, 1, 1)]),
            new NullLogger(),
            $this->events,
        ));
        // Once, between the queueing of the retry and the end of the job.
        $this->events->addListener(
            WorkerMessageRetriedEvent::class,
            static function (WorkerMessageRetriedEvent $event): void {
                $mail = $event->getEnvelope()->getMessage();
                if ($mail instanceof Mail && $mail->text === 'dies' && AppServer\Job::current()?->attempt === 1) {
                    posix_kill(getmypid(), SIGKILL);
                }
            },
        );
    }
}

function handle_mail(Mail $mail): void
{
    note($mail->file, AppServer\Job::current()?->idempotencyKey === null ? 'first' : 'retry');
    match ($mail->text) {
        'unrecoverable' => throw new UnrecoverableMessageHandlingException('never will'),
        'recoverable' => count(file($mail->file)) < 5 ? throw new RecoverableMessageHandlingException('not yet') : null,
        'fails' => throw new RuntimeException('failed'),
        'dies' => AppServer\Job::current()?->idempotencyKey === null ? throw new RuntimeException('and dies') : null,
        default => note($mail->file, $mail->text),
    };
}

final class Bulk
{
    public function __construct(public readonly string $file)
    {
    }
}

final class HandlesInBatches implements BatchHandlerInterface
{
    use BatchHandlerTrait;

    public function __invoke(Bulk $message, ?Acknowledger $ack = null): mixed
    {
        return $this->handle($message, $ack);
    }

    private function process(array $jobs): void
    {
        foreach ($jobs as [$message, $ack]) {
            note($message->file, 'flushed');
            $ack->ack();
        }
    }
}
