//! How far it is: a bar for each worker on a terminal, else lines. On stderr, since stdout has the
//! report.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Pause between two looks at how much has been sent.
const LOOK_AFTER: Duration = Duration::from_millis(100);

pub(super) struct Progress {
    bars: Option<MultiProgress>,
}

impl Progress {
    pub(super) fn start() -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bars = || MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        Self { bars: terminal.then(bars) }
    }

    pub(super) fn say(&self, text: &str) {
        eprintln!("{text}");
    }

    /// Archives of `bytes` on their way to `workers`.
    pub(super) fn uploads(&self, workers: &[String], bytes: u64) -> Uploads {
        let width = workers.iter().map(String::len).max().unwrap_or(0);
        let uploads: Vec<Upload> = workers
            .iter()
            .map(|worker| {
                let bar = self.bars.as_ref().map(|bars| bars.add(bar(worker, width, bytes)));
                Upload { worker: worker.clone(), sent: Arc::default(), bar }
            })
            .collect();
        if self.bars.is_none() {
            self.say(&format!(
                "sending {} to {}",
                crate::cli::text::bytes(bytes),
                workers.join(", ")
            ));
        }
        let (stop, stopped) = channel();
        let seen = uploads.clone();
        let look = move || {
            while stopped.recv_timeout(LOOK_AFTER) == Err(RecvTimeoutError::Timeout) {
                seen.iter().for_each(|upload| upload.show(bytes));
            }
        };
        let looker = self.bars.is_some().then(|| std::thread::spawn(look));
        Uploads { uploads, looker, stop }
    }
}

fn bar(worker: &str, width: usize, bytes: u64) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{prefix} [{bar:24}] {bytes}/{total_bytes} {msg} {elapsed}");
    let bar = ProgressBar::new(bytes).with_prefix(format!("{worker:<width$}"));
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
    bar.with_message("sending")
}

/// All archives on their way.
pub(super) struct Uploads {
    uploads: Vec<Upload>,
    looker: Option<JoinHandle<()>>,
    stop: Sender<()>,
}

impl Uploads {
    pub(super) fn of(&self, worker: &str) -> Upload {
        let found = self.uploads.iter().find(|upload| upload.worker == worker);
        found.cloned().unwrap_or_else(|| Upload {
            worker: worker.to_owned(),
            sent: Arc::default(),
            bar: None,
        })
    }

    pub(super) fn end(self) {
        drop(self.stop);
        if let Some(looker) = self.looker {
            // It only draws; a panic there has been told already.
            let _ = looker.join();
            // The last bar does not end its line.
            eprintln!();
        }
    }
}

/// One archive on its way.
#[derive(Clone)]
pub(super) struct Upload {
    worker: String,
    sent: Arc<AtomicU64>,
    bar: Option<ProgressBar>,
}

impl Upload {
    pub(super) fn sent(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.sent)
    }

    fn show(&self, bytes: u64) {
        let (Some(bar), sent) = (&self.bar, self.sent.load(Ordering::Relaxed)) else { return };
        if bar.is_finished() {
            return;
        }
        bar.set_position(sent);
        if sent == bytes {
            bar.set_message("staging");
        }
        bar.tick();
    }

    pub(super) fn end(&self, staged: bool) {
        if let Some(bar) = &self.bar {
            bar.set_position(self.sent.load(Ordering::Relaxed));
            let message = if staged { "staged" } else { "failed" };
            bar.abandon_with_message(message);
        }
    }
}
