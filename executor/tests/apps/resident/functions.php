<?php

use AppServer\Isolation;

$GLOBALS['boots'] = ($GLOBALS['boots'] ?? 0) + 1;

#[Isolation('resident')]
function visits(): int
{
    static $visits = 0;
    return ++$visits;
}

#[Isolation('resident')]
function boots(): int
{
    return $GLOBALS['boots'];
}

/** The time of this request, and of the first one as it was noted then. */
#[Isolation('resident')]
function request_times(): array
{
    static $first = null;
    $first ??= $_SERVER;
    return [$_SERVER['REQUEST_TIME_FLOAT'], $first['REQUEST_TIME_FLOAT']];
}

/** A $_SERVER that PHP code has written into. */
#[Isolation('resident')]
function writes_server(): void
{
    $_SERVER['NOTE'] = 'kept';
}

#[Isolation('resident')]
function litters(): void
{
    ob_start();
    echo 'left open';
    @trigger_error('noted');
    header('X-Litter: 1');
    http_response_code(404);
    register_shutdown_function(static function (): void {
        $GLOBALS['shutdown'] = ($GLOBALS['shutdown'] ?? 0) + 1;
    });
}

#[Isolation('resident')]
function changes_surroundings(): void
{
    session_id('litter');
    session_start(['use_cookies' => false, 'cache_limiter' => '']);
    $_SESSION['visits'] = ($_SESSION['visits'] ?? 0) + 1;
    set_time_limit(100);
    chdir('/');
    umask(0);
    pcntl_alarm(60);
    ini_set('precision', '3');
    putenv('KEPT=yes');
}

#[Isolation('resident')]
function surroundings(): array
{
    return [
        'session' => [session_status() === PHP_SESSION_ACTIVE, session_id(), isset($_SESSION)],
        'limit' => ini_get('max_execution_time'),
        'folder' => basename(getcwd()),
        'umask' => umask(),
        'alarm' => pcntl_alarm(0),
        'precision' => ini_get('precision'),
        'variable' => getenv('KEPT'),
    ];
}

#[Isolation('resident')]
function saved_visits(): int
{
    session_id('litter');
    session_start(['use_cookies' => false, 'cache_limiter' => '']);
    return $_SESSION['visits'];
}

#[Isolation('resident')]
function looks_around(): array
{
    return [
        'level' => ob_get_level(),
        'error' => error_get_last(),
        'headers' => array_values(array_filter(headers_list(), fn ($h) => str_starts_with($h, 'X-Litter'))),
        'status' => http_response_code(),
        'shutdown' => $GLOBALS['shutdown'] ?? 0,
    ];
}

#[Isolation('resident')]
function fails(): never
{
    throw new DomainException('no');
}

#[Isolation('resident')]
function exits(): never
{
    exit(1);
}

function stateless(): string
{
    return 'here';
}

#[Isolation('resident')]
function hello(string $name): string
{
    return "Hello, $name!";
}
