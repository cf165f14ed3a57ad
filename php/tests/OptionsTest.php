<?php

declare(strict_types=1);

namespace AppServer\Tests;

use AppServer\Bridge\Symfony\Dsn;
use AppServer\Bridge\Symfony\JobStamp;
use AppServer\Client;
use AppServer\EncodeException;
use AppServer\Outbox;
use PDO;
use PHPUnit\Framework\TestCase;
use ReflectionFunction;
use ReflectionMethod;
use ReflectionParameter;
use Symfony\Component\Messenger\Exception\InvalidArgumentException;

require_once __DIR__ . '/app/bootstrap.php';

/** The options of jobs stand in several places; the extension's come first. */
final class OptionsTest extends TestCase
{
    /** What a JobStamp does not say, because the transport, Messenger or nobody does. */
    private const NOT_OF_STAMPS = ['delay', 'runAt', 'attempts', 'crashAttempts', 'backoff', 'batch'];
    /** What differs from message to message, and so is no option of a transport. */
    private const NOT_OF_TRANSPORTS = ['delay', 'runAt', 'unique', 'limit', 'tags', 'idempotencyKey', 'batch'];

    public function testTheExtensionsFunctionAndMethodTakeTheSame(): void
    {
        $function = (new ReflectionFunction('AppServer\queue'))->getParameters();
        self::assertSame(self::described(array_slice($function, 2)), self::described(self::options()));
    }

    public function testTheOutboxTakesTheSame(): void
    {
        $outbox = (new ReflectionMethod(Outbox::class, 'queue'))->getParameters();
        $function = (new ReflectionFunction('AppServer\queue'))->getParameters();
        self::assertSame(self::described($function), self::described($outbox));
    }

    public function testAStampTakesWhatIsOneMessages(): void
    {
        $options = array_filter(
            self::options(),
            static fn (ReflectionParameter $option): bool => !in_array($option->name, self::NOT_OF_STAMPS, true),
        );
        $stamp = (new ReflectionMethod(JobStamp::class, '__construct'))->getParameters();
        self::assertEqualsCanonicalizing(self::described($options), self::described($stamp));
    }

    public function testATransportTakesTheOthers(): void
    {
        foreach (self::options() as $option) {
            $key = strtolower((string) preg_replace('/[A-Z]/', '_$0', $option->name));
            $isKnown = true;
            try {
                self::assertArrayHasKey($option->name, Dsn::of("appserver://?$key=1", [])->job);
            } catch (InvalidArgumentException) {
                $isKnown = false;
            }
            self::assertSame(!in_array($option->name, self::NOT_OF_TRANSPORTS, true), $isKnown, $key);
        }
    }

    public function testWrongOptionsAndArgumentsAreRefusedAtOnce(): void
    {
        $outbox = new Outbox(new PDO('sqlite::memory:'));
        $outbox->migrate();
        try {
            $outbox->queue('seen', attempts: 0);
            self::fail();
        } catch (\ValueError $error) {
            self::assertStringContainsString('attempts', $error->getMessage());
        }
        try {
            $outbox->queue('seen', [static fn () => 1]);
            self::fail();
        } catch (EncodeException $error) {
            self::assertStringContainsString('Closure cannot be sent', $error->getMessage());
        }
        self::assertSame(0, $outbox->waiting());
    }

    /** @return list<ReflectionParameter> */
    private static function options(): array
    {
        return (new ReflectionMethod(Client::class, 'withJob'))->getParameters();
    }

    /**
     * @param array<ReflectionParameter> $parameters
     * @return list<string>
     */
    private static function described(array $parameters): array
    {
        return array_values(array_map(
            static fn (ReflectionParameter $parameter): string => sprintf(
                '%s $%s%s',
                (string) $parameter->getType(),
                $parameter->name,
                $parameter->isOptional() ? ' = ' . json_encode($parameter->getDefaultValue()) : '',
            ),
            $parameters,
        ));
    }
}
