//! Exports: what is booked for an event, in pages, for files that are written as they are sent.
//!
//! Invariants: an export remembers where it is and nothing of what it has read; orders that were begun after it began are
//! not in it, and each of the others is in it once, as of one moment during the export.

use std::{collections::VecDeque, sync::Arc};

use onsale_domain::{
    ids::{EventId, OrderId, PerformanceId},
    time::Timestamp,
};

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

impl App {
    /// Begins an export of an event that the caller manages.
    pub async fn begin_export(&self, caller: Caller, event: EventId) -> Result<Export, AppError> {
        self.managed_event(caller, event).await?;
        tracing::info!(%event, by = %caller.account, "export begun");
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
