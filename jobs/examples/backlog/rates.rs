//! Attempts a second with many jobs waiting beside few: of the engine alone, whose reads of the ledger
//! are not counted, for a ledger in memory slows down by itself where it no longer fits into a cache.

use crate::shapes::{self, Options};
use crate::{Result, app, engine, fill, say};
use jobs::{Ended, Engine, Start};
use ledger::{EachFact, EachRow, Entry, Error, Ledger as _, Memory, Reader, States};
use std::cell::Cell;
use std::time::{Duration, Instant};

const FEW: usize = 1000;
const ROUNDS: usize = 300;
/// Attempts of a round.
const ATTEMPTS: usize = 500;

/// What waits, what is run among it, and whether the one is the other.
struct Backlog {
    name: &'static str,
    waits: Options,
    runs: Options,
}

const BACKLOGS: [Backlog; 6] = [
    Backlog { name: "one queue", waits: shapes::plain, runs: shapes::plain },
    Backlog { name: "16 priorities", waits: shapes::of_priorities, runs: shapes::of_priorities },
    Backlog { name: "delayed", waits: shapes::delayed, runs: shapes::plain },
    Backlog { name: "another queue, paused", waits: shapes::paused, runs: shapes::plain },
    Backlog { name: "groups of ten", waits: shapes::in_groups, runs: shapes::in_groups },
    Backlog { name: "a limit each", waits: shapes::a_limit_each, runs: shapes::a_limit_each },
];

/// An engine, its ledger, and how many jobs it was given.
struct World {
    engine: Engine,
    ledger: Memory,
    made: usize,
}

/// Counts the time of its reads.
struct Timed {
    reader: Box<dyn Reader>,
    took: Cell<Duration>,
}

pub(crate) fn measure(jobs: usize) -> Result<()> {
    for backlog in BACKLOGS {
        let mut worlds = [World::with(&backlog, FEW)?, World::with(&backlog, jobs)?];
        let mut took = [Vec::new(), Vec::new()];
        // In turns, so that whatever else the machine does meets both.
        for _ in 0..ROUNDS {
            for (world, took) in worlds.iter_mut().zip(&mut took) {
                took.push(world.run(ATTEMPTS)?);
                world.make(backlog.runs, ATTEMPTS)?;
            }
        }
        let [few, many] = took.map(median);
        let rate = |took: Duration| ATTEMPTS as f64 / took.as_secs_f64();
        say(&format!(
            "{}: {:.0} attempts a second with {FEW} waiting, {:.2} of that with {jobs}",
            backlog.name,
            rate(few),
            rate(many) / rate(few)
        ))?;
    }
    Ok(())
}

/// Under one limit of a queue, each job with a key of its own.
pub(crate) fn many_keys(keys: usize) -> Result<()> {
    for keys in [keys / 100, keys] {
        let mut world = World::new()?;
        world.make(shapes::narrow, keys)?;
        let attempts = keys / 2;
        let took = world.run(attempts)? / u32::try_from(attempts)?;
        say(&format!("{keys} keys under one limit of 4: {took:?} an attempt"))?;
    }
    Ok(())
}

impl World {
    fn new() -> Result<Self> {
        let ledger = Memory::new(1);
        let mut engine = engine(&ledger)?;
        engine.pause(&app(), shapes::PAUSED);
        Ok(Self { engine, ledger, made: 0 })
    }

    fn with(backlog: &Backlog, waiting: usize) -> Result<Self> {
        let mut world = Self::new()?;
        world.make(backlog.waits, waiting)?;
        // Of what runs there are enough for the slots at all times.
        world.make(backlog.runs, FEW)?;
        Ok(world)
    }

    fn make(&mut self, options: Options, jobs: usize) -> Result<()> {
        fill(&mut self.engine, &mut self.ledger, self.made..self.made + jobs, options)?;
        self.made += jobs;
        Ok(())
    }

    /// Attempts begun and ended, one commit for as many as run at a time.
    fn run(&mut self, attempts: usize) -> Result<Duration> {
        let (mut running, mut ended): (Vec<Start>, _) = (Vec::new(), 0);
        let mut took = Duration::ZERO;
        while ended < attempts {
            let reader = Timed { reader: self.ledger.reader()?, took: Cell::default() };
            let begin = Instant::now();
            for start in running.drain(..) {
                let returned = Ended::Returned(vec![1; 16]);
                self.engine.finish(start.seq, start.context.attempt, returned);
                ended += 1;
            }
            self.engine.tick(&reader)?;
            self.engine.take_over();
            running = self.engine.dispatch(&reader)?;
            let changes = self.engine.take_changes();
            took += begin.elapsed().saturating_sub(reader.took.get());
            self.ledger.commit(&changes)?;
        }
        for start in running {
            self.engine.finish(start.seq, start.context.attempt, Ended::Interrupted);
        }
        Ok(took)
    }
}

fn median(mut took: Vec<Duration>) -> Duration {
    took.sort_unstable();
    took[took.len() / 2]
}

impl Timed {
    fn timed<T>(&self, read: impl FnOnce(&dyn Reader) -> T) -> T {
        let begin = Instant::now();
        let read = read(&*self.reader);
        self.took.set(self.took.get() + begin.elapsed());
        read
    }
}

impl Reader for Timed {
    fn scan(
        &self,
        from: u64,
        states: States,
        each: &mut EachRow<'_>,
    ) -> std::result::Result<(), Error> {
        self.timed(|reader| reader.scan(from, states, each))
    }

    fn entry(&self, seq: u64) -> std::result::Result<Option<Entry>, Error> {
        self.timed(|reader| reader.entry(seq))
    }

    fn facts_from(
        &self,
        kind: u8,
        from: &[u8],
        each: &mut EachFact<'_>,
    ) -> std::result::Result<(), Error> {
        self.timed(|reader| reader.facts_from(kind, from, each))
    }

    fn fact(&self, kind: u8, key: &[u8]) -> std::result::Result<Option<Vec<u8>>, Error> {
        self.timed(|reader| reader.fact(kind, key))
    }
}
