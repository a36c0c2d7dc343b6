//! Exports: what is booked for an event, in pages, for files that are written as they are sent.
//!
//! Invariants: an export remembers where it is and nothing of what it has read; orders that were begun after it began are
//! not in it, and each of the others is in it once, as of one moment during the export.

use std::{collections::VecDeque, sync::Arc};

use onsale_domain::{
    ids::{AccountId, EventId, OrderId, PerformanceId},
    time::Timestamp,
};
use uuid::Uuid;

use crate::{
    App, Caller,
    cards::Card,
    errors::AppError,
    ports::ledger::{BookPage, BookedOrder, PageRequest},
};

/// How many orders are read at once.
const PAGE: u32 = 250;

/// How many performances are listed at once.
const PERFORMANCES: u32 = 200;

/// Where an export is.
#[derive(Clone, Debug)]
pub struct Export {
    event: EventId,
    before: Timestamp,
    /// The page of performances behind the ones at hand.
    further: Option<PageRequest>,
    performances: VecDeque<PerformanceId>,
    after: Option<OrderId>,
}

/// Some orders of one performance.
#[derive(Clone, Debug)]
pub struct Exported {
    /// Of what, for the names of its seats.
    pub card: Arc<Card>,
    /// The orders, with all that is booked for them.
    pub orders: Vec<BookedOrder>,
}

/// One side of a movement of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The order or refund.
    pub movement: Uuid,
    /// `charge` or `give_back`.
    pub kind: &'a str,
    /// A side of the wallets, or a provider and the sales that stand against it.
    pub side: &'a str,
    /// Whose, where somebody is known.
    pub account: Option<AccountId>,
    /// What came (above zero) or went (below), minor units.
    pub amount: i64,
    /// Of which currency.
    pub currency: &'a str,
    /// When.
    pub at: Timestamp,
}

/// The double entries of an order, which add up to zero: as they are booked for wallets; for other providers as they
/// follow from the payment and the refunds.
pub fn entries(order: &BookedOrder) -> Vec<Entry<'_>> {
    let booked = order.entries.iter().map(|entry| Entry {
        movement: entry.movement,
        kind: &entry.kind,
        side: &entry.side,
        account: Some(entry.account),
        amount: entry.money.amount,
        currency: &entry.money.currency,
        at: entry.at,
    });
    let mut entries: Vec<_> = booked.collect();
    let Some(payment) = order.payment.as_ref().filter(|_| entries.is_empty()) else { return entries };
    let mut add = |movement, kind, amount: i64, at| {
        for (side, amount) in [(payment.method.as_str(), -amount), ("sales", amount)] {
            let (account, currency) = (order.owner, payment.money.currency.as_str());
            entries.push(Entry { movement, kind, side, account, amount, currency, at });
        }
    };
    if order.captured() > 0 {
        add(order.id.0, "charge", order.captured(), order.settled_at.unwrap_or(order.created_at));
    }
    for refund in order.refunds_given().filter(|refund| refund.money.amount > 0) {
        add(refund.id.0, "give_back", -refund.money.amount, refund.updated_at);
    }
    entries
}

impl App {
    /// Begins an export of an event that the caller manages.
    pub async fn begin_export(&self, caller: Caller, event: EventId) -> Result<Export, AppError> {
        self.managed_event(caller, event).await?;
        tracing::info!(%event, "export begun");
        Ok(Export {
            event,
            before: self.clock.now(),
            further: Some(PageRequest { limit: PERFORMANCES, after: None }),
            performances: VecDeque::new(),
            after: None,
        })
    }

    /// The next orders, in the order of performances and then of ids; `None` at the end.
    pub async fn go_on_exporting(&self, export: &mut Export) -> Result<Option<Exported>, AppError> {
        loop {
            let Some(performance) = export.performances.front().copied() else {
                let Some(request) = export.further.take() else { return Ok(None) };
                let page = self.ledger.performances(export.event, request).await?;
                export.performances.extend(page.items.iter().map(|performance| performance.id));
                export.further = page.next.map(|after| PageRequest { after: Some(after), ..request });
                continue;
            };
            let page = BookPage {
                performance: Some(performance),
                before: export.before,
                after: export.after,
                limit: PAGE,
            };
            let orders = self.ledger.booked_orders(page).await?;
            if let (Some(last), Some(card)) = (orders.last(), self.find_card(performance).await?) {
                export.after = Some(last.id);
                return Ok(Some(Exported { card, orders }));
            }
            export.performances.pop_front();
            export.after = None;
        }
    }
}
