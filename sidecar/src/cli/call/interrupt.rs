//! Ctrl-C during a call ends the function as well, not only our waiting for it.

use crate::cli::client::{CallId, ClientError, Workers};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// The call that a signal would cancel.
#[derive(Clone, Debug, Default)]
pub(super) struct InFlight(Arc<Mutex<Option<CallId>>>);

impl InFlight {
    pub(super) fn set(&self, call: Option<CallId>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = call;
    }

    fn take(&self) -> Option<CallId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// From now on SIGINT and SIGTERM first cancel the call in flight.
///
/// A thread, because the main one waits for the answer.
pub(super) fn cancel_on_signals(workers: &Arc<Workers>, in_flight: &InFlight) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let (workers, in_flight) = (Arc::clone(workers), in_flight.clone());
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            if let Some(Err(error)) = in_flight.take().map(|call| cancel(&workers, &call)) {
                eprintln!("appserver: the call could not be cancelled: {error}");
            }
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
    });
    Ok(())
}

fn cancel(workers: &Workers, call: &CallId) -> Result<(), ClientError> {
    workers.control_at(&call.worker)?.cancel(call)
}
