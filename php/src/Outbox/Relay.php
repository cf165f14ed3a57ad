<?php

declare(strict_types=1);

namespace AppServer\Outbox;

use AppServer\Client;
use AppServer\DuplicateJobException;
use AppServer\EncodeException;
use AppServer\Exception;
use AppServer\NotCallableException;
use AppServer\QueueFullException;
use AppServer\UnknownAppException;
use AppServer\UnknownFunctionException;
use AppServer\UnknownJobException;
use Error;
use JsonException;
use Throwable;
use UnexpectedValueException;

/** One pass over the table. */
final class Relay
{
    /** Rows between two removals: what a crash makes the next relay send again, at most. */
    private const BATCH_ROWS = 100;
    /** First and longest pause before a job that was refused is tried again. */
    private const PAUSE_MS = 1_000;
    private const PAUSE_MS_MAX = 300_000;

    /** @var array<string, string> */
    private array $ids = [];

    public function __construct(private readonly Table $table, private readonly Client $client)
    {
    }

    /** @return array<string, string> Ids of jobs by their keys. */
    public function run(int $max): array
    {
        $turn = $this->table->turn();
        // The look at the table after the turn is for those who were refused theirs meanwhile: what they
        // had committed nobody else would relay.
        do {
            $rows = min(self::BATCH_ROWS, $max - count($this->ids));
        } while ($rows > 0 && $turn->take(fn () => $this->batch($rows)) && $this->table->isAnyDue());
        return $this->ids;
    }

    private function batch(int $rows): void
    {
        $sent = [];
        $held = [];
        try {
            foreach ($this->table->next($rows) as $row) {
                if ($row->group !== null && isset($held[$row->group])) {
                    continue;
                }
                $refusal = $this->send($row);
                if ($refusal === null) {
                    $sent[] = $row->id;
                    continue;
                }
                $this->postpone($row, $refusal);
                if ($row->group !== null) {
                    $held[$row->group] = true;
                }
            }
        } finally {
            $this->table->remove($sent);
        }
    }

    /**
     * @return ?Throwable Why the worker does not take this one; null: it has it.
     * @throws Exception It takes none.
     */
    private function send(Row $row): ?Throwable
    {
        try {
            $options = Options::fromJson($row->options)->toNamed($row->madeAt, Time::now());
            $client = $this->client->withJob(...['idempotencyKey' => $row->key] + $options);
            $this->ids[$row->key] = $client->queue($row->target, $row->arguments);
            return null;
        } catch (DuplicateJobException $duplicate) {
            // Its own unique key says that it is not wanted beside that one.
            $this->ids[$row->key] = $duplicate->getId();
            return null;
        } catch (
            UnknownAppException | UnknownFunctionException | NotCallableException | EncodeException
            | QueueFullException | UnknownJobException | UnexpectedValueException | JsonException | Error $refusal
        ) {
            return $refusal;
        }
    }

    private function postpone(Row $row, Throwable $refusal): void
    {
        $pause = min(self::PAUSE_MS << min($row->refusals, 16), self::PAUSE_MS_MAX);
        $this->table->postpone($row, Time::now() + $pause, $refusal->getMessage());
        error_log("appserver: the outbox keeps job $row->key, $row->target(): {$refusal->getMessage()}");
    }
}
