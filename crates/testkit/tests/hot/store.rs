//! A hot store of nothing but the rules: one lock, no journal, a manual clock.
//!
//! Invariant: a command is decided and logged under one lock, so it stands in one order.

#![expect(clippy::unwrap_used, reason = "a store for tests; the numbers are small")]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    clock::Clock,
    hot::{
        Availability, Backlog, ChangeBatch, ChangeFeed, ChangeLog, Decided, HotError, PaymentStep,
        Reservations, Stock,
    },
};
use onsale_domain::{
    changes::Recorded,
    ids::{AccountId, OrderId, PerformanceId, ReservationId},
    inventory::{Image, Inventory, Step},
    reservations::{
        BeginOutcome, BlockOutcome, CancelOutcome, ExtendOutcome, FinishOutcome, Hold, HoldOutcome,
        HoldRequest, HoldView,
    },
    time::Timestamp,
    units::Unit,
};
use onsale_testkit::{clock::ManualClock, conformance::hot::TestTime};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

/// The rules of `domain` behind the hot ports.
pub(crate) struct RulesOnly {
    clock: Arc<ManualClock>,
    state: Mutex<State>,
    news: Notify,
    /// One mark for all performances: it may move without a change.
    mark: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    stocks: BTreeMap<PerformanceId, Inventory>,
    log: Vec<Recorded>,
    acknowledged: usize,
    sequence: u64,
    shut_down: bool,
}

impl State {
    fn record(&mut self, performance: PerformanceId, at: Timestamp, steps: Vec<Step>) -> Option<u64> {
        if steps.is_empty() {
            return None;
        }
        self.sequence += 1;
        let sequence = self.sequence;
        let recorded = |(position, change)| Recorded { performance, position, sequence, at, change };
        self.log.extend(steps.into_iter().map(recorded));
        Some(sequence)
    }
}

impl RulesOnly {
    pub(crate) fn new(clock: Arc<ManualClock>) -> Self {
        Self { clock, state: Mutex::default(), news: Notify::new(), mark: watch::Sender::new(0) }
    }

    fn command<T>(
        &self,
        p: PerformanceId,
        decide: impl FnOnce(&mut Inventory, Timestamp, &mut Vec<Step>) -> T,
    ) -> Result<Decided<T>, HotError> {
        let mut state = self.state.lock();
        if state.shut_down {
            return Err(StoreError::unavailable("shut down").into());
        }
        let (now, mut steps) = (self.clock.now(), Vec::new());
        let stock = state.stocks.get_mut(&p).ok_or(HotError::NotLoaded)?;
        let outcome = decide(stock, now, &mut steps);
        assert!(stock.conserves(), "after {steps:?}");
        let sequence = state.record(p, now, steps);
        if sequence.is_some() {
            self.news.notify_one();
            self.mark.send_modify(|mark| *mark += 1);
        }
        Ok(Decided { outcome, sequence })
    }

    fn read<T>(&self, p: PerformanceId, read: impl FnOnce(&Inventory) -> T) -> Result<T, HotError> {
        self.state.lock().stocks.get(&p).map(read).ok_or(HotError::NotLoaded)
    }
}

#[async_trait]
impl TestTime for RulesOnly {
    async fn advance_ms(&self, ms: u64) {
        let now = self.clock.advance(ms);
        let mut state = self.state.lock();
        let performances: Vec<PerformanceId> = state.stocks.keys().copied().collect();
        for p in performances {
            let mut steps = Vec::new();
            if let Some(stock) = state.stocks.get_mut(&p) {
                stock.expire(now, &mut steps);
            }
            if state.record(p, now, steps).is_some() {
                self.mark.send_modify(|mark| *mark += 1);
            }
        }
    }
}

#[async_trait]
impl Reservations for RulesOnly {
    async fn hold(&self, p: PerformanceId, request: HoldRequest) -> Result<Decided<HoldOutcome>, HotError> {
        self.command(p, |stock, now, steps| stock.hold(&request, now, steps))
    }

    async fn extend(
        &self,
        p: PerformanceId,
        hold: ReservationId,
        owner: AccountId,
        ttl_ms: u64,
        max_extensions: u32,
    ) -> Result<Decided<ExtendOutcome>, HotError> {
        self.command(p, |stock, now, steps| stock.extend(hold, owner, ttl_ms, max_extensions, now, steps))
    }

    async fn cancel(
        &self,
        p: PerformanceId,
        hold: ReservationId,
        owner: AccountId,
    ) -> Result<Decided<CancelOutcome>, HotError> {
        self.command(p, |stock, now, steps| stock.cancel(hold, owner, now, steps))
    }

    async fn begin_payment(
        &self,
        p: PerformanceId,
        hold: ReservationId,
        owner: AccountId,
        order: OrderId,
    ) -> Result<Decided<BeginOutcome>, HotError> {
        self.command(p, |stock, now, steps| stock.begin_payment(hold, owner, order, now, steps))
    }

    async fn end_payment(
        &self,
        p: PerformanceId,
        step: PaymentStep,
        grace_ms: u64,
    ) -> Result<Decided<FinishOutcome>, HotError> {
        let PaymentStep { hold, fence, order } = step;
        self.command(p, |stock, now, steps| stock.end_payment(hold, fence, order, grace_ms, now, steps))
    }

    async fn sell(&self, p: PerformanceId, step: PaymentStep) -> Result<Decided<FinishOutcome>, HotError> {
        self.command(p, |stock, now, steps| stock.sell(step.hold, step.fence, step.order, now, steps))
    }

    async fn find(&self, p: PerformanceId, hold: ReservationId) -> Result<Option<HoldView>, HotError> {
        self.read(p, |stock| stock.find(hold))
    }
}

#[async_trait]
impl Stock for RulesOnly {
    async fn load(&self, p: PerformanceId, image: Image) -> Result<bool, StoreError> {
        let mut state = self.state.lock();
        if state.stocks.contains_key(&p) {
            return Ok(false);
        }
        state.stocks.insert(p, Inventory::from_image(image).map_err(StoreError::corrupt)?);
        Ok(true)
    }

    async fn availability(&self, p: PerformanceId) -> Result<Arc<Availability>, HotError> {
        self.read(p, |stock| {
            let seats =
                stock.states().iter().enumerate().filter(|(i, _)| stock.layout().is_seat(Unit::at_index(*i)));
            let bits: Vec<u8> = seats.map(|(_, state)| state.public_bits()).collect();
            let byte = |four: &[u8]| four.iter().rev().fold(0, |byte, bits| (byte << 2) | bits);
            Arc::new(Availability {
                position: stock.position(),
                seat_count: bits.len() as u32,
                states: bits.chunks(4).map(byte).collect(),
                areas: stock.area_free().collect(),
                counts: stock.counts(),
            })
        })
    }

    async fn block(
        &self,
        p: PerformanceId,
        seats: Vec<Unit>,
        blocked: bool,
    ) -> Result<Decided<BlockOutcome>, HotError> {
        self.command(p, |stock, now, steps| stock.block(&seats, blocked, now, steps))
    }

    async fn give_back(
        &self,
        p: PerformanceId,
        order: OrderId,
        units: Vec<Unit>,
    ) -> Result<Decided<FinishOutcome>, HotError> {
        self.command(p, |stock, now, steps| stock.give_back(order, &units, now, steps))
    }

    async fn paying(
        &self,
        older_than_ms: u64,
        limit: usize,
    ) -> Result<Vec<(PerformanceId, Hold)>, StoreError> {
        let before = Timestamp(self.clock.now().as_millis() - i64::try_from(older_than_ms).unwrap());
        let state = self.state.lock();
        let all = state
            .stocks
            .iter()
            .flat_map(|(p, stock)| stock.paying_since(before).into_iter().map(|h| (*p, h)));
        Ok(all.take(limit).collect())
    }

    async fn image(&self, p: PerformanceId) -> Result<Image, HotError> {
        self.read(p, Inventory::image)
    }

    async fn health(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn shut_down(&self) {
        self.state.lock().shut_down = true;
    }
}

#[async_trait]
impl ChangeFeed for RulesOnly {
    async fn watch(&self, _: PerformanceId) -> Result<watch::Receiver<u64>, StoreError> {
        Ok(self.mark.subscribe())
    }
}

#[async_trait]
impl ChangeLog for RulesOnly {
    async fn next(&self, max: usize, wait_ms: u64) -> Result<Option<ChangeBatch>, StoreError> {
        let some = || {
            let state = self.state.lock();
            let changes: Vec<Recorded> = state.log[state.acknowledged..].iter().take(max).cloned().collect();
            let upto = (state.acknowledged + changes.len()) as u64;
            let complete_to = changes.last().map(|change| change.sequence);
            (!changes.is_empty()).then_some(ChangeBatch { upto, changes, complete_to })
        };
        let found = some();
        if found.is_some() || wait_ms == 0 {
            return Ok(found);
        }
        let _ = tokio::time::timeout(Duration::from_millis(wait_ms), self.news.notified()).await;
        Ok(some())
    }

    async fn acknowledge(&self, batch: ChangeBatch) -> Result<Vec<PerformanceId>, StoreError> {
        let mut state = self.state.lock();
        state.acknowledged = state.acknowledged.max(usize::try_from(batch.upto).unwrap());
        for recorded in batch.changes {
            if let Some(stock) = state.stocks.get_mut(&recorded.performance) {
                stock.recorded(recorded.position);
            }
        }
        Ok(Vec::new())
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        let state = self.state.lock();
        let waiting = &state.log[state.acknowledged..];
        let oldest = waiting.first();
        Ok(Backlog {
            changes: waiting.len() as u64,
            first: oldest.map(|change| change.sequence),
            since: oldest.map(|change| change.at),
        })
    }
}
