//! The ports: what the use cases need from the world, as commands.
//!
//! Invariant: an adapter owns the atomicity of each command; no transaction, connection or backend name
//! crosses a port.

pub mod admissions;
pub mod carriers;
pub mod clock;
pub mod hot;
pub mod ledger;
pub mod limits;
pub mod payments;
pub mod waiting_room;

/// Why a store did not answer. Refusals are not here: they are outcomes.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// It did not answer in time, or answered that it cannot now. Trying again later may work; whether the
    /// command took effect is not known unless the port says so.
    #[error("store unavailable: {0}")]
    Unavailable(String),
    /// It holds something that cannot be. A person has to look.
    #[error("store corrupt: {0}")]
    Corrupt(String),
}

impl StoreError {
    /// An outage, from whatever said so.
    pub fn unavailable(cause: impl std::fmt::Display) -> Self {
        Self::Unavailable(cause.to_string())
    }

    /// Damage, from whatever said so.
    pub fn corrupt(cause: impl std::fmt::Display) -> Self {
        Self::Corrupt(cause.to_string())
    }
}
