//! What an event has to sell just now, over all its performances: what admission goes by.

use std::sync::Arc;

use ahash::AHashMap;
use onsale_domain::{
    ids::{EventId, PerformanceId},
    time::Timestamp,
    units::Counts,
};
use parking_lot::Mutex;

use crate::{App, cards::Card, errors::AppError, ports::ledger::PageRequest};

/// How long the list of an event's performances is used before it is read again.
const LIST_FRESH_FOR_MS: u64 = 2_000;

/// How many performances of one event count. More are not sold through one waiting room.
const MAX_PERFORMANCES: usize = 1_000;

/// How many are read at once.
const PAGE: u32 = 200;

/// How many events are kept at hand.
const MAX_KEPT: usize = 1_000;

/// When a list was read, and the list.
type ReadAt = (Timestamp, Arc<[PerformanceId]>);

/// The performances of events, kept at hand.
#[derive(Default)]
pub(crate) struct OnSale {
    lists: Mutex<AHashMap<EventId, ReadAt>>,
}

impl Card {
    /// Whether the sale is open at a moment.
    pub(crate) fn is_on_sale(&self, now: Timestamp) -> bool {
        self.performance.sale_opens_at.is_none_or(|at| at <= now)
            && self.performance.sale_closes_at.is_none_or(|at| at > now)
    }
}

impl App {
    /// How many units of an event are in each state, over the performances that are on sale. `None`: none is.
    pub async fn on_sale(&self, event: EventId) -> Result<Option<Counts>, AppError> {
        let now = self.clock.now();
        let mut sum: Option<Counts> = None;
        for performance in self.performances_at_hand(event, now).await?.iter() {
            let card = self.card(*performance).await?;
            if !card.is_on_sale(now) {
                continue;
            }
            let stock = self.on_stock(&card, || self.stock.availability(*performance)).await?;
            let seen = self.without_returns(&card, &stock);
            sum = Some(sum.unwrap_or_default().plus(seen));
        }
        Ok(sum)
    }

    async fn performances_at_hand(
        &self,
        event: EventId,
        now: Timestamp,
    ) -> Result<Arc<[PerformanceId]>, AppError> {
        let known = self.on_sale.lists.lock().get(&event).cloned();
        if let Some((read_at, list)) = &known
            && now.since_ms(*read_at) < LIST_FRESH_FOR_MS
        {
            return Ok(Arc::clone(list));
        }
        let list: Arc<[PerformanceId]> = match (self.read_performances(event).await, known) {
            (Ok(list), _) => list.into(),
            // The line moves on while the ledger is away.
            (Err(AppError::Unavailable(_)), Some((_, list))) => list,
            (Err(error), _) => return Err(error),
        };
        let mut lists = self.on_sale.lists.lock();
        if lists.len() >= MAX_KEPT && !lists.contains_key(&event) {
            lists.clear();
        }
        lists.insert(event, (now, Arc::clone(&list)));
        Ok(list)
    }

    async fn read_performances(&self, event: EventId) -> Result<Vec<PerformanceId>, AppError> {
        let mut found = Vec::new();
        let mut after = None;
        while found.len() < MAX_PERFORMANCES {
            let page = self.ledger.performances(event, PageRequest { limit: PAGE, after }).await?;
            found.extend(page.items.iter().map(|performance| performance.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Ok(found)
    }
}
