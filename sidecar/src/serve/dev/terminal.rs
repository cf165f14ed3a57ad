//! What a developer is told, where the command runs.

use std::io::{IsTerminal, Write};
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};

/// Back to the beginning of the line, which is emptied.
const ERASE_LINE: &str = "\r\x1b[K";

/// Standard output. A thread of its own writes, because a terminal that is held must not hold calls.
#[derive(Debug)]
pub(super) struct Terminal {
    writer: NonBlocking,
    is_terminal: bool,
    /// Whether the last line is one of passing interest.
    has_status: bool,
    _guard: WorkerGuard,
}

impl Terminal {
    pub(super) fn new() -> Self {
        let (writer, guard) = NonBlockingBuilder::default().lossy(true).finish(std::io::stdout());
        let is_terminal = std::io::stdout().is_terminal();
        Self { writer, is_terminal, has_status: false, _guard: guard }
    }

    /// Lines that stay.
    pub(super) fn say(&mut self, text: &str) {
        let erase = if self.has_status { ERASE_LINE } else { "" };
        self.has_status = false;
        self.write(&format!("{erase}{text}\n"));
    }

    /// A line that the next one replaces; for people only.
    pub(super) fn status(&mut self, text: &str) {
        if self.is_terminal {
            self.has_status = true;
            self.write(&format!("{ERASE_LINE}{text}"));
        }
    }

    /// The line of passing interest is past.
    pub(super) fn clear(&mut self) {
        if self.has_status {
            self.has_status = false;
            self.write(ERASE_LINE);
        }
    }

    fn write(&mut self, text: &str) {
        // That nobody reads it is no reason to stop.
        let _ = self.writer.write_all(text.as_bytes());
    }
}
