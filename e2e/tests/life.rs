//! Executors between two calls: requests that take long to end or to begin, and signals.

use e2e::{Sidecar, eventually, process_is_gone, send_signal};
use rustix::process::{Pid, Signal, kill_process};

const FUNCTIONS: &str = r#"<?php
    function pid(): int { return getmypid(); }
    function wait_for(string $begun, string $go): string {
        file_put_contents($begun, (string) getmypid());
        while (!file_exists($go)) { usleep(1000); clearstatcache(); }
        return 'went';
    }
    function lingers(string $begun, string $go): int {
        register_shutdown_function('wait_for', $begun, $go);
        return getmypid();
    }
    function status_of_terminated(int $signal): int {
        $pid = pcntl_fork();
        if ($pid === 0) { while (true) { sleep(60); } }
        posix_kill($pid, $signal);
        pcntl_waitpid($pid, $status);
        return pcntl_wtermsig($status);
    }
    /** What a child's child still writes to the files of the child. */
    function written_by_grandchild(string $path): string {
        $die = fn() => posix_kill(getmypid(), SIGKILL);
        $child = pcntl_fork();
        if ($child === 0) {
            // One of them gets the number that the fork has freed.
            $files = array_map(fn() => fopen($path, 'a'), range(1, 16));
            if (pcntl_fork() === 0) {
                foreach ($files as $file) { @fwrite($file, 'x'); }
                $die();
            }
            pcntl_wait($status);
            $die();
        }
        pcntl_waitpid($child, $status);
        return file_get_contents($path);
    }
    function handles(): int {
        pcntl_async_signals(true);
        pcntl_signal(SIGTERM, function () { $GLOBALS['seen'] = 1; });
        pcntl_signal(SIGHUP, SIG_DFL);
        posix_kill(getmypid(), SIGTERM);
        return $GLOBALS['seen'] ?? 0;
    }
    function quits_after(int $worker, string $socket): never {
        posix_kill($worker, SIGTERM);
        while (file_exists($socket)) { usleep(1000); clearstatcache(); }
        exit(1);
    }
    function in_program(string $command): string { return (string) shell_exec($command); }
"#;

/// How many executors are in this state.
fn in_state(sidecar: &Sidecar, state: &str) -> usize {
    let status = sidecar.status();
    let executors = status["apps"][0]["pools"][0]["executors"].as_array().expect("executors");
    executors.iter().filter(|executor| executor["state"] == state).count()
}

#[test]
fn a_child_of_a_child_keeps_the_files_that_it_inherits() {
    let sidecar = Sidecar::builder().file("functions.php", FUNCTIONS).start();
    let path = sidecar.app().join("written");
    let told = sidecar.php(&format!("echo appserver_call('written_by_grandchild', {path:?});"));
    assert_eq!(told.ok(), "x".repeat(16));
}

#[test]
fn a_request_that_takes_long_to_end_does_not_hold_its_client_up() {
    for isolation in ["stateless", "resident"] {
        let sidecar = Sidecar::builder()
            .file("functions.php", FUNCTIONS)
            .file(
                "app.toml",
                &format!("isolation = {isolation:?}\n[executors]\nmin = 2\nmax = 2\n"),
            )
            .start();
        let [begun, go] = ["begun", "go"].map(|name| sidecar.app().join(name));
        let mut client = sidecar.spawn_php(&format!(
            r#"$lingering = appserver_call('lingers', {begun:?}, {go:?});
               echo $lingering !== appserver_call('pid') ? "another\n" : "the same\n";
               fgets(STDIN);
               for ($i = 0; $i < 100; $i++) {{ $seen[appserver_call('pid')] = 1; }}
               echo 'done';"#
        ));
        assert_eq!(client.line(), "another", "{isolation}");
        // The other one's request closes as well, a moment after its answer.
        eventually("one still closes", || (in_state(&sidecar, "closing") == 1).then_some(()));
        std::fs::write(&go, "").unwrap();
        eventually("the request is closed", || (in_state(&sidecar, "idle") == 2).then_some(()));
        client.enter();
        assert_eq!(client.finish().ok(), "done", "{isolation}");
    }
}

#[test]
fn an_executor_that_dies_after_its_connection_was_handed_over_takes_it_from_nobody() {
    let sidecar = Sidecar::builder()
        .file("functions.php", FUNCTIONS)
        .file("app.toml", "[executors]\nmin = 2\nmax = 2\n")
        .start();
    let [first, second, go] = ["first", "second", "go"].map(|name| sidecar.app().join(name));
    let client = sidecar.spawn_php(&format!(
        "appserver_call('lingers', {first:?}, {go:?}); echo appserver_call('wait_for', {second:?}, {go:?});"
    ));
    eventually("the next call runs", || second.exists().then_some(()));
    // The first one's request may only now begin to close.
    let pid = eventually("the first closes", || std::fs::read_to_string(&first).ok()?.parse().ok());
    send_signal(pid, Signal::KILL);
    eventually("it is replaced", || (in_state(&sidecar, "idle") == 1).then_some(()));
    std::fs::write(&go, "").unwrap();
    assert_eq!(client.finish().ok(), "went");
}

#[test]
fn an_executor_that_hangs_in_the_files_of_a_request_is_replaced() {
    let sidecar = Sidecar::builder()
        .file("functions.php", FUNCTIONS)
        .file(
            "boot.php",
            "<?php while (file_exists(__DIR__ . '/hang')) { usleep(1000); clearstatcache(); }",
        )
        .file(
            "app.toml",
            "bootstrap = \"boot.php\"\nstart_timeout_ms = 10000\n[executors]\nmin = 1\nmax = 1\n",
        )
        .start();
    let hang = sidecar.app().join("hang");
    eventually("a request is prepared", || (in_state(&sidecar, "idle") == 1).then_some(()));
    std::fs::write(&hang, "").unwrap();
    // Its own request was prepared before; the next one hangs, and so does that of the replacement.
    let first: u32 = sidecar.php("echo appserver_call('pid');").ok().parse().unwrap();
    eventually("it is killed", || process_is_gone(first).then_some(()));
    eventually("its replacement is killed, too", || {
        (sidecar.log().matches("did not return within start_timeout_ms").count() >= 2).then_some(())
    });
    std::fs::remove_file(&hang).unwrap();
    assert_ne!(sidecar.php("echo appserver_call('pid');").ok(), first.to_string());
}

#[test]
fn signals_that_end_processes_are_the_supervisor_s_alone() {
    for signal in [Signal::TERM, Signal::INT, Signal::QUIT] {
        let sidecar = Sidecar::with_functions(FUNCTIONS.trim_start_matches("<?php"));
        let [begun, go] = ["begun", "go"].map(|name| sidecar.app().join(name));
        let caller =
            sidecar.spawn_php(&format!("echo appserver_call('wait_for', {begun:?}, {go:?});"));
        eventually("the call has begun", || begun.exists().then_some(()));
        let family = sidecar.family();
        // The supervisor is the last: it ends those that wait for calls, and then they are gone.
        family.iter().rev().for_each(|pid| send_signal(*pid, signal));
        eventually("the worker drains", || sidecar.log().contains("stopping").then_some(()));
        std::fs::write(&go, "").unwrap();
        assert_eq!(caller.finish().ok(), "went", "{signal:?}");
        for pid in family {
            eventually("every process ends", || process_is_gone(pid).then_some(()));
        }
        assert!(!sidecar.log().contains("died"), "{}", sidecar.log());
    }
}

#[test]
fn signals_without_a_meaning_harm_nobody() {
    let sidecar = Sidecar::with_functions(FUNCTIONS.trim_start_matches("<?php"));
    [Signal::USR1, Signal::USR2, Signal::ALARM].into_iter().for_each(|one| sidecar.signal(one));
    let before = sidecar.php("echo appserver_call('pid');").ok();
    for pid in sidecar.executors().into_iter().chain([sidecar.prototype()]) {
        [Signal::TERM, Signal::INT, Signal::HUP].into_iter().for_each(|one| send_signal(pid, one));
    }
    let after = sidecar.php("echo appserver_call('pid');").ok();
    assert!(sidecar.executors().iter().any(|pid| pid.to_string() == before), "{before} {after}");
    assert!(!sidecar.log().contains("died"), "{}", sidecar.log());
}

#[test]
fn what_php_code_does_with_signals_ends_with_its_request() {
    let sidecar = Sidecar::builder()
        .file("functions.php", FUNCTIONS)
        .file("app.toml", "[executors]\nmin = 1\nmax = 1\n")
        .start();
    let [pid, handled, terminated, hung_up, alone] = sidecar
        .php(
            r#"echo json_encode([appserver_call('pid'), appserver_call('handles'),
                   appserver_call('status_of_terminated', SIGTERM), appserver_call('status_of_terminated', SIGHUP),
                   appserver_call('in_program', 'kill -TERM $$; echo alive')]);"#,
        )
        .ok()
        .trim_matches(['[', ']'])
        .split(',')
        .map(str::to_owned)
        .collect::<Vec<_>>()
        .try_into()
        .expect("five values");
    assert_eq!((handled.as_str(), alone.as_str()), ("1", "\"\""), "a program ends by the signal");
    assert_eq!((terminated.as_str(), hung_up.as_str()), ("15", "1"), "so does a forked child");
    let raw = Pid::from_raw(pid.parse().unwrap()).unwrap();
    for signal in [Signal::TERM, Signal::HUP] {
        kill_process(raw, signal).unwrap();
    }
    assert_eq!(sidecar.php("echo appserver_call('pid');").ok(), pid);
}

#[test]
fn a_worker_that_stops_waits_for_no_executor_that_has_left() {
    let sidecar = Sidecar::builder()
        .file("functions.php", FUNCTIONS)
        .file("app.toml", "isolation = \"resident\"\n[executors]\nmin = 1\nmax = 1\n")
        .config("drain_timeout_ms = 600000\n")
        .start();
    let (worker, socket) = (sidecar.pid(), sidecar.socket());
    let out = sidecar.php(&format!(
        r#"try {{ appserver_call('quits_after', {worker}, {socket:?}); }}
           catch (AppServer\RemoteFatal $e) {{ echo $e->getKind(); }}"#
    ));
    assert_eq!(out.ok(), "exit");
    eventually("the worker ends", || process_is_gone(worker).then_some(()));
}
