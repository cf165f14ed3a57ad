//! Connections: many of them, limits of them, and what misbehaves on them.

use crate::wire::{Outcome, Wire};
use crate::worker::{Setting, Worker, eventually};
use protocol::RefusedCode;

fn still_serves(worker: &Worker) {
    let outcome = worker.wire().call("hello", "[\"Ada\"]");
    assert_eq!(outcome, Outcome::Returned("\"Hello Ada\"".to_owned()));
}

/// More than a handful of kilobytes for a connection would show.
const IDLE_BYTES_MAX: u64 = 2048;
const MANY: usize = 10_000;

#[test]
fn ten_thousand_idle_connections_cost_little_and_are_served() {
    raise_descriptors();
    let worker = Setting::new().start();
    still_serves(&worker);
    let before = worker.status().rss_bytes;
    let mut wires: Vec<_> = (0..MANY).map(|_| worker.wire()).collect();
    let after = worker.status();
    assert_eq!(after.connections.open as usize, MANY);
    let each = after.rss_bytes.saturating_sub(before) / MANY as u64;
    assert!(each <= IDLE_BYTES_MAX, "{each} bytes of the supervisor for each connection");
    for wire in wires.iter_mut().step_by(997) {
        assert_eq!(wire.call("hello", "[\"Ada\"]"), Outcome::Returned("\"Hello Ada\"".to_owned()));
    }
    drop(wires);
    eventually("all are closed", || (worker.status().connections.open == 0).then_some(()));
    still_serves(&worker);
}

#[test]
fn connections_beyond_the_limit_are_refused_politely_until_one_is_free() {
    let worker = Setting::new().config("[limits]\nconnections_max = 4\n").start();
    let mut wires: Vec<_> = (0..4).map(|_| worker.wire()).collect();
    let refused = Wire::connect(&worker.socket()).hello(crate::wire::calls(), None).unwrap_err();
    assert_eq!(refused.code, RefusedCode::TooManyConnections);
    assert!(refused.message.contains("limits.connections_max = 4"), "{}", refused.message);
    wires.pop();
    eventually("one is free", || {
        Wire::connect(&worker.socket()).hello(crate::wire::calls(), None).ok()
    });
}

#[test]
fn an_unknown_application_or_pool_is_named_with_its_neighbours() {
    let setting = Setting::new();
    setting.app_toml("name = \"shop\"\n");
    let worker = setting.start();
    let purpose = |app: &str, pool: &str| protocol::Purpose::Calls {
        app: protocol::AppName::new(app).unwrap(),
        pool: pool.to_owned(),
        release: protocol::ReleaseId::ANY,
    };
    let ask = |purpose| Wire::connect(&worker.socket()).hello(purpose, None).unwrap_err();
    let refused = ask(purpose("shopp", "default"));
    assert_eq!((refused.code, refused.near), (RefusedCode::UnknownApp, vec!["shop".to_owned()]));
    let refused = ask(purpose("shop", "defualt"));
    assert_eq!(
        (refused.code, refused.near),
        (RefusedCode::UnknownPool, vec!["default".to_owned()])
    );
}

#[test]
fn a_user_that_is_on_no_list_is_refused() {
    // Root and the worker's own user always come in, so nobody else is asked for here.
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let setting =
        Setting::new().config("[socket]\nmode = \"0666\"\n[allow]\nusers = [\"daemon\"]\n");
    let worker = setting.start();
    std::fs::set_permissions(worker.path(""), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    still_serves(&worker);
    let connect = |uid: u32| {
        use std::os::unix::process::CommandExt;
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_appserver"));
        let workers = format!("unix:{}", worker.socket().display());
        command.args(["call", "--workers", &workers, "hello", "Ada"]).uid(uid);
        command.output().unwrap()
    };
    // Uid 1 is daemon, 65534 nobody, on every Debian.
    if connect(1).status.success() {
        assert_eq!(connect(65534).status.code(), Some(77));
        worker.expect_log("is on no list");
    }
}

/// The test needs a descriptor for each connection as well.
fn raise_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let hard = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: hard, maximum: hard }).unwrap();
}
