//! Orders in memory.
//!
//! Invariant: a unit is claimed by at most one order, which is paying, paid, or refunded with its seats kept; an
//! order moves only as [`OrderStatus::may_become`] says.

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    ledger::{BeginOrder, Order, OrderFilter, Orders, OwnedKey, Page, PageRequest, SettleOrder},
};
use onsale_domain::{
    ids::{AccountId, EventId, OrderId},
    orders::OrderStatus,
    reservations::RequestKey,
    time::Timestamp,
    units::Units,
};

use super::{KeyUse, Made, MemoryLedger, State, page};

#[async_trait]
impl Orders for MemoryLedger {
    async fn begin_order(&self, order: &Order, key: Option<OwnedKey>) -> Result<BeginOrder, StoreError> {
        let mut state = self.state.lock();
        if let Some(known) = state.orders.get(&order.id) {
            return Ok(BeginOrder::Exists(known.status));
        }
        if state.tombstones.contains(&order.id) {
            return Ok(BeginOrder::Exists(OrderStatus::Failed));
        }
        if !state.performances.contains_key(&order.performance) {
            return Err(StoreError::corrupt("an order for a performance that is not there"));
        }
        let superseded: Vec<OrderId> = state
            .orders
            .values()
            .filter(|other| other.reservation == order.reservation && other.status == OrderStatus::Paying)
            .map(|other| other.id)
            .collect();
        let taken: Units = order
            .units
            .iter()
            .map(|wanted| wanted.unit)
            .filter(|unit| match state.claims.get(&(order.performance, *unit)) {
                Some(claimant) => !superseded.contains(claimant),
                None => false,
            })
            .collect();
        if !taken.is_empty() {
            return Ok(BeginOrder::UnitTaken(taken));
        }
        for older in superseded {
            state.settle(older, OrderStatus::Failed, order.created_at, |_| {});
            state.free_claims(older);
        }
        for wanted in &order.units {
            state.claims.insert((order.performance, wanted.unit), order.id);
        }
        state
            .orders
            .insert(order.id, Order { status: OrderStatus::Paying, reference: None, ..order.clone() });
        state.remember(key, Made::Order(order.id));
        Ok(BeginOrder::Begun)
    }

    async fn name_payment(
        &self,
        id: OrderId,
        reference: &str,
        _at: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        let mut state = self.state.lock();
        let order = state.orders.get_mut(&id);
        Ok(order.map(|order| order.reference.get_or_insert_with(|| reference.to_owned()).clone()))
    }

    async fn pay_order(
        &self,
        id: OrderId,
        reference: &str,
        at: Timestamp,
    ) -> Result<SettleOrder, StoreError> {
        let mut state = self.state.lock();
        let answer =
            state.settle(id, OrderStatus::Paid, at, |order| order.reference = Some(reference.to_owned()));
        Ok(answer)
    }

    async fn fail_order(&self, id: OrderId, _reason: &str, at: Timestamp) -> Result<SettleOrder, StoreError> {
        let mut state = self.state.lock();
        let answer = state.settle(id, OrderStatus::Failed, at, |_| {});
        if matches!(answer, SettleOrder::Done(_)) {
            state.free_claims(id);
        }
        Ok(answer)
    }

    async fn void_order(&self, id: OrderId, _at: Timestamp) -> Result<Option<OrderStatus>, StoreError> {
        let mut state = self.state.lock();
        if let Some(order) = state.orders.get(&id) {
            return Ok(Some(order.status));
        }
        Ok(if state.tombstones.insert(id) { None } else { Some(OrderStatus::Failed) })
    }

    async fn order(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        Ok(self.state.lock().orders.get(&id).cloned())
    }

    async fn order_by_key(&self, key: OwnedKey) -> Result<Option<(RequestKey, OrderId)>, StoreError> {
        let state = self.state.lock();
        Ok(match state.keys.get(&(key.owner, key.key.key)) {
            Some(KeyUse { request, made: Made::Order(order) }) => {
                Some((RequestKey { key: key.key.key, request: *request }, *order))
            }
            _ => None,
        })
    }

    async fn orders_of(&self, owner: AccountId, request: PageRequest) -> Result<Page<Order>, StoreError> {
        let state = self.state.lock();
        let was_paid = |order: &&Order| matches!(order.status, OrderStatus::Paid | OrderStatus::Refunded);
        let theirs =
            state.orders.values().rev().filter(|order| order.owner == owner).filter(was_paid).cloned();
        Ok(page(theirs, |order| order.id.0, request, true))
    }

    async fn find_orders(
        &self,
        event: EventId,
        filter: &OrderFilter,
        request: PageRequest,
    ) -> Result<Page<Order>, StoreError> {
        let state = self.state.lock();
        let of_event = |order: &&Order| {
            state.performances.get(&order.performance).is_some_and(|found| found.event == event)
        };
        let stands = |order: &&Order| filter.status.is_none_or(|status| order.status == status);
        let meant = |order: &&Order| filter.text.as_ref().is_none_or(|text| mentions(order, text));
        let found = state.orders.values().rev().filter(of_event).filter(stands).filter(meant).cloned();
        Ok(page(found, |order| order.id.0, request, true))
    }

    async fn open_orders(
        &self,
        before: Timestamp,
        after: Option<(Timestamp, OrderId)>,
        limit: u32,
    ) -> Result<Vec<Order>, StoreError> {
        let state = self.state.lock();
        let mut open: Vec<Order> = state
            .orders
            .values()
            .filter(|order| order.status == OrderStatus::Paying && order.created_at < before)
            .filter(|order| after.is_none_or(|after| (order.created_at, order.id) > after))
            .cloned()
            .collect();
        open.sort_by_key(|order| (order.created_at, order.id));
        open.truncate(limit as usize);
        Ok(open)
    }
}

impl State {
    /// Moves an order to `wanted` where it may; `note` writes what belongs to that move.
    fn settle(
        &mut self,
        id: OrderId,
        wanted: OrderStatus,
        at: Timestamp,
        note: impl Fn(&mut Order),
    ) -> SettleOrder {
        let Some(order) = self.orders.get_mut(&id) else {
            return SettleOrder::NotFound;
        };
        let moves = order.status.may_become(wanted);
        if moves {
            order.status = wanted;
            note(order);
        } else if order.status != wanted {
            return SettleOrder::Otherwise(order.status);
        }
        let order = order.clone();
        if moves {
            self.tell_of_order(&order, wanted, at);
        }
        SettleOrder::Done(Box::new(order))
    }

    fn free_claims(&mut self, order: OrderId) {
        self.claims.retain(|_, claimant| *claimant != order);
    }
}

fn mentions(order: &Order, text: &str) -> bool {
    let part = text.to_lowercase();
    let buyer = &order.buyer;
    let words = [Some(&buyer.name), buyer.email.as_ref(), buyer.phone.as_ref()];
    words.into_iter().flatten().any(|word| word.to_lowercase().contains(&part))
        || text.parse() == Ok(order.id)
        || order.units.iter().any(|unit| unit.ticket_code.eq_ignore_ascii_case(text))
}
