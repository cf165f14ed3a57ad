//! What calls print and PHP logs, sent to the supervisor as far as there is room.

use super::fork_guard;
use super::seat::Seat;
use embed::LogLine;
use protocol::{FromExecutor, LogLevel};

/// A message must fit a packet with room to spare.
const TEXT_BYTES_MAX: usize = 8 * 1024;
/// Lines of one call; what follows is only counted.
const LINES_MAX: usize = 100;
/// syslog's levels, as PHP passes them on.
const SYSLOG_ERROR: i32 = 3;
const SYSLOG_WARNING: i32 = 4;

/// Sends what the call has printed.
pub(super) fn printed(seat: &Seat, request_id: u64, function: &str, bytes: &[u8], dropped: usize) {
    if bytes.is_empty() {
        return;
    }
    let mut text = cut(&String::from_utf8_lossy(bytes));
    if dropped > 0 {
        text.push_str(&format!(" [{dropped} more bytes were dropped]"));
    }
    send(seat, request_id, function, LogLevel::Output, text);
}

/// Sends what a call has printed and PHP has logged since the last time.
pub(super) fn flush(seat: &Seat, request_id: u64, function: &str) {
    let (bytes, dropped) = embed::take_output();
    printed(seat, request_id, function, &bytes, dropped);
    logged(seat, request_id, function);
}

fn logged(seat: &Seat, request_id: u64, function: &str) {
    let lines = embed::take_log();
    for line in lines.iter().take(LINES_MAX) {
        send(seat, request_id, function, level(line), cut(&line.text));
    }
    if let Some(more) = lines.len().checked_sub(LINES_MAX).filter(|more| *more > 0) {
        let text = format!("{more} more lines were dropped");
        send(seat, request_id, function, LogLevel::Warning, text);
    }
}

/// PHP's log has no levels of its own in most cases: the text tells.
fn level(line: &LogLine) -> LogLevel {
    let says = |word| line.text.starts_with(word);
    if says("PHP Fatal error") || says("PHP Parse error") || line.level < SYSLOG_ERROR {
        return LogLevel::Error;
    }
    if says("PHP Warning") || line.level == SYSLOG_ERROR || line.level == SYSLOG_WARNING {
        return LogLevel::Warning;
    }
    LogLevel::Notice
}

fn send(seat: &Seat, request_id: u64, function: &str, level: LogLevel, text: String) {
    if fork_guard::is_stranger() {
        // The call, and the socket, are its parent's.
        return;
    }
    let function = function.to_owned();
    // Best effort: a supervisor that is behind loses lines, not calls.
    seat.control.offer(&FromExecutor::Log { request_id, function, level, text });
}

fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(TEXT_BYTES_MAX)].to_owned()
}
