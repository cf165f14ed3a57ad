//! Schedules: exactly one job for each tick. The tick is a fact that is committed with its job, so
//! neither a restart nor a clock that is set back brings it twice.

use super::{Engine, fact};
use crate::cron::Cron;
use crate::deadlines::Deadlines;
use crate::encoded::NO_ARGUMENTS;
use crate::pending::ReadError;
use crate::planned::Planned;
use crate::rules::FUNCTION_BYTES_MAX;
use ledger::{Change, Reader};
use protocol::{AppName, JobOptions, JobRefusal, Missed, NewJob, body_from_slice, body_to_vec};
use slab::Slab;
use std::collections::HashMap;
use std::ops::ControlFlow;

/// A tick that is no later than this has not been missed: a worker that starts again takes so long.
const LATE_MS: u64 = 60_000;

/// A clock that is set back by more than this was wrong before: schedules begin anew, and do not stand
/// still until it shows the same time again.
const SET_BACK_MS: u64 = 24 * 3_600_000;

/// An application and the name of a schedule.
type AppSchedule = (u32, String);

#[derive(Debug, Default)]
pub(super) struct Schedules {
    all: Slab<Entry>,
    ids: HashMap<AppSchedule, usize>,
    /// By the wall clock.
    due: Deadlines<()>,
    /// Last ticks as the ledger has them, of schedules that no release has brought yet too.
    ticked: HashMap<AppSchedule, u64>,
    /// The wall clock at the last look.
    seen_ms: u64,
}

#[derive(Debug)]
struct Entry {
    name: AppSchedule,
    function: String,
    cron: Cron,
    missed: Missed,
}

impl Schedules {
    /// When the next tick is, by the wall clock.
    pub(super) fn next_ms(&self) -> Option<u64> {
        self.due.next_ms()
    }
}

impl Engine {
    /// Those of an application's current release. A new one begins now, one that is gone is forgotten.
    pub(super) fn set_schedules(&mut self, app: u32, planned: &[Planned]) {
        let mut gone: Vec<AppSchedule> =
            self.schedules.ticked.keys().filter(|(of, _)| *of == app).cloned().collect();
        gone.retain(|(_, name)| !planned.iter().any(|planned| planned.name() == *name));
        for name in gone {
            self.forget_schedule(&name);
        }
        for planned in planned {
            // Its name is a key in the ledger.
            if planned.function.len() > FUNCTION_BYTES_MAX {
                let why = "the name of its function is too long";
                self.told.troubles.push(format!("a schedule is left out: {why}"));
                continue;
            }
            match Cron::read(&planned.schedule) {
                Ok(cron) => self.set_schedule(app, planned, cron),
                Err(why) => self.told.troubles.push(format!("a schedule is left out: {why}")),
            }
        }
    }

    pub(super) fn stop_schedules(&mut self, app: u32) {
        let of_app = self.schedules.ids.iter().filter(|((of, _), _)| *of == app);
        for id in of_app.map(|(_, id)| *id).collect::<Vec<_>>() {
            self.schedules.due.remove(id as u64);
        }
    }

    fn set_schedule(&mut self, app: u32, planned: &Planned, cron: Cron) {
        let name = (app, planned.name());
        let (function, missed) = (planned.function.clone(), planned.schedule.missed);
        let entry = Entry { name: name.clone(), function, cron, missed };
        let id = match self.schedules.ids.get(&name) {
            Some(id) => {
                self.schedules.all[*id] = entry;
                *id
            }
            None => self.schedules.all.insert(entry),
        };
        self.schedules.ids.insert(name.clone(), id);
        // As `look_at_the_clock`, which sees those of current releases alone.
        let now = self.now.wall_ms;
        let is_right = |last: &u64| *last <= now.saturating_add(SET_BACK_MS);
        if !self.schedules.ticked.get(&name).is_some_and(is_right) {
            self.ticked(&name, now);
        }
        self.plan(id);
    }

    fn forget_schedule(&mut self, name: &AppSchedule) {
        if let Some(id) = self.schedules.ids.remove(name) {
            self.schedules.all.remove(id);
            self.schedules.due.remove(id as u64);
        }
        self.schedules.ticked.remove(name);
        let key = self.schedule_key(name);
        self.pending.push(Change::RemoveFact { kind: fact::TICK, key });
    }

    /// The tick is told by the same commit that makes its job.
    fn ticked(&mut self, name: &AppSchedule, at_ms: u64) {
        self.schedules.ticked.insert(name.clone(), at_ms);
        let (key, value) = (self.schedule_key(name), body_to_vec(&at_ms));
        self.pending.push(Change::SetFact { kind: fact::TICK, key, value });
    }

    /// Arranges the next tick.
    fn plan(&mut self, id: usize) {
        let Entry { name, cron, .. } = &self.schedules.all[id];
        let last = self.schedules.ticked.get(name).copied().unwrap_or(self.now.wall_ms);
        match cron.next_after(last) {
            Some(next) => self.schedules.due.set(id as u64, next, ()),
            None => {
                self.schedules.due.remove(id as u64);
            }
        }
    }

    pub(super) fn tick_schedules(&mut self, reader: &dyn Reader) -> Result<(), ReadError> {
        self.look_at_the_clock();
        while let Some((id, ())) = self.schedules.due.pop_due(self.now.wall_ms) {
            let id = usize::try_from(id).unwrap_or(usize::MAX);
            let name = self.schedules.all[id].name.clone();
            let Some(ticks) = self.ticks_until_now(id) else {
                // Else it would be due for ever.
                let why =
                    format!("the schedule {} was due, and had no tick: it begins anew", name.1);
                self.told.troubles.push(why);
                self.ticked(&name, self.now.wall_ms);
                self.plan(id);
                continue;
            };
            let function = self.schedules.all[id].function.clone();
            for at in ticks.due {
                self.queue_tick(&name, &function, at, reader)?;
            }
            self.ticked(&name, ticks.last);
            self.plan(id);
        }
        Ok(())
    }

    /// What stands in the future by a day was ticked by a clock that was wrong.
    fn look_at_the_clock(&mut self) {
        let (now, seen) = (self.now.wall_ms, self.schedules.seen_ms);
        self.schedules.seen_ms = now;
        if now.saturating_add(SET_BACK_MS) >= seen {
            return;
        }
        let names: Vec<_> = self.schedules.all.iter().map(|(id, e)| (id, e.name.clone())).collect();
        for (id, name) in names {
            if self.schedules.ticked.get(&name).is_some_and(|last| *last > now + SET_BACK_MS) {
                self.ticked(&name, now);
                self.plan(id);
            }
        }
    }

    fn ticks_until_now(&self, id: usize) -> Option<Ticks> {
        let Entry { name, cron, missed, .. } = &self.schedules.all[id];
        let before = self.schedules.ticked.get(name).copied().unwrap_or(0);
        let now = self.now.wall_ms;
        let last = cron.last_until(now).filter(|last| *last > before)?;
        let due = match missed {
            Missed::Once => vec![last],
            Missed::Skip if now - last > LATE_MS => Vec::new(),
            Missed::Skip => vec![last],
            Missed::All => self.all_ticks(cron, before, last),
        };
        Some(Ticks { due, last })
    }

    /// The latest ones, if they are too many.
    fn all_ticks(&self, cron: &Cron, before: u64, last: u64) -> Vec<u64> {
        let back = |at: &u64| cron.last_until(at.saturating_sub(1000));
        let ticks = std::iter::successors(Some(last), back).take_while(|at| *at > before);
        let mut ticks: Vec<u64> = ticks.take(self.settings.missed_ticks_max as usize).collect();
        ticks.reverse();
        ticks
    }

    fn queue_tick(
        &mut self,
        (app, name): &AppSchedule,
        function: &str,
        at_ms: u64,
        reader: &dyn Reader,
    ) -> Result<(), ReadError> {
        let app = self.apps[*app as usize].name.clone();
        let options = JobOptions { tags: vec![TAG.to_owned()], ..JobOptions::default() };
        let (function, arguments) = (function.to_owned(), NO_ARGUMENTS.to_vec());
        let job = NewJob { function, arguments, options, ..NewJob::default() };
        match self.enqueue(&app, vec![job], None, reader)? {
            // That its key is taken is what it has the key for.
            Ok(_) | Err(JobRefusal::Duplicate { .. }) => {}
            Err(refusal) => self
                .told
                .troubles
                .push(format!("the tick of {name} at {at_ms} of {app} made no job: {refusal:?}")),
        }
        Ok(())
    }

    pub(super) fn read_ticks(&mut self, reader: &dyn Reader) -> Result<(), ledger::Error> {
        let mut ticks = Vec::new();
        reader.facts(fact::TICK, &mut |key, value| {
            let names = std::str::from_utf8(key).ok().and_then(|key| key.split_once('\0'));
            let at = body_from_slice::<u64>("tick", value).ok();
            let app = names.and_then(|(app, _)| AppName::new(app).ok());
            ticks.extend(
                app.zip(names).zip(at).map(|((app, (_, name)), at)| (app, name.to_owned(), at)),
            );
            ControlFlow::Continue(())
        })?;
        for (app, name, at) in ticks {
            let app = self.app(&app);
            // The worker may have been off when the clock was set right.
            let seen = self.schedules.seen_ms.max(at);
            self.schedules.seen_ms = seen;
            self.schedules.ticked.insert((app, name), at);
        }
        Ok(())
    }

    fn schedule_key(&self, (app, name): &AppSchedule) -> Vec<u8> {
        super::keys::name(&self.apps[*app as usize].name, name)
    }
}

/// What is due of a schedule.
struct Ticks {
    due: Vec<u64>,
    /// The last one, due or missed.
    last: u64,
}

/// By which jobs of schedules are found.
const TAG: &str = "schedule";
