//! Names, near names, patterns over names, and the choice of a worker.

mod canary;
mod names;
mod nearest;
mod patterns;
mod rendezvous;
