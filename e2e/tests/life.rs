//! Executors between two calls: requests that take long to end or to begin, and signals.

use e2e::{Sidecar, eventually};

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
"#;

/// How many executors are in this state.
fn in_state(sidecar: &Sidecar, state: &str) -> usize {
    let status = sidecar.status();
    let executors = status["apps"][0]["pools"][0]["executors"].as_array().expect("executors");
    executors.iter().filter(|executor| executor["state"] == state).count()
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
        assert_eq!(in_state(&sidecar, "closing"), 1, "{isolation}: the first one still closes");
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
    let pid = eventually("the next call runs", || {
        second.exists().then(|| std::fs::read_to_string(&first).unwrap().parse().unwrap())
    });
    e2e::send_signal(pid, rustix::process::Signal::KILL);
    eventually("it is replaced", || (in_state(&sidecar, "idle") == 1).then_some(()));
    std::fs::write(&go, "").unwrap();
    assert_eq!(client.finish().ok(), "went");
}
