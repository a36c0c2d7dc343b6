//! The hot store: decides who holds what, right now.
//!
//! Contract of every command: it is applied to one performance atomically and in one order; the changes it
//! makes get consecutive positions and are appended to the record in the same step; when the call returns with
//! `Ok`, they are as durable as the store promises (design: promise G2). A command whose call returns
//! `Unavailable` may or may not have happened, except for the in-process store, where it has not.

use std::sync::Arc;

use async_trait::async_trait;
use onsale_domain::{
    changes::Recorded,
    ids::{AccountId, OrderId, PerformanceId, ReservationId},
    inventory::Image,
    position::{Fence, Position},
    reservations::{
        BeginOutcome, BlockOutcome, CancelOutcome, ExtendOutcome, FinishOutcome, Hold, HoldOutcome,
        HoldRequest, HoldView,
    },
    time::Timestamp,
    units::{Counts, Unit},
};
use tokio::sync::watch;

use super::StoreError;

/// What a command came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided<T> {
    /// The outcome.
    pub outcome: T,
    /// The command's number in the one order of all accepted commands; `None` where it changed nothing.
    pub sequence: Option<u64>,
}

/// Why a hot store did not carry out a command.
#[derive(Clone, Debug, thiserror::Error)]
pub enum HotError {
    /// The store does not have this performance: load it from the ledger and ask again.
    #[error("performance not loaded")]
    NotLoaded,
    /// The store itself has trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Which steps of a payment a hold and its order name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaymentStep {
    /// The hold that is paying.
    pub hold: ReservationId,
    /// Its fence.
    pub fence: Fence,
    /// The attempt to pay.
    pub order: OrderId,
}

/// The lease on units, from hold to sale.
#[async_trait]
pub trait Reservations: Send + Sync {
    /// Holds units, all or none.
    async fn hold(&self, p: PerformanceId, request: HoldRequest) -> Result<Decided<HoldOutcome>, HotError>;

    /// Gives a hold another `ttl_ms` from now, at most `max_extensions` times.
    async fn extend(
        &self,
        p: PerformanceId,
        hold: ReservationId,
        owner: AccountId,
        ttl_ms: u64,
        max_extensions: u32,
    ) -> Result<Decided<ExtendOutcome>, HotError>;

    /// Gives a hold back.
    async fn cancel(
        &self,
        p: PerformanceId,
        hold: ReservationId,
        owner: AccountId,
    ) -> Result<Decided<CancelOutcome>, HotError>;

    /// HELD → PAYING under an order id. From then on the hold does not lapse.
    async fn begin_payment(
        &self,
        p: PerformanceId,
        hold: ReservationId,
        owner: AccountId,
        order: OrderId,
    ) -> Result<Decided<BeginOutcome>, HotError>;

    /// PAYING → HELD, for what was left but at least `grace_ms`.
    async fn end_payment(
        &self,
        p: PerformanceId,
        step: PaymentStep,
        grace_ms: u64,
    ) -> Result<Decided<FinishOutcome>, HotError>;

    /// PAYING → SOLD.
    async fn sell(&self, p: PerformanceId, step: PaymentStep) -> Result<Decided<FinishOutcome>, HotError>;

    /// A hold, live or ended so recently that the ledger may not know of it. `None`: ask the ledger.
    async fn find(&self, p: PerformanceId, hold: ReservationId) -> Result<Option<HoldView>, HotError>;
}

/// The public view of a stock at one position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Availability {
    /// When in its history.
    pub position: Position,
    /// How many seats.
    pub seat_count: u32,
    /// Two bits a seat, seat 1 in the lowest bits of the first byte.
    pub states: Vec<u8>,
    /// Area id and free places.
    pub areas: Vec<(u32, u32)>,
    /// The counts behind it.
    pub counts: Counts,
}

impl Availability {
    /// The two public bits of a seat. Seats beyond the end read as available.
    pub fn bits(&self, seat: Unit) -> u8 {
        let index = seat.index();
        self.states.get(index / 4).map_or(0, |byte| (byte >> ((index % 4) * 2)) & 0b11)
    }
}

/// The stock as a whole.
#[async_trait]
pub trait Stock: Send + Sync {
    /// Puts a performance in place, unless it is there already. `true`: it was put in place by this call.
    async fn load(&self, p: PerformanceId, image: Image) -> Result<bool, StoreError>;

    /// The public view. What it shows is durable.
    async fn availability(&self, p: PerformanceId) -> Result<Arc<Availability>, HotError>;

    /// Takes free seats off sale, or puts blocked ones back.
    async fn block(
        &self,
        p: PerformanceId,
        seats: Vec<Unit>,
        blocked: bool,
    ) -> Result<Decided<BlockOutcome>, HotError>;

    /// SOLD → free for units that the order still has.
    async fn give_back(
        &self,
        p: PerformanceId,
        order: OrderId,
        units: Vec<Unit>,
    ) -> Result<Decided<FinishOutcome>, HotError>;

    /// The holds that have been PAYING for `older_than_ms` or longer, at most `limit`. A store that several processes
    /// share also gives younger ones, where it knows that the process that began the payment is gone.
    async fn paying(
        &self,
        older_than_ms: u64,
        limit: usize,
    ) -> Result<Vec<(PerformanceId, Hold)>, StoreError>;

    /// The stock written down as it is: for repair and for moving it.
    async fn image(&self, p: PerformanceId) -> Result<Image, HotError>;

    /// Whether it takes commands now.
    async fn health(&self) -> Result<(), StoreError>;

    /// Why it might lose what it has accepted, as it is set up and doing now: sentences for whoever runs it, none where
    /// all is well.
    async fn flaws(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    /// Finishes what is under way and writes a checkpoint; commands after it are refused.
    async fn shut_down(&self);
}

/// A run of changes that the ledger has not acknowledged yet.
#[derive(Clone, Debug)]
pub struct ChangeBatch {
    /// Names the batch towards the store that gave it.
    pub upto: u64,
    /// The changes, in order within each performance.
    pub changes: Vec<Recorded>,
    /// Every command up to this number is in the ledger once this batch is. `None`: others drain as well, and the
    /// store cannot tell; [`ChangeLog::backlog`] does.
    pub complete_to: Option<u64>,
}

/// What the ledger does not have yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// About how many changes.
    pub changes: u64,
    /// The lowest command number among them: every command below it is in the ledger.
    pub first: Option<u64>,
    /// When the oldest of them was made.
    pub since: Option<Timestamp>,
}

/// The record, as the drain reads it.
#[async_trait]
pub trait ChangeLog: Send + Sync {
    /// The next changes that are durable and not acknowledged, at least one and about `max` of them; waits
    /// up to `wait_ms` for the first. The same ones again until they are acknowledged.
    async fn next(&self, max: usize, wait_ms: u64) -> Result<Option<ChangeBatch>, StoreError>;

    /// The ledger has committed them; the store may forget them. Gives the performances that have been loaded under a
    /// later epoch meanwhile: what the batch says of them may have come too late to be in that stock.
    async fn acknowledge(&self, batch: ChangeBatch) -> Result<Vec<PerformanceId>, StoreError>;

    /// What is durable and not acknowledged, whoever drains it.
    async fn backlog(&self) -> Result<Backlog, StoreError>;
}

/// Tells when there is something new to be seen.
#[async_trait]
pub trait ChangeFeed: Send + Sync {
    /// A mark that moves soon after the public view of a performance has changed durably. It carries no news itself:
    /// whoever sees it move reads [`Stock::availability`], which then shows at least the change that moved it. Several
    /// changes may move it once, and it may move without a change, where the store cannot tell whether it missed one.
    /// Watching ends when every receiver is dropped.
    async fn watch(&self, p: PerformanceId) -> Result<watch::Receiver<u64>, StoreError>;
}
