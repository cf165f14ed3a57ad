//! Taking over a list of workers that a worker handed out.
//!
//! The list replaces the configured one, but never takes a configured socket of this host away: a
//! list is the same for all hosts, so it names their workers by `tls:` addresses, and a client beside
//! a worker should go on using the socket. A worker is to leave its own host's clients alone when the
//! list names its socket with weight 0, or when it is stopped.

use super::cluster::Cluster;
use super::worker::{Standing, Worker};
use net::{Address, parse_worker};
use protocol::Membership;

impl Cluster {
    /// Replaces the list of workers by a newer one.
    pub(super) fn adopt(&mut self, membership: Membership) {
        // An address of a kind this client does not know is one it cannot use.
        let usable = |member: protocol::Member| {
            Some((parse_worker(&member.address).ok()?.address, member.weight))
        };
        let members: Vec<_> = membership.members.into_iter().filter_map(usable).collect();
        if membership.epoch <= self.epoch || members.is_empty() {
            return;
        }
        self.epoch = membership.epoch;
        self.heard_of(membership.epoch);
        for worker in &mut self.workers {
            let local = self
                .fleet
                .entries
                .iter()
                .find(|entry| entry.address.is_local() && entry.address == worker.address);
            worker.standing = local.map_or(Standing::Gone, |_| Standing::Neighbour);
            worker.weight = local.map_or(worker.weight, |entry| entry.weight);
        }
        for (address, weight) in members {
            self.list(address, weight);
        }
        for worker in self.workers.iter_mut().filter(|worker| !worker.is_listed()) {
            worker.close_idle();
        }
    }

    fn list(&mut self, address: Address, weight: u16) {
        let known = self.workers.iter_mut().find(|worker| worker.address == address);
        if let Some(worker) = known {
            worker.standing = Standing::Member;
            worker.weight = weight;
            return;
        }
        let fresh = Worker::new(address, weight);
        match self.workers.iter_mut().find(|worker| !worker.is_listed() && worker.open == 0) {
            Some(slot) => *slot = fresh,
            None => self.workers.push(fresh),
        }
    }
}
