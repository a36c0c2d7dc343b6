//! Conformance suites, models and faults shared by the tests.
//!
//! Invariant: nothing here is part of what runs in earnest, and nothing here calls the engine it checks.
//!
//! | | |
//! |---|---|
//! | [`clock`] | time and chance under control |
//! | [`ledger`] | a ledger in memory, for simulations |
//! | [`conformance`] | what every hot store and every ledger has to do |
//! | [`model`] | a second opinion on the stock of a performance |
//! | [`faults`] | ports that fail by plan |
//! | [`refunds`] | money given back without a provider |
//! | [`process`] | the real binary, to be killed |
//! | [`servers`] | private database servers |
//! | [`stocks`] | small seating plans |

pub mod clock;
pub mod conformance;
pub mod faults;
pub mod ledger;
pub mod model;
pub mod process;
pub mod refunds;
pub mod servers;
pub mod stocks;
