//! Chains: each step is made once for each time that the one before it is done, with its result.

use super::World;
use super::batches::FOLLOWS;
use super::known::Known;
use super::schedules::is_tick;
use jobs::{Body, Head};
use ledger::{Ledger as _, States};
use protocol::{JobId, NewJob};
use std::ops::ControlFlow;

/// First byte of the arguments of a step; then its chain's number, and its own.
const STEP: u8 = 0xfc;

/// What an observer knows of a chain that was asked for.
#[derive(Debug)]
pub(super) struct KnownChain {
    /// Those after the first one.
    steps: Vec<NewJob>,
    /// How often each of those was made.
    made: Vec<u32>,
    /// How often each was done, the first one included.
    done: Vec<u32>,
}

/// What an attempt returns.
pub(super) fn result_of(id: JobId) -> Vec<u8> {
    id.seq().to_be_bytes().to_vec()
}

impl World {
    /// Gives the steps after a job arguments by which they are known.
    pub(super) fn name_chain(&mut self, job: &mut NewJob) -> Option<usize> {
        if job.then.is_empty() {
            return None;
        }
        let number = self.chains.len();
        let bytes = u16::try_from(number).expect("few").to_be_bytes();
        for (at, step) in (1u8..).zip(&mut job.then) {
            step.arguments = vec![STEP, bytes[0], bytes[1], at];
        }
        let (made, done) = (vec![0; job.then.len()], vec![0; job.then.len() + 1]);
        self.chains.push(KnownChain { steps: job.then.clone(), made, done });
        Some(number)
    }

    /// Looks for jobs that the engine made by itself.
    pub(super) fn discover(&mut self) {
        let mut made = Vec::new();
        let each = &mut |row: ledger::Row<'_>| {
            made.push((row.seq, Head::read(row.seq, row.head).expect("readable")));
            ControlFlow::Continue(())
        };
        let reader = self.worker.ledger.read();
        reader.scan(self.seen + 1, States::ALL, each).expect("readable");
        for (seq, head) in made {
            self.seen = seq;
            let id = head.id(self.worker.engine.tag(), seq);
            if !self.known.contains_key(&id) {
                self.is_made(id, &head);
            }
        }
    }

    fn is_made(&mut self, id: JobId, head: &Head) {
        let entry = self.worker.ledger.read().entry(id.seq()).expect("readable").expect("there");
        let Body { arguments, input, .. } = Body::read(id.seq(), &entry.body).expect("readable");
        let mut known = match arguments.first() {
            _ if is_tick(head) => self.tick_is_made(),
            Some(&FOLLOWS) => {
                Known::of(&self.batch_is_followed(&arguments, input.as_deref()), self.real_ms)
            }
            Some(&STEP) => self.step_is_made(&arguments, input.as_deref()),
            _ => panic!("nobody asked for {id}: {head:?}"),
        };
        assert_eq!(known.function, head.function);
        assert_eq!(known.batch.take(), head.batch, "whether {id} is in the batch of its chain");
        known.batch = head.batch;
        self.joins_batch(head.batch, id);
        self.known.insert(id, known);
    }

    fn step_is_made(&mut self, arguments: &[u8], input: Option<&[u8]>) -> Known {
        let number = usize::from(u16::from_be_bytes([arguments[1], arguments[2]]));
        let at = usize::from(arguments[3]);
        let before = input.and_then(|input| Some(u64::from_be_bytes(input.try_into().ok()?)));
        let before = self.known.iter().find(|(id, _)| Some(id.seq()) == before);
        let (_, before) = before.expect("a step gets what the one before it returned");
        assert_eq!(before.step, Some((number, at - 1)), "whom it follows");
        let batch = before.batch;
        let chain = &mut self.chains[number];
        chain.made[at - 1] += 1;
        let known = Known::of(&chain.steps[at - 1], self.real_ms);
        Known { batch, step: Some((number, at)), ..known }
    }

    pub(super) fn is_done(&mut self, id: JobId) {
        if let Some((chain, at)) = self.known[&id].step {
            self.chains[chain].done[at] += 1;
        }
    }

    /// Each step is there as often as the one before it was done.
    pub(super) fn check_chains(&self) {
        for chain in &self.chains {
            assert_eq!(chain.made, chain.done[..chain.steps.len()], "{chain:?}");
        }
    }
}
