//! Commits, by the `git` program.

use crate::entry::Receive;
use crate::error::Error;
use crate::limits::Limits;
use crate::tar;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

/// Most of git's complaints that are told, in bytes.
const MESSAGE_BYTES_MAX: u64 = 4096;

/// Gives the files of a commit to `sink`, without those that `.gitattributes` excludes from exports.
pub(crate) fn read(
    repository: &Path,
    revision: &str,
    limits: &Limits,
    sink: &mut dyn Receive,
) -> Result<(), Error> {
    let commit = resolve(repository, revision)?;
    let mut archive = git(repository);
    archive.args(["archive", "--format=tar", &commit]).stdout(Stdio::piped());
    let mut child = archive.spawn().map_err(Error::io("run git in", repository))?;
    let read = match child.stdout.take() {
        Some(output) => {
            let mut output = output.take(limits.tar_bytes_max());
            tar::read(&mut output, tar::Style::Foreign, sink)
        }
        None => Ok(()),
    };
    if read.is_err() {
        // It may wait for somebody to read the rest.
        let _ = child.kill();
    }
    let mut message = String::new();
    if let Some(errors) = child.stderr.take() {
        let _ = errors.take(MESSAGE_BYTES_MAX).read_to_string(&mut message);
    }
    let status = child.wait().map_err(Error::io("run git in", repository))?;
    read?;
    if status.success() { Ok(()) } else { Err(no_commit(repository, revision, &message)) }
}

/// The id of the commit. Only that goes to `git archive`: a revision could look like an option.
fn resolve(repository: &Path, revision: &str) -> Result<String, Error> {
    let mut parse = git(repository);
    let wanted = format!("{revision}^{{commit}}");
    parse.args(["rev-parse", "--verify", "--end-of-options", &wanted]);
    let output = parse.output().map_err(Error::io("run git in", repository))?;
    let id = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() || id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_hexdigit())
    {
        let message = String::from_utf8_lossy(&output.stderr);
        return Err(no_commit(repository, revision, &message));
    }
    Ok(id)
}

fn git(repository: &Path) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(repository).stdin(Stdio::null()).stderr(Stdio::piped());
    git
}

fn no_commit(repository: &Path, revision: &str, message: &str) -> Error {
    Error::NoCommit {
        repository: repository.to_owned(),
        revision: revision.to_owned(),
        message: message.trim().to_owned(),
    }
}
