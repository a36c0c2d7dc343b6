//! Tickets in memory.
//!
//! Invariant: a ticket that was used is in one entry, made while it was good.

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    ledger::{Attendance, CheckIn, CheckInOutcome, Ticket, Tickets},
};
use onsale_domain::{ids::PerformanceId, orders::OrderStatus};

use super::{MemoryLedger, State};

#[async_trait]
impl Tickets for MemoryLedger {
    async fn ticket(&self, code: &str) -> Result<Option<Ticket>, StoreError> {
        Ok(self.state.lock().ticket(code))
    }

    async fn check_in(&self, code: &str, check_in: CheckIn) -> Result<CheckInOutcome, StoreError> {
        let mut state = self.state.lock();
        Ok(match state.ticket(code) {
            None => CheckInOutcome::NotFound,
            Some(ticket) if !ticket.is_good() => CheckInOutcome::Void(ticket),
            Some(ticket) if ticket.checked_in.is_some() => CheckInOutcome::AlreadyUsed(ticket),
            Some(ticket) => {
                state.check_ins.insert(code.to_owned(), check_in);
                CheckInOutcome::CheckedIn(Ticket { checked_in: Some(check_in), ..ticket })
            }
        })
    }

    async fn undo_check_in(&self, code: &str) -> Result<bool, StoreError> {
        let mut state = self.state.lock();
        state.check_ins.remove(code);
        Ok(state.ticket(code).is_some())
    }

    async fn attendance(&self, performance: PerformanceId) -> Result<Attendance, StoreError> {
        let state = self.state.lock();
        let paid = state
            .orders
            .values()
            .filter(|order| order.performance == performance && order.status == OrderStatus::Paid);
        let mut attendance = Attendance::default();
        for unit in paid.flat_map(|order| &order.units).filter(|unit| unit.refund.is_none()) {
            attendance.sold += 1;
            attendance.checked_in += u64::from(state.check_ins.contains_key(&unit.ticket_code));
        }
        Ok(attendance)
    }
}

impl State {
    fn ticket(&self, code: &str) -> Option<Ticket> {
        self.orders.values().find_map(|order| {
            let unit = order.units.iter().find(|unit| unit.ticket_code == code)?;
            Some(Ticket {
                code: code.to_owned(),
                order: order.id,
                order_status: order.status,
                owner: order.owner,
                buyer_name: order.buyer.name.clone(),
                performance: order.performance,
                unit: unit.unit,
                price: unit.price,
                is_refunded: unit.refund.is_some(),
                checked_in: self.check_ins.get(code).copied(),
            })
        })
    }
}
