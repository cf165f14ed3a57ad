//! While the ledger takes nothing.
//!
//! When a commit fails nothing of its round has happened: its requests are refused, the engine is thrown
//! away, and until the disk takes a commit again everything is refused at once that needs one. Questions
//! are answered by what is on disk ([`super::on_disk`]). So it is when a round
//! ends by a defect of the program, but that nobody is told what became of its requests, because it may
//! have been committed.

use super::answers::{Answer, Answers};
use super::command::Command;
use super::defect;
use super::keeper::Keeper;
use super::on_disk::Read;
use super::shortage::try_little;
use super::verdict::refused;
use jobs::{Engine, ReadError};
use ledger::Reader;
use std::any::Any;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How often the disk is tried after it failed.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// ... and a ledger that somebody has to restore: all of it is read each time.
const TRY_DAMAGED: Duration = Duration::from_secs(60);

/// Why nothing is taken, and when it is tried again.
pub(super) struct Sick {
    pub(super) reason: String,
    pub(super) again: Instant,
    /// For questions meanwhile.
    pub(super) reader: Option<Box<dyn Reader>>,
}

impl Sick {
    fn by(error: &ReadError) -> Self {
        let pause = match error {
            // Its changes are gone with the engine that made them.
            ReadError::Ledger(ledger::Error::Misuse(_)) => TRY_AGAIN,
            ReadError::Ledger(error) if !error.is_temporary() => TRY_DAMAGED,
            _ => TRY_AGAIN,
        };
        Self { reason: error.to_string(), again: Instant::now() + pause, reader: None }
    }

    pub(super) fn try_now(&mut self) {
        self.again = Instant::now();
    }
}

impl Keeper {
    /// Nothing of the round has happened.
    pub(super) fn fall_sick(&mut self, error: &ReadError, answers: Answers) {
        // One that could not be committed is in the log.
        if self.shortage.is_none() {
            tracing::error!(%error, "jobs are refused until the ledger works again");
        }
        let reason = error.to_string();
        self.sick = Some(Sick::by(error));
        for answer in answers.now {
            match answer {
                Answer::Reply(to, _) => drop(to.send(refused(&reason))),
                // It may have told of what the round would have done.
                Answer::Read(to, _, read) => self.answer_sick(Some(read), to),
                Answer::Managed(to, _, report) => self.manage_sick(report, to),
            }
        }
        // What they await is on disk, and goes on.
        answers.later.into_iter().for_each(|waiter| self.awaiting.add(waiter));
        self.show.changed();
    }

    /// What the round did is as unknown as after a kill of the worker.
    pub(super) fn fall_sick_by_defect(&mut self, panic: &(dyn Any + Send)) {
        let reason = format!("a defect of the worker: {}", defect::words(panic));
        tracing::error!("jobs are taken up anew from the ledger, after {reason}");
        self.awaiting.take_unkept(&mut self.engine);
        self.sick = Some(Sick { reason, again: Instant::now() + TRY_AGAIN, reader: None });
        self.show.changed();
    }

    /// Tries the disk, if it is time to; whether it works again.
    pub(super) fn heals(&mut self) -> bool {
        let Some(sick) = &self.sick else {
            return true;
        };
        if Instant::now() < sick.again {
            return false;
        }
        let mut alive = self.begun.clone();
        alive.extend(self.ends.iter().map(|(seq, attempt, _)| (*seq, *attempt)));
        let tried = try_little(self.ledger.as_mut()).map_err(ReadError::from);
        match tried.and_then(|()| self.recover(&alive)) {
            Ok(()) => {
                if self.shortage.is_none() {
                    tracing::info!("the ledger of jobs works again");
                }
                self.sick = None;
                self.awaiting.look_again();
                self.show.changed();
                true
            }
            Err(error) => {
                self.sick = Some(Sick::by(&error));
                false
            }
        }
    }

    /// While the disk takes nothing: everybody learns why whose wish needs it to.
    pub(super) fn turn_away(&mut self, commands: impl IntoIterator<Item = Command>) {
        for command in commands {
            match command {
                Command::Request { request, reply, .. } => {
                    self.answer_sick(Read::by(&request), reply)
                }
                Command::Manage { what, reply } => self.manage_sick(what.report(), reply),
                Command::Rules { app, rules, slots } => {
                    self.apps.insert(app, (rules, slots));
                }
                Command::GaveUp { seq } => self.awaiting.forget_closed(seq),
                Command::Stop => self.stopping = true,
                Command::Progress { .. }
                | Command::Finished { .. }
                | Command::Ending
                | Command::Close { .. } => {}
            }
        }
    }

    /// A new engine with what the ledger has.
    pub(super) fn recover(&mut self, alive: &HashMap<u64, u32>) -> Result<(), ReadError> {
        let now = self.now();
        let seed = now.wall_ms ^ u64::from(std::process::id()) << 32;
        let (tag, last_seq) = (self.ledger.tag(), self.ledger.last_seq());
        let mut engine = Engine::new(self.settings.clone(), tag, last_seq, seed, now);
        engine.recover(self.ledger.read(), alive)?;
        engine.set_totals(self.totals);
        self.engine = engine;
        for (app, (rules, slots)) in std::mem::take(&mut self.apps) {
            self.set_rules(app, rules, slots);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
