//! Payment providers.
//!
//! Contract: `charge` and `refund` may be called again with the same order and do it once; after `settle` has
//! answered [`Settled::Dead`], no charge for that order can succeed any more.

use async_trait::async_trait;
use onsale_domain::{
    ids::{AccountId, OrderId},
    money::Money,
};

/// A charge to be made.
#[derive(Clone, Debug)]
pub struct Charge {
    /// The attempt; the provider's idempotency key.
    pub order: OrderId,
    /// Who pays.
    pub account: AccountId,
    /// How much.
    pub amount: Money,
}

/// What came of a charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Charged {
    /// The money is taken; the provider's name for it.
    Captured(String),
    /// It is not taken, for this reason, and will not be under this order.
    Declined(String),
}

/// How a charge stands that nobody knows the answer of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The money is taken; the provider's name for it.
    Captured(String),
    /// It is not taken, and cannot be any more: cancelled at the provider where need be.
    Dead,
}

/// The provider did not answer, or not with an answer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("payment provider: {0}")]
pub struct ProviderError(pub String);

/// A way to pay.
#[async_trait]
pub trait PaymentProvider: Send + Sync {
    /// Its name in requests and orders.
    fn name(&self) -> &'static str;
    /// Takes the money, once per order.
    async fn charge(&self, charge: &Charge) -> Result<Charged, ProviderError>;
    /// Finds out how a charge stands; where it is still open, ends it.
    async fn settle(&self, order: OrderId) -> Result<Settled, ProviderError>;
    /// Gives all of it back, once per order.
    async fn refund(&self, order: OrderId, amount: Money) -> Result<(), ProviderError>;
}
