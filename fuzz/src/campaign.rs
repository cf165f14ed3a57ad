//! One target, many inputs.

use crate::mutator::mutate;
use crate::random::Random;
use crate::target::{Target, Verdict};
use anyhow::{Context, Result};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Most inputs kept for further mutation; after that they replace one another.
const POOL_MAX: usize = 4096;

/// Runs `target` on `runs` mutated inputs. The input of the moment stands in the file `trace`, its
/// length as u64 first, so that whoever watches knows it when this process dies.
pub(crate) fn run(target: &Target, runs: u64, seed: u64, trace: &Path) -> Result<()> {
    let trace = File::create(trace).context("cannot write the trace")?;
    let mut random = Random::new(seed);
    let seeds = (target.seeds)();
    for seed in &seeds {
        record(&trace, seed)?;
        assert_eq!(target.run_once(seed), Verdict::Taken, "a seed is not valid");
    }
    let mut pool = seeds.clone();
    let mut taken = 0;
    for _ in 0..runs {
        // Half of the inputs are close to a seed: deep mutation alone drifts away from validity.
        let parents = if random.below(2) == 0 { &seeds } else { &pool };
        let parent = &parents[random.below(parents.len())];
        let other = random.below(seeds.len());
        let input = mutate(&mut random, parent, &seeds[other]);
        record(&trace, &input)?;
        if target.run_once(&input) == Verdict::Taken {
            taken += 1;
            keep(&mut random, &mut pool, input);
        }
    }
    eprintln!("fuzz: {}: {runs} inputs, {taken} valid", target.name);
    Ok(())
}

fn record(trace: &File, input: &[u8]) -> Result<()> {
    let mut bytes = (input.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(input);
    trace.write_all_at(&bytes, 0).context("cannot write the trace")
}

fn keep(random: &mut Random, pool: &mut Vec<Vec<u8>>, input: Vec<u8>) {
    if pool.len() < POOL_MAX {
        pool.push(input);
    } else {
        let place = random.below(pool.len());
        pool[place] = input;
    }
}
