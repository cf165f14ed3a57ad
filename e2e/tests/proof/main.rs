//! Deploys that nobody notices: calls go on at full speed while releases follow one another. No call
//! fails, no request sees two releases, and none that begins after a deploy has returned sees the one
//! before.
//!
//! `APPSERVER_PROOF_DEPLOYS` says how many (else 10), `APPSERVER_PROOF_REPORT` names a folder for the
//! figures; `make proof-deploy` sets both.

mod figures;
mod footprint;
mod large;
mod load;
mod swaps;

use e2e::{Deployer, Sidecar, controls, eventually};
use figures::{Figures, at};
use footprint::{Footprint, size};
use load::{Activations, CALLS, CLIENTS, Load, Request, check, functions, now_ns};
use serde_json::Value;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use swaps::Swaps;

/// Releases that are not current stop soon, so that the run sees many of them stop.
const CONFIG: &str = "[releases]\ndrain_timeout_ms = 3000\n";
/// What else is staged.
const PACKAGE: &str = "symfony/console as Debian has it";

fn deploys() -> u64 {
    let given = std::env::var("APPSERVER_PROOF_DEPLOYS").ok();
    given.map_or(10, |given| given.parse().expect("a number"))
}

/// Deploys a release; what the command says of the one worker.
fn deploy(deployer: &Deployer, worker: &Sidecar, functions: &str, more: &[&str]) -> Value {
    let deployed = deployer.deploy(&[worker], functions, &[&["--json"], more].concat());
    assert!(deployed.status.success(), "{}", String::from_utf8_lossy(&deployed.stderr));
    let said: Value = serde_json::from_slice(&deployed.stdout).expect("JSON");
    said["workers"][0].clone()
}

fn calls(figures: &mut Figures, requests: &[Request]) {
    let calls: usize = requests.iter().map(|request| request.2.len()).sum();
    figures.row("clients without a pause", format!("{CLIENTS}, and one of calls of 2 s"));
    figures.row("requests of five calls", requests.len());
    figures.row("calls", calls);
    figures.row("failed calls", 0);
    figures.row("pinned requests that saw two releases", 0);
    figures.row("calls of an old release begun after a deploy had returned", 0);
}

/// The slowest call of each request that began within these times, in microseconds.
fn slowest(requests: &[Request], within: std::ops::Range<u64>) -> Vec<u64> {
    let full = requests.iter().filter(|request| request.2.len() == CALLS);
    full.filter(|request| within.contains(&request.2[0].0)).map(|request| request.1).collect()
}

fn memory_rows(figures: &mut Figures, before: &Footprint, after: &Footprint) {
    let parts = [
        ("supervisor", before.supervisor, after.supervisor),
        ("prototypes", before.prototypes, after.prototypes),
        ("executors", before.executors, after.executors),
    ];
    for (name, before, after) in parts {
        let (count, then) = (before.processes, after.processes);
        figures.row(&format!("{name}, before and after"), format!("{count}, {then}"));
        let mib = |kib: u64| format!("{:.1} MiB", kib as f64 / 1024.0);
        let of = |memory: footprint::Memory| {
            format!("{} ({} private)", mib(memory.pss), mib(memory.private))
        };
        figures
            .row(&format!("their memory (PSS), {name}"), format!("{}, {}", of(before), of(after)));
    }
    figures.row(
        "descriptors of the supervisor",
        format!("{}, {}", before.descriptors, after.descriptors),
    );
}

#[test]
fn releases_follow_one_another_and_nobody_notices() {
    let deployer = Deployer::with_new_key();
    // Executors beyond those that stay without calls leave soon after the load has ended.
    let executors = "[executors]\nidle_timeout_ms = 3000\n";
    std::fs::write(Path::new(&deployer.path("app")).join("app.toml"), executors).unwrap();
    let worker = deployer.builder().config(CONFIG).start();
    for number in 1..=2 {
        deploy(&deployer, &worker, &functions(number), &[]);
    }
    assert_eq!(worker.php("echo appserver_call('release');").ok(), "2");
    let before = Footprint::settled(&worker);
    let folder = tempfile::tempdir().unwrap();
    let load = Load::start(&worker, &[worker.address()], folder.path());
    load.goes_on();
    let began_ns = now_ns();
    let (mut activations, mut took) = (Activations::new(), Vec::new());
    for number in 3..3 + deploys() {
        let said = deploy(&deployer, &worker, &functions(number), &[]);
        activations.push((now_ns(), number));
        took.push(said["activated"]["took_us"].as_u64().expect("a time"));
    }
    load.goes_on();
    let requests = load.finish();
    check(&requests, &activations);
    let after = eventually("no more descriptors are open than before", || {
        let after = Footprint::settled(&worker);
        (after.descriptors <= before.descriptors).then_some(after)
    });
    let prune = ["prune", "--app", "shop", "--keep", "5"];
    deployer.run(&[&worker], &prune);
    let kept = |folder: &Path| std::fs::read_dir(folder).map_or(0, Iterator::count);
    let releases = worker.state().join("apps/shop/releases");
    eventually("five releases are left", || (kept(&releases) <= 5).then_some(()));

    let mut figures = Figures::titled("One worker");
    figures.row("deploys", activations.len());
    calls(&mut figures, &requests);
    figures.times("activate", took);
    let ended_ns = activations.last().expect("there were deploys").0;
    figures.times("slowest call of a request, without deploys", slowest(&requests, 0..began_ns));
    let during = slowest(&requests, began_ns..ended_ns);
    figures.times("slowest call of a request, with deploys", during);
    memory_rows(&mut figures, &before, &after);
    let bytes = [before.disk_bytes, after.disk_bytes, size(&worker.state().join("apps"))];
    let [before, after, pruned] = bytes.map(|bytes| format!("{} KiB", bytes / 1024));
    figures
        .row("disk: before, after, pruned to 5 releases", format!("{before}, {after}, {pruned}"));
    figures.hand_in("1-one-worker.md");
}

#[test]
fn going_back_and_forth_fails_no_call() {
    let deployer = Deployer::with_new_key();
    let worker = deployer.worker();
    deploy(&deployer, &worker, &functions(2), &[]);
    deploy(&deployer, &worker, &functions(1), &["--stage-only"]);
    let idle = Swaps::measure(&worker, deploys());
    let folder = tempfile::tempdir().unwrap();
    let load = Load::start(&worker, &[worker.address()], folder.path());
    load.goes_on();
    let busy = Swaps::measure(&worker, deploys());
    load.goes_on();
    check(&load.finish(), &Vec::new());

    let mut figures = Figures::titled("Activate and rollback");
    figures.row("of each", deploys());
    idle.tell(&mut figures, "without load");
    busy.tell(&mut figures, "under load");
    figures.hand_in("2-swaps.md");
}

/// An address of this host that stays free while whoever listens there is dead: of 127.0.0.1 any
/// connection may take the port for its own end, so this test has a host of its own.
fn free_address() -> String {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let host = Ipv4Addr::new(127, 64 + high % 64, middle, low);
    let listener = TcpListener::bind((host, 0)).unwrap();
    format!("tcp:{}", listener.local_addr().unwrap())
}

/// Deploys a version until every worker has it; the workers may be killed meanwhile.
fn deploy_until_done(deployer: &Deployer, controls: &str, version: u64) {
    eventually("every worker has it", || {
        let deployed = deployer.deploy_at(controls, &functions(version), &[]);
        deployed.status.success().then_some(())
    });
}

/// Numbers that look random, the same ones in each run (xorshift).
fn next(random: &mut u64) -> u64 {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    *random
}

#[test]
fn three_workers_of_which_one_dies_again_and_again_stay_of_one_mind() {
    let deployer = Deployer::with_new_key();
    let addresses: Vec<String> = (0..3).map(|_| free_address()).collect();
    let settings = format!("{CONFIG}[tcp]\ninsecure = true\n");
    let start = |address: &String| deployer.builder().config(&settings).listen(address).start();
    let mut workers: Vec<Sidecar> = addresses.iter().map(start).collect();
    let controls = controls(&workers.iter().collect::<Vec<_>>());
    deploy_until_done(&deployer, &controls, 1);
    let folder = tempfile::tempdir().unwrap();
    // The first worker's socket is not among the addresses: it only lends its extension.
    let load = Load::start(&workers[0], &addresses, folder.path());
    let (mut activations, mut random, mut deaths) = (Activations::new(), 3, 0);
    for version in 2..2 + deploys() {
        let mortal = next(&mut random) as usize % workers.len();
        let dies = next(&mut random).is_multiple_of(3);
        std::thread::scope(|scope| {
            scope.spawn(|| deploy_until_done(&deployer, &controls, version));
            if dies {
                load.goes_on();
                workers[mortal].kill();
                workers[mortal].restart();
                deaths += 1;
            }
        });
        activations.push((now_ns(), version));
    }
    load.goes_on();
    let requests = load.finish();
    check(&requests, &activations);

    let mut figures = Figures::titled("Three workers, of which one is killed at random");
    figures.row("deploys", activations.len());
    figures.row("workers killed in the middle of one", deaths);
    calls(&mut figures, &requests);
    figures.hand_in("3-three-workers.md");
}

#[test]
fn applications_of_many_files_are_staged() {
    let mut figures = Figures::titled("Staging");
    let deployer = Deployer::with_new_key();
    let worker = deployer.worker();
    large::write_classes(Path::new(&deployer.path("app")));
    // Each time is another release, of which nothing is here yet.
    let took = (1..=deploys().min(10)).map(|number| {
        let functions =
            format!("{}\nfunction version(): int {{ return {number}; }}", large::FUNCTIONS);
        let said = deploy(&deployer, &worker, &functions, &[]);
        said["staged"]["took_ms"].as_u64().expect("a time")
    });
    let mut took: Vec<u64> = took.collect();
    assert_eq!(worker.php("echo appserver_call('total', 20);").ok(), "18640");
    figures.row("files", large::CLASSES + 1);
    let times = format!("{} ms, {} ms", at(&mut took, 0.5), at(&mut took, 1.0));
    figures.row("staged within: half of the times, at most", times);

    let deployer = Deployer::with_new_key();
    let worker = deployer.worker();
    let files = large::copy_console(&deployer);
    let said = deploy(&deployer, &worker, large::CONSOLE_FUNCTIONS, &[]);
    let table = "echo appserver_call('table', [['one', 'two']]);";
    assert!(worker.php(table).ok().contains("| one | two |"));
    figures.row(&format!("files of {PACKAGE}, and of all Symfony packages beside it"), files);
    figures.row("staged within", format!("{} ms", said["staged"]["took_ms"]));
    figures.hand_in("4-staging.md");
}
