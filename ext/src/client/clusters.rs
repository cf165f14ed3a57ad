//! The clusters of a process: one for each list of workers and credentials in use.

use super::Client;
use super::cluster::Cluster;
use super::error::CallError;
use super::options::Fleet;
use std::rc::Rc;

/// Most different lists of workers in one process.
const CLUSTERS_MAX: usize = 32;

impl Client {
    /// Index of the cluster of `fleet`. At the limit, one that no call needs makes room.
    pub(super) fn cluster(&mut self, fleet: &Rc<Fleet>) -> Result<usize, CallError> {
        let same =
            |cluster: &Cluster| Rc::ptr_eq(&cluster.fleet, fleet) || cluster.fleet.is_same(fleet);
        let index = match self.clusters.iter().position(same) {
            Some(known) => known,
            None => self.place_for(Cluster::new(Rc::clone(fleet)))?,
        };
        self.uses += 1;
        self.clusters[index].used = self.uses;
        Ok(index)
    }

    fn place_for(&mut self, cluster: Cluster) -> Result<usize, CallError> {
        if self.clusters.len() < CLUSTERS_MAX {
            self.clusters.push(cluster);
            return Ok(self.clusters.len() - 1);
        }
        let Some(index) = self.least_needed() else {
            return Err(CallError::config(format!(
                "calls to more than {CLUSTERS_MAX} different lists of workers are under way; await \
                 some of them first"
            )));
        };
        self.pins.forget(index);
        self.clusters[index] = cluster;
        Ok(index)
    }

    /// The cluster used longest ago among those without calls; one to whose release the PHP request
    /// keeps only if there is no other.
    fn least_needed(&self) -> Option<usize> {
        let mut idle = vec![true; self.clusters.len()];
        let calls = self.table.all().into_iter().filter_map(|id| self.call(id));
        for context in calls.filter_map(|call| call.context.as_ref()) {
            idle[context.cluster] = false;
        }
        let candidates = (0..self.clusters.len()).filter(|&index| idle[index]);
        candidates.min_by_key(|&index| (self.pins.holds(index), self.clusters[index].used))
    }
}
