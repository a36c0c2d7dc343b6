//! The HTTP contract, asked of the real program over real sockets: a module for each noun, and for what goes across
//! them: races, crashes, bad input.
//!
//! Invariant: every test starts a program of its own on data of its own, waits with limits and tries nothing twice.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod accounts;
mod actions;
mod authorization;
mod bad_input;
mod calls;
mod cluster;
mod connections;
mod copying;
mod crashes;
mod database_away;
mod description;
mod doctor;
mod endpoints;
mod events;
mod exports;
mod findings;
mod gateway;
mod histories;
mod letters;
mod limits;
mod live;
mod load;
mod logs;
mod moving;
mod notices;
mod operations;
mod orders;
mod pages;
mod performances;
mod personal_data;
mod processes;
mod queue;
mod races;
mod refunds;
mod reservations;
mod sale;
mod seating;
mod secrets;
mod stripe;
mod support;
mod tickets;
mod tls;
mod traces;
