//! Reservations in the ledger: what the drain has written of them, and the stock that follows from it.
//!
//! Contract: as for every port of the ledger. What is written never goes back in the history of a reservation.

use std::collections::BTreeSet;

use async_trait::async_trait;
use onsale_domain::{
    changes::Recorded,
    ids::{AccountId, OrderId, PerformanceId, ReservationId},
    inventory::{Image, Sale},
    position::Fence,
    reservations::RequestKey,
    seating::Layout,
    time::Timestamp,
    units::Units,
};

use super::{OwnedKey, Page, PageRequest};
use crate::ports::StoreError;

/// What the ledger knows of a reservation's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordedStatus {
    /// Held.
    Held,
    /// Paying.
    Paying,
    /// Paid.
    Confirmed,
    /// Given back.
    Cancelled,
    /// Lapsed.
    Expired,
}

impl RecordedStatus {
    /// Its name in the ledger and the interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Paying => "paying",
            Self::Confirmed => "confirmed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    /// The status of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Held, Self::Paying, Self::Confirmed, Self::Cancelled, Self::Expired]
            .into_iter()
            .find(|status| status.as_str() == name)
    }
}

/// A reservation as the drain wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservationRecord {
    /// Its id.
    pub id: ReservationId,
    /// Of which performance.
    pub performance: PerformanceId,
    /// Whose.
    pub owner: AccountId,
    /// What.
    pub units: Units,
    /// Where it stands.
    pub status: RecordedStatus,
    /// When it was made.
    pub made_at: Timestamp,
    /// When it lapses or would have.
    pub expires_at: Timestamp,
    /// Its fence.
    pub fence: Fence,
    /// How often it was extended.
    pub extensions_used: u32,
    /// The order it is paying or was paid under.
    pub order: Option<OrderId>,
    /// Number of the command that made it.
    pub sequence: u64,
}

/// Reservations, written behind the hot store.
#[async_trait]
pub trait ReservationRecords: Send + Sync {
    /// Writes down changes, in order. Changes that are already written down are passed over, so that a batch
    /// may come again.
    async fn record(&self, changes: &[Recorded]) -> Result<(), StoreError>;
    /// By id.
    async fn reservation(&self, id: ReservationId) -> Result<Option<ReservationRecord>, StoreError>;
    /// The hold that was made in a performance under a key, whatever was asked under it then, unless that is a day ago.
    async fn hold_by_key(
        &self,
        performance: PerformanceId,
        key: OwnedKey,
        now: Timestamp,
    ) -> Result<Option<(RequestKey, ReservationId)>, StoreError>;
    /// Of an owner, newest first.
    async fn reservations_of(
        &self,
        owner: AccountId,
        page: PageRequest,
    ) -> Result<Page<ReservationRecord>, StoreError>;
    /// All there are, by id: at most `limit` behind `after`.
    async fn recorded_reservations(
        &self,
        after: Option<ReservationId>,
        limit: u32,
    ) -> Result<Vec<ReservationRecord>, StoreError>;
    /// Brings what is recorded of the epochs before this one, of a performance whose stock was loaded under it, to what
    /// has become of it: the reservations of paid orders are confirmed, and written down where they never were; what
    /// else was held or paying and is not among the `live` ones has lapsed. Gives how many it moved.
    async fn close_epochs(
        &self,
        performance: PerformanceId,
        epoch: u32,
        live: &BTreeSet<ReservationId>,
    ) -> Result<usize, StoreError>;
    /// The stock as the ledger knows it, for an epoch: sold and paying units by its orders, holds that have
    /// not lapsed at `now`, blocked seats, keys that were used within a day of it.
    async fn image(
        &self,
        performance: PerformanceId,
        layout: Layout,
        epoch: u32,
        now: Timestamp,
    ) -> Result<Image, StoreError>;
    /// The sold units among those, by order: what a comparison needs, without a day of keys.
    async fn sales(&self, performance: PerformanceId) -> Result<Vec<Sale>, StoreError>;
}
