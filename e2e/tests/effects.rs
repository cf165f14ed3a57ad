//! What a function does besides returning: output, warnings, headers, sessions, state. The protocol
//! is never corrupted by it, and a stateless call leaves nothing to the next.

use e2e::{Sidecar, eventually};

const FUNCTIONS: &str = r#"
    function hello(string $name): string { return "Hello $name"; }
    function prints(): string { echo "to the \0 log"; print('!'); return 'returned'; }
    function floods(): int { for ($i = 0; $i < 100000; $i++) { echo str_repeat('x', 100), "\n"; } return $i; }
    function warns(): string { echo $undefined; trigger_error('careful', E_USER_WARNING); return 'returned'; }
    function sends_headers(): int { header('X-Leak: yes'); http_response_code(500); setcookie('a', 'b'); return count(headers_list()); }
    function status_now(): int { return http_response_code(); }
    function buffers(): string { ob_start(); echo 'inside'; ob_start(fn($b) => strtoupper($b)); echo 'deeper'; return 'left open'; }
    function uses_session(string $value): ?string { session_id('abc'); @session_start(); $was = $_SESSION['v'] ?? null; $_SESSION['v'] = $value; return $was; }
    function dies_in_session(): void { session_id('abc'); @session_start(); eval('class A {} class A {}'); }
    function registers(string $file): string { register_shutdown_function(fn() => file_put_contents($file, 'ran')); return 'returned'; }
    function counts(): int { static $n = 0; return ++$n; }
    function remembers(): int { $GLOBALS['n'] = ($GLOBALS['n'] ?? 0) + 1; return $GLOBALS['n']; }
    class Box { public static int $n = 0; }
    function keeps_in_class(): int { return ++Box::$n; }
    function changes_ini(): string { $was = ini_get('precision'); ini_set('precision', '3'); setlocale(LC_ALL, 'C'); return $was; }
    function changes_handlers(): int { set_error_handler(fn() => true); set_exception_handler(fn() => true); spl_autoload_register(fn() => null); return count(spl_autoload_functions()); }
    function moves(): string { $was = getcwd(); chdir('/'); return $was; }
    function closes_std(): string { fclose(STDERR ?? fopen('php://stderr', 'w')); return 'closed'; }
    function sapi(): array { return [PHP_SAPI, php_sapi_name(), ('php_' . 'sapi_name')()]; }
    function superglobals(): array { return [count($_GET), count($_POST), count($_COOKIE), isset($_SERVER['REQUEST_TIME_FLOAT'])]; }
    function request_time(): float { return $_SERVER['REQUEST_TIME_FLOAT']; }
    function opens(): array { $f = fopen(__FILE__, 'r'); return [get_resource_type($f)]; }
    function has_opcache(): bool { return (bool) (opcache_get_status(false)['opcache_enabled'] ?? false); }
"#;

#[test]
fn what_a_function_prints_is_logged_and_never_reaches_the_wire() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let out = sidecar.php("echo appserver_call('prints'), ' ', appserver_call('hello', 'Ada');");
    assert_eq!(out.ok(), "returned Hello Ada");
    eventually("the output is in the log", || sidecar.log().contains("to the").then_some(()));
}

#[test]
fn a_caller_who_asks_for_output_gets_it() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let out =
        sidecar.php("echo '[', (new AppServer\\Client())->withOutput()->call('prints'), ']';");
    assert_eq!(out.ok(), "[to the \0 log!returned]");
}

#[test]
fn a_caller_who_asks_for_output_gets_all_of_it_or_is_told() {
    let sidecar = Sidecar::builder()
        .file("f.php", "<?php function prints(int $bytes): bool { echo str_repeat('x', $bytes); return true; }")
        .config("[limits]\nframe_bytes_max = 4000000\n")
        .start();
    let out = sidecar.php(
        r#"$client = (new AppServer\Client())->withOutput();
           ob_start(); $client->call('prints', 3_000_000); echo strlen(ob_get_clean()), ' ';
           try { $client->call('prints', 5_000_000); }
           catch (AppServer\EncodeException $e) { echo $e->getMessage(); }"#,
    );
    let out = out.ok();
    assert!(out.starts_with("3000000 ") && out.contains("printed 5000000 bytes"), "{out}");
}

#[test]
fn a_flood_of_output_is_bounded() {
    // One executor, so that its calls are logged in their order.
    let sidecar = Sidecar::builder()
        .file("functions.php", &format!("<?php {FUNCTIONS}"))
        .file("app.toml", "[executors]\nmin = 1\nmax = 1\n")
        .start();
    let out = sidecar.php("echo appserver_call('floods'), appserver_call('prints');");
    assert_eq!(out.ok(), "100000returned");
    eventually("the call after the flood is in the log", || {
        sidecar.log().contains("to the").then_some(())
    });
    let bytes = sidecar.log().len();
    assert!((1000..1 << 20).contains(&bytes), "the log has {bytes} bytes");
}

#[test]
fn warnings_are_logged_with_the_function_s_name() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    assert_eq!(sidecar.php("echo appserver_call('warns');").ok(), "returned");
    eventually("the warning is in the log", || {
        let log = sidecar.log();
        (log.contains("careful") && log.contains("warns")).then_some(())
    });
}

#[test]
fn headers_and_status_do_not_leak_into_the_next_call() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let out = sidecar.php(
        "for ($i = 0; $i < 5; $i++) { $first = appserver_call('sends_headers'); $n = appserver_call('sends_headers'); }
         echo json_encode([$first === $n, appserver_call('status_now')]);",
    );
    assert_eq!(out.ok(), "[true,200]");
}

#[test]
fn buffers_left_open_are_closed_by_the_request() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let out = sidecar.php("for ($i = 0; $i < 5; $i++) { echo appserver_call('buffers'), ';'; } echo appserver_call('hello', 'Ada');");
    assert_eq!(out.ok(), "left open;left open;left open;left open;left open;Hello Ada");
}

#[test]
fn sessions_work_and_a_fatal_error_inside_one_leaves_no_lock() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let out = sidecar.php(
        r#"echo json_encode(appserver_call('uses_session', 'one'));
           try { appserver_call('dies_in_session'); } catch (AppServer\RemoteFatal) { echo ' fatal '; }
           echo json_encode(appserver_call('uses_session', 'two'));"#,
    );
    assert_eq!(out.ok(), r#"null fatal "one""#);
}

#[test]
fn shutdown_functions_run_after_the_answer() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let file = sidecar.app().join("ran");
    let out = sidecar
        .php(&format!("echo appserver_call('registers', {:?});", file.display().to_string()));
    assert_eq!(out.ok(), "returned");
    eventually("the shutdown function ran", || file.exists().then_some(()));
}

#[test]
fn a_stateless_call_leaves_nothing_to_the_next() {
    let sidecar = Sidecar::builder()
        .file("functions.php", &format!("<?php {FUNCTIONS}"))
        .file("app.toml", "[executors]\nmin = 1\nmax = 1\n")
        .start();
    let out = sidecar.php(
        r#"for ($i = 0; $i < 3; $i++) {
               $seen[] = [appserver_call('counts'), appserver_call('remembers'), appserver_call('keeps_in_class'),
                   appserver_call('changes_ini'), appserver_call('changes_handlers'), appserver_call('moves')];
           }
           echo json_encode([$seen[0] === $seen[1] && $seen[1] === $seen[2], array_slice($seen[0], 0, 3)]);"#,
    );
    assert_eq!(out.ok(), "[true,[1,1,1]]");
}

#[test]
fn a_resident_function_keeps_its_state_in_its_own_pool() {
    let sidecar = Sidecar::builder()
        .file(
            "functions.php",
            r#"<?php
            #[AppServer\Isolation('resident')]
            function counts(): int { static $n = 0; return ++$n; }
            #[AppServer\Isolation('resident')]
            function prints(): string { echo 'noise'; return 'returned'; }
            #[AppServer\Isolation('resident')]
            function status(): int { $was = http_response_code(); http_response_code(500); header('X: y'); return $was; }
            #[AppServer\Isolation('resident')]
            function throws(): void { throw new DomainException('no'); }
            #[AppServer\Isolation('resident')]
            function quits(): void { exit(1); }
            #[AppServer\Isolation('resident')]
            function shuts(string $file): void { register_shutdown_function(fn() => file_put_contents($file, 'x', FILE_APPEND)); }
            function stateless(): int { static $n = 0; return ++$n; }"#,
        )
        .file("app.toml", "[executors]\nmin = 1\nmax = 1\n")
        .start();
    let file = sidecar.app().join("shut");
    let out = sidecar.php(&format!(
        r#"$seen = [];
           for ($i = 0; $i < 3; $i++) {{ $seen[] = appserver_call('counts'); $seen[] = appserver_call('stateless'); }}
           $seen[] = appserver_call('prints'); $seen[] = appserver_call('status'); $seen[] = appserver_call('status');
           appserver_call('shuts', {file:?}); appserver_call('shuts', {file:?});
           try {{ appserver_call('throws'); }} catch (DomainException $e) {{ $seen[] = $e->getMessage(); }}
           $seen[] = appserver_call('counts');
           try {{ appserver_call('quits'); }} catch (AppServer\RemoteFatal $e) {{ $seen[] = $e->getKind(); }}
           $seen[] = appserver_call('stateless');
           echo json_encode($seen);"#,
        file = file.display().to_string()
    ));
    assert_eq!(out.ok(), r#"[1,1,2,1,3,1,"returned",200,200,"no",4,"exit",1]"#);
    eventually("each call's shutdown function ran once", || {
        (std::fs::read_to_string(&file).ok()? == "xx").then_some(())
    });
}

#[test]
fn the_request_looks_like_a_request_of_its_own() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let out = sidecar.php(
        "$before = microtime(true);
         echo json_encode([appserver_call('sapi'), appserver_call('superglobals'), appserver_call('has_opcache'),
            appserver_call('request_time') >= $before]);",
    );
    assert_eq!(out.ok(), r#"[["appserver","appserver","appserver"],[0,0,0,true],true,true]"#);
}

#[test]
fn code_at_the_top_level_runs_for_each_call_and_is_reported() {
    let sidecar = Sidecar::builder()
        .file(
            "settings.php",
            "<?php\ndefine('RATE', 19);\n$config = ['x' => 1];\nfunction rate(): int { return RATE; }\nfunction config(): array { return $GLOBALS['config']; }\n",
        )
        .file("pure.php", "<?php\nconst NOT_PURE = 3;\nfunction not_pure(): int { return NOT_PURE; }\n")
        .start();
    let out = sidecar.php("for ($i = 0; $i < 3; $i++) echo json_encode([appserver_call('rate'), appserver_call('config'), appserver_call('not_pure')]);");
    assert_eq!(out.ok(), r#"[19,{"x":1},3]"#.repeat(3));
    let warnings = sidecar.status()["apps"][0]["warnings"].to_string();
    assert!(warnings.contains("settings.php"), "{warnings}");
}

#[test]
fn without_a_sidecar_the_extension_is_silent() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let out =
        sidecar.php_with(&["appserver.workers=unix:/nonexistent/appserver.sock"], "echo 'quiet';");
    assert_eq!((out.stdout.as_str(), out.stderr.as_str()), ("quiet", ""));
}

#[test]
fn a_resident_executor_that_broke_after_its_answer_serves_no_further_call() {
    let sidecar = Sidecar::builder()
        .file(
            "functions.php",
            r#"<?php
            function answer(): int { return 42; }
            function eats_later(): int {
                ini_set('memory_limit', '16M');
                register_shutdown_function(function () { $a = []; while (true) { $a[] = str_repeat('x', 1 << 20); } });
                return 1;
            }
            function eats_in_buffer(): int {
                ini_set('memory_limit', '16M');
                ob_start(function ($b) { return str_repeat('x', 1 << 28); });
                echo 'x';
                return 2;
            }"#,
        )
        .file("app.toml", "isolation = \"resident\"\n[executors]\nmin = 1\nmax = 1\n")
        .start();
    let out = sidecar.php(
        r#"foreach (['eats_later', 'eats_in_buffer'] as $f) {
               try { echo appserver_call($f); } catch (AppServer\RemoteFatal $e) { echo $e->getKind(); }
               echo ' ', appserver_call('answer'), ' ';
           }"#,
    );
    let text = out.ok();
    assert!(text.starts_with("1 42 ") && text.ends_with(" 42 "), "{text}");
}
