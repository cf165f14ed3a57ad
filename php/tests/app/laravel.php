<?php

// A Laravel application of one file: its container, queue manager, worker and dispatcher, as the framework wires
// them.

use AppServer\Bridge\Laravel\Consumer;
use AppServer\Bridge\Laravel\ServiceProvider;
use AppServer\UnrecoverableException;
use Illuminate\Bus\Dispatcher as BusDispatcher;
use Illuminate\Bus\Queueable;
use Illuminate\Config\Repository;
use Illuminate\Container\Container as LaravelContainer;
use Illuminate\Contracts\Bus\Dispatcher as BusContract;
use Illuminate\Contracts\Container\Container as ContainerContract;
use Illuminate\Contracts\Debug\ExceptionHandler;
use Illuminate\Contracts\Events\Dispatcher as EventsContract;
use Illuminate\Contracts\Queue\ShouldQueue;
use Illuminate\Events\Dispatcher;
use Illuminate\Queue\Events\JobFailed;
use Illuminate\Queue\Failed\FailedJobProviderInterface;
use Illuminate\Queue\InteractsWithQueue;
use Illuminate\Queue\QueueManager;
use Illuminate\Queue\Worker;

function consume_job(string $connection, string $queue, string $payload): void
{
    (new Consumer(laravel()))->consume($connection, $queue, $payload);
}

function laravel(): LaravelContainer
{
    $app = new LaravelContainer();
    LaravelContainer::setInstance($app);
    $app->instance(ContainerContract::class, $app);
    $app->instance('config', new Repository(['queue' => [
        'default' => 'jobs',
        'connections' => ['jobs' => ['driver' => 'appserver', 'queue' => 'laravel', 'tries' => 2]],
    ]]));
    $app->singleton('events', static fn () => new Dispatcher($app));
    $app->alias('events', EventsContract::class);
    $app->singleton('queue', static fn () => new QueueManager($app));
    $app->singleton(ExceptionHandler::class, LogsNothing::class);
    $app->singleton('queue.worker', static fn () => new Worker(
        $app->make('queue'),
        $app->make('events'),
        $app->make(ExceptionHandler::class),
        static fn (): bool => false,
    ));
    $app->singleton(
        BusContract::class,
        static fn () => new BusDispatcher($app, static fn (?string $name) => $app->make('queue')->connection($name)),
    );
    $app->singleton('queue.failer', FailedInFile::class);
    (new ServiceProvider($app))->boot();
    return $app;
}

final class LogsNothing implements ExceptionHandler
{
    public function report(Throwable $e): void
    {
    }

    public function shouldReport(Throwable $e): bool
    {
        return true;
    }

    public function render($request, Throwable $e): never
    {
        throw $e;
    }

    public function renderForConsole($output, Throwable $e): void
    {
    }
}

/** Failed jobs, in the file that each of them names. */
final class FailedInFile implements FailedJobProviderInterface
{
    public function log($connection, $queue, $payload, $exception): void
    {
        $command = unserialize(json_decode($payload, true)['data']['command']);
        note($command->file, "logged by $connection, $queue: {$exception->getMessage()}");
    }

    public function all(): array
    {
        return [];
    }

    public function find($id): null
    {
        return null;
    }

    public function forget($id): bool
    {
        return false;
    }

    public function flush($hours = null): void
    {
    }
}

final class SendReceipt implements ShouldQueue
{
    use InteractsWithQueue;
    use Queueable;

    public ?int $tries = null;
    public int|float|null $timeout = null;
    public int $pause = 0;
    public ?string $name = null;

    public function __construct(public readonly string $file, public readonly string $what)
    {
    }

    public function backoff(): array
    {
        return [0];
    }

    public function displayName(): string
    {
        return $this->name ?? self::class;
    }

    public function handle(): void
    {
        note($this->file, "attempt {$this->attempts()}");
        match ($this->what) {
            'fails' => throw new RuntimeException('failed'),
            'fails once' => AppServer\Job::current()?->attempt === 1 ? throw new RuntimeException('failed') : null,
            'counts listeners' => note($this->file, 'listeners: ' . count(
                LaravelContainer::getInstance()->make('events')->getListeners(JobFailed::class),
            )),
            'releases' => $this->attempts() < 2 ? $this->release($this->pause) : null,
            'unrecoverable' => throw new UnrecoverableException('never will'),
            'hangs' => sleep(60),
            'gives up' => $this->fail(new RuntimeException('gave up')),
            'dies' => $this->attempts() < 2 ? $this->dieReleased() : null,
            default => null,
        };
    }

    public function failed(Throwable $error): void
    {
        note($this->file, "failed: {$error->getMessage()}");
    }

    private function dieReleased(): never
    {
        $this->release(0);
        posix_kill(getmypid(), SIGKILL);
    }
}
