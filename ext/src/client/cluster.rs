//! The workers that share a list and credentials, what they serve, and the order to try them in.

use super::app::App;
use super::connection::{Connection, OpenError, connect_deadline};
use super::options::{Fleet, Options};
use super::worker::Worker;
use protocol::{AppName, ControlReply, ControlRequest, Purpose, Welcome, rank};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How long after a failed attempt the list of workers is asked for again.
const MEMBERSHIP_RETRY: Duration = Duration::from_secs(1);

/// 2^64 / golden ratio, odd: spreads small seeds over all bits (Knuth, TAOCP 6.4).
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// See the module.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) fleet: Rc<Fleet>,
    pub(super) workers: Vec<Worker>,
    pub(super) apps: Vec<App>,
    /// Epoch of the list in use, and the highest that any worker mentioned.
    pub(super) epoch: u32,
    heard: u32,
    /// How often boards have told of changes; each application looks once at what that means for it.
    pub(super) news: u64,
    /// `Client::uses` when it was used last.
    pub(super) used: u64,
    asked_at: Option<Instant>,
    /// Spreads calls without affinity; starts differently in each process.
    counter: u64,
    jitter: u64,
}

impl Cluster {
    pub(super) fn new(fleet: Rc<Fleet>) -> Self {
        let workers = fleet
            .entries
            .iter()
            .map(|entry| Worker::new(entry.address.clone(), entry.weight))
            .collect();
        let seed = u64::from(std::process::id());
        Self {
            fleet,
            workers,
            apps: Vec::new(),
            epoch: 0,
            heard: 0,
            news: 0,
            used: 0,
            asked_at: None,
            counter: seed << 32,
            jitter: seed.wrapping_mul(GOLDEN) | 1,
        }
    }

    /// Index of the application called `name`.
    pub(super) fn app(&mut self, name: &AppName) -> usize {
        match self.apps.iter().position(|app| app.name == *name) {
            Some(index) => index,
            None => {
                self.apps.push(App::new(name.clone()));
                self.apps.len() - 1
            }
        }
    }

    /// Fills `order` with the listed workers in the order to try them: by rendezvous hash of `key`,
    /// or, without one, this host's first and the others spread. Those that rest come last.
    pub(super) fn order(&mut self, key: &[u8], now: Instant, order: &mut Vec<usize>) {
        order.clear();
        order.extend((0..self.workers.len()).filter(|&index| self.workers[index].is_listed()));
        if order.len() < 2 {
            return;
        }
        if key.is_empty() {
            self.counter = self.counter.wrapping_add(1);
            let spread = self.counter.to_le_bytes();
            self.rank(&spread, |worker| worker.weight, order);
            order.sort_by_key(|&index| !self.workers[index].is_at_hand());
        } else {
            self.rank(key, Worker::key_weight, order);
        }
        order.sort_by_key(|&index| self.workers[index].health.is_resting(now));
    }

    /// As [`Self::order`] with a key, but those that rest keep their places.
    pub(super) fn order_by_key(&self, key: &[u8], order: &mut Vec<usize>) {
        order.clear();
        order.extend((0..self.workers.len()).filter(|&index| self.workers[index].is_listed()));
        self.rank(key, Worker::key_weight, order);
    }

    fn rank(&self, key: &[u8], weight: fn(&Worker) -> u16, order: &mut Vec<usize>) {
        let workers = order.iter().map(|&index| &self.workers[index]);
        let ranked = rank(workers.map(|worker| (&*worker.label, weight(worker))), key);
        *order = ranked.into_iter().map(|position| order[position]).collect();
    }

    /// Takes in what a welcome tells.
    pub(super) fn welcomed(&mut self, worker: usize, app: Option<usize>, mut welcome: Welcome) {
        self.workers[worker].succeeded();
        if self.workers[worker].watch(welcome.board.as_ref()) {
            self.news += 1;
        }
        // Where one worker's board tells of changes, another, which may be behind, is not believed.
        let believed = self.workers[worker].is_watched() || !self.is_watched();
        if let Some(app) = app.and_then(|app| self.apps.get_mut(app)) {
            app.welcomed(&mut welcome);
            if believed || !app.is_known() {
                app.route(welcome.routing, self.news);
            }
        }
        self.adopt(welcome.membership);
    }

    /// Looks at the boards: a load each. After news releases may have been swapped, or a sidecar been
    /// started anew.
    pub(super) fn look_at_boards(&mut self) {
        for worker in &mut self.workers {
            if worker.has_news() {
                worker.doubt_idle();
                self.news += 1;
            }
        }
    }

    /// Whether boards tell of every change.
    pub(super) fn is_watched(&self) -> bool {
        self.workers.iter().any(Worker::is_watched)
    }

    /// Whether what is known about the application's routing is all there is to know.
    pub(super) fn is_up_to_date(&self, app: usize) -> bool {
        let app = &self.apps[app];
        app.is_known() && !app.is_outdated(self.news) && self.is_watched()
    }

    /// A worker mentioned this epoch in an answer.
    pub(super) fn heard_of(&mut self, epoch: u32) {
        self.heard = self.heard.max(epoch);
    }

    /// Fetches the list of workers when a newer one than ours exists. Failing is no error: the list
    /// at hand still works, and a later call asks again.
    pub(super) fn catch_up(&mut self, options: &Options, now: Instant) {
        let waited = self.asked_at.is_none_or(|at| now.duration_since(at) >= MEMBERSHIP_RETRY);
        if self.heard <= self.epoch || !waited {
            return;
        }
        self.asked_at = Some(now);
        let mut order = Vec::new();
        self.order(&[], now, &mut order);
        for index in order {
            let reply = self.ask(index, options, None, &ControlRequest::Membership);
            if let Ok(ControlReply::Membership(membership)) = reply {
                self.adopt(membership);
                return;
            }
        }
    }

    /// Asks a worker's supervisor something. Questions may be asked twice.
    pub(super) fn ask(
        &mut self,
        worker: usize,
        options: &Options,
        deadline: Option<Instant>,
        question: &ControlRequest,
    ) -> Result<ControlReply, OpenError> {
        let deadline = connect_deadline(options, deadline);
        if let Some(mut connection) = self.workers[worker].control.take()
            && !connection.socket.is_stale()
            && let Ok(reply) = connection.ask(question, deadline)
        {
            self.workers[worker].control = Some(connection);
            return Ok(reply);
        }
        let (address, label) = (&self.workers[worker].address, &self.workers[worker].label);
        let label = Rc::clone(label);
        let (mut connection, welcome) =
            Connection::open(address, &self.fleet, Purpose::Control, 0, deadline)?;
        self.welcomed(worker, None, welcome);
        let reply = connection.ask(question, deadline)?;
        // The list of the welcome may have given its place to another.
        if Rc::ptr_eq(&self.workers[worker].label, &label) {
            self.workers[worker].control = Some(connection);
        }
        Ok(reply)
    }

    /// A worker could not be reached: it rests for a while. What to tell of it.
    pub(super) fn failed(&mut self, worker: usize, options: &Options, reason: &str) -> String {
        let jitter = self.jitter();
        let worker = &mut self.workers[worker];
        worker.failed(Instant::now(), options, jitter);
        format!("{}: {reason}", worker.label)
    }

    /// A number from 0 to 1 that differs from process to process; xorshift (Marsaglia 2003).
    pub(super) fn jitter(&mut self) -> f64 {
        self.jitter ^= self.jitter << 13;
        self.jitter ^= self.jitter >> 7;
        self.jitter ^= self.jitter << 17;
        f64::from(u16::try_from(self.jitter >> 48).unwrap_or(0)) / f64::from(u16::MAX)
    }
}
