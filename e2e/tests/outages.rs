//! Workers that go and come back while clients call: each call in flight fails by its own name, or is
//! made elsewhere if that is safe, and every client goes on by itself.

use e2e::{RunningPhp, Sidecar, eventually, send_signal};
use rustix::process::Signal;

/// `stay` and `stay_again` wait where `$home` is; elsewhere they say where they ran.
const FUNCTIONS: &str = r#"
    function hello(string $name): string { return "Hello $name"; }
    function segfault(): void { posix_kill(getmypid(), SIGSEGV); }
    function big(string $begun, string $go, int $bytes): string {
        touch($begun);
        while (!file_exists($go)) { usleep(1000); clearstatcache(); }
        return str_repeat('x', $bytes);
    }
    function stay(string $begun, string $ran): string {
        file_put_contents($ran, 'x', FILE_APPEND);
        if (file_exists($begun)) { return 'elsewhere'; }
        file_put_contents($begun, __DIR__);
        while (true) { usleep(1000); }
    }
    #[AppServer\Idempotent]
    function stay_again(string $begun, string $ran): string { return stay($begun, $ran); }
"#;

#[test]
fn eight_clients_go_on_after_the_worker_was_killed_and_started_again() {
    let mut sidecar = Sidecar::with_functions(FUNCTIONS);
    let folder = tempfile::tempdir().unwrap();
    let restarted = folder.path().join("restarted");
    // One that makes no call meanwhile loses none.
    let script = format!(
        r#"
        appserver_call('hello', 'Ada');
        echo "on\n";
        for ($after = 0; $after < 50; ) {{
            try {{ appserver_call('hello', 'Ada'); $after += file_exists({restarted:?}) ? 1 : 0; }}
            catch (AppServer\ConnectionLost | AppServer\ConnectException $e) {{ }}
        }}
        echo "went on\n";"#
    );
    let mut clients: Vec<RunningPhp> = (0..8).map(|_| sidecar.spawn_php(&script)).collect();
    for client in &mut clients {
        assert_eq!(client.line(), "on");
    }
    sidecar.kill();
    sidecar.restart();
    std::fs::write(&restarted, "").unwrap();
    for client in clients {
        assert_eq!(client.finish().ok(), "went on\n");
    }
}

#[test]
fn a_frozen_worker_costs_its_callers_their_time_limit_and_thawed_it_serves_on() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let mut client = sidecar.spawn_php(
        r#"$impatient = new AppServer\Client(timeout: 0.5);
           echo appserver_call('hello', 'one'), "\n"; fgets(STDIN);
           try { $impatient->call('hello', 'two'); echo "returned\n"; }
           catch (AppServer\TimeoutException $e) { echo "timed out\n"; }
           fgets(STDIN);
           echo appserver_call('hello', 'three'), "\n";"#,
    );
    assert_eq!(client.line(), "Hello one");
    sidecar.freeze();
    client.enter();
    assert_eq!(client.line(), "timed out");
    sidecar.thaw();
    client.enter();
    assert_eq!(client.line(), "Hello three");
    client.finish().ok();
}

/// What a caller of `function` sees when the worker that runs it is killed, and how often it ran.
fn killed_while_it_runs(function: &str) -> (String, usize) {
    let mut workers = [Sidecar::with_functions(FUNCTIONS), Sidecar::with_functions(FUNCTIONS)];
    let folder = tempfile::tempdir().unwrap();
    let (begun, ran) = (folder.path().join("begun"), folder.path().join("ran"));
    let setting = format!("appserver.workers={},{}", workers[0].address(), workers[1].address());
    let caller = workers[0].spawn_php_with(
        &[&setting],
        &format!(
            r#"try {{ echo appserver_call('{function}', {begun:?}, {ran:?}); }}
               catch (AppServer\ConnectionLost $e) {{ echo 'lost, may have run: ', json_encode($e->mayHaveRun()); }}"#
        ),
    );
    let home = eventually("the call has begun", || {
        std::fs::read_to_string(&begun).ok().filter(|home| !home.is_empty())
    });
    let runs_there = |worker: &&mut Sidecar| worker.app().display().to_string() == home;
    workers.iter_mut().find(runs_there).expect("one of the two").kill();
    let said = caller.finish().ok();
    (said, std::fs::read_to_string(&ran).unwrap().len())
}

#[test]
fn a_call_of_a_killed_worker_is_lost_and_is_not_made_again() {
    let (said, ran) = killed_while_it_runs("stay");
    assert_eq!((said.as_str(), ran), ("lost, may have run: true", 1));
}

#[test]
fn an_idempotent_call_of_a_killed_worker_is_made_elsewhere() {
    let (said, ran) = killed_while_it_runs("stay_again");
    assert_eq!((said.as_str(), ran), ("elsewhere", 2));
}

#[test]
fn a_stopped_client_does_not_keep_the_executor_that_answers_it() {
    let sidecar = Sidecar::builder()
        .file("functions.php", &format!("<?php {FUNCTIONS}"))
        .file("app.toml", "[executors]\nmin = 1\nmax = 1\n")
        .config("[limits]\nframe_timeout_ms = 200\n")
        .start();
    let [begun, go] = ["begun", "go"].map(|name| sidecar.app().join(name));
    let stopped = sidecar
        .spawn_php(&format!("echo strlen(appserver_call('big', {begun:?}, {go:?}, 50000000));"));
    eventually("the call has begun", || begun.exists().then_some(()));
    send_signal(stopped.pid(), Signal::STOP);
    std::fs::write(&go, "").unwrap();
    assert_eq!(sidecar.php("echo appserver_call('hello', 'Ada');").ok(), "Hello Ada");
    send_signal(stopped.pid(), Signal::CONT);
    // What it left unread was kept for it.
    assert_eq!(stopped.finish().ok(), "50000000");
}

#[test]
fn two_hundred_dead_executors_leave_no_process_and_no_descriptor() {
    // No growth: what is held depends on how many executors there are.
    let sidecar = Sidecar::builder()
        .file("functions.php", &format!("<?php {FUNCTIONS}"))
        .file("app.toml", "[executors]\nmin = 2\nmax = 2\n")
        .start();
    let kill = |times: u32| {
        let out = sidecar.php(&format!(
            r#"for ($i = 0; $i < {times}; $i++) {{
                   try {{ appserver_call('segfault'); }} catch (AppServer\ExecutorDied $e) {{ }}
               }}
               echo appserver_call('hello', 'Ada');"#
        ));
        assert_eq!(out.ok(), "Hello Ada");
    };
    let held = || {
        let descriptors = |pid: u32| std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
        let all = [descriptors(sidecar.pid()), descriptors(sidecar.prototype())];
        (all, sidecar.family().len())
    };
    kill(5);
    // Not before the last of the dead has been replaced: there would be too little to compare with.
    let before =
        eventually("both executors are there", || (sidecar.executors().len() == 2).then(held));
    kill(200);
    eventually("as much is held as before", || {
        let now = held();
        let fits = now.1 <= before.1 && now.0.iter().zip(before.0).all(|(now, then)| *now <= then);
        fits.then_some(())
    });
}

#[test]
fn an_application_that_cannot_start_any_more_is_refused_at_once_until_it_can() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let away = sidecar.app().with_file_name("away");
    std::fs::rename(sidecar.app(), &away).unwrap();
    send_signal(sidecar.prototype(), Signal::KILL);
    eventually("the application has failed", || {
        let state = sidecar.status()["apps"][0]["state"].to_string();
        state.contains("failed").then_some(())
    });
    let out = sidecar.php(
        r#"try { appserver_call('hello', 'Ada'); }
           catch (AppServer\Exception $e) { echo get_class($e); }"#,
    );
    assert_eq!(out.ok(), "AppServer\\UnavailableException");
    std::fs::rename(&away, sidecar.app()).unwrap();
    eventually("the application is served again", || {
        (sidecar.php("echo appserver_call('hello', 'Ada');").stdout == "Hello Ada").then_some(())
    });
}

#[test]
fn a_log_that_nobody_reads_stops_nobody() {
    let functions = "<?php function talks(): int { echo str_repeat('x', 8000); return 1; }
        function spins(): void { while (true) {} }";
    let mut sidecar = Sidecar::builder().file("f.php", functions).log_unread().start();
    let script = r#"for ($i = $n = 0; $i < 300; $i++) { $n += appserver_call('talks'); }
           try { (new AppServer\Client(timeout: 0.05))->call('spins'); }
           catch (AppServer\TimeoutException $e) { echo $n; }"#;
    assert_eq!(sidecar.php(script).ok(), "300");
    sidecar.close_log();
    assert_eq!(sidecar.php(script).ok(), "300");
}
