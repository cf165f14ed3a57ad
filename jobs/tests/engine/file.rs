//! What jobs take of a disk: of the file no more than three times what is alive, however often they ran.

use crate::worker::{With, app, function, job};
use jobs::{Ended, Engine, Now, QueueLimits, Rules, Settings, Start};
use ledger::{Entry, Ledger, Local, Reader, Row, States};
use protocol::{Catalog, NewJob};
use std::collections::HashMap;
use std::io::Write as _;
use std::ops::ControlFlow;

/// Jobs that put themselves back for ever, as many that wait for another day, and that are over at once.
const OF_EACH: u32 = 100;
/// How often they do, where `APPSERVER_PROOF_ROUNDS` does not say.
const ROUNDS: u64 = 400;
/// All attempts that are kept have been made.
const SETTLED: u64 = 40;
/// Commits after which a busy worker tidies its ledger.
const TIDY_ROUNDS: u64 = 256;

/// Head, body and tail of all entries.
fn stored_bytes(reader: &dyn Reader) -> u64 {
    let mut seqs = Vec::new();
    let each = &mut |row: Row<'_>| {
        seqs.push(row.seq);
        ControlFlow::Continue(())
    };
    reader.scan(0, States::ALL, each).expect("readable");
    let bytes =
        |entry: Entry| entry.head.len() + entry.body.len() + entry.tail.map_or(0, |t| t.len());
    let entries = seqs.into_iter().filter_map(|seq| reader.entry(seq).expect("readable"));
    entries.map(bytes).sum::<usize>() as u64
}

fn engine(ledger: &Local, now: Now) -> Engine {
    let settings = Settings { keep_ms: 0, ..Settings::default() };
    let mut engine = Engine::new(settings, ledger.tag(), ledger.last_seq(), 1, now);
    engine.recover(ledger.read(), &HashMap::new()).expect("readable");
    let functions = vec![function("again", &[]), function("work", &[])];
    let catalog = Catalog { functions, ..Catalog::default() };
    engine.set_rules(&app(), Some(Rules::new(&catalog, QueueLimits::new())));
    engine.set_slots(&app(), 2 * OF_EACH);
    engine
}

fn put(engine: &mut Engine, ledger: &Local, job: &NewJob) {
    let jobs = vec![NewJob { arguments: vec![7; 1000], ..job.clone() }; OF_EACH as usize];
    engine.enqueue(&app(), jobs, None, ledger.read()).expect("readable").expect("accepted");
}

fn end(engine: &mut Engine, start: &Start) {
    let ended = match start.function.as_str() {
        "again" => {
            let error = format!("attempt {} came too early", start.context.attempt);
            Ended::Again { after_ms: Some(100), counts: false, error }
        }
        _ => Ended::Returned(vec![1; 500]),
    };
    assert!(engine.finish(start.seq, start.context.attempt, ended));
}

#[test]
fn putting_back_for_ever_takes_three_times_of_what_is_alive_at_most() {
    let rounds = std::env::var("APPSERVER_PROOF_ROUNDS");
    let rounds: u64 = rounds.map_or(ROUNDS, |told| told.parse().expect("a number"));
    assert!(
        rounds >= SETTLED,
        "APPSERVER_PROOF_ROUNDS is {rounds}: at least {SETTLED} are to be told"
    );
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("jobs.db");
    let mut ledger = Local::open(&path).expect("a ledger");
    let mut now = Now { wall_ms: 1_800_000_000_000, steady_ms: 1000 };
    let mut engine = engine(&ledger, now);
    put(&mut engine, &ledger, &job("work").delay(9 * 365 * 24 * 3_600_000));
    put(&mut engine, &ledger, &job("again"));
    let (mut running, mut settled, mut largest) = (Vec::new(), 0, 0);
    for round in 1..=rounds {
        (now.wall_ms, now.steady_ms) = (now.wall_ms + 100, now.steady_ms + 100);
        engine.set_now(now);
        running.iter().for_each(|start| end(&mut engine, start));
        put(&mut engine, &ledger, &job("work"));
        engine.tick(ledger.read()).expect("readable");
        running = engine.dispatch(ledger.read()).expect("readable");
        assert!(running.len() >= OF_EACH as usize, "round {round}: {}", running.len());
        ledger.commit(&engine.take_changes()).expect("a disk");
        if round % TIDY_ROUNDS == 0 {
            ledger.tidy().expect("a disk");
        }
        if round == SETTLED {
            settled = stored_bytes(ledger.read());
        }
        largest = largest.max(ledger.size().expect("a size").file_bytes);
    }
    assert!(largest <= 3 * settled, "a file of {largest} bytes for {settled}");
    let report = format!(
        "{} attempts at jobs that put themselves back: {settled} bytes alive, a file of {largest}\n",
        u64::from(OF_EACH) * rounds
    );
    std::io::stderr().write_all(report.as_bytes()).expect("standard error");
}
