//! Carriers: what brings deliveries to those they are for.
//!
//! Contract: `Ok` means that the other side has taken it. Whatever else happens, the same delivery may be carried again,
//! under the same id; so it may arrive twice, and whoever gets it can tell by the id.

use async_trait::async_trait;

use super::ledger::Delivery;

/// Why a delivery was not taken. What is said is kept, and shown to the organizer: no secret may be in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undelivered {
    /// Nobody is there who could take it, or anything else along this way just now.
    Away(String),
    /// This one was not taken now.
    NotNow(String),
    /// Its cause is gone: it is not to be sent any more.
    Withdrawn(String),
    /// It will never be taken as it is.
    Never(String),
}

/// Brings deliveries of one kind.
#[async_trait]
pub trait Carrier: Send + Sync {
    /// Brings one.
    async fn carry(&self, delivery: &Delivery) -> Result<(), Undelivered>;
}
