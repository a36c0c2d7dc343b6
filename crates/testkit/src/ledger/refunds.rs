//! Refunds in memory.
//!
//! Invariant: what a unit of an order says of its refund is what the refund says; they change together.

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    ledger::{BeginRefund, NewRefund, OrderUnit, Refund, RefundOf, Refunds, UnitRefund},
};
use onsale_domain::{
    ids::{OrderId, RefundId},
    money::Money,
    orders::{OrderStatus, RefundStatus},
    time::Timestamp,
    units::{Unit, Units},
};

use super::{MemoryLedger, State};

#[async_trait]
impl Refunds for MemoryLedger {
    async fn begin_refund(&self, new: &NewRefund) -> Result<BeginRefund, StoreError> {
        let mut state = self.state.lock();
        let Some(order) = state.orders.get(&new.order).cloned() else { return Ok(BeginRefund::NotFound) };
        let late = new.of == RefundOf::LateCharge;
        let fits = match order.status {
            OrderStatus::Paid | OrderStatus::Refunded => !late,
            OrderStatus::Failed => late,
            OrderStatus::Paying => false,
        };
        if !fits {
            return Ok(BeginRefund::Otherwise(order.status));
        }
        let asked = match &new.of {
            RefundOf::Units(units) => units.clone(),
            RefundOf::Everything | RefundOf::LateCharge => order.units.iter().map(|unit| unit.unit).collect(),
        };
        let is_there = |unit: &Unit| order.units.iter().any(|known| known.unit == *unit);
        let strange: Units = asked.iter().copied().filter(|unit| !is_there(unit)).collect();
        if !strange.is_empty() {
            return Ok(BeginRefund::NotInOrder(strange));
        }
        let fresh = order.units.iter().filter(|unit| asked.contains(&unit.unit) && unit.refund.is_none());
        let units: Units = fresh.clone().map(|unit| unit.unit).collect();
        if !units.is_empty() {
            let amount = Money::new(fresh.map(|unit| unit.price.amount).sum(), order.total.currency);
            let (id, keep_claim, created_at) = (new.id, new.keep_claim, new.at);
            let released = if late { units.clone() } else { Units::new() };
            let status = RefundStatus::Open;
            let order = new.order;
            let refund = Refund { id, order, amount, units, released, keep_claim, status, created_at };
            state.write(refund);
        }
        let open: Vec<Refund> = state
            .refunds
            .values()
            .filter(|refund| refund.order == new.order && refund.status != RefundStatus::Done)
            .filter(|refund| refund.units.iter().any(|unit| asked.contains(unit)))
            .cloned()
            .collect();
        Ok(BeginRefund::Recorded { order: Box::new(state.orders[&new.order].clone()), open })
    }

    async fn finish_refund(&self, id: RefundId, at: Timestamp) -> Result<Option<Refund>, StoreError> {
        let mut state = self.state.lock();
        let Some(mut refund) = state.refunds.get(&id).cloned() else { return Ok(None) };
        if refund.status != RefundStatus::Open {
            return Ok(Some(refund));
        }
        if refund.keep_claim {
            refund.status = RefundStatus::Done;
        } else {
            refund.status = RefundStatus::Returned;
            let units = refund.units.clone();
            state.release(&mut refund, &units);
        }
        state.write(refund.clone());
        if let Some(order) = state.orders.get_mut(&refund.order) {
            let is_back = |unit: &OrderUnit| unit.refund.is_some_and(|refund| refund.status.is_money_back());
            if order.status == OrderStatus::Paid && order.units.iter().all(is_back) {
                order.status = OrderStatus::Refunded;
            }
            let now = order.clone();
            if now.status != OrderStatus::Failed {
                state.tell_of_refund(&now, &refund, at);
            }
        }
        Ok(Some(refund))
    }

    async fn release_refunded(
        &self,
        order: OrderId,
        units: &Units,
        _at: Timestamp,
    ) -> Result<Vec<Refund>, StoreError> {
        let mut state = self.state.lock();
        let kept = |refund: &Refund| -> Units {
            let kept =
                refund.units.iter().filter(|unit| units.contains(unit) && !refund.released.contains(unit));
            kept.copied().collect()
        };
        let some: Vec<Refund> = state
            .refunds
            .values()
            .filter(|refund| {
                refund.order == order && refund.status.is_money_back() && !kept(refund).is_empty()
            })
            .cloned()
            .collect();
        let mut released = Vec::new();
        for mut refund in some {
            let units = kept(&refund);
            refund.status = RefundStatus::Returned;
            state.release(&mut refund, &units);
            state.write(refund.clone());
            released.push(refund);
        }
        Ok(released)
    }

    async fn close_refund(&self, id: RefundId, released: &Units, _at: Timestamp) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        let known = state.refunds.get(&id).cloned();
        let is_to_close = |refund: &Refund| {
            refund.status == RefundStatus::Returned && refund.released.len() == released.len()
        };
        if let Some(refund) = known.filter(is_to_close) {
            state.write(Refund { status: RefundStatus::Done, ..refund });
        }
        Ok(())
    }

    async fn open_refunds(
        &self,
        before: Timestamp,
        after: Option<(Timestamp, RefundId)>,
        limit: u32,
    ) -> Result<Vec<Refund>, StoreError> {
        let state = self.state.lock();
        let mut open: Vec<Refund> = state
            .refunds
            .values()
            .filter(|refund| refund.status != RefundStatus::Done && refund.created_at < before)
            .filter(|refund| after.is_none_or(|after| (refund.created_at, refund.id) > after))
            .cloned()
            .collect();
        open.sort_by_key(|refund| (refund.created_at, refund.id));
        open.truncate(limit as usize);
        Ok(open)
    }
}

impl State {
    /// Writes a refund down, and on the units of its order.
    fn write(&mut self, refund: Refund) {
        if let Some(order) = self.orders.get_mut(&refund.order) {
            for unit in order.units.iter_mut().filter(|unit| refund.units.contains(&unit.unit)) {
                let is_released = refund.released.contains(&unit.unit);
                unit.refund = Some(UnitRefund { id: refund.id, status: refund.status, is_released });
            }
        }
        self.refunds.insert(refund.id, refund);
    }

    fn release(&mut self, refund: &mut Refund, units: &Units) {
        let Some(performance) = self.orders.get(&refund.order).map(|order| order.performance) else { return };
        for unit in units {
            if self.claims.get(&(performance, *unit)) == Some(&refund.order) {
                self.claims.remove(&(performance, *unit));
            }
            if !refund.released.contains(unit) {
                refund.released.push(*unit);
            }
        }
        refund.released.sort_unstable();
    }
}
