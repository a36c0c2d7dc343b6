//! Reservations in memory, and the image of a stock made from them and the orders.
//!
//! Invariant: a change is written down once, in the order of positions; in an image no unit is claimed twice,
//! and where a reservation and an order disagree, the order is right.

use std::collections::BTreeSet;

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    ledger::{Order, OwnedKey, Page, PageRequest, RecordedStatus, ReservationRecord, ReservationRecords},
};
use onsale_domain::{
    changes::{Change, Recorded},
    ids::{AccountId, OrderId, PerformanceId, ReservationId},
    inventory::{Image, Sale},
    orders::OrderStatus,
    position::Position,
    reservations::{Hold, HoldStatus, KEY_MEMORY_MS, RequestKey},
    seating::Layout,
    time::Timestamp,
    units::{Unit, Units},
};

use super::{MemoryLedger, State, page};

#[async_trait]
impl ReservationRecords for MemoryLedger {
    async fn record(&self, changes: &[Recorded]) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        for recorded in changes {
            let written = state.recorded.entry(recorded.performance).or_default();
            if recorded.position > *written {
                *written = recorded.position;
                state.write_down(recorded);
                state.tell_of_hold(recorded);
            }
        }
        Ok(())
    }

    async fn reservation(&self, id: ReservationId) -> Result<Option<ReservationRecord>, StoreError> {
        Ok(self.state.lock().reservations.get(&id).cloned())
    }

    async fn hold_by_key(
        &self,
        performance: PerformanceId,
        key: OwnedKey,
        now: Timestamp,
    ) -> Result<Option<(RequestKey, ReservationId)>, StoreError> {
        let state = self.state.lock();
        let theirs = state.hold_keys.iter().rev().find(|(of, at, who, used, _)| {
            (*of, *who, used.key) == (performance, key.owner, key.key.key)
                && now.since_ms(*at) < KEY_MEMORY_MS
        });
        Ok(theirs.map(|(.., key, made)| (*key, *made)))
    }

    async fn reservations_of(
        &self,
        owner: AccountId,
        request: PageRequest,
    ) -> Result<Page<ReservationRecord>, StoreError> {
        let state = self.state.lock();
        let theirs =
            state.reservations.values().rev().filter(|reservation| reservation.owner == owner).cloned();
        Ok(page(theirs, |reservation| reservation.id.0, request, true))
    }

    async fn recorded_reservations(
        &self,
        after: Option<ReservationId>,
        limit: u32,
    ) -> Result<Vec<ReservationRecord>, StoreError> {
        let state = self.state.lock();
        let behind = state.reservations.iter().filter(|(id, _)| after.is_none_or(|after| **id > after));
        Ok(behind.take(limit as usize).map(|(_, record)| record.clone()).collect())
    }

    async fn close_epochs(
        &self,
        performance: PerformanceId,
        epoch: u32,
        live: &BTreeSet<ReservationId>,
    ) -> Result<usize, StoreError> {
        let mut state = self.state.lock();
        let bought = |order: &&Order| matches!(order.status, OrderStatus::Paid | OrderStatus::Refunded);
        let orders: Vec<Order> = state
            .orders
            .values()
            .filter(|order| order.performance == performance)
            .filter(bought)
            .cloned()
            .collect();
        let mut moved = 0;
        for order in &orders {
            let record = state.reservations.entry(order.reservation).or_insert_with(|| ReservationRecord {
                id: order.reservation,
                performance,
                owner: order.owner,
                units: order.units.iter().map(|unit| unit.unit).collect(),
                status: RecordedStatus::Held,
                made_at: order.created_at,
                expires_at: order.created_at,
                fence: order.fence,
                extensions_used: 0,
                order: None,
                sequence: order.sequence,
            });
            if record.status != RecordedStatus::Confirmed {
                (record.status, record.order) = (RecordedStatus::Confirmed, Some(order.id));
                moved += 1;
            }
        }
        let first = Position { epoch, offset: 0 };
        for record in state.reservations.values_mut().filter(|record| record.performance == performance) {
            let is_open = matches!(record.status, RecordedStatus::Held | RecordedStatus::Paying);
            if is_open && record.fence < first.fence() && !live.contains(&record.id) {
                (record.status, record.order) = (RecordedStatus::Expired, None);
                moved += 1;
            }
        }
        let recorded = state.recorded.entry(performance).or_default();
        *recorded = first.max(*recorded);
        Ok(moved)
    }

    async fn image(
        &self,
        performance: PerformanceId,
        layout: Layout,
        epoch: u32,
        now: Timestamp,
    ) -> Result<Image, StoreError> {
        let state = self.state.lock();
        let mut image = Image::untouched(layout, epoch);
        let mut claimed: BTreeSet<Unit> = BTreeSet::new();
        let mut spoken_for: BTreeSet<ReservationId> = BTreeSet::new();
        for order in state.orders.values().filter(|order| order.performance == performance) {
            let units = state.claimed_by(performance, order.id);
            if units.is_empty() {
                continue;
            }
            claimed.extend(&units);
            spoken_for.insert(order.reservation);
            if order.status == OrderStatus::Paying {
                let known = state.reservations.get(&order.reservation);
                image.holds.push(Hold {
                    id: order.reservation,
                    owner: order.owner,
                    units,
                    made_at: known.map_or(order.created_at, |record| record.made_at),
                    expires_at: known.map_or(order.created_at, |record| record.expires_at),
                    fence: order.fence,
                    extensions_used: known.map_or(0, |record| record.extensions_used),
                    status: HoldStatus::Paying { order: order.id, since: order.created_at },
                });
            }
        }
        for record in state.live_reservations(performance, now) {
            let free = record.units.iter().all(|unit| !claimed.contains(unit));
            if free && !spoken_for.contains(&record.id) {
                claimed.extend(&record.units);
                image.holds.push(Hold {
                    id: record.id,
                    owner: record.owner,
                    units: record.units.clone(),
                    made_at: record.made_at,
                    expires_at: record.expires_at,
                    fence: record.fence,
                    extensions_used: record.extensions_used,
                    status: HoldStatus::Held,
                });
            }
        }
        image.holds.sort_unstable_by_key(|hold| hold.id);
        image.sales = state.sales(performance);
        let blocked = state.blocked.iter().filter(|(of, unit)| *of == performance && !claimed.contains(unit));
        image.blocked = blocked.map(|(_, unit)| *unit).collect();
        let keys =
            state.hold_keys.iter().filter(|key| key.0 == performance && now.since_ms(key.1) < KEY_MEMORY_MS);
        image.keys = keys.map(|(_, at, owner, key, made)| (*at, *owner, *key, *made)).collect();
        Ok(image)
    }

    async fn sales(&self, performance: PerformanceId) -> Result<Vec<Sale>, StoreError> {
        Ok(self.state.lock().sales(performance))
    }
}

impl State {
    /// The claims of orders that are paid, or refunded with the seats kept off sale.
    fn sales(&self, performance: PerformanceId) -> Vec<Sale> {
        let settled = self
            .orders
            .values()
            .filter(|order| order.performance == performance && order.status != OrderStatus::Paying);
        let sales = settled.map(|order| Sale {
            order: order.id,
            owner: order.owner,
            units: self.claimed_by(performance, order.id),
        });
        sales.filter(|sale| !sale.units.is_empty()).collect()
    }

    fn claimed_by(&self, performance: PerformanceId, order: OrderId) -> Units {
        let theirs = self.claims.iter().filter(|((of, _), by)| *of == performance && **by == order);
        theirs.map(|((_, unit), _)| *unit).collect()
    }

    /// Reservations that are not over at `now`, the newest first. One that was paying when it was last heard of
    /// counts as held: had its payment come to a claim, an order would speak for it.
    fn live_reservations(&self, performance: PerformanceId, now: Timestamp) -> Vec<&ReservationRecord> {
        let mut live: Vec<&ReservationRecord> = self
            .reservations
            .values()
            .filter(|record| record.performance == performance && record.expires_at > now)
            .filter(|record| matches!(record.status, RecordedStatus::Held | RecordedStatus::Paying))
            .collect();
        live.sort_unstable_by_key(|record| std::cmp::Reverse(record.fence));
        live
    }

    fn write_down(&mut self, recorded: &Recorded) {
        let performance = recorded.performance;
        match &recorded.change {
            Change::Held { hold, owner, units, expires_at, key } => {
                let record = ReservationRecord {
                    id: *hold,
                    performance,
                    owner: *owner,
                    units: units.clone(),
                    status: RecordedStatus::Held,
                    made_at: recorded.at,
                    expires_at: *expires_at,
                    fence: recorded.fence(),
                    extensions_used: 0,
                    order: None,
                    sequence: recorded.sequence,
                };
                self.reservations.insert(*hold, record);
                if let Some(key) = key {
                    self.hold_keys.push((performance, recorded.at, *owner, *key, *hold));
                }
            }
            Change::Extended { hold, expires_at } => {
                if let Some(record) = self.reservations.get_mut(hold) {
                    record.expires_at = *expires_at;
                    record.extensions_used += 1;
                }
            }
            Change::PaymentBegun { hold, order, .. } => {
                self.mark(*hold, RecordedStatus::Paying, Some(*order));
            }
            Change::PaymentEnded { hold, expires_at, .. } => {
                self.mark(*hold, RecordedStatus::Held, None);
                if let Some(record) = self.reservations.get_mut(hold) {
                    record.expires_at = *expires_at;
                }
            }
            Change::Sold { hold, order, .. } => self.mark(*hold, RecordedStatus::Confirmed, Some(*order)),
            Change::Cancelled { hold, .. } => self.mark(*hold, RecordedStatus::Cancelled, None),
            Change::Expired { hold, .. } => self.mark(*hold, RecordedStatus::Expired, None),
            // The order says what became of its units.
            Change::Returned { .. } => {}
            Change::Blocked { units } => self.blocked.extend(units.iter().map(|unit| (performance, *unit))),
            Change::Unblocked { units } => {
                for unit in units {
                    self.blocked.remove(&(performance, *unit));
                }
            }
        }
    }

    fn mark(&mut self, hold: ReservationId, status: RecordedStatus, order: Option<OrderId>) {
        if let Some(record) = self.reservations.get_mut(&hold) {
            record.status = status;
            record.order = order;
        }
    }
}
