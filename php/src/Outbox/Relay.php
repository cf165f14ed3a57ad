<?php

declare(strict_types=1);

namespace AppServer\Outbox;

use AppServer\Client;
use AppServer\ConfigException;
use AppServer\DuplicateJobException;
use AppServer\EncodeException;
use AppServer\Exception;
use AppServer\NotCallableException;
use AppServer\QueueFullException;
use AppServer\UnavailableException;
use AppServer\UnknownAppException;
use AppServer\UnknownFunctionException;
use AppServer\UnknownJobException;
use Error;
use JsonException;
use Throwable;
use UnexpectedValueException;

/**
 * One pass over the table. What cannot be sent now is put off, so that it is in nobody's way: each row falls to
 * one worker by its key, and to one queue, and others may do.
 */
final class Relay
{
    /** Rows between two removals: what a crash makes the next relay send again, at most. */
    private const BATCH_ROWS = 100;
    /** First and longest pause before a job that was refused is tried again. */
    private const PAUSE_MS = 1_000;
    private const PAUSE_MS_MAX = 300_000;
    /** Longest one where the worker or the queue takes nothing now: nothing is wrong with the job. */
    private const AWAY_PAUSE_MS_MAX = 60_000;
    /** Seconds that a pass may spend on workers that are away: whoever commits waits for it. */
    private const AWAY_S = 2.0;

    /** @var array<string, string> */
    private array $ids = [];
    /** Rows that a worker was asked to take. */
    private int $tried = 0;
    private float $awaySpent = 0.0;
    /** @var ?array{Row, Exception} The first that fell to a worker that is away. */
    private ?array $away = null;
    /** @var array<string, true> */
    private array $told = [];

    public function __construct(private readonly Table $table, private readonly Client $client)
    {
    }

    /**
     * @param int $max Most rows to try: one that is refused takes as long as one that is sent.
     * @return array<string, string> Ids of jobs by their keys.
     * @throws Exception Nothing was sent, because workers are away.
     */
    public function run(int $max): array
    {
        $turn = $this->table->turn();
        // The look at the table after the turn is for those who were refused theirs meanwhile: what they
        // had committed nobody else would relay.
        do {
            $rows = min(self::BATCH_ROWS, $max - $this->tried);
            $goesOn = $rows > 0 && !$this->hasWaitedEnough() && $turn->take(fn () => $this->batch($rows));
        } while ($goesOn && $this->table->isAnyDue());
        if ($this->ids === [] && $this->away !== null) {
            [$row, $why] = $this->away;
            // By this one the next relay finds out whether somebody is there.
            $this->table->hurry($row);
            throw $why;
        }
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
                if ($this->hasWaitedEnough()) {
                    break;
                }
                if ($this->relay($row)) {
                    $sent[] = $row->id;
                } elseif ($row->group !== null) {
                    $held[$row->group] = true;
                }
            }
        } finally {
            $this->table->remove($sent);
        }
    }

    /** Whether the worker has it; else it is put off. */
    private function relay(Row $row): bool
    {
        $this->tried++;
        $began = microtime(true);
        try {
            $this->ids[$row->key] = $this->send($row);
            return true;
        } catch (DuplicateJobException $duplicate) {
            // Its own unique key says that it is not wanted beside that one.
            $this->ids[$row->key] = $duplicate->getId();
            return true;
        } catch (
            ConfigException | UnknownAppException | UnknownFunctionException | NotCallableException | EncodeException
            | QueueFullException | UnknownJobException | UnexpectedValueException | JsonException | Error $refusal
        ) {
            $this->postpone($row, $refusal, self::PAUSE_MS_MAX);
        } catch (UnavailableException $refusal) {
            // E.g. its queue is being drained.
            $this->postpone($row, $refusal, self::AWAY_PAUSE_MS_MAX);
        } catch (Exception $away) {
            $this->postpone($row, $away, self::AWAY_PAUSE_MS_MAX);
            $this->away ??= [$row, $away];
            $this->awaySpent += microtime(true) - $began;
        }
        return false;
    }

    /** @return string The job's id. */
    private function send(Row $row): string
    {
        $options = Options::fromJson($row->options)->toNamed($row->madeAt, Time::now());
        $client = $this->client->withJob(...['idempotencyKey' => $row->key] + $options);
        return $client->queue($row->target, $row->arguments);
    }

    /** Whether enough time went into workers that are away. */
    private function hasWaitedEnough(): bool
    {
        return $this->awaySpent > self::AWAY_S;
    }

    private function postpone(Row $row, Throwable $why, int $pauseMax): void
    {
        $pause = min(self::PAUSE_MS << min($row->refusals, 16), $pauseMax);
        $this->table->postpone($row, Time::now() + $pause, $why->getMessage());
        // Once for all that have the same reason: a backlog may have.
        if (!isset($this->told[$why->getMessage()])) {
            $this->told[$why->getMessage()] = true;
            error_log("appserver: the outbox keeps job $row->key, $row->target(): {$why->getMessage()}");
        }
    }
}
