//! What happens to jobs, for whoever follows it: kept in memory while somebody does, and not at all
//! otherwise.

use crate::admin::{JobEvent, JobEventKind, JobEvents};
use crate::serve::audit::now_ms;
use jobs::{Ended, Head};
use ledger::Reader;
use protocol::{JobReport, JobState};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Most events that are kept for those who come back for them.
const KEPT_MAX: usize = 8192;
/// Most events of one commit that are told: each costs a look into the ledger.
const ROUND_MAX: usize = 256;
/// How long after the last question somebody is still taken to follow.
const PATIENCE: Duration = Duration::from_secs(30);

/// Shared by the thread that keeps jobs, and whoever asks.
#[derive(Clone, Debug, Default)]
pub(super) struct Feed(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    /// With their numbers; those that are not told have numbers, too.
    events: VecDeque<(u64, JobEvent)>,
    /// Number of the first one of this life: larger than any of a life before.
    first: u64,
    next: u64,
    /// Until when somebody follows.
    until: Option<Instant>,
}

/// What a commit did: numbers of jobs, in the order in which it is told.
#[derive(Debug, Default)]
pub(super) struct Happened {
    pub(super) made: Vec<u64>,
    pub(super) ends: Vec<(u64, Ended)>,
    pub(super) over: Vec<u64>,
    pub(super) began: Vec<u64>,
    /// How those stood that are over and not kept: the ledger has nothing of them.
    pub(super) unkept: Vec<JobReport>,
}

impl Default for Inner {
    fn default() -> Self {
        // As many a millisecond are never told, and up to the year 2248 JSON's numbers are exact.
        let first = now_ms() * 1024;
        Self { events: VecDeque::new(), first, next: first, until: None }
    }
}

impl Feed {
    /// What happened from the event numbered `after` on; nothing yet on the first question. Somebody
    /// who followed the worker's last life has missed something, nobody knows how much.
    pub(super) fn read(&self, after: Option<u64>) -> JobEvents {
        let mut inner = self.inner();
        inner.until = Some(Instant::now() + PATIENCE);
        let lost = u64::from(after.is_some_and(|after| after < inner.first));
        let after = after.unwrap_or(inner.next).clamp(inner.first, inner.next);
        let from = inner.events.partition_point(|(number, _)| *number < after);
        let events: Vec<JobEvent> =
            inner.events.iter().skip(from).map(|(_, event)| event.clone()).collect();
        let missed = lost + inner.next - after - events.len() as u64;
        JobEvents { events, after: inner.next, missed }
    }

    /// Whether anybody follows. What is kept is forgotten when nobody does any more.
    pub(super) fn is_followed(&self) -> bool {
        let mut inner = self.inner();
        let followed = inner.until.is_some_and(|until| Instant::now() < until);
        if !followed && inner.until.take().is_some() {
            // Who comes back nevertheless learns that something is missing.
            inner.next += 1;
            inner.events = VecDeque::new();
        }
        followed
    }

    /// After the commit, which the reader sees.
    pub(super) fn note(&self, happened: Happened, tag: u16, reader: &dyn Reader) {
        let Happened { made, ends, over, began, unkept } = happened;
        let unkept: HashMap<u64, JobReport> =
            unkept.into_iter().map(|job| (job.id.seq(), job)).collect();
        let made = made.into_iter().map(|seq| (seq, Some(JobEventKind::Made), String::new()));
        let ends = ends.into_iter().filter_map(|(seq, ended)| {
            let (kind, text) = told(ended)?;
            Some((seq, Some(kind), text))
        });
        let over = over.into_iter().map(|seq| (seq, None, String::new()));
        let began = began.into_iter().map(|seq| (seq, Some(JobEventKind::Began), String::new()));
        let mut all = made.chain(ends).chain(over).chain(began);
        // Read before the lock: whoever asks must not wait for the disk.
        let told: Vec<Option<JobEvent>> = all
            .by_ref()
            .take(ROUND_MAX)
            .map(|(seq, kind, text)| match unkept.get(&seq) {
                Some(job) => event_of_unkept(job, kind, text),
                None => event(seq, kind, text, tag, reader),
            })
            .collect();
        let surplus = all.count() as u64;
        let mut inner = self.inner();
        for event in told {
            let number = inner.next;
            inner.next += 1;
            inner.events.extend(event.map(|event| (number, event)));
        }
        inner.next += surplus;
        let surplus = inner.events.len().saturating_sub(KEPT_MAX);
        inner.events.drain(..surplus);
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is told of the end of an attempt beyond what became of its job.
fn told(ended: Ended) -> Option<(JobEventKind, String)> {
    Some(match ended {
        Ended::Returned(_) => return None,
        // Where it is over its state says so, and why.
        Ended::Failed(text)
        | Ended::GaveUp(text)
        | Ended::Again { counts: true, error: text, .. } => (JobEventKind::Failed, text),
        Ended::Again { counts: false, error, .. } => (JobEventKind::PutBack, error),
        Ended::TimedOut(text) => (JobEventKind::TimedOut, text),
        Ended::Crashed(text) => (JobEventKind::Crashed, text),
        Ended::Interrupted => (JobEventKind::PutBack, "the worker is stopping".to_owned()),
        Ended::NotBegun(text) => (JobEventKind::PutBack, text),
    })
}

/// Nothing when the job is gone already. Without a kind, its state says it.
fn event(
    seq: u64,
    kind: Option<JobEventKind>,
    text: String,
    tag: u16,
    reader: &dyn Reader,
) -> Option<JobEvent> {
    let entry = reader.entry(seq).ok()??;
    let head = Head::read(seq, &entry.head).ok()?;
    Some(JobEvent {
        at_ms: now_ms(),
        id: head.id(tag, seq).to_string(),
        app: head.app.to_string(),
        what: kind.or_else(|| by_state(JobState::from_byte(entry.state)?))?,
        attempt: head.attempt,
        text: if kind.is_none() { head.cause } else { text },
        queue: head.queue,
        function: head.function,
    })
}

/// The same of one of which only its report is left.
fn event_of_unkept(job: &JobReport, kind: Option<JobEventKind>, text: String) -> Option<JobEvent> {
    Some(JobEvent {
        at_ms: now_ms(),
        id: job.id.to_string(),
        app: job.app.to_string(),
        what: kind.or_else(|| by_state(job.state))?,
        attempt: job.attempt,
        text: if kind.is_none() { job.waits_for.clone() } else { text },
        queue: job.queue.clone(),
        function: job.function.clone(),
    })
}

fn by_state(state: JobState) -> Option<JobEventKind> {
    match state {
        JobState::Done => Some(JobEventKind::Done),
        JobState::Dead => Some(JobEventKind::Dead),
        JobState::Cancelled => Some(JobEventKind::Cancelled),
        JobState::Waiting | JobState::Running => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::{Change, Ledger, Memory};

    fn happened(made: &[u64]) -> Happened {
        Happened { made: made.to_vec(), ..Happened::default() }
    }

    fn ledger(jobs: u64) -> Memory {
        let mut ledger = Memory::new(7);
        let job = |seq| Change::Insert {
            seq,
            state: JobState::Waiting as u8,
            head: super::super::listing::tests::head("send", "mails").to_bytes(),
            body: Vec::new(),
        };
        ledger.commit(&(1..=jobs).map(job).collect::<Vec<_>>()).unwrap();
        ledger
    }

    #[test]
    fn who_follows_sees_what_happens_from_then_on() {
        let (feed, ledger) = (Feed::default(), ledger(3));
        assert!(!feed.is_followed());
        let first = feed.read(None);
        assert!(feed.is_followed() && first.events.is_empty());
        feed.note(happened(&[1, 2]), 7, ledger.read());
        let next = feed.read(Some(first.after));
        let told: Vec<_> = next.events.iter().map(|e| (e.what, e.function.as_str())).collect();
        assert_eq!(told, [(JobEventKind::Made, "send"); 2]);
        assert_eq!((feed.read(Some(next.after)).events.len(), next.missed), (0, 0));
    }

    #[test]
    fn what_is_too_much_is_counted() {
        let many = ROUND_MAX as u64 + 40;
        let (feed, ledger) = (Feed::default(), ledger(many));
        let after = feed.read(None).after;
        feed.note(happened(&(1..=many).collect::<Vec<_>>()), 7, ledger.read());
        let read = feed.read(Some(after));
        assert_eq!((read.events.len(), read.missed), (ROUND_MAX, 40));
    }

    #[test]
    fn who_followed_a_life_before_has_missed_something() {
        let (feed, ledger) = (Feed::default(), ledger(1));
        let before = feed.read(None).after - 1;
        feed.note(happened(&[1]), 7, ledger.read());
        let read = feed.read(Some(before));
        assert_eq!((read.events.len(), read.missed), (1, 1));
        assert_eq!(feed.read(Some(read.after)).missed, 0);
    }
}
