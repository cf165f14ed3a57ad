<?php

declare(strict_types=1);

namespace AppServer\Bridge\Symfony;

use AppServer\Client;
use Symfony\Component\Messenger\Transport\Serialization\SerializerInterface;
use Symfony\Component\Messenger\Transport\TransportFactoryInterface;
use Symfony\Component\Messenger\Transport\TransportInterface;

/** Makes transports of DSNs that begin with "appserver://"; see Dsn. */
final class TransportFactory implements TransportFactoryInterface
{
    /** @param ?Client $client Through which messages go to the workers; null: by the settings of php.ini. */
    public function __construct(private readonly ?Client $client = null)
    {
    }

    /** @param array<array-key, mixed> $options */
    public function createTransport(string $dsn, array $options, SerializerInterface $serializer): TransportInterface
    {
        return new Transport(Dsn::of($dsn, $options), $serializer, $this->client ?? new Client());
    }

    /** @param array<array-key, mixed> $options */
    public function supports(string $dsn, array $options): bool
    {
        return str_starts_with($dsn, Dsn::SCHEME);
    }
}
