<?php

declare(strict_types=1);

namespace AppServer\Bridge\Laravel;

use AppServer\Client;
use Illuminate\Queue\Connectors\ConnectorInterface;

/**
 * Makes the queue of a connection in config/queue.php with 'driver' => 'appserver':
 *
 * - function: the deployed function that consumes jobs; 'consume_job' without it
 * - app: its application; else appserver.app
 * - queue: the queue of jobs that name none; 'default' without it
 * - tries, backoff: of jobs that do not say; what queue:work has as options
 * - after_commit: as of Laravel's other connections
 */
final class Connector implements ConnectorInterface
{
    /** @param ?Client $client Through which jobs go to the workers; null: by the settings of php.ini. */
    public function __construct(private readonly ?Client $client = null)
    {
    }

    /** @param array<string, mixed> $config */
    public function connect(array $config): Queue
    {
        $function = (string) ($config['function'] ?? 'consume_job');
        return new Queue(
            $this->client ?? new Client(),
            isset($config['app']) ? "{$config['app']}:$function" : $function,
            (string) ($config['queue'] ?? 'default'),
            self::backoff($config),
            (bool) ($config['after_commit'] ?? false),
        );
    }

    /**
     * As queue:work takes it.
     *
     * @param array<string, mixed> $config
     */
    public static function backoff(array $config): string
    {
        $backoff = $config['backoff'] ?? 0;
        return is_array($backoff) ? implode(',', $backoff) : (string) $backoff;
    }
}
