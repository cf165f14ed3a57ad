//! SQLite's errors, as the ledger's.

use super::raw::{Code, system_errno};
use crate::Error;
use rusqlite::{Connection, ErrorCode, ffi};
use rustix::io::Errno;
use std::path::Path;

/// A call of SQLite that failed on this connection, which was not used since.
pub(super) fn failed(
    doing: &'static str,
    connection: &Connection,
) -> impl Fn(rusqlite::Error) -> Error {
    move |error| match &error {
        rusqlite::Error::SqliteFailure(failure, message) => {
            let errno = system_errno(connection);
            named(doing, *failure, errno, message.as_deref())
        }
        // Rows of other types than this version writes.
        other => Error::Corrupt { message: other.to_string() },
    }
}

/// A call on the log's file.
pub(crate) fn failed_on_log(doing: &'static str) -> impl Fn(Code) -> Error {
    move |code| {
        // The file's methods leave the reason there.
        let errno = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
        named(doing, ffi::Error::new(code), errno, None)
    }
}

/// Opening the file at `path`, before it is known to be a ledger.
pub(super) fn not_opened(path: &Path, error: rusqlite::Error) -> Error {
    match &error {
        rusqlite::Error::SqliteFailure(failure, _) if failure.code == ErrorCode::NotADatabase => {
            Error::Foreign { path: path.to_owned() }
        }
        rusqlite::Error::SqliteFailure(failure, message) => {
            named("open the ledger", *failure, 0, message.as_deref())
        }
        other => Error::Corrupt { message: other.to_string() },
    }
}

fn named(doing: &'static str, failure: ffi::Error, errno: i32, message: Option<&str>) -> Error {
    let text = ffi::code_to_str(failure.extended_code);
    let mut message = message.map_or_else(|| text.to_owned(), str::to_owned);
    let is_io = matches!(failure.code, ErrorCode::SystemIoFailure | ErrorCode::CannotOpen);
    if is_io && errno != 0 {
        message = format!("{message}: {}", std::io::Error::from_raw_os_error(errno));
    }
    match failure.code {
        ErrorCode::DiskFull => Error::Full { doing, message },
        _ if is_io && is_full(errno) => Error::Full { doing, message },
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Error::Corrupt { message },
        ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::FileLockingProtocolFailed => Error::Busy { message },
        ErrorCode::OutOfMemory => Error::Memory { doing },
        _ => Error::Io { doing, message },
    }
}

/// SQLite itself takes only ENOSPC for a full disk.
fn is_full(errno: i32) -> bool {
    [Errno::NOSPC, Errno::DQUOT, Errno::FBIG].iter().any(|full| full.raw_os_error() == errno)
}
