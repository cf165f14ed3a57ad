//! Interrupting calls in flight.

use super::Client;
use super::error::CallError;
use super::table::CallId;
use protocol::{ControlReply, ControlRequest};
use std::time::{Duration, Instant};

/// Longest that interrupting calls, however many, may hold up the caller.
const WAIT_MAX: Duration = Duration::from_millis(500);
/// How long after that a worker is waited for again.
const REST: Duration = Duration::from_secs(10);

/// How long workers may still take to confirm that they interrupt calls.
#[derive(Debug)]
pub(super) struct Courtesy {
    left: Duration,
    ended: Option<Instant>,
}

impl Default for Courtesy {
    fn default() -> Self {
        Self { left: WAIT_MAX, ended: None }
    }
}

impl Courtesy {
    /// Until when a worker may take; `None` = there is no time left to ask it.
    fn until(&mut self, now: Instant) -> Option<Instant> {
        if self.ended.is_some_and(|ended| now.duration_since(ended) >= REST) {
            *self = Self::default();
        }
        (self.left > Duration::ZERO).then(|| now + self.left)
    }

    /// A worker that was asked at `asked` had not answered by `now`.
    fn waited_in_vain(&mut self, asked: Instant, now: Instant) {
        self.left = self.left.saturating_sub(now.duration_since(asked));
        self.ended = Some(now);
    }
}

impl Client {
    /// Interrupts a call in flight: the worker is asked to, and the connection, on which an answer
    /// may still come, is given up. Where workers have let this process wait before, that is all.
    pub(super) fn cancel(&mut self, id: CallId) {
        let now = Instant::now();
        let until = self.courtesy.until(now);
        let Some((cluster, call)) = self.parts(id) else {
            return;
        };
        let Some(link) = call.link.take() else {
            return;
        };
        let question =
            ControlRequest::Cancel { connection: link.connection.id, request_id: call.request_id };
        let mut answered = true;
        // What a ledger was asked is not taken back: it answers, or has stored the job.
        let runs = call.errand().is_none();
        if let (Some(options), Some(until)) = (call.options().filter(|_| runs), until) {
            // Whether it was still running makes no difference: nobody reads its answer.
            let reply: Result<ControlReply, _> =
                cluster.ask(link.worker, options, Some(until), &question);
            answered = reply.is_ok();
        }
        cluster.workers[link.worker].dropped();
        call.fail(CallError::cancelled(&call.function));
        if !answered {
            self.courtesy.waited_in_vain(now, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_waits_in_vain_together_have_one_limit_until_a_rest_is_over() {
        let mut courtesy = Courtesy::default();
        let mut now = Instant::now();
        let begun = now;
        while let Some(until) = courtesy.until(now) {
            let gave_up = until.min(now + WAIT_MAX / 3);
            courtesy.waited_in_vain(now, gave_up);
            now = gave_up;
        }
        assert_eq!(now - begun, WAIT_MAX);
        assert_eq!(courtesy.until(now + REST / 2), None);
        assert_eq!(courtesy.until(now + REST), Some(now + REST + WAIT_MAX));
    }
}
