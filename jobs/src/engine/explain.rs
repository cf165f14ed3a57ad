//! Why a job does not run.

use super::Engine;
use super::limits::LimiterKey;
use crate::limiter::Verdict;
use crate::record::Head;

impl Engine {
    /// For a person: what a waiting job waits for, and what would change it.
    pub(super) fn waits_for(&self, seq: u64, head: &Head) -> String {
        if let Some(why) = self.aside.get(&seq) {
            return format!("{why}: it is left alone until somebody deletes it");
        }
        let Some(kind) = self.kind_of(head) else {
            return String::new();
        };
        if let Some(pause) = self.pause_left(seq, head) {
            return pause;
        }
        if self.waiting.is_behind_key(seq) {
            let key = head.unique.as_ref().map_or("", |unique| &unique.key);
            return format!("another job of its unique key \"{key}\" runs");
        }
        if let Some(why) = self.behind_in_group(seq, kind, head) {
            return why;
        }
        let Some((_, first)) = self.kinds.first(kind) else {
            return String::new();
        };
        let why = match self.fits(kind) {
            Ok(()) => self.gate_before(kind, head).unwrap_or_else(|| self.no_slot(head)),
            Err(why) => why,
        };
        match first == seq || head.group.is_some() {
            true => why,
            false => format!("{why}; {} of its kind wait", self.kinds.len(kind)),
        }
    }

    fn behind_in_group(&self, seq: u64, kind: u32, head: &Head) -> Option<String> {
        let key = head.group.as_ref()?;
        let group = self.groups.get(self.find_group(self.kinds.class_of(kind).key.app, key)?);
        match group.first() {
            Some(first) if first.seq != seq => {
                Some(format!("others of its group \"{key}\" come first"))
            }
            _ => group.runs.then(|| format!("another job of its group \"{key}\" runs")),
        }
    }

    fn pause_left(&self, seq: u64, head: &Head) -> Option<String> {
        let seconds = self.waiting.pause_left_ms(seq, self.now)?.div_ceil(1000);
        Some(match head.attempt {
            0 => format!("it is delayed for another {seconds} s"),
            attempt => format!("attempt {attempt} has ended: the next one is in {seconds} s"),
        })
    }

    /// The first gate that lets nobody of this kind through.
    fn gate_before(&self, kind: u32, head: &Head) -> Option<String> {
        let paused = self.queues[self.kinds.class_of(kind).key.queue as usize].paused;
        if paused {
            let Head { app, queue, .. } = head;
            let resume = format!("appserver queue resume {queue} --app {app}");
            return Some(format!("its queue \"{queue}\" is paused; it goes on after: {resume}"));
        }
        let limiters = self.limiters_of(kind).into_iter().flatten();
        limiters.into_iter().find_map(|limiter| self.limited(limiter, head))
    }

    fn limited(&self, limiter: u32, head: &Head) -> Option<String> {
        let held = self.limits.peek(limiter);
        let limits = held.limiter.limits();
        let what = match &held.key {
            LimiterKey::Queue(queue) => format!("queue \"{}\"", self.queues[*queue as usize].name),
            LimiterKey::Function(_, function) => format!("function {function}()"),
            LimiterKey::Key(..) => {
                format!("key \"{}\"", head.limit.as_ref().map_or("", |limit| &limit.key))
            }
        };
        match held.limiter.clone().verdict(self.now) {
            Verdict::Admitted => None,
            Verdict::NotBefore(at) => {
                let rate = limits.rate.map_or(String::new(), |rate| {
                    format!(" of {} in {}", rate.count, time(rate.period_ms))
                });
                let left = at.saturating_sub(self.now.steady_ms).div_ceil(1000);
                Some(format!("the rate{rate} of {what} is used up for another {left} s"))
            }
            Verdict::Busy => Some(match limits.concurrency {
                Some(0) | None => format!("{what} is not to run any: its limit is 0"),
                Some(most) => format!("{what} runs {most} at a time, and so many run now"),
            }),
        }
    }

    fn no_slot(&self, head: &Head) -> String {
        let app = &self.apps[self.app_ids[&head.app] as usize];
        match app.slots {
            0 => format!("no executor of \"{}\" takes jobs now", app.name),
            slots if app.running >= slots => {
                format!(
                    "all {slots} places for jobs of \"{}\" are taken (pools.jobs.executors.max)",
                    app.name
                )
            }
            _ => "it is its turn".to_owned(),
        }
    }
}

/// In seconds, as all pauses are told, where that says no less.
fn time(ms: u64) -> String {
    match ms {
        0..1000 => format!("{ms} ms"),
        _ if !ms.is_multiple_of(1000) => format!("{}.{:03} s", ms / 1000, ms % 1000),
        _ => format!("{} s", ms / 1000),
    }
}
