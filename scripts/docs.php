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
