//! Moves admission on: a few times a second, for the waiting rooms that somebody asks about here.
//!
//! Invariant: nobody is called while it is not known what there is to sell.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ahash::AHashMap;
use futures_util::{StreamExt, stream};
use onsale_app::{App, errors::AppError, waiting_room::Rooms};
use onsale_domain::{ids::EventId, units::Counts};
use parking_lot::Mutex;

/// How often.
const EVERY: Duration = Duration::from_millis(250);

/// How long one room may take before the others go on without it.
const ROOM_WITHIN: Duration = Duration::from_secs(2);

/// How many rooms are moved on at once.
const AT_ONCE: usize = 16;

/// How long a report of what is on sale is believed.
const REPORT_LASTS: Duration = Duration::from_secs(5);

/// How many events reports are kept of.
const MAX_REPORTED: usize = 10_000;

/// What the sales server says is on sale, where the waiting room is served apart.
#[derive(Default)]
pub(crate) struct Reports {
    latest: Mutex<AHashMap<EventId, (Instant, Option<Counts>)>>,
}

impl Reports {
    /// Takes a report; `None`: nothing is on sale yet.
    pub(crate) fn take(&self, event: EventId, on_sale: Option<Counts>, now: Instant) {
        let mut latest = self.latest.lock();
        if latest.len() >= MAX_REPORTED && !latest.contains_key(&event) {
            latest.retain(|_, (at, _)| now.saturating_duration_since(*at) <= REPORT_LASTS);
        }
        if latest.len() < MAX_REPORTED || latest.contains_key(&event) {
            latest.insert(event, (now, on_sale));
        }
    }

    fn on_sale(&self, event: EventId, now: Instant) -> Option<Counts> {
        let latest = self.latest.lock();
        let (at, counts) = latest.get(&event)?;
        counts.filter(|_| now.saturating_duration_since(*at) <= REPORT_LASTS)
    }
}

/// Who knows what is on sale.
#[derive(Clone)]
pub(crate) enum OnSale {
    /// This process.
    Here(Arc<App>),
    /// The sales server, which reports it.
    Reported(Arc<Reports>),
}

impl OnSale {
    async fn of(&self, event: EventId) -> Result<Option<Counts>, AppError> {
        match self {
            Self::Here(app) => app.on_sale(event).await,
            Self::Reported(reports) => Ok(reports.on_sale(event, Instant::now())),
        }
    }
}

/// Moves every room in use on, until it is dropped.
pub(crate) async fn run(rooms: Arc<Rooms>, on_sale: OnSale) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        stream::iter(rooms.in_use())
            .for_each_concurrent(AT_ONCE, |event| {
                let (rooms, on_sale) = (&rooms, &on_sale);
                async move {
                    let moved = async { rooms.admit(event, on_sale.of(event).await?).await };
                    match tokio::time::timeout(ROOM_WITHIN, moved).await {
                        // Without a waiting room any more.
                        Ok(Ok(_) | Err(AppError::Refused(_))) => {}
                        Ok(Err(error)) => tracing::warn!(%error, %event, "admission rests"),
                        Err(_) => tracing::warn!(%event, "admission rests: a store does not answer"),
                    }
                }
            })
            .await;
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn old_reports_are_not_believed() {
        let (reports, now) = (Reports::default(), Instant::now());
        let event = EventId(Uuid::from_u128(1));
        let counts = Counts { available: 7, ..Counts::default() };
        assert_eq!(reports.on_sale(event, now), None);
        reports.take(event, Some(counts), now);
        assert_eq!(reports.on_sale(event, now + REPORT_LASTS), Some(counts));
        assert_eq!(reports.on_sale(event, now + REPORT_LASTS + Duration::from_millis(1)), None);
        reports.take(event, None, now);
        assert_eq!(reports.on_sale(event, now), None);
    }
}
