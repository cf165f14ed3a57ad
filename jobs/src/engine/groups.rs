//! Groups: jobs that run one at a time, in the order in which they came. The first one has its place
//! among those of its kind when nothing holds it; the others are behind it, whatever holds it.

use super::Engine;
use super::kinds::Place;
use crate::fingerprint::Fingerprint;
use crate::numbered::{Keyed, Numbered};
use crate::places::Places;

pub(super) type Groups = Numbered<Group>;

/// There may be as many as jobs, so it is small.
#[derive(Debug)]
pub(super) struct Group {
    key: Fingerprint,
    pub(super) runs: bool,
    /// Those that wait.
    members: Places<Member>,
    /// The first one, while it has a place.
    standing: Option<Member>,
}

/// A job of a group: by its number, for that is the order in which they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Member {
    pub(super) seq: u64,
    pub(super) rank: i64,
    pub(super) kind: u32,
}

impl Member {
    fn place(self) -> Place {
        (self.rank, self.seq)
    }
}

impl Group {
    pub(super) fn first(&self) -> Option<Member> {
        self.members.first()
    }
}

impl Keyed for Group {
    type Key = Fingerprint;

    fn key(&self) -> &Fingerprint {
        &self.key
    }
}

impl Engine {
    pub(super) fn find_group(&self, app: u32, key: &str) -> Option<u32> {
        self.groups.find(&self.fingerprints.of(app, key))
    }

    /// Made if it is not there.
    pub(super) fn group(&mut self, app: u32, key: &str) -> u32 {
        let key = self.fingerprints.of(app, key);
        let made = || Group { key, runs: false, members: Places::default(), standing: None };
        self.groups.find(&key).unwrap_or_else(|| self.groups.insert(made()))
    }

    pub(super) fn join_group(&mut self, group: u32, member: Member) {
        self.groups.get_mut(group).members.insert(member);
        self.settle_group(group);
    }

    pub(super) fn leave_group(&mut self, group: u32, member: Member) {
        self.groups.get_mut(group).members.remove(member);
        self.settle_group(group);
    }

    /// Says of a group that one of its jobs runs, or that none does.
    pub(super) fn set_group_runs(&mut self, group: u32, runs: bool) {
        self.groups.get_mut(group).runs = runs;
        self.settle_group(group);
    }

    /// Gives the first job its place, or takes it back. To be called after whatever can have changed
    /// which one is the first, and what holds it. A group of which nothing waits or runs is forgotten.
    pub(super) fn settle_group(&mut self, group: u32) {
        let known = self.groups.get(group);
        let (first, before, runs) = (known.first(), known.standing, known.runs);
        let standing = first.filter(|first| !runs && !self.waiting.is_held(first.seq));
        if standing != before {
            self.groups.get_mut(group).standing = standing;
            if let Some(member) = before {
                self.step_back(member.kind, member.place());
            }
            if let Some(member) = standing {
                self.stand(member.kind, member.place());
            }
        }
        if first.is_none() && !runs {
            self.groups.remove(group);
        }
    }
}
