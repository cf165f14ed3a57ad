//! What a ledger costs on this disk: `cargo run --release -p appserver-ledger --example throughput [FOLDER]`.

use ledger::{Change, Ledger, Local, States};
use rustix::fs::{Mode, OFlags, fdatasync, open};
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const HEAD: [u8; 80] = [1; 80];

fn main() -> Result<()> {
    let parent = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::Builder::new().prefix("ledger").tempdir_in(parent)?;
    let report = &mut std::io::stdout().lock();
    commits(folder.path(), report)?;
    for batch in [16, 64, 128] {
        inserts(folder.path(), batch, report)?;
    }
    scan(folder.path(), report)?;
    size(folder.path(), report)?;
    Ok(())
}

/// One insert a commit, each beside one overwritten block and its `fdatasync` on the same disk.
fn commits(folder: &Path, report: &mut impl Write) -> Result<()> {
    let mut ledger = Local::open(&folder.join("commits.db"))?;
    let file =
        open(folder.join("floor"), OFlags::RDWR | OFlags::CREATE, Mode::from_raw_mode(0o600))?;
    rustix::io::pwrite(&file, &vec![0; 1 << 20], 0)?;
    fdatasync(&file)?;
    let (mut floor, mut commit) = (Vec::new(), Vec::new());
    for round in 0..4000_u64 {
        let start = Instant::now();
        rustix::io::pwrite(&file, &[round as u8; 4096], round % 256 * 4096)?;
        fdatasync(&file)?;
        floor.push(start.elapsed());
        let change = insert(ledger.last_seq() + 1, 200);
        let start = Instant::now();
        ledger.commit(&[change])?;
        commit.push(start.elapsed());
    }
    let (floor, commit) = (Quantiles::of(floor), Quantiles::of(commit));
    writeln!(report, "one fdatasync        {floor}")?;
    writeln!(report, "commit of one insert {commit}")?;
    let ratio = commit.p50.as_secs_f64() / floor.p50.as_secs_f64();
    writeln!(report, "ratio of the medians {ratio:.2}")?;
    Ok(())
}

fn inserts(folder: &Path, batch: u64, report: &mut impl Write) -> Result<()> {
    let mut ledger = Local::open(&folder.join(format!("inserts-{batch}.db")))?;
    let count = 200_000;
    let mut times = Vec::new();
    let start = Instant::now();
    while ledger.last_seq() < count {
        let first = ledger.last_seq() + 1;
        let changes: Vec<_> = (first..first + batch).map(|seq| insert(seq, 200)).collect();
        let start = Instant::now();
        ledger.commit(&changes)?;
        times.push(start.elapsed());
    }
    let rate = ledger.last_seq() as f64 / start.elapsed().as_secs_f64() / 1e3;
    let times = Quantiles::of(times);
    writeln!(report, "commits of {batch:3} inserts {times}: {rate:.0} k/s")?;
    Ok(())
}

fn scan(folder: &Path, report: &mut impl Write) -> Result<()> {
    let mut ledger = Local::open(&folder.join("scan.db"))?;
    for chunk in 0..1000 {
        let changes: Vec<_> = (1..=1000).map(|seq| insert(chunk * 1000 + seq, 100)).collect();
        ledger.commit(&changes)?;
    }
    drop(ledger);
    let start = Instant::now();
    let ledger = Local::open(&folder.join("scan.db"))?;
    let opened = start.elapsed();
    let mut bytes = 0;
    let start = Instant::now();
    ledger.read().scan(0, States::ALL, &mut |row| {
        bytes += row.head.len();
        ControlFlow::Continue(())
    })?;
    let took = start.elapsed();
    assert_eq!(bytes, HEAD.len() * 1_000_000);
    writeln!(report, "scan of 1,000,000    {took:.1?} (opened in {opened:.1?})")?;
    Ok(())
}

/// A few old entries among millions that came and went.
fn size(folder: &Path, report: &mut impl Write) -> Result<()> {
    let mut ledger = Local::open(&folder.join("size.db"))?;
    let (rounds, batch, every) = (2000, 1000, 500);
    let mut removed = 0;
    for round in 0..rounds {
        let first = round * batch + 1;
        let mut changes: Vec<_> = (first..first + batch).map(|seq| insert(seq, 200)).collect();
        // A hundred thousand wait at any time.
        while removed + 100_000 < first {
            removed += 1;
            if removed % every != 0 {
                changes.push(Change::Remove { seq: removed });
            }
        }
        ledger.commit(&changes)?;
    }
    let rest = (removed + 1..=rounds * batch).filter(|seq| seq % every != 0);
    let rest: Vec<_> = rest.map(|seq| Change::Remove { seq }).collect();
    for changes in rest.chunks(1000) {
        ledger.commit(changes)?;
    }
    let before = ledger.size()?;
    let (mut slices, mut longest) = (0, Duration::ZERO);
    let start = Instant::now();
    loop {
        let begin = Instant::now();
        let more = ledger.tidy()?;
        longest = longest.max(begin.elapsed());
        slices += 1;
        if !more {
            break;
        }
    }
    let took = start.elapsed();
    let after = ledger.size()?;
    let live = rounds * batch / every * 280;
    writeln!(report, "{live} bytes left of {} entries: {before:?}", rounds * batch)?;
    writeln!(
        report,
        "  after {slices} slices of tidy ({took:.1?}, longest {longest:.1?}): {after:?}"
    )?;
    Ok(())
}

fn insert(seq: u64, body_bytes: usize) -> Change {
    Change::Insert { seq, state: 1, head: HEAD.to_vec(), body: vec![seq as u8; body_bytes] }
}

struct Quantiles {
    p50: Duration,
    p99: Duration,
    max: Duration,
}

impl Quantiles {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |share: usize| times[(times.len() - 1) * share / 100];
        Self { p50: at(50), p99: at(99), max: at(100) }
    }
}

impl std::fmt::Display for Quantiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "p50 {:.0?}  p99 {:.0?}  max {:.1?}", self.p50, self.p99, self.max)
    }
}
