//! Ctrl-C during a deploy: until the first worker may have activated, everything is taken back; from
//! then on the command goes on, because half of the workers would be left with another release.

use crate::cli::{Exit, Stop};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;

/// How far the deploy is, as far as a signal is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing has changed for callers anywhere.
    Staging,
    /// It is being taken back.
    GivenUp,
    Activating,
    /// A signal came too late.
    GoesOn,
}

#[derive(Clone, Debug)]
pub(super) struct Interrupt {
    stage: Arc<Mutex<Stage>>,
    given_up: CancellationToken,
}

impl Interrupt {
    /// From now on SIGINT and SIGTERM give the deploy up. `left_over` says how to remove by hand what
    /// stays, `finish` how to end what was begun, when a second signal ends the command at once.
    ///
    /// A thread, because the main one waits for workers.
    pub(super) fn watch(left_over: String, finish: String) -> Result<Self, Stop> {
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let stage = Arc::new(Mutex::new(Stage::Staging));
        let interrupt = Self { stage, given_up: CancellationToken::new() };
        let seen = interrupt.clone();
        std::thread::spawn(move || {
            for _ in signals.forever() {
                seen.on_signal(&left_over, &finish);
            }
        });
        Ok(interrupt)
    }

    /// Resolves when the deploy is given up.
    pub(super) fn given_up(&self) -> CancellationToken {
        self.given_up.clone()
    }

    pub(super) fn came(&self) -> bool {
        self.given_up.is_cancelled()
    }

    /// The point of no return; false when a signal came before it.
    pub(super) fn begin_to_activate(&self) -> bool {
        let mut stage = self.lock();
        if *stage == Stage::Staging {
            *stage = Stage::Activating;
        }
        *stage == Stage::Activating
    }

    fn on_signal(&self, left_over: &str, finish: &str) {
        let mut stage = self.lock();
        match *stage {
            Stage::Staging => {
                *stage = Stage::GivenUp;
                self.given_up.cancel();
                eprintln!("appserver: interrupted: what was staged is withdrawn");
            }
            Stage::Activating => {
                *stage = Stage::GoesOn;
                eprintln!(
                    "appserver: the release is taking over and is not stopped half way; another \
                     signal ends this command at once"
                );
            }
            Stage::GivenUp => leave(&format!("what was staged may stay; {left_over} ends it")),
            Stage::GoesOn => leave(&format!(
                "some workers may have the new release and others not; {finish} brings it to all"
            )),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn leave(state: &str) -> ! {
    eprintln!("appserver: interrupted: {state}");
    std::process::exit(Exit::Interrupted.code().into())
}
