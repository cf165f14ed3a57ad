//! Workers that die at each step of a deploy, and come back with one whole release.

use e2e::{Deployer, Sidecar, controls, eventually, process_is_gone};
use serde_json::Value;
use std::path::Path;
use std::thread;

/// Three functions that say which release they are of.
fn release(version: &str) -> String {
    let functions = ["first", "second", "third"];
    functions.map(|name| format!("function {name}(): string {{ return '{version}'; }}\n")).concat()
}

/// What all functions say, which must be the same.
fn version(worker: &Sidecar) -> String {
    let script = "echo implode(',', array_unique([appserver_call('first'),
        appserver_call('second'), appserver_call('third')]));";
    worker.php(script).ok()
}

fn current(deployer: &Deployer, worker: &Sidecar) -> Value {
    deployer.releases(&[worker])[0]["result"][0]["current"].clone()
}

fn entries(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let names = entries.map(|entry| entry.expect("ours").file_name().into_string().expect("text"));
    names.collect()
}

/// How many the supervisor has open when all of its executors wait for calls.
fn descriptors(worker: &Sidecar) -> usize {
    eventually("its executors wait for calls", || {
        let status = worker.status();
        let pool = &status["apps"][0]["pools"][0];
        let executors = pool["executors"].as_array()?;
        let idle = executors.iter().filter(|executor| executor["state"] == "idle").count();
        (Some(idle as u64) == pool["executors_min"].as_u64()).then_some(())
    });
    entries(Path::new(&format!("/proc/{}/fd", worker.pid()))).len()
}

fn assert_survives(fault_point: &str) {
    let deployer = Deployer::with_new_key();
    let mut worker = deployer.worker();
    let deployed = deployer.deploy(&[&worker], &release("one"), &[]);
    assert!(deployed.status.success());
    worker.restart_to_die_at(fault_point);
    let before = descriptors(&worker);
    let family = worker.family();

    let addresses = controls(&[&worker]);
    let told = thread::scope(|scope| {
        let deploy = scope.spawn(|| deployer.deploy_at(&addresses, &release("two"), &[]));
        worker.await_death();
        eventually("nothing of it is left", || {
            family.iter().all(|pid| process_is_gone(*pid)).then_some(())
        });
        worker.restart();
        deploy.join().expect("it ends")
    });

    let now = version(&worker);
    let number = current(&deployer, &worker);
    let expected = match now.as_str() {
        "one" => 1,
        "two" => 2,
        other => panic!("{other} is no whole release: {told:?}"),
    };
    assert_eq!(number, expected);
    assert_eq!(told.status.success(), expected == 2, "{told:?}");
    let line =
        worker.log().lines().rfind(|line| line.contains("deployed release")).map(str::to_owned);
    assert!(line.is_some_and(|line| line.contains(&format!("release={expected}"))));
    // A question about its status may be in the first count.
    eventually("no descriptor is left open", || (descriptors(&worker) <= before).then_some(()));
    let left = entries(&worker.state().join("apps/shop"));
    assert!(!left.iter().any(|name| name.starts_with("staging-")), "{left:?}");
    assert_eq!(entries(&worker.state().join("incoming")), [""; 0]);

    let next = deployer.deploy(&[&worker], &release("three"), &[]);
    assert!(next.status.success(), "{next:?}");
    assert_eq!(version(&worker), "three");
}

macro_rules! fault_points {
    ($($test:ident: $point:literal,)*) => {$(
        #[test]
        fn $test() {
            assert_survives($point);
        }
    )*};
}

// One that is reached with several workers alone is in `catching_up.rs`: prepare.saved.
fault_points! {
    before_the_archive_is_unpacked: "stage.unpack",
    when_it_is_unpacked: "stage.unpacked",
    before_it_is_kept: "stage.keep",
    when_it_is_kept: "stage.kept",
    before_php_starts: "stage.start",
    when_it_could_take_over: "stage.ready",
    before_the_state_is_saved: "state.save",
    when_half_of_the_state_is_written: "slot.torn",
    when_the_state_is_written_and_not_on_disk: "slot.written",
    before_its_record_is_in_its_place: "file.rename",
    when_its_record_is_in_its_place: "file.renamed",
    before_the_activation_is_saved: "activate.save",
    when_half_of_the_activation_is_written: "slot.torn:2",
    when_the_activation_is_written_and_not_on_disk: "slot.written:2",
    when_the_activation_is_saved: "activate.saved",
    when_it_has_taken_over: "activate.swapped",
}
