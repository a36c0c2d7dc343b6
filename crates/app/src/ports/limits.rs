//! Shares: how much of what is limited somebody has used over all processes.

use async_trait::async_trait;

use super::StoreError;

/// What was used of one share since it was told last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spending {
    /// Names the share: a digest, so that a store does not know whose it is.
    pub share: [u8; 16],
    /// The time in which what was used comes back, µs.
    pub debt_us: u64,
    /// No share owes more than this, µs.
    pub most_us: u64,
}

/// Shares that several processes use together.
#[async_trait]
pub trait Shares: Send + Sync {
    /// Adds what was used here; gives for each in how many µs all of it, used here and elsewhere, will have come back. A
    /// share is forgotten once it has.
    async fn spend(&self, spendings: &[Spending]) -> Result<Vec<u64>, StoreError>;
}
