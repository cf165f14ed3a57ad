<?php

declare(strict_types=1);

/**
 * The measured side of a client process: it does what the bench writes to its standard input, one
 * command a line, and answers with one line.
 *
 *   latency MILLISECONDS PAUSE_US  calls for so long, with a pause between calls: a JSON array of the
 *                                  duration of each call, in nanoseconds
 *   window START STOP              calls until STOP and counts those begun and ended since START, both
 *                                  in nanoseconds of the monotonic clock: their number
 *
 * Before the first command it says "ready", or "failed: …" and ends.
 */

const SAMPLES_MAX = 200_000;

/**
 * @param callable(): string $call One call, to be answered with $answer.
 * @param int $batch Calls per sample, for calls too short for the clock.
 * @param int $warm_up Calls before the first command.
 * @param int $counts What one call counts for in a window.
 */
function serve_commands(
    callable $call,
    int $batch = 1,
    string $answer = 'Hello world',
    int $warm_up = 200,
    int $counts = 1,
): void {
    try {
        for ($i = 0; $i < $warm_up; $i++) {
            $answered = $call();
            if ($answered !== $answer) {
                throw new UnexpectedValueException('wrong answer: ' . var_export($answered, true));
            }
        }
    } catch (Throwable $error) {
        say('failed: ' . get_class($error) . ': ' . $error->getMessage());
        exit(1);
    }
    say('ready');
    while (($line = fgets(STDIN)) !== false) {
        $words = explode(' ', trim($line));
        say(match ($words[0]) {
            'latency' => json_encode(durations($call, (int) $words[1], (int) $words[2], $batch)),
            'window' => (string) ($counts * calls_within($call, (int) $words[1], (int) $words[2], $batch)),
        });
    }
}

function say(string $line): void
{
    fwrite(STDOUT, strtr($line, "\n", ' ') . "\n");
}

/** @return list<int> nanoseconds */
function durations(callable $call, int $milliseconds, int $pause_us, int $batch): array
{
    $samples = [];
    $stop = hrtime(true) + $milliseconds * 1_000_000;
    do {
        if ($pause_us > 0) {
            usleep($pause_us);
        }
        $before = hrtime(true);
        for ($i = 0; $i < $batch; $i++) {
            $call();
        }
        $after = hrtime(true);
        $samples[] = intdiv($after - $before, $batch);
    } while ($after < $stop && count($samples) < SAMPLES_MAX);
    return $samples;
}

function calls_within(callable $call, int $start, int $stop, int $batch): int
{
    while (hrtime(true) < $start) {
        $call();
    }
    for ($calls = -$batch; hrtime(true) < $stop; $calls += $batch) {
        for ($i = 0; $i < $batch; $i++) {
            $call();
        }
    }
    return max(0, $calls);
}
