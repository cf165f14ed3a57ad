//! Only who has the key deploys, and nothing twice: archives sent to the control API as they should
//! not be.

use e2e::deployer::version;
use e2e::{Deployer, Sidecar, control};

/// Sends an archive as a release of `app`; status and body of the answer.
fn put(worker: &Sidecar, app: &str, number: u64, archive: &[u8]) -> (u16, String) {
    control::ask(worker, "PUT", &format!("/v1/apps/{app}/releases/{number}"), archive)
}

/// The archive of a release as a worker has it.
fn archive(worker: &Sidecar, number: u64) -> Vec<u8> {
    let folder = worker.socket().with_file_name("run").join("apps/shop/releases");
    std::fs::read(folder.join(number.to_string()).join("archive")).expect("it was kept")
}

#[track_caller]
fn is_refused(answer: &(u16, String), why: &str) {
    assert_eq!(answer.0, 422, "{answer:?}");
    assert!(answer.1.contains("\"bad_archive\"") && answer.1.contains(why), "{answer:?}");
}

fn deploy(deployer: &Deployer, worker: &Sidecar, version: u64) {
    let functions = format!("function version(): int {{ return {version}; }}");
    let deployed = deployer.deploy(&[worker], &functions, &[]);
    assert!(deployed.status.success(), "{}", String::from_utf8_lossy(&deployed.stderr));
}

#[test]
fn archives_that_are_replayed_altered_or_cut_short_change_nothing() {
    let deployer = Deployer::with_new_key();
    let worker = deployer.worker();
    deploy(&deployer, &worker, 1);
    let first = archive(&worker, 1);
    deploy(&deployer, &worker, 2);
    let second = archive(&worker, 2);
    is_refused(&put(&worker, "shop", 1, &first), "1");
    is_refused(&put(&worker, "shop", 3, &first), "1");
    is_refused(&put(&worker, "blog", 1, &first), "shop");
    is_refused(&put(&worker, "shop", 2, &second[..second.len() - 1]), "");
    let mut altered = second.clone();
    *altered.last_mut().expect("bytes") ^= 1;
    is_refused(&put(&worker, "shop", 2, &altered), "");
    is_refused(&put(&worker, "shop", 3, b"no archive at all"), "");
    // The very same once more is not another deploy: it is staged, and nothing changes.
    assert_eq!(put(&worker, "shop", 2, &second).0, 200);
    assert_eq!(version(&worker), "2");
    let folder = worker.socket().with_file_name("run").join("apps/shop");
    let left = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut left: Vec<_> = left.map(|name| name.into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, ["releases", "state"]);
}

#[test]
fn an_archive_that_was_signed_too_long_ago_is_refused() {
    let deployer = Deployer::with_new_key();
    let (first, strict) =
        (deployer.worker(), deployer.builder().config("max_age_ms = 1\n").start());
    deploy(&deployer, &first, 1);
    let answer = put(&strict, "shop", 1, &archive(&first, 1));
    is_refused(&answer, "ms ago, 1 ms are allowed");
    assert!(!strict.state().join("apps/shop/releases").exists(), "nothing of it was kept");
}

#[test]
fn another_key_and_a_worker_without_keys_accept_nothing() {
    let (deployer, stranger) = (Deployer::with_new_key(), Deployer::with_new_key());
    let worker = deployer.worker();
    deploy(&deployer, &worker, 1);
    let functions = "function version(): int { return 2; }";
    let refused = stranger.deploy(&[&worker], functions, &[]);
    assert!(!refused.status.success());
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("key"), "{told}");
    assert_eq!(version(&worker), "1");
    let closed = Sidecar::builder().start();
    let refused = deployer.deploy(&[&closed], functions, &[]);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("deploy.trusted_keys"), "{told}");
}
