//! How long it takes until new calls go to another release, and what the disk needs for that at least.

use crate::figures::Figures;
use e2e::{Sidecar, control};
use serde_json::{Value, json};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Instant;

/// Times in microseconds, one of each for every swap.
#[derive(Debug, Default)]
pub(crate) struct Swaps {
    /// As the worker says.
    activate: Vec<u64>,
    rollback: Vec<u64>,
    /// Until whoever asked had the answer, which the audit log comes before.
    answered: Vec<u64>,
    /// To write a block over in place, and have it on disk, on the same file system in the same moment.
    disk: Vec<u64>,
}

impl Swaps {
    /// Activates release 2 and goes back to release 1, so many times.
    pub(crate) fn measure(worker: &Sidecar, times: u64) -> Self {
        let mut swaps = Self::default();
        let file = File::create(worker.state().join("floor")).expect("ours");
        file.write_all_at(&[0; 4096], 0).and_then(|()| file.sync_all()).expect("there is room");
        for _ in 0..times {
            let took = swaps.ask(worker, "activate", &json!({ "number": 2 }));
            swaps.activate.push(took);
            swaps.sync(&file);
            let took = swaps.ask(worker, "rollback", &json!({}));
            swaps.rollback.push(took);
            swaps.sync(&file);
        }
        swaps
    }

    fn ask(&mut self, worker: &Sidecar, action: &str, body: &Value) -> u64 {
        let began = Instant::now();
        let path = format!("/v1/apps/shop/{action}");
        let (status, answer) = control::ask(worker, "POST", &path, body.to_string().as_bytes());
        self.answered.push(micros(began));
        assert_eq!(status, 200, "{answer}");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        answer["took_us"].as_u64().expect("a time")
    }

    fn sync(&mut self, file: &File) {
        let began = Instant::now();
        file.write_all_at(&[1; 4096], 0).and_then(|()| file.sync_data()).expect("there is room");
        self.disk.push(micros(began));
    }

    pub(crate) fn tell(self, figures: &mut Figures, when: &str) {
        figures.times(&format!("activate, {when}"), self.activate);
        figures.times(&format!("rollback, {when}"), self.rollback);
        figures.times(&format!("either, until the answer is there, {when}"), self.answered);
        figures.times(&format!("a block written over and synced by the proof, {when}"), self.disk);
    }
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).expect("a short time")
}
