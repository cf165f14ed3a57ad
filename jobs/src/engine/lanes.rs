//! Lanes: jobs that wait behind one another. Each kind has one, in the order of ranks; each group has
//! one, in the order in which its jobs came, and runs one at a time.

use super::Engine;
use super::gates::Below;
use super::members::index;
use slab::Slab;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

#[derive(Debug, Default)]
pub(super) struct Lanes {
    all: Slab<Lane>,
    groups: HashMap<(u32, Arc<str>), u32>,
}

#[derive(Debug)]
struct Lane {
    app: u32,
    jobs: Jobs,
    /// The gate before which it stands, and its first job's rank.
    shown: Option<(u32, i64)>,
}

#[derive(Debug)]
enum Jobs {
    /// Ranks and numbers of those that wait for nothing but their turn.
    OfKind {
        kind: u32,
        places: BTreeSet<(i64, u64)>,
    },
    OfGroup(Group),
}

#[derive(Debug)]
struct Group {
    key: Arc<str>,
    runs: bool,
    /// By their numbers.
    members: VecDeque<Member>,
}

/// A job of a group that waits.
#[derive(Clone, Copy, Debug)]
struct Member {
    seq: u64,
    rank: i64,
    kind: u32,
    hold: Option<Hold>,
}

/// What keeps a job from its turn, and a group with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// A delay, or the pause after a failure.
    Pause,
    /// Another job of its unique key runs.
    Key,
}

/// A job that is the first of its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct First {
    pub(super) seq: u64,
    pub(super) rank: i64,
    pub(super) kind: u32,
    hold: Option<Hold>,
}

/// Where a lane stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Empty,
    /// The one before the first in its group runs.
    Behind,
    Held(Hold),
    /// No current release can run it.
    Unfit,
    /// Before the gates.
    Ready,
}

impl Lanes {
    pub(super) fn of_kind(&mut self, app: u32, kind: u32) -> u32 {
        let jobs = Jobs::OfKind { kind, places: BTreeSet::new() };
        index(self.all.insert(Lane { app, jobs, shown: None }))
    }

    /// The lane of a group, made if it is not there.
    pub(super) fn of_group(&mut self, app: u32, key: &str) -> u32 {
        let key: Arc<str> = key.into();
        if let Some(lane) = self.groups.get(&(app, Arc::clone(&key))) {
            return *lane;
        }
        // Most groups are small, and there are many.
        let members = VecDeque::with_capacity(1);
        let group = Group { key: Arc::clone(&key), runs: false, members };
        let lane = Lane { app, jobs: Jobs::OfGroup(group), shown: None };
        let lane = index(self.all.insert(lane));
        self.groups.insert((app, key), lane);
        lane
    }

    pub(super) fn find_group(&self, app: u32, key: &str) -> Option<u32> {
        self.groups.get(&(app, key.into())).copied()
    }

    pub(super) fn first(&self, lane: u32) -> Option<First> {
        match &self.all[lane as usize].jobs {
            Jobs::OfKind { kind, places } => {
                let (rank, seq) = *places.first()?;
                Some(First { seq, rank, kind: *kind, hold: None })
            }
            Jobs::OfGroup(group) => {
                let Member { seq, rank, kind, hold } = *group.members.front()?;
                Some(First { seq, rank, kind, hold })
            }
        }
    }

    /// A job takes its place. One that is held takes one in its group only.
    pub(super) fn insert(&mut self, lane: u32, seq: u64, rank: i64, of: u32, hold: Option<Hold>) {
        match &mut self.all[lane as usize].jobs {
            Jobs::OfKind { places, .. } if hold.is_none() => {
                places.insert((rank, seq));
            }
            Jobs::OfKind { .. } => {}
            Jobs::OfGroup(group) => {
                let member = Member { seq, rank, kind: of, hold };
                group.members.insert(group.place_of(seq), member);
            }
        }
    }

    /// What held a job is over, or another thing holds it now.
    pub(super) fn hold(&mut self, lane: u32, seq: u64, rank: i64, hold: Option<Hold>) {
        match &mut self.all[lane as usize].jobs {
            Jobs::OfKind { places, .. } => {
                let _ = match hold {
                    None => places.insert((rank, seq)),
                    Some(_) => places.remove(&(rank, seq)),
                };
            }
            Jobs::OfGroup(group) => {
                let at = group.place_of(seq);
                if let Some(member) = group.members.get_mut(at).filter(|found| found.seq == seq) {
                    member.hold = hold;
                }
            }
        }
    }

    pub(super) fn remove(&mut self, lane: u32, seq: u64, rank: i64) {
        match &mut self.all[lane as usize].jobs {
            Jobs::OfKind { places, .. } => {
                places.remove(&(rank, seq));
            }
            Jobs::OfGroup(group) => {
                let at = group.place_of(seq);
                if group.members.get(at).is_some_and(|found| found.seq == seq) {
                    group.members.remove(at);
                }
            }
        }
    }

    /// Says of a group that one of its jobs runs, or that none does.
    pub(super) fn set_runs(&mut self, lane: u32, runs: bool) {
        if let Jobs::OfGroup(group) = &mut self.all[lane as usize].jobs {
            group.runs = runs;
        }
    }

    pub(super) fn len(&self, lane: u32) -> usize {
        match &self.all[lane as usize].jobs {
            Jobs::OfKind { places, .. } => places.len(),
            Jobs::OfGroup(group) => group.members.len(),
        }
    }

    pub(super) fn remove_lane(&mut self, lane: u32) {
        let lane = self.all.remove(lane as usize);
        if let Jobs::OfGroup(group) = lane.jobs {
            self.groups.remove(&(lane.app, group.key));
        }
    }

    /// A group of which nothing waits or runs is to be forgotten.
    fn is_idle_group(&self, lane: u32) -> bool {
        match &self.all[lane as usize].jobs {
            Jobs::OfKind { .. } => false,
            Jobs::OfGroup(group) => !group.runs && group.members.is_empty(),
        }
    }

    fn runs(&self, lane: u32) -> bool {
        matches!(&self.all[lane as usize].jobs, Jobs::OfGroup(group) if group.runs)
    }

    fn of_app(&self, app: u32) -> Vec<u32> {
        let of_app = |(id, lane): (usize, &Lane)| (lane.app == app).then(|| index(id));
        self.all.iter().filter_map(of_app).collect()
    }
}

impl Group {
    fn place_of(&self, seq: u64) -> usize {
        // Nearly always the last or the first one.
        match self.members.back() {
            Some(last) if last.seq >= seq => self.members.partition_point(|m| m.seq < seq),
            _ => self.members.len(),
        }
    }
}

impl Engine {
    /// Puts a lane before the gate of its first job, if nothing else keeps that from its turn. To be
    /// called after whatever can have changed this.
    pub(super) fn place(&mut self, lane: u32) {
        if self.lanes.is_idle_group(lane) {
            self.stand(lane, None);
            return self.lanes.remove_lane(lane);
        }
        let stands = match (self.standing(lane), self.lanes.first(lane)) {
            (Standing::Ready, Some(first)) => {
                Some((self.kinds[first.kind as usize].gate, first.rank))
            }
            _ => None,
        };
        self.stand(lane, stands);
    }

    pub(super) fn stand(&mut self, lane: u32, stands: Option<(u32, i64)>) {
        let known = &mut self.lanes.all[lane as usize];
        let app = known.app;
        let before = std::mem::replace(&mut known.shown, stands);
        let below = Below::Lane(lane);
        match (before, stands) {
            (Some((from, old)), Some((to, new))) if from == to => {
                self.show(app, Some(to), below, Some(old), Some(new));
            }
            _ => {
                if let Some((gate, rank)) = before {
                    self.show(app, Some(gate), below, Some(rank), None);
                }
                if let Some((gate, rank)) = stands {
                    self.show(app, Some(gate), below, None, Some(rank));
                }
            }
        }
    }

    pub(super) fn standing(&self, lane: u32) -> Standing {
        let Some(first) = self.lanes.first(lane) else {
            return Standing::Empty;
        };
        match first.hold {
            _ if self.lanes.runs(lane) => Standing::Behind,
            Some(hold) => Standing::Held(hold),
            None if self.does_fit(first.kind) => Standing::Ready,
            None => Standing::Unfit,
        }
    }

    /// Whether the current release can run jobs of a kind; else why not.
    pub(super) fn fits(&self, kind: u32) -> Result<(), String> {
        let key = &self.kinds[kind as usize].key;
        let app = &self.apps[key.app as usize];
        let Some(rules) = &app.rules else {
            return Err(format!("no release of {} runs on this worker", app.name));
        };
        let stored = self.signatures.get(&key.signature).map(Vec::as_slice);
        rules.fits(&key.function, key.signature, stored)
    }

    fn does_fit(&self, kind: u32) -> bool {
        // A kind is looked up many times between two releases.
        *self.kinds[kind as usize].fits.get_or_init(|| self.fits(kind).is_ok())
    }

    /// After another release began.
    pub(super) fn place_all_of(&mut self, app: u32) {
        for lane in self.lanes.of_app(app) {
            self.place(lane);
        }
    }
}
