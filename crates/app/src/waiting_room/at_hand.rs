//! What this process keeps of each waiting room, so that a poll asks no store.
//!
//! Invariant: what is given out is at most [`FRESH_FOR_MS`] old, or older only while a store does not answer.

use std::sync::Arc;

use ahash::AHashMap;
use onsale_domain::{
    events::WaitingRoomMode,
    ids::EventId,
    time::Timestamp,
    waiting_room::{Secret, Summary},
};
use parking_lot::RwLock;

use super::{Rooms, no_room, terms};
use crate::{
    errors::AppError,
    lines::Lines,
    ports::{StoreError, ledger::Event, waiting_room::RoomError},
};

/// How long a summary and the settings of an event are used before they are read again.
pub const FRESH_FOR_MS: u64 = 250;

/// How many events are kept at hand. Beyond that the longest kept go.
pub(super) const MAX_KEPT: usize = 1_000;

/// A room at hand: the settings of its event, and how it was.
type Found = (Arc<Event>, Arc<Summary>);

struct Kept {
    event: Arc<Event>,
    summary: Arc<Summary>,
    read_at: Timestamp,
    /// Somebody is reading it anew.
    reading: bool,
}

/// The rooms at hand.
#[derive(Default)]
pub(super) struct AtHand {
    kept: RwLock<AHashMap<EventId, Kept>>,
    /// When a sale opens everybody finds it missing at once; one reads, the others wait for that.
    first_reading: Lines<EventId>,
}

impl AtHand {
    pub(super) fn events(&self) -> Vec<EventId> {
        let mut events: Vec<EventId> = self.kept.read().keys().copied().collect();
        events.sort_unstable();
        events
    }

    fn keep(&self, event: &Arc<Event>, summary: &Arc<Summary>, read_at: Timestamp) {
        let mut kept = self.kept.write();
        if kept.len() >= MAX_KEPT && !kept.contains_key(&event.id) {
            let oldest = kept.iter().min_by_key(|(_, kept)| kept.read_at).map(|(id, _)| *id);
            oldest.map(|id| kept.remove(&id));
        }
        let (event, summary) = (Arc::clone(event), Arc::clone(summary));
        kept.insert(event.id, Kept { event, summary, read_at, reading: false });
    }
}

impl Rooms {
    /// Settings and summary, read anew when they are old. One reads; the others go on with what is there.
    pub(super) async fn at_hand(&self, id: EventId) -> Result<Found, AppError> {
        let now = self.clock.now();
        let fresh = |kept: &Kept| now.since_ms(kept.read_at) < FRESH_FOR_MS || kept.reading;
        let found = |kept: &Kept| (Arc::clone(&kept.event), Arc::clone(&kept.summary));
        if let Some(kept) = self.at_hand.kept.read().get(&id).filter(|kept| fresh(kept)) {
            return Ok(found(kept));
        }
        let stale = match self.at_hand.kept.write().get_mut(&id) {
            Some(kept) if fresh(kept) => return Ok(found(kept)),
            Some(kept) => {
                kept.reading = true;
                Some(found(kept))
            }
            None => None,
        };
        let Some((event, summary)) = stale else {
            let _one_at_a_time = self.at_hand.first_reading.turn(id).await;
            if let Some(found) = self.at_hand.kept.read().get(&id).map(found) {
                return Ok(found);
            }
            let event = self.events.event(id).await?;
            return self.read(id, event).await;
        };
        let _done = Reading { rooms: self, id };
        let read = match self.events.event(id).await {
            Ok(event) => self.read(id, event).await,
            // The line moves on while the ledger is away; the settings are those of before.
            Err(error) => {
                tracing::warn!(%error, event = %id, "settings not read; going on with what is at hand");
                self.refresh(Arc::clone(&event)).await
            }
        };
        match read {
            Err(AppError::Unavailable(cause)) => {
                tracing::warn!(cause, event = %id, "waiting room not read; going on with what is at hand");
                Ok((event, summary))
            }
            other => other,
        }
    }

    async fn read(&self, id: EventId, event: Option<Event>) -> Result<Found, AppError> {
        let event = event.filter(|event| event.settings.waiting_room.mode == WaitingRoomMode::On);
        let Some(event) = event else {
            self.at_hand.kept.write().remove(&id);
            return Err(no_room());
        };
        self.refresh(Arc::new(event)).await
    }

    /// Reads the room of an event, which is begun where there is none, and keeps it at hand.
    pub(super) async fn refresh(&self, event: Arc<Event>) -> Result<Found, AppError> {
        let terms = terms(&event);
        let summary = match self.store.summary(event.id, terms).await {
            Err(RoomError::NotBegun) => {
                self.begin(event.id).await?;
                // Where there is no lobby, this closes it, so that nobody is told of one.
                self.store.admit(event.id, None, terms).await?;
                self.store.summary(event.id, terms).await?
            }
            other => other?,
        };
        let summary = Arc::new(summary);
        self.at_hand.keep(&event, &summary, self.clock.now());
        Ok((event, summary))
    }

    async fn begin(&self, event: EventId) -> Result<(), StoreError> {
        let mut secret = [0; 32];
        for part in secret.chunks_exact_mut(8) {
            part.copy_from_slice(&self.entropy.bits().to_le_bytes());
        }
        let secret = Secret(secret);
        let generation = (self.entropy.bits() >> 32) as u32;
        if self.store.begin(event, generation, secret).await? {
            tracing::info!(%event, generation, commitment = %secret.commitment(), "waiting room begun");
        }
        Ok(())
    }
}

/// Lets others read again, also where the one who read was given up.
struct Reading<'a> {
    rooms: &'a Rooms,
    id: EventId,
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        if let Some(kept) = self.rooms.at_hand.kept.write().get_mut(&self.id) {
            kept.reading = false;
        }
    }
}
