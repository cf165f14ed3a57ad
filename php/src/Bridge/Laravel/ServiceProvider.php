<?php

declare(strict_types=1);

namespace AppServer\Bridge\Laravel;

use Illuminate\Queue\QueueManager;
use Illuminate\Support\ServiceProvider as BaseProvider;

/** Adds the driver "appserver" to Laravel's queues. Laravel finds it by composer.json. */
final class ServiceProvider extends BaseProvider
{
    public function boot(): void
    {
        $this->callAfterResolving('queue', static function (QueueManager $queues): void {
            $queues->addConnector('appserver', static fn (): Connector => new Connector());
        });
    }
}
