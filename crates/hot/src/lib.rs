//! The hot store: who holds what right now.
//!
//! Invariant: an answer means that it is as durable as the store promises; nobody is shown a state that a
//! crash could take back.

pub mod memory;
pub mod redis;
