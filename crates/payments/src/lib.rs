//! Payment providers behind one trait, one file each.
//!
//! Invariant: whatever is called twice, late or again after a lost answer, an order is charged at most once,
//! and never after its provider has said that it is dead.
//!
//! To add a provider: write `src/<name>.rs` with a type that implements [`PaymentProvider`], keep the contract
//! at the head of `onsale_app::ports::payments` (the order id is the idempotency key; a refusal is
//! [`Charged::Declined`], which is final for that order; [`ProviderError`] is for "no answer", which leaves
//! everything open), test it beside the code, and give it its name in `crates/server/src/wire.rs`. Nothing else
//! knows how many providers there are.
//!
//! [`PaymentProvider`]: onsale_app::ports::payments::PaymentProvider
//! [`Charged::Declined`]: onsale_app::ports::payments::Charged::Declined
//! [`ProviderError`]: onsale_app::ports::payments::ProviderError

pub mod simulated;
pub mod stripe;
pub mod wallet;

pub use simulated::{Simulated, SimulatedSettings};
pub use stripe::{Stripe, StripeSettings};
pub use wallet::WalletPayments;
