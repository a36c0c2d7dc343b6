//! The tables as sea-orm sees them, one file for each.
//!
//! Invariant: a column here is a column in `migrations`, of the same name.

#![expect(unreachable_pub, reason = "sea-orm's derives make public items")]

pub(crate) mod accounts;
pub(crate) mod actions;
pub(crate) mod arrivals;
pub(crate) mod blocked_units;
pub(crate) mod deliveries;
pub(crate) mod erasures;
pub(crate) mod events;
pub(crate) mod grid_plans;
pub(crate) mod idempotency_keys;
pub(crate) mod logins;
pub(crate) mod order_units;
pub(crate) mod orders;
pub(crate) mod payments;
pub(crate) mod performances;
pub(crate) mod refresh_tokens;
pub(crate) mod refunds;
pub(crate) mod reservations;
pub(crate) mod return_lines;
pub(crate) mod seating_plans;
pub(crate) mod sold_out_performances;
pub(crate) mod wallet_charges;
pub(crate) mod wallet_entries;
pub(crate) mod wallets;
pub(crate) mod webhook_endpoints;
pub(crate) mod wishes;
