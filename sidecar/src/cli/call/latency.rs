//! The summary of repeated calls.

use crate::cli::text;
use serde_json::{Value, json};
use std::time::Duration;

/// Times of calls made one after another.
#[derive(Debug, Default)]
pub(super) struct Latency {
    calls_ns: Vec<u64>,
}

impl Latency {
    pub(super) fn add(&mut self, time: Duration) {
        self.calls_ns.push(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.calls_ns.is_empty()
    }

    pub(super) fn to_json(&self) -> Value {
        let sorted = self.sorted();
        let us = |q: f64| quantile(&sorted, q) as f64 / 1000.0;
        json!({
            "calls": sorted.len(),
            "min_us": us(0.0), "p50_us": us(0.5), "p95_us": us(0.95), "p99_us": us(0.99),
            "max_us": us(1.0),
        })
    }

    pub(super) fn describe(&self) -> String {
        let sorted = self.sorted();
        let at = |q: f64| text::micros(quantile(&sorted, q) / 1000);
        format!(
            "{} calls: min {}, p50 {}, p95 {}, p99 {}, max {}",
            sorted.len(),
            at(0.0),
            at(0.5),
            at(0.95),
            at(0.99),
            at(1.0)
        )
    }

    fn sorted(&self) -> Vec<u64> {
        let mut sorted = self.calls_ns.clone();
        sorted.sort_unstable();
        sorted
    }
}

/// By the nearest rank; 0 of nothing.
fn quantile(sorted: &[u64], q: f64) -> u64 {
    let rank = (sorted.len() as f64 * q).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_by_the_nearest_rank() {
        let sorted: Vec<u64> = (1..=100).collect();
        assert_eq!([0.0, 0.5, 0.99, 1.0].map(|q| quantile(&sorted, q)), [1, 50, 99, 100]);
        assert_eq!(quantile(&[], 0.5), 0);
    }
}
