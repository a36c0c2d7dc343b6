//! Looking at orders: one's own, and those of one's events.
//!
//! Invariant: an order is shown to who bought it and to who manages its event; to everybody else it does not exist.

use onsale_domain::{
    ids::{EventId, OrderId},
    units::Unit,
};

use super::OrderView;
use crate::{
    App, Caller,
    cards::{Card, UnitLabel},
    errors::AppError,
    ports::ledger::{Order, OrderFilter, Page, PageRequest},
    reservations::in_words,
};

/// The longest text that orders are looked for by, in characters.
const MAX_SEARCH: usize = 200;

impl App {
    /// An order of the caller, or of an event that they manage.
    pub async fn order(&self, caller: Caller, id: OrderId) -> Result<OrderView, AppError> {
        let unknown = || AppError::not_found("order");
        let order = self.ledger.order(id).await?.ok_or_else(unknown)?;
        let card = self.find_card(order.performance).await?;
        let manages = || card.as_ref().is_some_and(|card| caller.manages(&card.event));
        if order.owner != caller.account && !manages() {
            return Err(unknown());
        }
        Ok(match card {
            Some(card) => order_in_words(&card, order),
            None => order_in_numbers(order),
        })
    }

    /// The caller's orders, newest first.
    pub async fn orders_of(&self, caller: Caller, page: PageRequest) -> Result<Page<OrderView>, AppError> {
        let orders = self.ledger.orders_of(caller.account, page).await?;
        self.page_in_words(orders).await
    }

    /// The orders of an event that the caller manages, newest first.
    pub async fn find_orders(
        &self,
        caller: Caller,
        event: EventId,
        filter: OrderFilter,
        page: PageRequest,
    ) -> Result<Page<OrderView>, AppError> {
        self.managed_event(caller, event).await?;
        if let Some(text) = &filter.text
            && (text.chars().count() > MAX_SEARCH || text.chars().any(char::is_control))
        {
            return Err(AppError::invalid("query", &format!("must have at most {MAX_SEARCH} characters")));
        }
        let orders = self.ledger.find_orders(event, &filter, page).await?;
        self.page_in_words(orders).await
    }

    async fn page_in_words(&self, orders: Page<Order>) -> Result<Page<OrderView>, AppError> {
        let mut items = Vec::with_capacity(orders.items.len());
        for order in orders.items {
            items.push(match self.find_card(order.performance).await? {
                Some(card) => order_in_words(&card, order),
                None => order_in_numbers(order),
            });
        }
        Ok(Page { items, next: orders.next })
    }
}

pub(crate) fn order_in_words(card: &Card, order: Order) -> OrderView {
    let units: Vec<Unit> = order.units.iter().map(|unit| unit.unit).collect();
    OrderView { labels: in_words(card, &units), order, action: None }
}

/// An order whose performance is gone: its units have no names any more.
fn order_in_numbers(order: Order) -> OrderView {
    let label = |unit: Unit| UnitLabel { label: unit.0.to_string(), section: None };
    OrderView { labels: order.units.iter().map(|unit| label(unit.unit)).collect(), order, action: None }
}
