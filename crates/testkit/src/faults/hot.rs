//! Faults around the hot ports.
//!
//! Invariant: see [`super`]. Shutting down never fails; it has no way to say so.

use std::sync::Arc;

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    hot::{
        Availability, Backlog, ChangeBatch, ChangeLog, Decided, HotError, PaymentStep, Reservations, Stock,
    },
};
use onsale_domain::{
    ids::{AccountId, OrderId, PerformanceId, ReservationId},
    inventory::Image,
    reservations::{
        BeginOutcome, BlockOutcome, CancelOutcome, ExtendOutcome, FinishOutcome, Hold, HoldOutcome,
        HoldRequest, HoldView,
    },
    units::Unit,
};

use super::{Faults, passed_on};

/// A hot store whose calls may fail.
pub struct FaultyHot {
    reservations: Arc<dyn Reservations>,
    stock: Arc<dyn Stock>,
    log: Arc<dyn ChangeLog>,
    faults: Arc<Faults>,
}

impl FaultyHot {
    /// Puts faults around a hot store.
    pub fn new(
        reservations: Arc<dyn Reservations>,
        stock: Arc<dyn Stock>,
        log: Arc<dyn ChangeLog>,
        faults: Arc<Faults>,
    ) -> Self {
        Self { reservations, stock, log, faults }
    }
}

passed_on!(Reservations for FaultyHot.reservations {
    fn hold(p: PerformanceId, request: HoldRequest) -> Result<Decided<HoldOutcome>, HotError>;
    fn extend(
        p: PerformanceId,
        hold: ReservationId,
        owner: AccountId,
        ttl_ms: u64,
        max_extensions: u32,
    ) -> Result<Decided<ExtendOutcome>, HotError>;
    fn cancel(p: PerformanceId, hold: ReservationId, owner: AccountId) -> Result<Decided<CancelOutcome>, HotError>;
    fn begin_payment(
        p: PerformanceId,
        hold: ReservationId,
        owner: AccountId,
        order: OrderId,
    ) -> Result<Decided<BeginOutcome>, HotError>;
    fn end_payment(p: PerformanceId, step: PaymentStep, grace_ms: u64) -> Result<Decided<FinishOutcome>, HotError>;
    fn sell(p: PerformanceId, step: PaymentStep) -> Result<Decided<FinishOutcome>, HotError>;
    fn find(p: PerformanceId, hold: ReservationId) -> Result<Option<HoldView>, HotError>;
});

#[async_trait]
impl Stock for FaultyHot {
    async fn load(&self, p: PerformanceId, image: Image) -> Result<bool, StoreError> {
        self.faults.around("load", self.stock.load(p, image)).await
    }

    async fn availability(&self, p: PerformanceId) -> Result<Arc<Availability>, HotError> {
        self.faults.around("availability", self.stock.availability(p)).await
    }

    async fn block(
        &self,
        p: PerformanceId,
        seats: Vec<Unit>,
        blocked: bool,
    ) -> Result<Decided<BlockOutcome>, HotError> {
        self.faults.around("block", self.stock.block(p, seats, blocked)).await
    }

    async fn give_back(
        &self,
        p: PerformanceId,
        order: OrderId,
        units: Vec<Unit>,
    ) -> Result<Decided<FinishOutcome>, HotError> {
        self.faults.around("give_back", self.stock.give_back(p, order, units)).await
    }

    async fn paying(
        &self,
        older_than_ms: u64,
        limit: usize,
    ) -> Result<Vec<(PerformanceId, Hold)>, StoreError> {
        self.faults.around("paying", self.stock.paying(older_than_ms, limit)).await
    }

    async fn image(&self, p: PerformanceId) -> Result<Image, HotError> {
        self.faults.around("image", self.stock.image(p)).await
    }

    async fn health(&self) -> Result<(), StoreError> {
        self.faults.around("health", self.stock.health()).await
    }

    async fn flaws(&self) -> Result<Vec<String>, StoreError> {
        self.faults.around("flaws", self.stock.flaws()).await
    }

    async fn shut_down(&self) {
        self.stock.shut_down().await;
    }
}

passed_on!(ChangeLog for FaultyHot.log {
    fn next(max: usize, wait_ms: u64) -> Result<Option<ChangeBatch>, StoreError>;
    fn acknowledge(batch: ChangeBatch) -> Result<Vec<PerformanceId>, StoreError>;
    fn backlog() -> Result<Backlog, StoreError>;
});
