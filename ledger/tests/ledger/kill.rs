//! Real processes that are really killed: by their parent at any moment, and by themselves in the
//! middle of writing and syncing.

use crate::{child, fatal};
use ledger::testing::{Model, Rng};
use ledger::{Ledger, Local};
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const KILLS: u64 = 120;
const SIGKILL: i32 = 9;

#[test]
fn at_any_moment() {
    if let Some(argument) = child::argument() {
        return live(&argument);
    }
    let mut history = History::new("kill::at_any_moment");
    let mut rng = Rng::new(history.seed);
    for life in 0..KILLS {
        let mut child = history.start(life, 0);
        let mut acknowledged = wait_for(&mut child, rng.below(20));
        spin(Duration::from_micros(rng.below(2000)));
        child.kill().expect("a kill");
        let (status, more) = end(child);
        assert_eq!(status.signal(), Some(SIGKILL), "LEDGER_SEED={}", history.seed);
        acknowledged += more;
        history.check(life, acknowledged);
    }
}

#[test]
fn in_the_middle_of_an_operation() {
    if let Some(argument) = child::argument() {
        return live(&argument);
    }
    let mut history = History::new("kill::in_the_middle_of_an_operation");
    let mut rng = Rng::new(history.seed);
    for life in 0..KILLS {
        // Most of what a process writes first is the new log.
        let at = if rng.once_in(4) { 1 + rng.below(140) } else { 130 + rng.below(200) };
        let (status, acknowledged) = end(history.start(life, at));
        assert_eq!(status.signal(), Some(SIGKILL), "LEDGER_SEED={}", history.seed);
        history.check(life, acknowledged);
    }
}

/// One ledger, and what it has to contain after so many lives.
struct History {
    test: &'static str,
    folder: TempDir,
    seed: u64,
    model: Model,
}

impl History {
    fn new(test: &'static str) -> Self {
        // Kills come when they come: a seed repeats what was written, not the moment.
        let seed = std::env::var("LEDGER_SEED").map_or(1, |seed| seed.parse().expect("a number"));
        let folder = TempDir::new().expect("a folder");
        Self { test, folder, seed, model: Model::default() }
    }

    fn start(&self, life: u64, kill_at: u64) -> Child {
        let folder = self.folder.path().display();
        child::start(self.test, &format!("{} {kill_at} {folder}", self.seed_of(life)))
    }

    fn seed_of(&self, life: u64) -> u64 {
        self.seed * 10_000 + life
    }

    /// Does again what the child did, and compares with what is there.
    fn check(&mut self, life: u64, acknowledged: u64) {
        let mut rng = Rng::new(self.seed_of(life));
        for _ in 0..acknowledged {
            let changes = self.model.random_batch(&mut rng, 12);
            self.model.apply(&changes);
        }
        let attempted = self.model.after(&self.model.random_batch(&mut rng, 12));
        let ledger = Local::open(&self.folder.path().join("jobs.db")).expect("a ledger");
        let found = Model::of(&ledger);
        let is_right = found == self.model || found == attempted;
        let difference = self.model.difference(&found);
        assert!(is_right, "LEDGER_SEED={}, life {life}: {difference}", self.seed);
        self.model = found;
    }
}

/// The child: commits until it is killed, one byte for each acknowledged commit.
fn live(argument: &str) {
    let mut words = argument.splitn(3, ' ');
    let mut number = || words.next().and_then(|word| word.parse::<u64>().ok()).expect("a number");
    let (seed, kill_at) = (number(), number());
    let path = Path::new(words.next().expect("a folder")).join("jobs.db");
    if kill_at > 0 {
        fatal::kill_at(kill_at);
    }
    let mut ledger = Local::open(&path).expect("a ledger");
    let mut model = Model::of(&ledger);
    let (mut batches, mut rest) = (Rng::new(seed), Rng::new(!seed));
    loop {
        let changes = model.random_batch(&mut batches, 12);
        ledger.commit(&changes).expect("a commit");
        std::io::stderr().write_all(b"+").expect("a parent");
        model.apply(&changes);
        match rest.below(20) {
            0 => {
                drop(ledger);
                ledger = Local::open(&path).expect("a ledger");
            }
            1..4 => {
                ledger.tidy().expect("tidy");
            }
            4..6 => {
                ledger.rest().expect("rest");
            }
            _ => {}
        }
    }
}

/// Waits for so many acknowledgements.
fn wait_for(child: &mut Child, acknowledgements: u64) -> u64 {
    let stderr = child.stderr.as_mut().expect("a pipe");
    let mut bytes = vec![0; acknowledgements as usize];
    stderr.read_exact(&mut bytes).expect("acknowledgements");
    count(&bytes)
}

/// How the child ended, and what it acknowledged before.
fn end(mut child: Child) -> (ExitStatus, u64) {
    let mut bytes = Vec::new();
    child.stderr.take().expect("a pipe").read_to_end(&mut bytes).expect("acknowledgements");
    (child.wait().expect("an end"), count(&bytes))
}

fn count(bytes: &[u8]) -> u64 {
    let is_right = bytes.iter().all(|byte| *byte == b'+');
    assert!(is_right, "the child said: {}", String::from_utf8_lossy(bytes));
    bytes.len() as u64
}

/// Shorter than any sleep.
fn spin(time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        std::hint::spin_loop();
    }
}
