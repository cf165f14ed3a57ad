//! Whatever a function does, its caller has an answer at the deadline plus the grace.

use e2e::{Sidecar, eventually};

const FUNCTIONS: &str = r#"
    function hello(string $name): string { return "Hello $name"; }
    function spin(): void { while (true) {} }
    function spin_from(string $begun): void { touch($begun); while (true) {} }
    function sleeps(): void { sleep(60); }
    function blocks(): void { $pair = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0); fread($pair[0], 1); }
    function stubborn(): void { register_shutdown_function(function () { while (true) {} }); while (true) {} }
    function tidy(string $file): void { register_shutdown_function(fn() => file_put_contents($file, 'tidied')); while (true) {} }
    #[AppServer\Timeout(0.05)]
    function impatient(): void { while (true) {} }
    class Slow { public function __serialize(): array { while (true) {} } public function __unserialize(array $data): void { while (true) {} } }
    function slow_result(): Slow { return new Slow; }
    function slow_buffer(): int { ob_start(function ($b) { while (true) {} }); echo "x"; return 1; }
"#;

/// What becomes of a call that has little time, and of one after it that has enough.
fn outcome(sidecar: &Sidecar, function: &str) -> String {
    let script = format!(
        r#"try {{ (new AppServer\Client(timeout: 0.1))->call({function}); echo 'returned'; }}
           catch (Throwable $e) {{ echo get_class($e); }}
           echo ' then ', appserver_call('hello', 'Ada');"#
    );
    sidecar.php(&script).ok()
}

#[test]
fn endless_loops_sleeps_and_blocking_reads_are_interrupted() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    for function in ["'spin'", "'sleeps'", "'blocks'", "'slow_result'", "'slow_buffer'"] {
        let out = outcome(&sidecar, function);
        assert_eq!(out, "AppServer\\TimeoutException then Hello Ada", "{function}");
    }
}

#[test]
fn what_cannot_be_interrupted_is_killed_after_the_grace() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    assert_eq!(outcome(&sidecar, "'stubborn'"), "AppServer\\TimeoutException then Hello Ada");
}

#[test]
fn shutdown_functions_still_run_after_a_time_out() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let file = sidecar.app().join("tidied");
    // A limit that is over before the function begins says nothing.
    let out = sidecar.php(&format!(
        "for ($limit = 0.1; !file_exists({file:?}) && $limit < 20; $limit *= 2) {{
             try {{ (new AppServer\\Client(timeout: $limit))->call('tidy', {file:?}); echo 'returned'; }}
             catch (AppServer\\TimeoutException $e) {{ $late = 'timed out'; }}
             clearstatcache();
         }}
         echo $late, ' then ', appserver_call('hello', 'Ada');"
    ));
    assert_eq!(out.ok(), "timed out then Hello Ada");
    e2e::eventually("the shutdown function ran", || std::fs::read_to_string(&file).ok());
}

#[test]
fn the_attribute_s_limit_holds_where_the_caller_s_is_longer() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let out = sidecar.php(
        r#"try { appserver_call('impatient'); } catch (AppServer\TimeoutException $e) { echo $e->getMessage(); }"#,
    );
    let text = out.ok();
    assert!(text.contains("impatient") && text.contains("0.05"), "{text}");
}

#[test]
fn a_call_that_is_cancelled_before_it_begins_is_stopped_when_it_does() {
    let sidecar = Sidecar::builder()
        .file("functions.php", &format!("<?php {FUNCTIONS}"))
        .file("app.toml", "[executors]\nmin = 1\nmax = 1\n")
        .start();
    let out = sidecar.php_with(
        &["appserver.timeout=600"],
        r#"$first = appserver_async('spin');
           $second = appserver_async('spin');
           // Cancelled while the other one still runs, where there is no room for both.
           $second->cancel(); $first->cancel();
           echo appserver_call('hello', 'Ada');"#,
    );
    assert_eq!(out.ok(), "Hello Ada");
}

#[test]
fn a_cancelled_future_stops_its_function() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let out = sidecar.php(
        r#"$future = appserver_async('spin');
           echo json_encode($future->ready()), json_encode($future->cancel()), ' ';
           try { $future->await(); } catch (AppServer\CancelledException $e) { echo 'cancelled'; }"#,
    );
    assert_eq!(out.ok(), "falsetrue cancelled");
    e2e::eventually("no executor runs it any more", || {
        let status = sidecar.status();
        let executors = status["apps"][0]["pools"][0]["executors"].as_array()?.clone();
        executors.iter().all(|executor| executor["state"] != "running").then_some(())
    });
}

#[test]
fn what_a_function_calls_has_no_more_time_than_the_function() {
    let sidecar = Sidecar::with_functions(
        r#"
        function stuck(string $begun): void { touch($begun); while (true) { usleep(1000); } }
        function calls(string $begun): void {
            (new AppServer\Client(timeout: 600))->call('stuck', $begun);
        }"#,
    );
    let begun = sidecar.app().join("begun");
    // A limit that is over before the inner call begins says nothing.
    let out = sidecar.php(&format!(
        "for ($limit = 0.5; !file_exists({begun:?}) && $limit < 20; $limit *= 2) {{
             try {{ (new AppServer\\Client(timeout: $limit))->call('calls', {begun:?}); echo 'returned'; }}
             catch (AppServer\\TimeoutException $e) {{ $late = 'timed out'; }}
             clearstatcache();
         }}
         echo $late;"
    ));
    assert_eq!(out.ok(), "timed out");
    assert!(begun.exists());
    eventually("nothing runs any more", || {
        let pools = sidecar.status()["apps"][0]["pools"].as_array()?.clone();
        let mut executors = pools.iter().flat_map(|pool| pool["executors"].as_array().unwrap());
        executors.all(|executor| executor["state"] == "idle").then_some(())
    });
}

#[test]
fn a_call_whose_turn_never_comes_says_so() {
    let sidecar = Sidecar::builder()
        .file("functions.php", &format!("<?php {FUNCTIONS}"))
        .file("app.toml", "[executors]\nmin = 1\nmax = 1\n")
        .start();
    let begun = sidecar.app().join("begun");
    // The call is to find the executor busy: which of two comes first is nobody's promise.
    let out = sidecar.php_with(
        &["appserver.timeout=600"],
        &format!(
            r#"$busy = appserver_async('spin_from', {begun:?});
               while (!file_exists({begun:?})) {{ usleep(1000); clearstatcache(); }}
               // Connecting is in its time, too.
               try {{ (new AppServer\Client(timeout: 2.0))->call('hello', 'Ada'); }}
               catch (AppServer\TimeoutException $e) {{ echo $e->getMessage(); }}
               $busy->cancel();
               echo "\n", appserver_call('hello', 'Ada');"#
        ),
    );
    let out = out.ok();
    assert!(out.contains("all executors of pool \"default\" are busy (executors.max = 1"), "{out}");
    assert!(out.ends_with("\nHello Ada"), "{out}");
}
