//! The extension inside PHP-FPM, where most of its users are.

use e2e::{Fpm, Sidecar, eventually, process_is_gone, send_signal};
use rustix::process::Signal;

const FUNCTIONS: &str = r#"
    function hello(string $name): string { return "Hello $name"; }
    function throws(): void { throw new DomainException('no', 7); }
    function wait_for(string $begun, string $go): string {
        file_put_contents($begun, (string) getmypid());
        while (!file_exists($go)) { usleep(1000); clearstatcache(); }
        return 'went';
    }
"#;

#[test]
fn requests_call_functions_over_connections_that_outlive_them() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let fpm = Fpm::start(&sidecar, 1);
    fpm.script(
        "hello.php",
        "for ($i = 0; $i < 10; $i++) { $last = appserver_call('hello', \"Ada $i\"); } echo $last;",
    );
    fpm.request("hello.php");
    let accepted = sidecar.status()["connections"]["accepted"].as_u64().unwrap();
    for _ in 0..20 {
        assert_eq!(fpm.request("hello.php"), "Hello Ada 9", "{}", fpm.log());
    }
    // The only new one is the one that asks for the status.
    let now = sidecar.status()["connections"]["accepted"].as_u64().unwrap();
    assert!(now <= accepted + 1, "{} connections for 20 requests", now - accepted);
}

#[test]
fn exceptions_arrive_and_the_child_goes_on() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let fpm = Fpm::start(&sidecar, 2);
    fpm.script(
        "throws.php",
        "try { appserver_call('throws'); } catch (DomainException $e) { echo $e->getMessage(), $e->getCode(), getmypid(); }",
    );
    let pids: Vec<String> = (0..10).map(|_| fpm.request("throws.php")).collect();
    assert!(pids.iter().all(|answer| answer.starts_with("no7")), "{pids:?}");
}

#[test]
fn a_request_that_is_killed_in_a_call_harms_no_other() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let fpm = Fpm::start(&sidecar, 2);
    let (begun, go) = (sidecar.app().join("begun"), sidecar.app().join("go"));
    let me = sidecar.app().join("me");
    fpm.script(
        "waits.php",
        &format!("file_put_contents({me:?}, getmypid()); echo appserver_call('wait_for', {begun:?}, {go:?});"),
    );
    fpm.script("hello.php", "echo appserver_call('hello', 'Ada');");
    std::thread::scope(|scope| {
        scope.spawn(|| fpm.request("waits.php"));
        eventually("the call has begun", || begun.exists().then_some(()));
        let pid: u32 = std::fs::read_to_string(&me).unwrap().parse().unwrap();
        send_signal(pid, Signal::KILL);
        eventually("the child is gone", || process_is_gone(pid).then_some(()));
        for _ in 0..10 {
            assert_eq!(fpm.request("hello.php"), "Hello Ada", "{}", fpm.log());
        }
        std::fs::write(&go, "").unwrap();
    });
    eventually("the executor is free again", || {
        let executors = sidecar.status()["apps"][0]["pools"][0]["executors"].as_array()?.clone();
        executors.iter().all(|executor| executor["state"] == "idle").then_some(())
    });
}

#[test]
fn phpinfo_has_a_section() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let fpm = Fpm::start(&sidecar, 1);
    fpm.script("info.php", "phpinfo(INFO_MODULES | INFO_CONFIGURATION);");
    let info = fpm.request("info.php");
    assert!(info.contains("appserver.workers") && info.contains(&sidecar.address()), "{info}");
}
