//! Why a job does not run.

use super::Engine;
use super::lanes::Standing;
use super::limits::LimiterKey;
use crate::clock::{Due, Now};
use crate::limiter::Verdict;
use crate::record::Head;

impl Engine {
    /// For a person: what a waiting job waits for, and what would change it.
    pub(super) fn waits_for(&mut self, seq: u64, head: &Head) -> String {
        let kind = self.kind(head);
        let lane = match &head.group {
            Some(group) => self.group_lane(self.kinds[kind as usize].key.app, group),
            None => self.kinds[kind as usize].lane,
        };
        if let Some(pause) = self.pause_left(head) {
            return pause;
        }
        let first = self.first_of(lane).map(|place| place.seq);
        let standing = self.standing_of(lane);
        let ahead = if first == Some(seq) { String::new() } else { self.ahead(head, lane) };
        let why = match standing {
            Standing::Empty | Standing::Pausing => String::new(),
            Standing::Ready(_) => self.no_slot(head),
            Standing::Behind => format!("another job of its group \"{}\" runs", group_of(head)),
            Standing::Paused => {
                format!("its queue \"{}\" is paused: appserver queue resume", head.queue)
            }
            Standing::Unfit => self.fits(kind).err().unwrap_or_default(),
            Standing::Limited(limiter, _) => self.limited(limiter),
        };
        [why, ahead].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
    }

    fn pause_left(&self, head: &Head) -> Option<String> {
        let Now { wall_ms, steady_ms } = self.now;
        let left = match head.due {
            Due::Now => return None,
            Due::After(pause) => pause.ends_steady_ms(self.now).saturating_sub(steady_ms),
            Due::At(at) => at.saturating_sub(wall_ms),
        };
        if left == 0 {
            return None;
        }
        let seconds = left.div_ceil(1000);
        Some(match head.attempt {
            0 => format!("it is delayed for another {seconds} s"),
            attempt => format!("attempt {attempt} failed: the next one is in {seconds} s"),
        })
    }

    fn ahead(&self, head: &Head, lane: u32) -> String {
        match &head.group {
            Some(group) => format!("others of its group \"{group}\" come first"),
            None => {
                format!("it is one of {} of its kind that wait", self.lanes[lane as usize].len())
            }
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

    fn limited(&mut self, limiter: u32) -> String {
        let now = self.now;
        let held = &mut self.limiters[limiter as usize];
        let limits = held.limiter.limits;
        let what = match &held.key {
            LimiterKey::Queue(queue) => format!("queue \"{}\"", self.queues[*queue as usize].name),
            LimiterKey::Function(_, function) => format!("function {function}()"),
            LimiterKey::Key(_, key) => format!("key \"{key}\""),
            LimiterKey::Unique(_, key) => {
                return format!("another job of its unique key \"{key}\" runs");
            }
        };
        match held.limiter.verdict(now) {
            Verdict::NotBefore(at) => {
                let rate = limits.rate.map_or(String::new(), |rate| {
                    format!(" of {} in {} ms", rate.count, rate.period_ms)
                });
                let left = at.saturating_sub(now.steady_ms);
                format!("the rate{rate} of {what} is used up for another {left} ms")
            }
            _ => format!("{what} runs {} at a time, and they run", limits.concurrency.unwrap_or(0)),
        }
    }
}

fn group_of(head: &Head) -> &str {
    head.group.as_deref().unwrap_or_default()
}
