//! Tickets: what their buyers take along, and letting people in with them.
//!
//! Invariants: a ticket lets in once, and only while its order is paid and its unit is not refunded; to those who have nothing to do with it a ticket
//! looks like one that does not exist.

use std::sync::Arc;

use onsale_domain::{
    ids::{OrderId, PerformanceId},
    orders::OrderStatus,
    tickets::TicketCode,
};
use serde_json::json;

use crate::{
    App, Caller,
    cards::{Card, UnitLabel},
    catalogue::check_organizer,
    errors::{AppError, Reason, rfc3339},
    orders::OrderView,
    ports::ledger::{Attendance, CheckIn, CheckInOutcome, OrderUnit, Ticket},
};

/// A ticket in words.
#[derive(Clone, Debug)]
pub struct TicketView {
    /// The ticket.
    pub ticket: Ticket,
    /// What its seat or place is called.
    pub label: UnitLabel,
    /// What it is for.
    pub card: Arc<Card>,
}

/// The tickets of an order.
#[derive(Clone, Debug)]
pub struct OrderTickets {
    /// What they are for.
    pub card: Arc<Card>,
    /// The name that the buyer gave.
    pub buyer_name: String,
    /// What was bought, its code, and what it is called.
    pub units: Vec<(OrderUnit, TicketCode, UnitLabel)>,
}

impl App {
    /// Lets the bearer of a ticket in; where a performance is named, only to that one.
    pub async fn check_in(
        &self,
        caller: Caller,
        code: TicketCode,
        to: Option<PerformanceId>,
    ) -> Result<TicketView, AppError> {
        let TicketView { ticket, card, label } = self.managed_ticket(caller, code).await?;
        if to.is_some_and(|to| to != ticket.performance) {
            return Err(AppError::refused(Reason::WrongPerformance, "the ticket is for another performance")
                .with("performance_id", json!(ticket.performance))
                .with("starts_at", json!(rfc3339(card.performance.starts_at))));
        }
        let check_in = CheckIn { at: self.clock.now(), by: caller.account };
        match self.ledger.check_in(&ticket.code, check_in).await? {
            CheckInOutcome::CheckedIn(ticket) => {
                tracing::debug!(order = %ticket.order, "let in");
                Ok(TicketView { ticket, label, card })
            }
            CheckInOutcome::AlreadyUsed(used) => Err(already_used(&used, &label)),
            CheckInOutcome::Void(void) => Err(is_void(&void)),
            CheckInOutcome::NotFound => Err(unknown()),
        }
    }

    /// Takes a check-in back; where there was none, nothing changes.
    pub async fn undo_check_in(&self, caller: Caller, code: TicketCode) -> Result<(), AppError> {
        let view = self.managed_ticket(caller, code).await?;
        if self.ledger.undo_check_in(&view.ticket.code).await? {
            tracing::info!(order = %view.ticket.order, "a check-in was taken back");
            return Ok(());
        }
        Err(unknown())
    }

    /// How many have come to a performance, of how many.
    pub async fn attendance(&self, caller: Caller, id: PerformanceId) -> Result<Attendance, AppError> {
        self.managed_card(caller, id).await?;
        Ok(self.ledger.attendance(id).await?)
    }

    /// A good ticket of the caller's, or to an event that they manage.
    pub async fn ticket(&self, caller: Caller, code: TicketCode) -> Result<TicketView, AppError> {
        let view = self.find_ticket(code).await?.ok_or_else(unknown)?;
        if view.ticket.owner != caller.account && !caller.manages(&view.card.event) {
            return Err(unknown());
        }
        if view.ticket.is_good() { Ok(view) } else { Err(is_void(&view.ticket)) }
    }

    /// All tickets of a paid order of the caller's, or of an event that they manage; units that are refunded have none.
    pub async fn tickets_of(&self, caller: Caller, id: OrderId) -> Result<OrderTickets, AppError> {
        let view = self.order(caller, id).await?;
        let order = &view.order;
        if order.status != OrderStatus::Paid {
            return Err(AppError::refused(
                Reason::OrderState,
                format!("the order is {}; only paid orders have tickets", order.status.as_str()),
            ));
        }
        let card = self.card(order.performance).await?;
        let view = view.without_refunded();
        if view.order.units.is_empty() {
            return Err(AppError::refused(Reason::OrderState, "all of the order is being refunded"));
        }
        printable(card, view)
    }

    /// A ticket to an event of the caller's.
    async fn managed_ticket(&self, caller: Caller, code: TicketCode) -> Result<TicketView, AppError> {
        check_organizer(caller)?;
        let view = self.find_ticket(code).await?.ok_or_else(unknown)?;
        if caller.manages(&view.card.event) { Ok(view) } else { Err(unknown()) }
    }

    async fn find_ticket(&self, code: TicketCode) -> Result<Option<TicketView>, AppError> {
        let Some(ticket) = self.ledger.ticket(&code.to_string()).await? else { return Ok(None) };
        let card = self.find_card(ticket.performance).await?;
        Ok(card.map(|card| TicketView { label: card.label(ticket.unit), ticket, card }))
    }
}

/// What is printed of an order: all units of the view, which is without those that are refunded where it is for tickets.
pub(crate) fn printable(card: Arc<Card>, view: OrderView) -> Result<OrderTickets, AppError> {
    let OrderView { order, labels, .. } = view;
    let with_code = |(unit, label): (OrderUnit, UnitLabel)| {
        let code = unit.ticket_code.parse().map_err(|error| {
            AppError::Internal(format!("order {}, unit {}: {error}", order.id, unit.unit.0))
        })?;
        Ok((unit, code, label))
    };
    let units = order.units.into_iter().zip(labels).map(with_code).collect::<Result<_, AppError>>()?;
    Ok(OrderTickets { card, buyer_name: order.buyer.name, units })
}

fn unknown() -> AppError {
    AppError::not_found("ticket")
}

fn already_used(ticket: &Ticket, label: &UnitLabel) -> AppError {
    let used_at = ticket.checked_in.map(|check_in| rfc3339(check_in.at));
    AppError::refused(Reason::AlreadyUsed, "somebody has been let in with this ticket")
        .with("used_at", json!(used_at))
        .with("label", json!(label.label))
        .with("buyer_name", json!(ticket.buyer_name))
}

fn is_void(ticket: &Ticket) -> AppError {
    let (status, why) = match ticket.order_status {
        OrderStatus::Refunded => (OrderStatus::Refunded, "the money for this ticket was given back"),
        // Of the whole order, as far as this ticket goes.
        _ if ticket.is_refunded => (OrderStatus::Refunded, "the money for this ticket was given back"),
        status => (status, "this ticket is not paid for"),
    };
    AppError::refused(Reason::TicketVoid, why).with("order_status", json!(status))
}
