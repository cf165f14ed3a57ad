//! Connections of calls that are answered while their requests take long to close: a shutdown function
//! or a destructor that sleeps is no reason for the same client's next call to wait.

use super::connections::ConnectionId;
use super::pool::Pool;
use shm::State;

impl Pool {
    /// Takes the connections of calls that two looks in a row saw answered; they are to be placed for
    /// others. The call stays under its time limit.
    pub(super) fn take_answered(&mut self) -> Vec<ConnectionId> {
        let mut taken = Vec::new();
        for (executor, cell) in self.executors.iter_mut().zip(self.scoreboard.cells()) {
            let Some(executor) = executor else { continue };
            let answered = cell.running().filter(|call| call.state == State::Answered);
            let before = std::mem::replace(&mut executor.closing, answered.map(|call| call.seq));
            let Some(call) = answered.filter(|call| before == Some(call.seq)) else { continue };
            // What was seen may have passed: what it names is the executor's no more only if this wins.
            if call.connection != 0 && cell.take_connection(&call) {
                taken.push(ConnectionId::from_u64(call.connection));
            }
        }
        taken
    }
}
