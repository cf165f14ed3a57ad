<?php

// The tables of docs/ that stand in the code as well: written from it (`php scripts/docs.php --write`,
// which is `make docs`), or compared with it (`--check`, part of `make lint`).
//
// In a document, a table stands between <!-- table: NAME --> and <!-- end -->.

declare(strict_types=1);

chdir(dirname(__DIR__));
exit(main($argv[1] ?? ''));

function main(string $mode): int
{
    if (!in_array($mode, ['--write', '--check'], true)) {
        fwrite(STDERR, "use: docs.php --write | --check\n");
        return 64;
    }
    $stale = [];
    foreach (glob('docs/*.md') as $document) {
        $before = file_get_contents($document);
        $after = with_tables($document, $before);
        if ($after !== $before) {
            $stale[] = $document;
            $mode === '--write' && file_put_contents($document, $after);
        }
    }
    if ($stale === [] || $mode === '--write') {
        return 0;
    }
    fwrite(STDERR, 'docs: ' . implode(', ', $stale) . " and the code differ: run \"make docs\"\n");
    return 1;
}

function with_tables(string $document, string $text): string
{
    $table = static function (array $match) use ($document): string {
        $rows = match ($match[1]) {
            'appserver.toml' => keys('sidecar/src/config/daemon/keys.rs'),
            'app.toml' => keys('sidecar/src/config/application_keys.rs'),
            'taken over by SIGHUP' => reloaded(),
            'exit codes' => exit_codes(),
            'exceptions' => exceptions(),
            'options of jobs' => options_of_jobs(),
            'release states' => release_states(),
            default => throw new LogicException("$document: no table is called \"{$match[1]}\""),
        };
        return "<!-- table: {$match[1]} -->\n" . implode("\n", $rows) . "\n<!-- end -->";
    };
    return preg_replace_callback('/<!-- table: (.+?) -->\n.*?<!-- end -->/s', $table, $text);
}

/** Rows from `key("name", "default", "doc")` in a table of keys. */
function keys(string $source): array
{
    $string = '"((?:[^"\\\\]|\\\\.)*)"';
    preg_match_all("/^    key\(\s*$string,\s*$string,\s*$string,?\s*\),/m", source($source), $keys, PREG_SET_ORDER);
    $rows = ['| key | default | meaning |', '|---|---|---|'];
    foreach ($keys as [, $name, $default, $doc]) {
        $default = $default === '' ? '' : '`' . unescaped($default) . '`';
        $rows[] = "| `$name` | $default | " . unescaped($doc) . ' |';
    }
    return non_empty($rows, $source);
}

/** Rows from the names in `RELOADED`, with what they mean. */
function reloaded(): array
{
    $source = 'sidecar/src/serve/reload.rs';
    preg_match('/const RELOADED: [^=]+=\s*&\[(.*?)\];/s', source($source), $list);
    preg_match_all('/"([^"]+)"/', $list[1] ?? '', $names);
    $taken = array_map(static fn (string $name): string => "| `$name`", $names[1]);
    $meanings = implode("\n", keys('sidecar/src/config/daemon/keys.rs'));
    $rows = ['| key | default | meaning |', '|---|---|---|'];
    foreach ($taken as $row) {
        preg_match('/^' . preg_quote($row, '/') . ' .*$/m', $meanings, $found);
        $rows[] = $found[0] ?? throw new LogicException("$source: no key is $row");
    }
    return non_empty($rows, $source);
}

function exit_codes(): array
{
    $source = source('sidecar/src/cli/exit.rs');
    preg_match_all('/^    (\w+) = (\d+),$/m', $source, $codes, PREG_SET_ORDER);
    preg_match_all('/Self::(\w+) => "(.+)",$/m', $source, $meanings);
    $meanings = array_combine($meanings[1], $meanings[2]);
    $rows = ['| code | meaning |', '|---|---|'];
    foreach ($codes as [, $name, $code]) {
        $rows[] = "| $code | {$meanings[$name]} |";
    }
    return non_empty($rows, 'sidecar/src/cli/exit.rs');
}

/** Rows from the states of a release and the comments above them; the API says them in lower case. */
function release_states(): array
{
    $source = 'sidecar/src/admin/release.rs';
    preg_match('/^pub\(crate\) enum ReleaseState \{\n(.+?)^\}/ms', source($source), $body);
    preg_match_all('~^    /// (.+)\n    (\w+),$~m', $body[1] ?? '', $states, PREG_SET_ORDER);
    $rows = ['| state | what it means |', '|---|---|'];
    foreach ($states as [, $doc, $name]) {
        $rows[] = '| `' . strtolower($name) . "` | $doc |";
    }
    return non_empty($rows, $source);
}

/** Rows from the exception classes of the stub and the comments above them. */
function exceptions(): array
{
    $pattern = '~(?:^    /\*\* (?<doc>[^*]+) \*/\n)?^    (?:final|abstract) class (?<class>\w+) extends (?:\\\\Runtime)?Exception$~m';
    preg_match_all($pattern, str_replace("Exception {}", "Exception", source('stubs/appserver.stub.php')), $found, PREG_SET_ORDER);
    $rows = ['| class | when |', '|---|---|'];
    foreach ($found as $class) {
        $rows[] = "| `AppServer\\{$class['class']}` | {$class['doc']} |";
    }
    return non_empty($rows, 'stubs/appserver.stub.php');
}

/**
 * Rows from the parameters of AppServer\queue() and of #[Queued] in the stub, with their comments, and from
 * the defaults of the engine.
 */
function options_of_jobs(): array
{
    $path = 'stubs/appserver.stub.php';
    $function = parameters($path, '/^    \/\*\*(?<doc>(?:(?!\*\/).)*)\*\/\n    function queue\((?<list>.*?)^    \)/ms');
    $attribute = parameters($path, '/final class Queued\n    \{\n(?<doc>.*?)public function __construct\((?<list>.*?)^        \)/ms');
    $options = array_diff_key($function, ['job' => 0, 'arguments' => 0]) + $attribute;
    $defaults = defaults_of_jobs();
    $rows = ['| option | unit | in `#[Queued]` | default | meaning |', '|---|---|---|---|---|'];
    foreach ($options as $name => [$type, $doc]) {
        $where = match (true) {
            !isset($attribute[$name]) => '',
            !isset($function[$name]) => 'only',
            default => 'yes',
        };
        $unit = match (true) {
            str_contains($type, 'Backoff') => 's',
            default => ['?float' => 's', '?int' => 'number', '?array' => 'texts', '?string' => 'text'][$type] ?? str_replace(['?', '\\', '|null', '|'], ['', '', '', ' or '], $type),
        };
        $default = $defaults[$name] ?? '';
        $doc !== '' || throw new LogicException("$path: nothing is said of the option $name");
        $rows[] = "| `$name` | $unit | $where | $default | $doc |";
    }
    return non_empty($rows, $path);
}

/** @return array<string, array{string, string}> Type and comment of each parameter. */
function parameters(string $path, string $pattern): array
{
    preg_match($pattern, source($path), $found) || throw new LogicException("$path has changed: $pattern");
    preg_match_all('/@param \S+ \$(\w+) (.+?)(?=\n\s*\* @|\s*\*?\/?\s*$)/s', $found['doc'], $documented, PREG_SET_ORDER);
    $docs = [];
    foreach ($documented as [, $name, $doc]) {
        $docs[$name] = trim(preg_replace('/\s*\n\s*\*\s*/', ' ', $doc));
    }
    preg_match_all('/([\w?|\\\\]+) \$(\w+)/', $found['list'], $declared, PREG_SET_ORDER);
    $parameters = [];
    foreach ($declared as [, $type, $name]) {
        $parameters[$name] = [$type, $docs[$name] ?? ''];
    }
    return $parameters;
}

/** What holds where nobody says, from the settings of the engine. @return array<string, string> */
function defaults_of_jobs(): array
{
    $path = 'jobs/src/settings.rs';
    $value = static function (string $field) use ($path): int {
        preg_match("/^ +$field: ([\d_ *]+),$/m", source($path), $found) || throw new LogicException("$path has no $field");
        return (int) array_product(explode('*', str_replace([' ', '_'], '', $found[1])));
    };
    $seconds = static fn (string $field): string => (string) ($value($field) / 1000);
    $jitter = $value('jitter_percent') / 100;
    return [
        'queue' => '`default`',
        'priority' => '0',
        'attempts' => "{$value('attempts')} (`jobs.attempts`)",
        'crashAttempts' => "{$value('crash_attempts')} (`jobs.crash_attempts`)",
        'backoff' => "{$seconds('base_ms')}, doubled up to {$seconds('max_ms')}, jitter $jitter (`jobs.backoff_*`)",
        'timeout' => $seconds('timeout_ms'),
        'keep' => "{$seconds('keep_ms')} (`jobs.keep_ms`)",
    ];
}

function source(string $path): string
{
    return file_get_contents($path) ?: throw new RuntimeException("$path cannot be read");
}

function unescaped(string $literal): string
{
    return strtr(stripcslashes($literal), ['|' => '\\|']);
}

function non_empty(array $rows, string $source): array
{
    return count($rows) > 2 ? $rows : throw new LogicException("$source no longer looks as this script expects");
}
