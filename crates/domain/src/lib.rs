//! The rules of an on-sale, and nothing else: units, holds, orders, seating plans.
//!
//! Invariant: no I/O, no clock, no randomness in this crate. Time and random bits are arguments, so every
//! run can be replayed from its inputs.

pub mod changes;
pub mod email;
pub mod events;
pub mod ids;
pub mod inventory;
pub mod money;
pub mod orders;
pub mod position;
pub mod reservations;
pub mod seating;
pub mod tickets;
pub mod time;
pub mod units;
pub mod waiting_room;
pub mod wishes;
