//! The process in which a target runs.

use crate::target::Target;
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Command;

/// Runs `target` in a child; false when the child did not end well, after saying why.
pub(crate) fn run(target: &Target, runs: u64, seed: u64) -> Result<bool> {
    let folder = temporary_folder().context("cannot make a temporary folder")?;
    let trace = folder.path().join("input");
    let mut child = Command::new(std::env::current_exe()?);
    child.args(["--target", target.name, "--runs", &runs.to_string(), "--seed", &seed.to_string()]);
    // A target's own files go with ours, however it ends.
    child.env("TMPDIR", folder.path());
    let status = child.arg("--trace").arg(&trace).status().context("cannot start the child")?;
    if !status.success() {
        let input = last_input(&trace)?;
        eprintln!("fuzz: {} failed ({status}); repeat with", target.name);
        eprintln!("    appserver-fuzz --target {} --input {}", target.name, to_hex(&input));
    }
    Ok(status.success())
}

/// In memory where that is possible: the trace changes with each input, and so do files of targets.
fn temporary_folder() -> std::io::Result<tempfile::TempDir> {
    let in_memory = Path::new("/dev/shm");
    if in_memory.is_dir() { tempfile::tempdir_in(in_memory) } else { tempfile::tempdir() }
}

/// The input that [`crate::campaign`] recorded last.
fn last_input(trace: &Path) -> Result<Vec<u8>> {
    let bytes = std::fs::read(trace).context("the child left no trace")?;
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else {
        bail!("the child left no trace");
    };
    let length = usize::try_from(u64::from_le_bytes(*length))?;
    Ok(rest.get(..length).context("the child's trace is cut off")?.to_vec())
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes from hexadecimal text.
pub(crate) fn from_hex(text: &str) -> Result<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        bail!("--input is not hexadecimal");
    }
    let pairs = (0..text.len()).step_by(2).map(|at| &text[at..at + 2]);
    pairs.map(|pair| u8::from_str_radix(pair, 16).context("--input is not hexadecimal")).collect()
}
