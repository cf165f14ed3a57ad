<?php
declare(strict_types=1);

/** Says hello. */
function hello(string $name, string $greeting = 'Hello'): string
{
    return "$greeting, $name!";
}

function add(int $a, int ...$more): int
{
    return $a + array_sum($more);
}

function counted(): int
{
    static $calls = 0;
    return ++$calls + ($GLOBALS['calls'] = ($GLOBALS['calls'] ?? 0) + 1) - 1;
}

final class OrderException extends RuntimeException
{
    public function __construct(string $message, private int $order)
    {
        parent::__construct($message, 42, new LogicException('the cause'));
    }
}

function fails(): never
{
    throw new OrderException('no such order', 7);
}

function fails_at_length(int $characters): never
{
    throw new LogicException(str_repeat('ä', $characters));
}

function fails_deep_down(int $depth): never
{
    $depth > 0 ? fails_deep_down($depth - 1) : throw new LogicException('deep down');
}

function fatal_at_length(int $bytes): never
{
    trigger_error(str_repeat('x', $bytes), E_USER_ERROR);
}

function exits(int $status): never
{
    exit($status);
}

function fatal(): never
{
    trigger_error('enough', E_USER_ERROR);
}

function devours(): string
{
    ini_set('memory_limit', '16M');
    return str_repeat('x', 64 * 1024 * 1024);
}

function recurses(int $n): int
{
    return recurses($n + 1) + 1;
}

function loops(): never
{
    while (true) {
    }
}

function sleeps(int $seconds): int
{
    return sleep($seconds);
}

function swaps(array &$values): void
{
    $values = array_reverse($values);
}

function prints(string $text): string
{
    ob_start();
    echo $text;
    header('X-Test: 1');
    return PHP_SAPI;
}

function forks(string $end): string
{
    $pid = pcntl_fork();
    if ($pid === 0) {
        return match ($end) {
            'return' => 'from the child',
            'exit' => exit(1),
            'throw' => throw new LogicException('from the child'),
        };
    }
    pcntl_waitpid($pid, $status);
    return 'from the parent';
}

/** Forks when it is asked for its data, or when it is destroyed. */
final class Parental implements JsonSerializable
{
    public function __construct(private string $when)
    {
    }

    private function fork(string $when): void
    {
        if ($this->when !== $when) {
            return;
        }
        $pid = pcntl_fork();
        if ($pid > 0) {
            pcntl_waitpid($pid, $status);
        }
    }

    public function __serialize(): array
    {
        $this->fork('encoding');
        return [];
    }

    public function jsonSerialize(): array
    {
        return $this->__serialize();
    }

    public function __destruct()
    {
        $this->fork('destruction');
    }
}

function forks_late(string $when): array
{
    ob_start(static function (string $printed) use ($when): string {
        new Parental($when === 'output' ? 'destruction' : '');
        return $printed;
    });
    return [new Parental($when)];
}

/** The child goes through the end of the request; the parent notes that it is gone, and goes on. */
function forks_at_the_end(string $file): string
{
    register_shutdown_function(static function () use ($file): void {
        $pid = pcntl_fork();
        if ($pid > 0) {
            pcntl_waitpid($pid, $status);
            touch($file);
            while (true) {
            }
        }
    });
    return 'returned';
}

final class Sore
{
    public function __destruct()
    {
        trigger_error('sore to the end', E_USER_ERROR);
    }
}

final class SoreException extends Exception
{
    private Sore $sore;

    public function __construct()
    {
        parent::__construct('it hurts');
        $this->sore = new Sore();
    }
}

final class Hurt implements JsonSerializable
{
    public function jsonSerialize(): never
    {
        throw new SoreException();
    }
}

function hurts(string $when): Hurt
{
    return $when === 'at once' ? throw new SoreException() : new Hurt();
}

function closes(): Closure
{
    return static fn () => 1;
}

final class Math
{
    public static function square(int $n): int
    {
        return $n * $n;
    }

    private static function secret(): void
    {
    }
}

function binary(): string
{
    return "\xff\xfe";
}

function redeclares(): void
{
    eval('class Math {}');
}

function leaves_a_note(string $file, string $end): void
{
    register_shutdown_function(static fn () => file_put_contents($file, $end));
    match ($end) {
        'return' => null,
        'exit' => exit(1),
        'fatal' => trigger_error('noted', E_USER_ERROR),
    };
}

function kills_itself(int $signal): void
{
    posix_kill(getmypid(), $signal);
}

function reads_a_pipe(): string|false
{
    [$ours, $theirs] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
    $read = [$ours];
    $none = null;
    stream_select($read, $none, $none, 60);
    return 'woken';
}

function catches_all(): string
{
    try {
        while (true) {
        }
    } catch (Throwable) {
        return 'caught';
    } finally {
        echo 'finally';
    }
}

function naps(): string
{
    usleep(50_000);
    return 'rested';
}

#[AppServer\Timeout(2.5)]
function naps_briefly(): string
{
    return naps();
}

function large(int $bytes): string
{
    return str_repeat('x', $bytes);
}

function warns(): mixed
{
    return $nothing;
}

function visits(string $session): int
{
    session_id($session);
    session_start(['use_cookies' => false, 'cache_limiter' => '']);
    return $_SESSION['visits'] = ($_SESSION['visits'] ?? 0) + 1;
}

function redirects(): int
{
    header('Location: /elsewhere');
    return http_response_code();
}

function status_code(): int
{
    return http_response_code();
}

function request_time(): float
{
    return $_SERVER['REQUEST_TIME_FLOAT'];
}

/** What it finds, before it changes it. */
function leaves_traces(): array
{
    $found = [
        'folder' => getcwd(),
        'umask' => umask(0),
        'variable' => getenv('TRACE'),
        'locale' => setlocale(LC_ALL, '0'),
        'precision' => ini_get('precision'),
        'level' => error_reporting(0),
        'handler' => set_error_handler(static fn () => true),
        'autoloaders' => count(spl_autoload_functions()),
        'zone' => date_default_timezone_get(),
        'alarm' => pcntl_alarm(60),
        'signals' => preg_match('/^SigCgt:\s*(\w+)/m', file_get_contents('/proc/self/status'), $m) ? $m[1] : '',
        'limit' => ini_get('max_execution_time'),
    ];
    chdir('/');
    putenv('TRACE=left');
    setlocale(LC_ALL, 'C.UTF-8');
    ini_set('precision', '3');
    spl_autoload_register(static fn () => null);
    date_default_timezone_set('Europe/Berlin');
    pcntl_signal(SIGWINCH, static fn () => null);
    set_time_limit(100);
    return $found;
}

function is_nice(): int
{
    proc_nice(1);
    return pcntl_getpriority();
}

function unsendable(string $what): mixed
{
    $rows = new stdClass();
    $rows->total = match ($what) {
        'nan' => NAN,
        'inf' => -INF,
        'closure' => static fn () => 1,
        'resource' => opendir('/'),
        'generator' => (static fn () => yield 1)(),
        'anonymous' => new class () {
        },
        'itself' => null,
    };
    $rows->total = $what === 'itself' ? [$rows] : $rows->total;
    return ['rows' => [0, $rows]];
}

final class DyingHandler implements SessionHandlerInterface
{
    public function open(string $path, string $name): bool
    {
        return true;
    }

    public function close(): bool
    {
        return true;
    }

    public function read(string $id): string
    {
        return '';
    }

    public function write(string $id, string $data): bool
    {
        trigger_error('the session is lost', E_USER_ERROR);
    }

    public function destroy(string $id): bool
    {
        return true;
    }

    public function gc(int $max_lifetime): int
    {
        return 0;
    }
}

function loses_its_session(string $when): string
{
    session_set_save_handler(new DyingHandler(), false);
    session_start(['use_cookies' => false, 'cache_limiter' => '']);
    $_SESSION['lost'] = 1;
    if ($when === 'during') {
        session_write_close();
    }
    return 'returned';
}

final class Difficult implements JsonSerializable
{
    public function __construct(private string $how)
    {
    }

    public function __serialize(): array
    {
        return match ($this->how) {
            'throws' => throw new DomainException('not for sale'),
            'dies' => trigger_error('dead', E_USER_ERROR),
            'exits' => exit(4),
        };
    }

    public function jsonSerialize(): array
    {
        return $this->__serialize();
    }
}

function difficult(string $how): array
{
    return [new Difficult($how)];
}

function overflows(): int
{
    ini_set('memory_limit', '1G');
    $nested = [];
    for ($depth = 0; $depth < 300_000; ++$depth) {
        $nested = [$nested];
    }
    return strlen(serialize($nested));
}

function never_shuts_down(): string
{
    register_shutdown_function(static function (): void {
        while (true) {
        }
    });
    return 'returned';
}

function reads_on(): string
{
    [$ours, $theirs] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
    return fread($ours, 1);
}

function waits_for(string $file): string
{
    while (!file_exists($file)) {
        usleep(1000);
        clearstatcache();
    }
    return 'went';
}
