//! What strangers send, type or publish, tried with anything: never a panic, and nothing accepted that breaks its promise.
//!
//! Invariant: what is accepted is checked with means of its own, not with those that have accepted it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod draws;
mod plans;
mod typed;
