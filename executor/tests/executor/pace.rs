//! How long calls take. Printed, never asserted; run it in a release build:
//! `cargo test --release -p appserver-executor --test executor -- --ignored --nocapture pace`.

use crate::support::{Client, FakeSupervisor, boot};
use protocol::{Header, Kind};
use std::time::{Duration, Instant};

const WARM_UP: usize = 5_000;
const CALLS: usize = 50_000;
/// One positional argument, a short string, no named ones: in the value codec.
const ARGUMENTS: &[u8] = b"\x01\x85World\x00";

// The pause between calls is what is measured, not a wait for something.
#[allow(clippy::disallowed_methods)]
fn measure(client: &mut Client, function: &str, pause: Duration, calls: usize) -> Vec<Duration> {
    let mut taken = Vec::with_capacity(calls);
    for id in 0..calls {
        std::thread::sleep(pause);
        let sent = Instant::now();
        client.send_frame(Header::new(Kind::Call, id as u64), function, ARGUMENTS);
        let kind = client.spin_for_kind();
        taken.push(sent.elapsed());
        assert_eq!(kind, Kind::Return);
    }
    taken.sort();
    taken
}

fn print(what: &str, taken: &[Duration]) {
    let at = |percent: usize| taken[taken.len() * percent / 100].as_nanos() as f64 / 1000.0;
    eprintln!(
        "{what:<32} p50 {:>6.1} µs   p90 {:>6.1} µs   p99 {:>7.1} µs",
        at(50),
        at(90),
        at(99)
    );
}

#[test]
#[ignore = "measures; see above"]
fn pace_of_calls() {
    for (what, app, pool) in [("stateless", "basic", 0), ("resident", "resident", 1)] {
        let mut supervisor = FakeSupervisor::start(boot(app));
        let mut client = supervisor.connect(pool);
        let executor = supervisor.fork(pool, 0);
        executor.offer(&client);
        measure(&mut client, "hello", Duration::ZERO, WARM_UP);
        print(&format!("{what}, hot"), &measure(&mut client, "hello", Duration::ZERO, CALLS));
        let taken = measure(&mut client, "hello", Duration::from_millis(1), 1_000);
        print(&format!("{what}, 1 ms apart"), &taken);
    }
}
