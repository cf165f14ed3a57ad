//! Processes that die: executors, prototype, supervisor, clients. Each caller gets a typed error,
//! nobody else notices, and everything is back for the next call.

use e2e::{Sidecar, eventually, process_is_gone, send_signal};
use rustix::process::Signal;

/// Functions that end badly, each in its own way; `touch` tells the test that a call has begun.
const FUNCTIONS: &str = r#"
    function hello(string $name): string { return "Hello $name"; }
    function pid(): int { return getmypid(); }
    function recurse(int $n): int { return 1 + recurse($n + 1); }
    function segfault(): void { posix_kill(getmypid(), SIGSEGV); }
    #[AppServer\Timeout(0.1)]
    function stops(): void { posix_kill(getmypid(), SIGSTOP); }
    function quit(int $status): never { exit($status); }
    function fatal(): void { eval('class A {} class A {}'); }
    function eat(): string { ini_set('memory_limit', '16M'); return str_repeat('x', 64 * 1024 * 1024); }
    function wait_for(string $begun, string $go): string {
        file_put_contents($begun, (string) getmypid());
        while (!file_exists($go)) { usleep(1000); clearstatcache(); }
        return 'went';
    }
    function leaves_group(): void { posix_setpgid(0, 0); posix_kill(getmypid(), SIGKILL); }
    function leaves_session(): bool { return posix_setsid() > 0; }
    function dies_later(): void { register_shutdown_function(fn() => posix_kill(getmypid(), SIGKILL)); }
    function forks(): string {
        $pid = pcntl_fork();
        if ($pid === 0) { return 'child'; }
        pcntl_waitpid($pid, $status);
        return 'parent';
    }
"#;

/// Prints `class|detail` of what `$call` throws.
const CATCH: &str = r#"
    function outcome(callable $call): string {
        try { return 'returned ' . json_encode($call()); }
        catch (AppServer\ExecutorDied $e) { return "ExecutorDied signal={$e->getSignal()} status={$e->getExitStatus()}"; }
        catch (AppServer\RemoteFatal $e) { return "RemoteFatal kind={$e->getKind()} file=" . basename($e->getRemoteFile()); }
        catch (AppServer\ConnectionLost $e) { return 'ConnectionLost mayHaveRun=' . json_encode($e->mayHaveRun()); }
        catch (Throwable $e) { return get_class($e) . ': ' . $e->getMessage(); }
    }
"#;

fn script(body: &str) -> String {
    format!("{CATCH}\n{body}")
}

#[test]
fn a_crash_is_told_with_its_signal_and_the_next_call_works() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let output = sidecar.php(&script(
        r#"echo outcome(fn() => appserver_call('segfault')), "\n";
           echo outcome(fn() => appserver_call('hello', 'Ada')), "\n";"#,
    ));
    assert_eq!(output.ok(), "ExecutorDied signal=11 status=\nreturned \"Hello Ada\"\n");
}

#[test]
fn endless_recursion_is_told_and_the_next_call_works() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let out = sidecar
        .php(&script(
            r#"echo outcome(fn() => appserver_call('recurse', 0)), "\n";
               echo outcome(fn() => appserver_call('hello', 'Ada')), "\n";"#,
        ))
        .ok();
    // PHP frames live on the heap: memory_limit ends it, unless the limit is off and the kernel does.
    assert!(out.starts_with("RemoteFatal kind=memory") || out.starts_with("ExecutorDied"), "{out}");
    assert!(out.ends_with("returned \"Hello Ada\"\n"), "{out}");
}

#[test]
fn exit_fatal_errors_and_exhausted_memory_are_told_apart() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let output = sidecar.php(&script(
        r#"echo outcome(fn() => appserver_call('quit', 3)), "\n";
           echo outcome(fn() => appserver_call('fatal')), "\n";
           echo outcome(fn() => appserver_call('eat')), "\n";
           echo outcome(fn() => appserver_call('hello', 'Ada')), "\n";"#,
    ));
    let out = output.ok();
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].starts_with("RemoteFatal kind=exit"), "{out}");
    assert!(lines[1].starts_with("RemoteFatal kind=fatal"), "{out}");
    assert!(lines[2].starts_with("RemoteFatal kind=memory file=functions.php"), "{out}");
    assert_eq!(lines[3], "returned \"Hello Ada\"");
}

#[test]
fn a_fatal_error_brings_php_s_own_text() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let output = sidecar.php(
        r#"try { appserver_call('eat'); } catch (AppServer\RemoteFatal $e) { echo $e->getMessage(); }"#,
    );
    assert!(output.ok().contains("Allowed memory size of 16777216 bytes exhausted"));
}

#[test]
fn killing_the_executor_of_a_call_in_flight_fails_that_call_alone() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let begun = sidecar.app().join("begun");
    let go = sidecar.app().join("go");
    let victim = sidecar.spawn_php(&script(&format!(
        "echo outcome(fn() => appserver_call('wait_for', {begun:?}, {go:?}));"
    )));
    let pid: u32 =
        eventually("the call has begun", || std::fs::read_to_string(&begun).ok()?.parse().ok());
    let other_begun = sidecar.app().join("other");
    let bystander = sidecar.spawn_php(&script(&format!(
        "echo outcome(fn() => appserver_call('wait_for', {other_begun:?}, {go:?}));"
    )));
    eventually("the other call has begun", || other_begun.exists().then_some(()));
    send_signal(pid, Signal::KILL);
    assert_eq!(victim.finish().ok(), "ExecutorDied signal=9 status=");
    std::fs::write(&go, "").unwrap();
    assert_eq!(bystander.finish().ok(), "returned \"went\"");
}

#[test]
fn a_dead_executor_is_replaced_and_leaves_no_process_behind() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let before = sidecar.executors();
    for pid in &before {
        send_signal(*pid, Signal::KILL);
    }
    for pid in &before {
        eventually("the executor is gone", || process_is_gone(*pid).then_some(()));
    }
    assert_eq!(sidecar.php("echo appserver_call('hello', 'Ada');").ok(), "Hello Ada");
    eventually("as many executors as before", || {
        (sidecar.executors().len() >= before.len()).then_some(())
    });
}

#[test]
fn how_long_an_executor_was_missing_is_told() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let out = sidecar.php(&script(
        "for ($i = 0; $i < 10; $i++) { outcome(fn() => appserver_call('segfault')); } echo 'done';",
    ));
    assert_eq!(out.ok(), "done");
    let replacements = eventually("ten were replaced", || {
        let replacements = sidecar.status()["apps"][0]["pools"][0]["replacements"].clone();
        (replacements["count"].as_u64()? >= 10).then_some(replacements)
    });
    let time = |name: &str| replacements[name].as_u64().unwrap();
    assert!(time("last_us") > 0 && time("max_us") >= time("last_us"), "{replacements}");
}

#[test]
fn killing_idle_executors_again_and_again_never_strands_a_connected_client() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let mut client = sidecar.spawn_php(
        r#"$fine = $lost = 0;
           while ($fine < 3000) {
               try { appserver_call('hello', 'Ada'); $fine++; }
               catch (AppServer\ExecutorDied | AppServer\ConnectionLost $e) { $lost++; }
               if ($fine % 100 === 0) { echo "$fine\n"; }
           }
           echo "end\n";"#,
    );
    loop {
        let line = client.line();
        if line == "end" {
            break;
        }
        assert!(!line.is_empty(), "the client died: {:?}", client.finish());
        if let Some(pid) = sidecar.executors().first() {
            // It may have been replaced since; then there is nothing to kill.
            let _ = rustix::process::kill_process(
                rustix::process::Pid::from_raw(pid.cast_signed()).unwrap(),
                Signal::KILL,
            );
        }
    }
    client.finish().ok();
}

#[test]
fn executors_that_are_stopped_while_idle_are_replaced_and_a_call_only_waits() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    // Its connection stays: nothing of its next call comes to the supervisor.
    let mut client = sidecar.spawn_php(&script(
        r#"echo outcome(fn() => appserver_call('hello', 'one')), "\n";
           fgets(STDIN);
           echo outcome(fn() => appserver_call('hello', 'two')), "\n";"#,
    ));
    assert_eq!(client.line(), "returned \"Hello one\"");
    let stopped = sidecar.executors();
    stopped.iter().for_each(|pid| send_signal(*pid, Signal::STOP));
    client.enter();
    assert_eq!(client.line(), "returned \"Hello two\"");
    for pid in stopped {
        eventually("it is gone", || process_is_gone(pid).then_some(()));
    }
    client.finish();
    // It is said when the supervisor hears of their end.
    eventually("the log says why", || {
        sidecar.log().contains("a signal had stopped it").then_some(())
    });
}

#[test]
fn one_that_is_stopped_for_a_moment_goes_on() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let before = sidecar.executors();
    for _ in 0..20 {
        before.iter().for_each(|pid| send_signal(*pid, Signal::STOP));
        before.iter().for_each(|pid| send_signal(*pid, Signal::CONT));
        assert_eq!(sidecar.php("echo appserver_call('hello', 'Ada');").ok(), "Hello Ada");
    }
    // The pool may only just have got its other ones.
    let after = sidecar.executors();
    assert!(before.iter().all(|pid| after.contains(pid)), "{before:?} {after:?}");
}

#[test]
fn a_call_that_stops_its_own_process_ends_at_its_deadline() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let out = sidecar.php(&script(
        r#"echo outcome(fn() => appserver_call('stops')), "\n";
           echo outcome(fn() => appserver_call('hello', 'Ada')), "\n";"#,
    ));
    let out = out.ok();
    assert!(out.starts_with("AppServer\\TimeoutException"), "{out}");
    assert!(out.ends_with("returned \"Hello Ada\"\n"), "{out}");
}

#[test]
fn the_prototype_s_death_is_survived() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let before = sidecar.prototype();
    let executors = sidecar.executors();
    send_signal(before, Signal::KILL);
    for pid in executors.iter().chain([&before]) {
        eventually("the old processes are gone", || process_is_gone(*pid).then_some(()));
    }
    assert_eq!(sidecar.php("echo appserver_call('hello', 'Ada');").ok(), "Hello Ada");
    assert_ne!(sidecar.prototype(), before);
    let temp = sidecar.config_file().with_file_name("run").join("tmp");
    let folders = std::fs::read_dir(temp).unwrap().flat_map(|app| {
        std::fs::read_dir(app.unwrap().path()).unwrap().map(|life| life.unwrap().file_name())
    });
    let lives: Vec<_> = folders.filter(|name| name != "settings").collect();
    assert_eq!(lives, ["2"], "temporary files of the first are gone");
}

#[test]
fn killing_the_supervisor_in_a_call_is_connection_lost_and_ends_its_processes() {
    let mut sidecar = Sidecar::with_functions(FUNCTIONS);
    let begun = sidecar.app().join("begun");
    let go = sidecar.app().join("never");
    let family: Vec<u32> = sidecar.executors().into_iter().chain([sidecar.prototype()]).collect();
    let caller = sidecar.spawn_php(&script(&format!(
        "echo outcome(fn() => appserver_call('wait_for', {begun:?}, {go:?}));"
    )));
    eventually("the call has begun", || begun.exists().then_some(()));
    sidecar.kill();
    for pid in family {
        eventually("no process outlives the supervisor", || process_is_gone(pid).then_some(()));
    }
    assert_eq!(caller.finish().ok(), "ConnectionLost mayHaveRun=true");
}

#[test]
fn a_client_reconnects_by_itself_after_a_restart() {
    let mut sidecar = Sidecar::with_functions(FUNCTIONS);
    let go = sidecar.app().join("go");
    let client = sidecar.spawn_php(&script(&format!(
        r#"echo outcome(fn() => appserver_call('hello', 'one')), "\n";
           while (!file_exists({go:?})) {{ usleep(1000); clearstatcache(); }}
           echo outcome(fn() => appserver_call('hello', 'two')), "\n";"#
    )));
    let mut client = client;
    assert_eq!(client.line(), "returned \"Hello one\"");
    sidecar.kill();
    sidecar.restart();
    std::fs::write(&go, "").unwrap();
    assert_eq!(client.finish().ok(), "returned \"Hello two\"\n");
}

#[test]
fn a_client_killed_in_the_middle_of_calls_harms_nobody() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    for _ in 0..10 {
        let mut client = sidecar.spawn_php(
            "for ($i = 0; ; $i++) { appserver_call('hello', str_repeat('x', $i % 100000)); if ($i == 50) echo \"on\\n\"; }",
        );
        assert_eq!(client.line(), "on");
        client.kill();
    }
    assert_eq!(sidecar.php("echo appserver_call('hello', 'Ada');").ok(), "Hello Ada");
    eventually("the dead clients' connections are gone", || {
        let open = sidecar.status()["connections"]["open"].as_u64()?;
        (open <= 1).then_some(())
    });
}

#[test]
fn a_call_whose_caller_has_hung_up_goes_on_and_the_log_says_so() {
    let sidecar = Sidecar::builder()
        .file(
            "functions.php",
            "<?php function finish(string $begun, string $go, string $done): void {
                touch($begun);
                while (!file_exists($go)) { usleep(1000); clearstatcache(); }
                touch($done);
            }",
        )
        .start();
    let [begun, go, done] = ["begun", "go", "done"].map(|name| sidecar.app().join(name));
    let mut client =
        sidecar.spawn_php(&format!("appserver_call('finish', {begun:?}, {go:?}, {done:?});"));
    eventually("the call has begun", || begun.exists().then_some(()));
    client.kill();
    eventually("the log says so", || {
        let log = sidecar.log();
        (log.contains("the caller has hung up") && log.contains("finish")).then_some(())
    });
    std::fs::write(&go, "").unwrap();
    eventually("the function has finished", || done.exists().then_some(()));
}

#[test]
fn an_executor_that_left_its_process_group_is_replaced_like_any_other() {
    let sidecar = Sidecar::builder()
        .file("functions.php", &format!("<?php\n{FUNCTIONS}"))
        .file("app.toml", "[executors]\nmin = 1\nmax = 1\n")
        .start();
    let out = sidecar.php(&script(
        r#"echo outcome(fn() => appserver_call('leaves_group')), "\n";
           echo outcome(fn() => appserver_call('leaves_session')), "\n";
           echo outcome(fn() => appserver_call('hello', 'Ada')), "\n";"#,
    ));
    assert_eq!(out.ok(), "ExecutorDied signal=9 status=\nreturned true\nreturned \"Hello Ada\"\n");
}

#[test]
fn what_kills_an_executor_after_its_answer_is_nothing_to_the_next_call() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let out = sidecar.php(&script(
        r#"for ($i = 0; $i < 10; $i++) {
               appserver_call('dies_later');
               $seen[outcome(fn() => appserver_call('hello', 'Ada'))] = 1;
           }
           echo implode(',', array_keys($seen));"#,
    ));
    assert_eq!(out.ok(), "returned \"Hello Ada\"");
}

#[test]
fn a_forked_child_of_the_function_never_answers() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let out = sidecar.php(
        r#"for ($i = 0; $i < 20; $i++) { if (appserver_call('forks') !== 'parent') { die('the child answered'); } }
           echo appserver_call('hello', 'Ada');"#,
    );
    assert_eq!(out.ok(), "Hello Ada");
}

#[test]
fn an_exit_status_is_told_of_its_own_call_only() {
    let sidecar = Sidecar::builder()
        .file("functions.php", "<?php function quit(int|string $status): never { exit($status); }")
        .file("app.toml", "[executors]\nmin = 1\nmax = 1\n")
        .start();
    let out = sidecar.php(
        r#"foreach ([77, 'bye'] as $status) {
               try { appserver_call('quit', $status); }
               catch (AppServer\RemoteFatal $e) { echo str_contains($e->getMessage(), '77') ? 'told ' : 'new '; }
           }"#,
    );
    assert_eq!(out.ok(), "told new ");
}

#[test]
fn off_may_be_written_as_php_s_ini_files_have_it() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let out = sidecar.php_with(&["appserver.pin=off"], "echo appserver_call('hello', 'Ada');");
    assert_eq!(out.ok(), "Hello Ada");
}
