//! Where connections stand before they are let in: those that have not said Hello yet, and those that
//! are being turned away.
//!
//! There is room for `limits.handshakes_max`. When all of it is taken, whoever comes next takes the
//! place of another: of the user or host that has most of them inside, the one that came first. So
//! those who say nothing keep nobody out who speaks, however many they are: a peer that says Hello at
//! once stands here for as long as it takes to read that.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// Whose connections are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Whose {
    User(u32),
    Host(IpAddr),
    Unknown,
}

#[derive(Clone, Debug)]
pub(super) struct Anteroom {
    room: Arc<Semaphore>,
    standing: Arc<Mutex<Standing>>,
}

/// Who is inside, in the order of arrival.
#[derive(Debug, Default)]
struct Standing {
    arrivals: u64,
    places: BTreeMap<u64, Taken>,
}

#[derive(Debug)]
struct Taken {
    whose: Whose,
    /// It has said Hello, and waits for the supervisor's word.
    kept: bool,
    leave: CancellationToken,
}

/// A connection's place; dropped, it is free for another.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    standing: Arc<Mutex<Standing>>,
    leave: CancellationToken,
    _room: OwnedSemaphorePermit,
}

impl Anteroom {
    pub(super) fn new(places_max: u32) -> Self {
        let room = usize::try_from(places_max).unwrap_or(Semaphore::MAX_PERMITS);
        Self { room: Arc::new(Semaphore::new(room)), standing: Arc::default() }
    }

    /// A place, at once unless all of them are kept.
    pub(super) async fn enter(&self, whose: Whose) -> Option<Place> {
        let room = match Arc::clone(&self.room).try_acquire_owned() {
            Ok(room) => room,
            Err(_) => {
                lock(&self.standing).make_room();
                Arc::clone(&self.room).acquire_owned().await.ok()?
            }
        };
        let mut standing = lock(&self.standing);
        standing.arrivals += 1;
        let (number, leave) = (standing.arrivals, CancellationToken::new());
        standing.places.insert(number, Taken { whose, kept: false, leave: leave.clone() });
        drop(standing);
        Some(Place { number, standing: Arc::clone(&self.standing), leave, _room: room })
    }
}

impl Standing {
    fn make_room(&mut self) {
        let mut numbers: BTreeMap<Whose, usize> = BTreeMap::new();
        for taken in self.places.values() {
            *numbers.entry(taken.whose).or_default() += 1;
        }
        let may_go = |taken: &&Taken| !taken.kept && !taken.leave.is_cancelled();
        // Of those that have as many the first one, which is the one that came first.
        let mut going: Option<&Taken> = None;
        for taken in self.places.values().filter(may_go) {
            let most = going.map_or(0, |going| numbers[&going.whose]);
            if numbers[&taken.whose] > most {
                going = Some(taken);
            }
        }
        if let Some(going) = going {
            going.leave.cancel();
        }
    }
}

impl Place {
    /// Cancelled when another is to have the place.
    pub(super) fn leaving(&self) -> CancellationToken {
        self.leave.clone()
    }

    /// The peer has said Hello: the place stays its own until the end. False when it is to leave.
    pub(super) fn keep(&self) -> bool {
        let mut standing = lock(&self.standing);
        if self.leave.is_cancelled() {
            return false;
        }
        self.set_kept(&mut standing, true);
        true
    }

    /// The peer is turned away, for which it has the place only as long as nobody else needs it.
    pub(super) fn give_up(&self) {
        self.set_kept(&mut lock(&self.standing), false);
    }

    fn set_kept(&self, standing: &mut Standing, kept: bool) {
        if let Some(taken) = standing.places.get_mut(&self.number) {
            taken.kept = kept;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.standing).places.remove(&self.number);
    }
}

fn lock(standing: &Mutex<Standing>) -> MutexGuard<'_, Standing> {
    standing.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: Whose = Whose::User(1000);
    const ONE: Whose = Whose::User(33);

    #[tokio::test]
    async fn the_first_of_those_who_have_most_makes_room() {
        let anteroom = Anteroom::new(3);
        let other = anteroom.enter(ONE).await.unwrap();
        let first = anteroom.enter(MANY).await.unwrap();
        let second = anteroom.enter(MANY).await.unwrap();
        let leaving = first.leaving();
        let leaves = tokio::spawn(async move {
            first.leaving().cancelled().await;
        });
        let third = anteroom.enter(MANY).await.unwrap();
        leaves.await.unwrap();
        let going = [&other, &second, &third].map(|place| place.leaving().is_cancelled());
        assert!(leaving.is_cancelled());
        assert_eq!(going, [false; 3]);
    }

    #[tokio::test]
    async fn one_that_has_said_hello_is_not_sent_away_before_it_is_turned_away() {
        let anteroom = Anteroom::new(1);
        let first = anteroom.enter(ONE).await.unwrap();
        assert!(first.keep());
        let waiting = anteroom.clone();
        let second = tokio::spawn(async move { waiting.enter(ONE).await.is_some() });
        tokio::task::yield_now().await;
        assert!(!first.leaving().is_cancelled());
        first.give_up();
        drop(first);
        assert!(second.await.unwrap());
    }

    #[tokio::test]
    async fn one_that_is_to_leave_cannot_stay_by_a_late_hello() {
        let anteroom = Anteroom::new(1);
        let first = anteroom.enter(ONE).await.unwrap();
        let next = anteroom.enter(MANY);
        let turn = async {
            while !first.leaving().is_cancelled() {
                tokio::task::yield_now().await;
            }
            assert!(!first.keep());
            drop(first);
        };
        let (next, ()) = tokio::join!(next, turn);
        assert!(next.is_some());
    }
}
