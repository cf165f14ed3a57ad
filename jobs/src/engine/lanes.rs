//! Lanes: jobs that wait behind one another. Each kind has one, in the order of ranks; each group has
//! one, in the order in which its jobs came, and runs one at a time.

use super::Engine;
use crate::clock::Due;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// A job's place in its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Lowest first: the rank among a kind, the number in a group.
    pub(super) order: i64,
    pub(super) seq: u64,
    pub(super) kind: u32,
    /// How often the job was queued: tells a place that it has left from the one that it has.
    pub(super) turn: u32,
}

#[derive(Debug)]
pub(super) struct Lane {
    pub(super) app: u32,
    heap: BinaryHeap<Reverse<Place>>,
    pub(super) group: Option<Group>,
    pub(super) standing: Standing,
}

/// What only lanes of groups have.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) key: Box<str>,
    pub(super) runs: bool,
    /// Rank and pause of each job: the pause of the first holds the others back.
    pub(super) members: HashMap<u64, (i64, Due, u64)>,
}

/// Why the first job of a lane does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Empty,
    /// It waits for nothing but a slot: by its rank.
    Ready(i64),
    /// The one before it in its group runs.
    Behind,
    /// Its pause, or that of its group.
    Pausing,
    /// Its queue is paused.
    Paused,
    /// No current release can run it.
    Unfit,
    /// That limit, by its rank.
    Limited(u32, i64),
}

impl Lane {
    pub(super) fn of_kind(app: u32) -> Self {
        Self { app, heap: BinaryHeap::new(), group: None, standing: Standing::Empty }
    }

    fn of_group(app: u32, key: Box<str>) -> Self {
        Self { group: Some(Group { key, ..Group::default() }), ..Self::of_kind(app) }
    }

    pub(super) fn is_ready(&self) -> bool {
        matches!(self.standing, Standing::Ready(_))
    }

    pub(super) fn places(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.heap.iter().map(|Reverse(place)| (place.seq, place.turn))
    }

    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }
}

impl Engine {
    /// The lane of a group, made if it is not there.
    pub(super) fn group_lane(&mut self, app: u32, group: &str) -> u32 {
        if let Some(lane) = self.groups.get(&(app, group.into())) {
            return *lane;
        }
        let key: Box<str> = group.into();
        let lane = super::members::index(self.lanes.insert(Lane::of_group(app, key.clone())));
        self.groups.insert((app, key), lane);
        lane
    }

    /// A job takes its place in a lane.
    pub(super) fn join(&mut self, lane: u32, place: Place) {
        let first = self.first_of(lane);
        self.lanes[lane as usize].heap.push(Reverse(place));
        if first.is_none_or(|first| place < first) {
            self.place(lane);
        }
    }

    /// The first job of a lane. Places whose jobs are gone are cleared away.
    pub(super) fn first_of(&mut self, lane: u32) -> Option<Place> {
        let heap = &mut self.lanes[lane as usize].heap;
        while let Some(Reverse(first)) = heap.peek() {
            if self.gone.is_empty() || !self.gone.remove(&(first.seq, first.turn)) {
                return Some(*first);
            }
            heap.pop();
        }
        None
    }

    /// Takes the first job out of its lane; the lane is to be placed again.
    pub(super) fn leave(&mut self, lane: u32) -> Option<Place> {
        let first = self.first_of(lane)?;
        let lane = &mut self.lanes[lane as usize];
        lane.heap.pop();
        if let Some(group) = &mut lane.group {
            group.members.remove(&first.seq);
        }
        Some(first)
    }

    /// Decides anew why the first job of a lane does not run, and puts the lane where that is ended.
    pub(super) fn place(&mut self, lane: u32) {
        self.unplace(lane);
        let standing = self.standing_of(lane);
        let app = self.lanes[lane as usize].app;
        match standing {
            Standing::Ready(rank) => {
                self.apps[app as usize].ready.insert((rank, lane));
            }
            Standing::Limited(limiter, rank) => {
                self.limiters[limiter as usize].limiter.held.insert((rank, lane));
            }
            Standing::Empty => return self.drop_group_if_idle(lane),
            Standing::Behind | Standing::Pausing | Standing::Paused | Standing::Unfit => {}
        }
        self.lanes[lane as usize].standing = standing;
    }

    pub(super) fn unplace(&mut self, lane: u32) {
        let known = &mut self.lanes[lane as usize];
        let app = known.app;
        match std::mem::replace(&mut known.standing, Standing::Empty) {
            Standing::Ready(rank) => {
                self.apps[app as usize].ready.remove(&(rank, lane));
                // It may leave room under a limit that others wait for.
                if let Some(first) = self.lanes[lane as usize].heap.peek() {
                    let kind = first.0.kind;
                    let limiters = self.kinds.get(kind as usize).map(|kind| kind.limiters.iter());
                    let waited_for =
                        |id: &&u32| !self.limiters[**id as usize].limiter.held.is_empty();
                    self.freed.extend(limiters.into_iter().flatten().filter(waited_for));
                }
            }
            Standing::Limited(limiter, rank) => {
                if let Some(held) = self.limiters.get_mut(limiter as usize) {
                    held.limiter.held.remove(&(rank, lane));
                }
            }
            _ => {}
        }
    }

    pub(super) fn standing_of(&mut self, lane: u32) -> Standing {
        let Some(first) = self.first_of(lane) else {
            return Standing::Empty;
        };
        let mut rank = first.order;
        if let Some(group) = &self.lanes[lane as usize].group {
            if group.runs {
                return Standing::Behind;
            }
            if let Some((of_rank, due, steady)) = group.members.get(&first.seq) {
                rank = *of_rank;
                if self.is_pausing(*due, *steady) {
                    return Standing::Pausing;
                }
            }
        }
        let kind = &self.kinds[first.kind as usize];
        if self.queues[kind.key.queue as usize].paused {
            return Standing::Paused;
        }
        if !self.does_fit(first.kind) {
            return Standing::Unfit;
        }
        match self.held_by(first.kind) {
            None => Standing::Ready(rank),
            Some(limiter) => Standing::Limited(limiter, rank),
        }
    }

    fn is_pausing(&self, due: Due, steady_ms: u64) -> bool {
        match due {
            Due::Now => false,
            Due::After(_) => steady_ms > self.now.steady_ms,
            Due::At(wall_ms) => wall_ms > self.now.wall_ms,
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

    fn does_fit(&mut self, kind: u32) -> bool {
        if let Some(known) = self.kinds[kind as usize].fits {
            return known;
        }
        let fits = self.fits(kind).is_ok();
        self.kinds[kind as usize].fits = Some(fits);
        fits
    }

    /// After a change that can concern every lane of an application.
    pub(super) fn place_all_of(&mut self, app: u32) {
        let of_app = |(id, lane): (usize, &Lane)| (lane.app == app).then_some(id);
        for lane in self.lanes.iter().filter_map(of_app).collect::<Vec<_>>() {
            self.place(super::members::index(lane));
        }
    }

    /// A group of which nothing waits or runs is forgotten.
    fn drop_group_if_idle(&mut self, lane: u32) {
        let known = &self.lanes[lane as usize];
        let idle = known.group.as_ref().filter(|group| !group.runs && known.heap.is_empty());
        if let Some(group) = idle {
            self.groups.remove(&(known.app, group.key.clone()));
            self.lanes.remove(lane as usize);
        }
    }
}
