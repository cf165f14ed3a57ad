//! Recovery, and bytes of memory a waiting job: of a process of its own, without what the ledger's cache
//! takes.

use crate::shapes::SHAPES;
use crate::{Result, engine, fill, say};
use ledger::{Ledger as _, Local, States};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// What a child is told to do.
pub(crate) const RECOVER: &str = "recover";

pub(crate) fn measure(folder: &Path, jobs: usize) -> Result<()> {
    for (at, (name, options)) in SHAPES.into_iter().enumerate() {
        let path = folder.join(format!("{at}.db"));
        let mut ledger = Local::open(&path)?;
        let begin = Instant::now();
        fill(&mut engine(&ledger)?, &mut ledger, 0..jobs, options)?;
        say(&format!("{jobs} jobs, {name}: made in {:?}", begin.elapsed()))?;
        drop(ledger);
        let mut child = Command::new(std::env::current_exe()?);
        let status = child.args([RECOVER, &path.to_string_lossy(), &jobs.to_string()]).status()?;
        if !status.success() {
            return Err("it was not recovered".into());
        }
        std::fs::remove_file(path)?;
    }
    Ok(())
}

pub(crate) fn recover(path: &Path, jobs: usize) -> Result<()> {
    let ledger = Local::open(path)?;
    ledger.read().scan(0, States::ALL, &mut |_| ControlFlow::Continue(()))?;
    let (begin, before) = (Instant::now(), resident()?);
    let engine = engine(&ledger)?;
    let (took, bytes) = (begin.elapsed(), resident()?.saturating_sub(before) / jobs);
    say(&format!("  recovered in {took:?}, {bytes} bytes of memory a job"))?;
    drop(engine);
    Ok(())
}

/// Bytes of this process that are in memory.
fn resident() -> Result<usize> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    let pages: usize = pages.split(' ').nth(1).ok_or("no such field")?.parse()?;
    Ok(pages * 4096)
}
