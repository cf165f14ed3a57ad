//! What a long backlog costs: `cargo run --release -p appserver-jobs --example backlog [JOBS] [FOLDER]`.
//!
//! Bytes of memory a waiting job, recovery, attempts a second with many waiting beside few, and what the
//! end of an attempt costs under one limit with very many keys.

use jobs::{Ended, Engine, Head, Limits, Now, QueueLimits, Rules, Settings, Start};
use ledger::{Ledger, Memory, Reader, Sqlite};
use protocol::{AppName, Catalog, Function, JobOptions, KeyLimit, NewJob, Unique, UniqueMode};
use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const AT_ONCE: usize = 1000;
const SLOTS: u32 = 8;
/// What a child is told to do.
const RECOVER: &str = "recover";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [only, path, jobs] = arguments.as_slice()
        && only == RECOVER
    {
        return recover(Path::new(path), jobs.parse()?);
    }
    let jobs = arguments.first().map_or(Ok(1_000_000), |jobs| jobs.parse())?;
    let parent = arguments.get(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::Builder::new().prefix("backlog").tempdir_in(parent)?;
    for (at, (name, options)) in shapes().iter().enumerate() {
        let jobs = if at == 0 { jobs } else { jobs / 5 };
        backlog(&folder.path().join(format!("{at}.db")), name, options, jobs)?;
    }
    heads()?;
    rates(jobs)?;
    many_keys(100_000)
}

/// Fills a ledger, and has another process take it up: one whose memory is its own.
fn backlog(
    path: &Path,
    name: &str,
    options: &dyn Fn(usize) -> JobOptions,
    jobs: usize,
) -> Result<()> {
    let mut ledger = Sqlite::open(path)?;
    let begin = Instant::now();
    fill(&mut engine(&ledger)?, &mut ledger, jobs, options)?;
    say(&format!("{jobs} jobs, {name}: made in {:?}", begin.elapsed()))?;
    drop(ledger);
    let mut child = Command::new(std::env::current_exe()?);
    let status = child.args([RECOVER, &path.to_string_lossy(), &jobs.to_string()]).status()?;
    if status.success() { Ok(()) } else { Err("it was not recovered".into()) }
}

fn recover(path: &Path, jobs: usize) -> Result<()> {
    let (begin, before) = (Instant::now(), resident()?);
    let ledger = Sqlite::open(path)?;
    let engine = engine(&ledger)?;
    let (took, bytes) = (begin.elapsed(), resident()?.saturating_sub(before) / jobs);
    say(&format!("  recovered in {took:?}, {bytes} bytes of memory a job"))?;
    drop(engine);
    Ok(())
}

fn say(text: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}

/// Options of the jobs, by the number of each.
type Options = Box<dyn Fn(usize) -> JobOptions>;

fn shapes() -> Vec<(&'static str, Options)> {
    let plain = |_: usize| JobOptions::default();
    let delayed = |_: usize| JobOptions { delay_ms: Some(3_600_000), ..JobOptions::default() };
    let expiring = |_: usize| JobOptions { expires_ms: Some(3_600_000), ..JobOptions::default() };
    let group = |at: usize| JobOptions { group: Some(format!("{at}")), ..JobOptions::default() };
    let unique = |at: usize| {
        let (key, mode) = (format!("{at}"), UniqueMode::Replace);
        JobOptions { unique: Some(Unique { key, mode, window_ms: 0 }), ..JobOptions::default() }
    };
    vec![
        ("plain", Box::new(plain)),
        ("delayed", Box::new(delayed)),
        ("expiring", Box::new(expiring)),
        ("a group each", Box::new(group)),
        ("a unique key each", Box::new(unique)),
        ("a limit each", Box::new(|at| keyed(&format!("{at}")))),
    ]
}

fn keyed(key: &str) -> JobOptions {
    let limit = KeyLimit { key: key.to_owned(), concurrency: Some(1), rate: None };
    JobOptions { limit: Some(Box::new(limit)), ..JobOptions::default() }
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
    let queues = QueueLimits::from([("narrow".to_owned(), narrow)]);
    engine.set_rules(&app(), Some(Rules::new(&catalog, queues)));
    engine.set_slots(&app(), SLOTS);
    Ok(engine)
}

fn fill(
    engine: &mut Engine,
    ledger: &mut dyn Ledger,
    jobs: usize,
    options: &dyn Fn(usize) -> JobOptions,
) -> Result<()> {
    for from in (0..jobs).step_by(AT_ONCE) {
        let job = |at| NewJob {
            function: "work".to_owned(),
            arguments: vec![1; 16],
            options: options(at),
            ..NewJob::default()
        };
        let some = (from..jobs.min(from + AT_ONCE)).map(job).collect();
        engine.enqueue(&app(), some, None, ledger.read())?.expect("accepted");
        ledger.commit(&engine.take_changes())?;
    }
    Ok(())
}

/// Bytes of this process that are in memory.
fn resident() -> Result<usize> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    let pages: usize = pages.split(' ').nth(1).ok_or("no such field")?.parse()?;
    Ok(pages * 4096)
}

fn heads() -> Result<()> {
    let mut ledger = Memory::new(1);
    fill(&mut engine(&ledger)?, &mut ledger, 1, &|_| JobOptions::default())?;
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

/// Attempts begun and ended, one commit for as many as run at a time. Only the engine's time counts, its
/// reads included.
fn run(engine: &mut Engine, ledger: &mut dyn Ledger, attempts: usize) -> Result<Duration> {
    let (mut running, mut ended): (Vec<Start>, _) = (Vec::new(), 0);
    let mut took = Duration::ZERO;
    while ended < attempts {
        let begin = Instant::now();
        for start in running.drain(..) {
            engine.finish(start.seq, start.context.attempt, Ended::Returned(vec![1; 16]));
            ended += 1;
        }
        running = step(engine, ledger.read())?;
        let changes = engine.take_changes();
        took += begin.elapsed();
        ledger.commit(&changes)?;
    }
    for start in running {
        engine.finish(start.seq, start.context.attempt, Ended::Interrupted);
    }
    Ok(took)
}

fn step(engine: &mut Engine, reader: &dyn Reader) -> Result<Vec<Start>> {
    engine.tick(reader)?;
    engine.take_over();
    Ok(engine.dispatch(reader)?)
}

fn rates(jobs: usize) -> Result<()> {
    let attempts = 200_000.min(jobs / 2);
    let mut rates = Vec::new();
    for waiting in [1000, jobs] {
        let mut ledger = Memory::new(1);
        let mut engine = engine(&ledger)?;
        let options = |_: usize| JobOptions::default();
        let mut took = Duration::ZERO;
        fill(&mut engine, &mut ledger, waiting, &options)?;
        for _ in 0..attempts / 500 {
            took += run(&mut engine, &mut ledger, 500)?;
            fill(&mut engine, &mut ledger, 500, &options)?;
        }
        rates.push(attempts as f64 / took.as_secs_f64());
        let rate = rates[rates.len() - 1];
        say(&format!("with {waiting} waiting: {rate:.0} attempts a second, without a disk"))?;
    }
    say(&format!("with many waiting {:.2} of what it is with few", rates[1] / rates[0]))
}

/// Under one limit of a queue, each job with a key of its own.
fn many_keys(keys: usize) -> Result<()> {
    for keys in [keys / 100, keys] {
        let mut ledger = Memory::new(1);
        let mut engine = engine(&ledger)?;
        let options =
            |at: usize| JobOptions { queue: Some("narrow".to_owned()), ..keyed(&format!("{at}")) };
        fill(&mut engine, &mut ledger, keys, &options)?;
        let attempts = keys / 2;
        let took = run(&mut engine, &mut ledger, attempts)? / u32::try_from(attempts)?;
        say(&format!("{keys} keys under one limit of 4: {took:?} an attempt"))?;
    }
    Ok(())
}
