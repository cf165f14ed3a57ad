//! Names, near names, and the choice of a worker.

mod names;
mod nearest;
mod rendezvous;
