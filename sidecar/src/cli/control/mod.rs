//! The workers that a command controls, all of them at the same time.

mod args;
mod exit;
mod fleet;

pub(crate) use crate::control_client::{Client, Failure};
pub(crate) use args::ControlArgs;
pub(crate) use fleet::{Fleet, Outcome, finish, print, unless_unknown_to_all};
