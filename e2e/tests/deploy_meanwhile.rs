//! Activations while connections are in other hands than an idle executor's: an answer waits for its
//! reader at the supervisor, or a request takes long to close. The connection lives on, nothing is lost
//! or torn, and its next call runs in the new release.

use e2e::{Deployer, RunningPhp, Sidecar, eventually};
use serde_json::Value;
use std::path::PathBuf;

/// Bytes of an answer that no socket holds.
const REPORT_BYTES: usize = 5_000_000;

/// A worker, and a folder for what functions tell the test.
struct Stage {
    deployer: Deployer,
    worker: Sidecar,
}

impl Stage {
    /// Takes calls in release `one`.
    fn new() -> Self {
        let deployer = Deployer::with_new_key();
        let worker = deployer.worker();
        let stage = Self { deployer, worker };
        stage.deploy("one");
        stage
    }

    fn deploy(&self, name: &str) {
        let functions = format!(
            r#"
            function version(): string {{ return '{name}'; }}
            function until(string $begun, string $go): void {{
                touch($begun);
                while (!file_exists($go)) {{ usleep(1000); clearstatcache(); }}
            }}
            function report(string $begun, string $go): string {{
                until($begun, $go);
                return str_repeat('{name}.', {REPORT_BYTES} / 4);
            }}
            function lingers(string $begun, string $go): string {{
                until($begun, $go);
                register_shutdown_function('until', "$begun.end", "$go.end");
                return '{name}';
            }}
            "#
        );
        let output = self.deployer.deploy(&[&self.worker], &functions, &[]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn file(&self, name: &str) -> PathBuf {
        PathBuf::from(self.deployer.path(name))
    }

    fn create(&self, name: &str) {
        std::fs::write(self.file(name), "").unwrap();
    }

    fn exists(&self, name: &str) {
        eventually(name, || self.file(name).exists().then_some(()));
    }

    /// A client whose long answer it reads when it is told to; then it calls again.
    fn late_reader(&self) -> RunningPhp {
        let (begun, go) = (self.file("begun"), self.file("go"));
        self.worker.spawn_php(&format!(
            r#"$report = appserver_async('report', {begun:?}, {go:?});
               fgets(STDIN);
               $text = $report->await();
               $name = substr($text, 0, 3);
               echo $name, ' ', $text === str_repeat("$name.", {REPORT_BYTES} / 4) ? 'whole' : 'torn', "\n";
               echo appserver_call('version'), "\n";
               fgets(STDIN);"#
        ))
    }

    /// A client of a call that takes long to close; then it calls again.
    fn caller_of_lingering(&self) -> RunningPhp {
        let (begun, go) = (self.file("begun"), self.file("go"));
        self.worker.spawn_php(&format!(
            r#"echo appserver_call('lingers', {begun:?}, {go:?}), "\n";
               fgets(STDIN);
               echo appserver_call('version'), "\n";
               fgets(STDIN);"#
        ))
    }

    fn answer_is_kept(&self) {
        eventually("the answer waits at the supervisor", || {
            let connections = &self.worker.status()["connections"];
            let bytes = connections["unread_bytes"].as_u64()?;
            (connections["unread"] == 1 && bytes > 1_000_000).then_some(())
        });
    }

    fn a_request_closes(&self) {
        eventually("the request closes", || (self.in_state("closing") == 1).then_some(()));
    }

    fn in_state(&self, state: &str) -> usize {
        let status = self.worker.status();
        let pools = each(&status, "apps").flat_map(|app| each(app, "pools"));
        let executors = pools.flat_map(|pool| each(pool, "executors"));
        executors.filter(|executor| executor["state"] == state).count()
    }

    /// Connections of each release that runs, in ascending order.
    fn connections(&self) -> Vec<u64> {
        let status = self.worker.status();
        let of = |app| each(app, "pools").map(|pool| pool["connections"].as_u64().unwrap()).sum();
        let mut connections: Vec<u64> = each(&status, "apps").map(of).collect();
        connections.sort_unstable();
        connections
    }

    /// The client says the rest, over the one connection that it has.
    fn ends(&self, mut client: RunningPhp, rest: &[&str]) {
        client.enter();
        for line in rest {
            assert_eq!(client.line(), *line);
        }
        assert_eq!(self.connections(), [0, 1], "it was moved to the release that is current");
        client.enter();
        client.finish().ok();
        let log = self.worker.log();
        for noticed in ["ERROR", "connection closed", "lost its executor", "died"] {
            assert!(!log.contains(noticed), "{log}");
        }
    }
}

fn each<'a>(json: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    json[name].as_array().unwrap().iter()
}

#[test]
fn an_answer_that_waits_for_its_reader_is_whole_and_the_next_call_runs_the_new_release() {
    let stage = Stage::new();
    stage.create("go");
    let client = stage.late_reader();
    stage.answer_is_kept();
    stage.deploy("two");
    stage.answer_is_kept();
    stage.ends(client, &["one whole", "two"]);
    assert_eq!(stage.worker.status()["connections"]["unread"], 0);
}

#[test]
fn so_is_one_whose_call_began_before_the_activation_and_ended_after_it() {
    let stage = Stage::new();
    let client = stage.late_reader();
    stage.exists("begun");
    stage.deploy("two");
    stage.create("go");
    stage.answer_is_kept();
    stage.ends(client, &["one whole", "two"]);
}

#[test]
fn a_rollback_meanwhile_is_followed_as_well() {
    let stage = Stage::new();
    stage.create("go");
    let client = stage.late_reader();
    stage.answer_is_kept();
    stage.deploy("two");
    stage.deployer.run(&[&stage.worker], &["rollback", "--app", "shop"]);
    stage.ends(client, &["one whole", "one"]);
}

#[test]
fn a_client_whose_request_takes_long_to_close_goes_on_in_the_new_release() {
    let stage = Stage::new();
    stage.create("go");
    let mut client = stage.caller_of_lingering();
    assert_eq!(client.line(), "one");
    stage.a_request_closes();
    stage.deploy("two");
    stage.ends(client, &["two"]);
    assert_eq!(stage.in_state("closing"), 1, "its call did not wait for that");
    stage.create("go.end");
    eventually("it is closed", || (stage.in_state("closing") == 0).then_some(()));
}

#[test]
fn so_does_one_whose_call_began_before_the_activation() {
    let stage = Stage::new();
    let mut client = stage.caller_of_lingering();
    stage.exists("begun");
    stage.deploy("two");
    stage.create("go");
    assert_eq!(client.line(), "one");
    stage.a_request_closes();
    stage.ends(client, &["two"]);
    assert_eq!(stage.in_state("closing"), 1, "its call did not wait for that");
    stage.create("go.end");
}
