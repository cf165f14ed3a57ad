//! What a long backlog costs: `cargo run --release -p appserver-jobs --example backlog [JOBS] [FOLDER]`.
//!
//! Bytes of memory a waiting job, recovery, attempts a second with many waiting beside few, and what the
//! end of an attempt costs under one limit with very many keys.

mod memory;
mod rates;
mod shapes;

use jobs::{Engine, Head, Limits, Now, QueueLimits, Rules, Settings};
use ledger::{Ledger, Memory};
use protocol::{AppName, Catalog, Function, NewJob};
use std::collections::HashMap;
use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Instant;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const AT_ONCE: usize = 1000;
const SLOTS: u32 = 8;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [only, path, jobs] = arguments.as_slice()
        && only == memory::RECOVER
    {
        return memory::recover(Path::new(path), jobs.parse()?);
    }
    let jobs = arguments.first().map_or(Ok(1_000_000), |jobs| jobs.parse())?;
    let parent = arguments.get(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::Builder::new().prefix("backlog").tempdir_in(parent)?;
    memory::measure(folder.path(), jobs)?;
    heads()?;
    rates::measure(jobs)?;
    rates::many_keys(100_000)
}

fn say(text: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}

fn app() -> AppName {
    AppName::new("shop").expect("a name")
}

fn engine(ledger: &dyn Ledger) -> Result<Engine> {
    let settings = Settings {
        queue_len_max: u64::MAX,
        queue_bytes_max: u64::MAX,
        keep_ms: 0,
        ..Settings::default()
    };
    let now = Now { wall_ms: 1_800_000_000_000, steady_ms: 1000 };
    let mut engine = Engine::new(settings, ledger.tag(), ledger.last_seq(), 1, now);
    engine.recover(ledger.read(), &HashMap::new())?;
    let work = Function { name: "work".to_owned(), ..Function::default() };
    let catalog = Catalog { functions: vec![work], ..Catalog::default() };
    let narrow = Limits { concurrency: Some(4), rate: None };
    let queues = QueueLimits::from([(shapes::NARROW.to_owned(), narrow)]);
    engine.set_rules(&app(), Some(Rules::new(&catalog, queues)));
    engine.set_slots(&app(), SLOTS);
    Ok(engine)
}

fn fill(
    engine: &mut Engine,
    ledger: &mut dyn Ledger,
    jobs: Range<usize>,
    options: shapes::Options,
) -> Result<()> {
    for from in jobs.clone().step_by(AT_ONCE) {
        let job = |at| NewJob {
            function: "work".to_owned(),
            arguments: vec![1; 16],
            options: options(at),
            ..NewJob::default()
        };
        let some = (from..jobs.end.min(from + AT_ONCE)).map(job).collect();
        engine.enqueue(&app(), some, None, ledger.read())?.expect("accepted");
        ledger.commit(&engine.take_changes())?;
    }
    Ok(())
}

fn heads() -> Result<()> {
    let mut ledger = Memory::new(1);
    fill(&mut engine(&ledger)?, &mut ledger, 0..1, shapes::plain)?;
    let head = ledger.read().entry(1)?.ok_or("not there")?.head;
    let rounds = 1_000_000;
    let begin = Instant::now();
    for _ in 0..rounds {
        std::hint::black_box(Head::read(1, std::hint::black_box(&head))?);
    }
    let read = begin.elapsed() / rounds;
    let parsed = Head::read(1, &head)?;
    let begin = Instant::now();
    for _ in 0..rounds {
        std::hint::black_box(std::hint::black_box(&parsed).to_bytes());
    }
    let wrote = begin.elapsed() / rounds;
    say(&format!("a head of {} bytes: read in {read:?}, written in {wrote:?}", head.len()))
}
