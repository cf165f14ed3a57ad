<?php

/*
 * Counts the words of the licence texts that Debian installs, on the executors of a sidecar that serves
 * examples/wordcount, and checks the result against the same functions called here.
 *
 * php -d extension=…/appserver.so -d appserver.workers=unix:… examples/demo.php [FOLDER]
 */

declare(strict_types=1);

namespace Demo;

const CHUNK_BYTES = 16 * 1024;

if (!extension_loaded('appserver')) {
    fwrite(STDERR, "The extension is missing: start me with php -d extension=/path/to/appserver.so\n");
    exit(2);
}

// The very code that the sidecar serves: once here, once there.
require __DIR__ . '/wordcount/functions.php';

exit(main($argv[1] ?? '/usr/share/common-licenses'));

function main(string $folder): int
{
    $texts = read_texts($folder);
    if ($texts === []) {
        fwrite(STDERR, "There is no text in $folder; name another folder.\n");
        return 2;
    }
    $chunks = split_texts($texts);
    printf("%d texts in %s, %s, in %d chunks\n\n", count($texts), $folder, bytes(size($texts)), count($chunks));

    $same = compare('in parallel, by appserver_map()', counted_remotely($chunks), counted_here($chunks));
    $same = compare('one by one, by appserver_call()', called_one_by_one($texts), here_one_by_one($texts)) && $same;

    echo $same ? "Remote and local results are the same.\n" : "REMOTE AND LOCAL RESULTS DIFFER.\n";
    return $same ? 0 : 1;
}

/** @return array<string, string> Content by name; what several links lead to, once. */
function read_texts(string $folder): array
{
    $texts = [];
    foreach (glob("$folder/*") ?: [] as $path) {
        $real = realpath($path);
        if ($real !== false && is_file($real)) {
            $texts[basename($real)] ??= file_get_contents($real);
        }
    }
    ksort($texts);
    return $texts;
}

/**
 * @param array<string, string> $texts
 * @return array<string, string> Pieces of about CHUNK_BYTES, by name; no word is cut.
 */
function split_texts(array $texts): array
{
    $chunks = [];
    foreach ($texts as $name => $text) {
        preg_match_all('/\G.{1,' . CHUNK_BYTES . '}(?:\s|\z)|\G.+/s', $text, $pieces);
        foreach ($pieces[0] as $index => $piece) {
            $chunks[sprintf('%s #%d', $name, $index + 1)] = $piece;
        }
    }
    return $chunks;
}

/** @param array<string, string> $chunks */
function counted_remotely(array $chunks): Run
{
    $run = new Run();
    $progress = new Progress(count($chunks));
    $sent = [];
    // appserver_map() takes an input when a call is about to start: that is when the clock starts.
    $inputs = (function () use ($chunks, &$sent) {
        foreach ($chunks as $name => $chunk) {
            $sent[$name] = hrtime(true);
            yield $name => $chunk;
        }
    })();
    $counts = [];
    foreach (\appserver_map('word_count', $inputs, ordered: false) as $name => $count) {
        $elapsed = hrtime(true) - $sent[$name];
        $run->add($elapsed);
        $progress->step(sprintf('%-24s %10s %10s', $name, bytes(strlen($chunks[$name])), time_of($elapsed)));
        $counts[$name] = $count;
    }
    return $run->end(\add_counts(...array_values($counts)));
}

/** @param array<string, string> $chunks */
function counted_here(array $chunks): Run
{
    $run = new Run();
    $counts = [];
    foreach ($chunks as $name => $chunk) {
        $counts[$name] = $run->time(fn () => \word_count($chunk));
    }
    return $run->end(\add_counts(...array_values($counts)));
}

/** @param array<string, string> $texts */
function called_one_by_one(array $texts): Run
{
    $run = new Run();
    $counts = [];
    foreach ($texts as $name => $text) {
        $counts[] = $run->time(fn () => \appserver_call('word_count', $text));
        printf("%-24s %10s %10s\n", $name, bytes(strlen($text)), time_of($run->last()));
    }
    $total = $run->time(fn () => \appserver_call('add_counts', ...$counts));
    printf("%-24s %10s %10s\n", 'add_counts', '', time_of($run->last()));
    $top = $run->time(fn () => \appserver_call('top_words', $total, letters: 7));
    printf("%-24s %10s %10s\n", 'top_words', '', time_of($run->last()));
    printf("\nMost frequent long words: %s\n\n", words($top));
    return $run->end([$total, $top]);
}

/** @param array<string, string> $texts */
function here_one_by_one(array $texts): Run
{
    $run = new Run();
    $counts = [];
    foreach ($texts as $text) {
        $counts[] = $run->time(fn () => \word_count($text));
    }
    $total = $run->time(fn () => \add_counts(...$counts));
    $top = $run->time(fn () => \top_words($total, letters: 7));
    return $run->end([$total, $top]);
}

/** Prints both runs; whether they came to the same. */
function compare(string $how, Run $remote, Run $local): bool
{
    $same = $remote->result === $local->result;
    printf("%s: %d calls, %s in all\n", ucfirst($how), $remote->calls(), time_of($remote->elapsed));
    printf("  a call took %s to %s, %s together\n", time_of($remote->shortest()), time_of($remote->longest()), time_of($remote->sum()));
    printf("  the same here: %s in all, results %s\n\n", time_of($local->elapsed), $same ? 'equal' : 'DIFFERENT');
    return $same;
}

/** A result, and how long it took to come by. */
final class Run
{
    public mixed $result = null;
    public int $elapsed = 0;
    private int $start;
    /** @var list<int> Nanoseconds. */
    private array $times = [];

    public function __construct()
    {
        $this->start = hrtime(true);
    }

    public function time(callable $call): mixed
    {
        $start = hrtime(true);
        $value = $call();
        $this->add(hrtime(true) - $start);
        return $value;
    }

    public function add(int $nanoseconds): void
    {
        $this->times[] = $nanoseconds;
    }

    public function end(mixed $result): self
    {
        $this->elapsed = hrtime(true) - $this->start;
        $this->result = $result;
        return $this;
    }

    public function calls(): int
    {
        return count($this->times);
    }

    public function last(): int
    {
        return end($this->times);
    }

    public function shortest(): int
    {
        return min($this->times);
    }

    public function longest(): int
    {
        return max($this->times);
    }

    public function sum(): int
    {
        return array_sum($this->times);
    }
}

/** A line for each step, and on a terminal a bar below them. */
final class Progress
{
    private const WIDTH = 40;
    private int $done = 0;
    private bool $terminal;

    public function __construct(private readonly int $steps)
    {
        $this->terminal = stream_isatty(STDOUT);
    }

    public function step(string $line): void
    {
        ++$this->done;
        echo $this->terminal ? "\r\e[K" : '', $line, "\n", $this->terminal ? $this->bar() : '';
        if ($this->done === $this->steps) {
            echo $this->terminal ? "\n\n" : "\n";
        }
    }

    private function bar(): string
    {
        $filled = intdiv(self::WIDTH * $this->done, $this->steps);
        $bar = str_repeat('█', $filled) . str_repeat('░', self::WIDTH - $filled);
        return sprintf('%s %d of %d', $bar, $this->done, $this->steps);
    }
}

/** @param array<string, string> $texts */
function size(array $texts): int
{
    return array_sum(array_map(strlen(...), $texts));
}

/** @param array<string, int> $counts */
function words(array $counts): string
{
    return implode(', ', array_map(fn (string $word, int $times) => "$word $times", array_keys($counts), $counts));
}

function bytes(int $count): string
{
    return sprintf('%.1f KiB', $count / 1024);
}

function time_of(int $nanoseconds): string
{
    return $nanoseconds < 1_000_000
        ? sprintf('%.1f µs', $nanoseconds / 1_000)
        : sprintf('%.2f ms', $nanoseconds / 1_000_000);
}
