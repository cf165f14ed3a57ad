//! What tests of a ledger need: every implementation passes [`conformance!`](crate::conformance), and
//! crash suites compare what they find with a [`Model`].

pub mod cases;
mod conformance;
mod model;
mod rng;

pub use model::Model;
pub use rng::{Rng, seeds};
