//! What the supervisor asks of an executor.

use super::cell::Cell;
use std::sync::atomic::Ordering;

/// What the supervisor asks of an executor; read when its signal arrives and between calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Command {
    None = 0,
    /// Interrupt the call of a given `seq`: its deadline passed.
    TimeOut = 1,
    /// Interrupt it: the caller cancelled.
    Cancel = 2,
    /// Exit when idle; does not take back an interruption.
    Stop = 3,
}

impl Cell {
    /// Supervisor: asks the executor for something; a signal must follow. `Stop` has no `seq`.
    pub fn ask(&self, command: Command, seq: u64) {
        match command {
            Command::Stop => self.stop.store(1, Ordering::Release),
            command => self.interruption.store(interruption(command, seq), Ordering::Release),
        }
    }

    /// Executor: whether the supervisor asks to interrupt the call `seq`; never `Stop`.
    pub fn command_for(&self, seq: u64) -> Command {
        let asked = self.interruption.load(Ordering::Acquire);
        [Command::TimeOut, Command::Cancel]
            .into_iter()
            .find(|command| interruption(*command, seq) == asked)
            .unwrap_or(Command::None)
    }

    /// Executor: whether the supervisor asks it to exit when idle.
    pub fn stop_asked(&self) -> bool {
        self.stop.load(Ordering::Acquire) != 0
    }
}

/// As a cell holds it.
fn interruption(command: Command, seq: u64) -> u64 {
    seq << 2 | u64::from(command as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scoreboard;

    #[test]
    fn an_interruption_meant_for_one_call_does_not_reach_the_next() {
        let (_file, board) = Scoreboard::create(1, 1).unwrap();
        let cell = board.cell(0);
        let first = cell.begin(0, 1, 0, 0);
        cell.ask(Command::TimeOut, first);
        assert_eq!(cell.command_for(cell.seq()), Command::TimeOut);
        cell.finish(false);
        let second = cell.begin(0, 2, 0, 0);
        assert_eq!(cell.command_for(second), Command::None);
    }

    #[test]
    fn a_stop_takes_no_interruption_back() {
        let (_file, board) = Scoreboard::create(1, 1).unwrap();
        let cell = board.cell(0);
        let seq = cell.begin(0, 1, 0, 0);
        cell.ask(Command::TimeOut, seq);
        cell.ask(Command::Stop, 0);
        assert_eq!((cell.command_for(seq), cell.stop_asked()), (Command::TimeOut, true));
        cell.assign();
        assert_eq!((cell.command_for(seq), cell.stop_asked()), (Command::None, false));
    }
}
