//! A sale as it is watched: the latest figures of an event, and what they were in each second before.
//!
//! Invariants: an event is recorded from when somebody first looks until nobody has looked for a while; what is kept of
//! one is bounded, and so is how many are. Figures are of one moment, which is told with them; while a store does not
//! answer they are those of before.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use onsale_app::{
    errors::AppError,
    figures::Figures,
    ports::ledger::{Event, PageRequest},
};
use onsale_domain::{
    events::WaitingRoomMode,
    ids::{EventId, OrderId, PerformanceId, ReservationId},
    time::Timestamp,
    units::Counts,
    waiting_room::Summary,
};
use parking_lot::Mutex;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::http::{Server, traffic};

mod people;

use people::People;
pub(crate) use people::Turnout;

/// How often figures are taken.
const EVERY: Duration = Duration::from_secs(1);

/// How long figures are kept: an hour of seconds.
const KEPT: usize = 3_600;

/// How long an event is recorded after somebody has looked.
const UNWATCHED_FOR: Duration = Duration::from_mins(10);

/// How many events are recorded at once; who looks at another ends the one that was looked at longest ago.
const MAX_RECORDED: usize = 32;

/// How many performances of an event are shown, the earliest made first.
const MAX_PERFORMANCES: u32 = 100;

/// After a reading of a stock there is a pause of so many times what it took: one that takes a third of a second, as a
/// large one in a store that is far away may, is read less often than every second.
const PAUSE_PER_READING: u32 = 2;

/// A performance in the latest figures.
#[derive(Clone)]
pub(crate) struct Shown {
    pub(crate) figures: Arc<Figures>,
    pub(crate) viewers: usize,
}

/// The latest figures of an event.
#[derive(Clone)]
pub(crate) struct Latest {
    pub(crate) at: Timestamp,
    pub(crate) performances: Vec<Shown>,
    pub(crate) room: Option<(Arc<Summary>, Turnout)>,
    /// Holds that were made since recording began, and orders that were paid.
    pub(crate) holds: u64,
    pub(crate) orders: u64,
    pub(crate) traffic: traffic::Figures,
}

/// A second of a sale.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Moment {
    pub(crate) at: Timestamp,
    pub(crate) counts: Counts,
    pub(crate) joined: u32,
    pub(crate) waiting: u32,
    pub(crate) inside: u32,
    pub(crate) turnout: Turnout,
    pub(crate) viewers: usize,
    pub(crate) requests_per_s: f64,
    pub(crate) p95: Duration,
    pub(crate) error_rate: f64,
}

/// What is watched of one event.
pub(crate) struct Recording {
    event: EventId,
    looked: Mutex<Instant>,
    seen: Mutex<Seen>,
    sampling: tokio::sync::Mutex<Sampler>,
}

#[derive(Default)]
struct Seen {
    latest: Option<Arc<Latest>>,
    moments: VecDeque<Moment>,
}

/// What is known from one second to the next.
#[derive(Default)]
struct Sampler {
    stocks: BTreeMap<PerformanceId, Stock>,
    people: People,
    holds: u64,
    orders: u64,
}

/// A stock as it was last read.
struct Stock {
    figures: Arc<Figures>,
    again_at: Instant,
    holds: HashSet<ReservationId>,
    orders: HashSet<OrderId>,
}

/// The events that are watched.
#[derive(Default)]
pub(crate) struct Recordings {
    by_event: Mutex<BTreeMap<EventId, Arc<Recording>>>,
}

impl Recordings {
    /// The figures of an event, and its seconds after `since`.
    pub(crate) async fn look(
        &self,
        server: &Arc<Server>,
        event: EventId,
        since: Timestamp,
    ) -> Result<(Arc<Latest>, Vec<Moment>), AppError> {
        let (recording, is_new) = self.recording(event);
        *recording.looked.lock() = Instant::now();
        if is_new {
            recording.start(server);
        }
        if let Some(seen) = recording.after(since) {
            return Ok(seen);
        }
        // The first who looks does not wait for the next second.
        recording.sample(server).await?;
        recording.after(since).ok_or_else(|| AppError::Unavailable("no figures have been taken yet".into()))
    }

    fn recording(&self, event: EventId) -> (Arc<Recording>, bool) {
        let mut by_event = self.by_event.lock();
        if let Some(known) = by_event.get(&event) {
            return (Arc::clone(known), false);
        }
        if by_event.len() >= MAX_RECORDED {
            let longest_ago = by_event.values().min_by_key(|recording| *recording.looked.lock());
            if let Some(gone) = longest_ago.map(|recording| recording.event) {
                by_event.remove(&gone);
            }
        }
        let made = Arc::new(Recording {
            event,
            looked: Mutex::new(Instant::now()),
            seen: Mutex::default(),
            sampling: tokio::sync::Mutex::default(),
        });
        by_event.insert(event, Arc::clone(&made));
        (made, true)
    }

    fn has(&self, recording: &Arc<Recording>) -> bool {
        self.by_event.lock().get(&recording.event).is_some_and(|current| Arc::ptr_eq(current, recording))
    }

    fn end(&self, recording: &Arc<Recording>) {
        let mut by_event = self.by_event.lock();
        if by_event.get(&recording.event).is_some_and(|current| Arc::ptr_eq(current, recording)) {
            by_event.remove(&recording.event);
        }
    }
}

impl Recording {
    fn start(self: &Arc<Self>, server: &Arc<Server>) {
        let (recording, server) = (Arc::clone(self), Arc::clone(server));
        tokio::spawn(async move {
            let mut ticks = interval_at(Instant::now() + EVERY, EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let is_watched = recording.looked.lock().elapsed() < UNWATCHED_FOR;
                if !is_watched || server.is_stopping() || !server.recordings.has(&recording) {
                    break;
                }
                match recording.sample(&server).await {
                    Ok(()) => {}
                    // The event is gone.
                    Err(AppError::Refused(_)) => break,
                    Err(error) => tracing::debug!(%error, event = %recording.event, "no figures"),
                }
            }
            server.recordings.end(&recording);
        });
    }

    fn after(&self, since: Timestamp) -> Option<(Arc<Latest>, Vec<Moment>)> {
        let seen = self.seen.lock();
        let latest = Arc::clone(seen.latest.as_ref()?);
        let first = seen.moments.partition_point(|moment| moment.at <= since);
        Some((latest, seen.moments.range(first..).cloned().collect()))
    }

    /// Takes the figures of now.
    async fn sample(&self, server: &Server) -> Result<(), AppError> {
        let mut sampler = self.sampling.lock().await;
        let latest = sampler.look(server, self.event).await?;
        let moment = Moment::of(&latest);
        let mut seen = self.seen.lock();
        seen.latest = Some(Arc::new(latest));
        if seen.moments.back().is_some_and(|last| last.at >= moment.at) {
            return Ok(());
        }
        if seen.moments.len() >= KEPT {
            seen.moments.pop_front();
        }
        seen.moments.push_back(moment);
        Ok(())
    }
}

impl Sampler {
    async fn look(&mut self, server: &Server, event: EventId) -> Result<Latest, AppError> {
        let app = &server.app;
        let event = app.event(event).await?;
        let page = PageRequest { limit: MAX_PERFORMANCES, after: None };
        let listed = &app.performances(event.id, page).await?.items;
        self.stocks.retain(|id, _| listed.iter().any(|performance| performance.id == *id));
        let mut performances = Vec::with_capacity(listed.len());
        for performance in listed {
            let mut figures = self.stock(server, performance.id).await?;
            if figures.performance != *performance {
                // Its times have been changed since its stock was read.
                figures = Arc::new(Figures { performance: performance.clone(), ..(*figures).clone() });
            }
            performances.push(Shown { figures, viewers: server.hubs.viewers_of(performance.id) });
        }
        let now = app.clock().now();
        let room = room(server, &event).await?.map(|summary| {
            let turnout = self.people.saw(&summary, now);
            (summary, turnout)
        });
        let traffic = server.frame.traffic.figures();
        let (holds, orders) = (self.holds.max(self.orders), self.orders);
        Ok(Latest { at: now, performances, room, holds, orders, traffic })
    }

    async fn stock(&mut self, server: &Server, id: PerformanceId) -> Result<Arc<Figures>, AppError> {
        let begun = Instant::now();
        if let Some(known) = self.stocks.get(&id).filter(|known| known.again_at > begun) {
            return Ok(Arc::clone(&known.figures));
        }
        let figures = Arc::new(server.app.figures(id).await?);
        let again_at = Instant::now() + begun.elapsed() * PAUSE_PER_READING;
        let (holds, orders) = (figures.holds.iter().copied(), figures.orders.iter().copied());
        let stock = Stock {
            figures: Arc::clone(&figures),
            again_at,
            holds: holds.collect(),
            orders: orders.collect(),
        };
        if let Some(before) = self.stocks.insert(id, stock) {
            let held = figures.holds.iter().filter(|hold| !before.holds.contains(hold));
            let paid = figures.orders.iter().filter(|order| !before.orders.contains(order));
            self.holds += held.count() as u64;
            self.orders += paid.count() as u64;
        }
        Ok(figures)
    }
}

/// The waiting room, where the event has one and this process serves it.
async fn room(server: &Server, event: &Event) -> Result<Option<Arc<Summary>>, AppError> {
    match &server.rooms {
        Some(rooms) if event.settings.waiting_room.mode == WaitingRoomMode::On => {
            Ok(Some(rooms.summary(event.id).await?))
        }
        _ => Ok(None),
    }
}

impl Moment {
    fn of(latest: &Latest) -> Self {
        let parts = latest.performances.iter().flat_map(|shown| &shown.figures.parts);
        let counts = parts.fold(Counts::default(), |sum, part| sum.plus(part.counts));
        let (room, turnout) = match &latest.room {
            Some((summary, turnout)) => (Some(summary), *turnout),
            None => (None, Turnout::default()),
        };
        Self {
            at: latest.at,
            counts,
            joined: room.map_or(0, |room| room.joined),
            waiting: room.map_or(0, |room| room.waiting()),
            inside: room.map_or(0, |room| room.inside),
            turnout,
            viewers: latest.performances.iter().map(|shown| shown.viewers).sum(),
            requests_per_s: latest.traffic.requests_per_s,
            p95: latest.traffic.p95,
            error_rate: latest.traffic.error_rate,
        }
    }
}
