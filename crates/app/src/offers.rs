//! What is on offer, as anybody may read it: events and their performances, at hand.
//!
//! Invariants: what this process changes it gives out changed at once; what another one changed, at most [`FRESH_FOR_MS`]
//! later, or once the ledger answers again. Whoever changes something reads it from the ledger.

use std::sync::Arc;

use onsale_domain::ids::EventId;

use crate::{
    App,
    at_hand::AtHand,
    cards::FRESH_FOR_MS,
    errors::AppError,
    ports::ledger::{Event, Page, PageRequest, Performance},
};

/// Events, and pages of lists.
pub(crate) struct Offers {
    events: AtHand<EventId, Event>,
    event_lists: AtHand<PageRequest, Page<Event>>,
    performance_lists: AtHand<(EventId, PageRequest), Page<Performance>>,
}

impl Default for Offers {
    fn default() -> Self {
        Self {
            events: AtHand::fresh_for(FRESH_FOR_MS),
            event_lists: AtHand::fresh_for(FRESH_FOR_MS),
            performance_lists: AtHand::fresh_for(FRESH_FOR_MS),
        }
    }
}

impl App {
    /// An event.
    pub async fn event(&self, id: EventId) -> Result<Arc<Event>, AppError> {
        let found = self.offers.events.get(id, self.clock.now(), self.ledger.event(id)).await?;
        found.ok_or_else(|| AppError::not_found("event"))
    }

    /// All events, newest first.
    pub async fn events(&self, page: PageRequest) -> Result<Arc<Page<Event>>, AppError> {
        let read = async { self.ledger.events(page).await.map(Some) };
        let found = self.offers.event_lists.get(page, self.clock.now(), read).await?;
        found.ok_or_else(|| AppError::not_found("page"))
    }

    /// The performances of an event, in order of creation.
    pub async fn performances(
        &self,
        event: EventId,
        page: PageRequest,
    ) -> Result<Arc<Page<Performance>>, AppError> {
        self.event(event).await?;
        let read = async { self.ledger.performances(event, page).await.map(Some) };
        let found = self.offers.performance_lists.get((event, page), self.clock.now(), read).await?;
        found.ok_or_else(|| AppError::not_found("page"))
    }

    /// Reads what is on offer anew at the next use: it has been changed here.
    pub(crate) fn offers_changed(&self) {
        self.offers.events.forget();
        self.offers.event_lists.forget();
        self.offers.performance_lists.forget();
        self.cards.forget();
    }
}
