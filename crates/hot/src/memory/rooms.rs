//! The waiting rooms, on the in-process store: the same journal, the same promises as for performances.
//!
//! Invariants: one room is one sequential history, moved under its lock; no lock is held across an await; what is
//! shown to anyone is durable.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    hot::Decided,
    waiting_room::{Holder, RoomError, WaitingRooms},
};
use onsale_domain::{
    ids::EventId,
    time::Timestamp,
    waiting_room::{
        Control, EndOutcome, EnterOutcome, Gate, JoinOutcome, Leaving, Place, Pseudonym, Room, RoomChange,
        Secret, Standing, Stock, Summary, Terms, room::JoinRequest,
    },
};
use parking_lot::Mutex;

use super::{Inner, MemoryStore, READ_ATTEMPTS};

/// One waiting room.
pub(super) struct RoomShard {
    state: Mutex<RoomState>,
}

struct RoomState {
    room: Room,
    /// The last command that moved it.
    last_sequence: u64,
}

impl RoomShard {
    pub(super) fn new(room: Room) -> Self {
        Self { state: Mutex::new(RoomState { room, last_sequence: 0 }) }
    }
}

fn not_writable() -> StoreError {
    StoreError::unavailable("the journal cannot be written")
}

impl Inner {
    fn room(&self, e: EventId) -> Result<Arc<RoomShard>, RoomError> {
        self.rooms.read().get(&e).cloned().ok_or(RoomError::NotBegun)
    }

    /// Puts rooms back to what the journal has.
    pub(super) fn restore_rooms(&self, dirty: &BTreeSet<EventId>, mut replayed: BTreeMap<EventId, Room>) {
        for e in dirty {
            match replayed.remove(e) {
                None => {
                    self.rooms.write().remove(e);
                }
                Some(room) => {
                    if let Ok(shard) = self.room(*e) {
                        *shard.state.lock() = RoomState { room, last_sequence: 0 };
                    }
                }
            }
        }
    }
}

impl MemoryStore {
    /// Decides under the lock of the room, and answers once what the answer is founded on is durable: what it
    /// changed, or else what was there. So nobody is told of a place that a crash could take back.
    async fn on_room<T>(
        &self,
        e: EventId,
        decide: impl FnOnce(&mut Room, Timestamp, &mut Vec<RoomChange>) -> T,
    ) -> Result<Decided<T>, RoomError> {
        let shard = self.inner.room(e)?;
        self.inner.mend_inline();
        let (outcome, seen, moved) = {
            let mut state = shard.state.lock();
            if self.inner.committer.refuses() {
                return Err(not_writable().into());
            }
            let now = self.inner.clock.now();
            let first_offset = state.room.offset() + 1;
            let mut changes = Vec::new();
            let outcome = decide(&mut state.room, now, &mut changes);
            if changes.is_empty() {
                (outcome, state.last_sequence, None)
            } else {
                let (sequence, ticket) = self.inner.committer.submit_room(e, now, first_offset, changes);
                state.last_sequence = sequence;
                (outcome, sequence, Some(ticket))
            }
        };
        let sequence = moved.is_some().then_some(seen);
        let durable = match moved {
            None => self.is_durable(seen).await,
            Some(ticket) => {
                self.inner.pump();
                ticket.wait().await
            }
        };
        if durable { Ok(Decided { outcome, sequence }) } else { Err(not_writable().into()) }
    }

    /// Reads, and answers once what was read is durable.
    async fn see_room<T>(&self, e: EventId, look: impl Fn(&Room, Timestamp) -> T) -> Result<T, RoomError> {
        for _ in 0..READ_ATTEMPTS {
            let shard = self.inner.room(e)?;
            let (seen, sequence) = {
                let state = shard.state.lock();
                (look(&state.room, self.inner.clock.now()), state.last_sequence)
            };
            if self.is_durable(sequence).await {
                return Ok(seen);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err(not_writable().into())
    }

    /// Waits until a command is durable; `false`: it never will be.
    async fn is_durable(&self, sequence: u64) -> bool {
        if self.inner.committer.is_durable(sequence) {
            return true;
        }
        let ticket = self.inner.committer.flushed();
        self.inner.pump();
        ticket.wait().await
    }

    /// The waiting rooms it has, each with how many of its places have not ended.
    pub fn places(&self) -> Vec<(EventId, usize)> {
        let rooms = self.inner.rooms.read();
        let open = |shard: &RoomShard| {
            let state = shard.state.lock();
            let places = (0..state.room.joined()).map(|place| state.room.standing(Place(place)));
            places.filter(|standing| !matches!(standing, Standing::Ended | Standing::Unknown)).count()
        };
        rooms.iter().map(|(e, shard)| (*e, open(shard))).collect()
    }

    /// Writes every waiting room down anew.
    pub(super) async fn checkpoint_rooms(&self) {
        let shards: Vec<Arc<RoomShard>> = self.inner.rooms.read().values().cloned().collect();
        for shard in shards {
            let ticket = {
                let state = shard.state.lock();
                self.inner.committer.submit_room_image(state.room.image())
            };
            self.inner.pump();
            if !ticket.wait().await {
                return;
            }
        }
    }
}

#[async_trait]
impl WaitingRooms for MemoryStore {
    async fn begin(&self, e: EventId, generation: u32, secret: Secret) -> Result<bool, StoreError> {
        self.inner.mend_inline();
        let ticket = {
            let mut rooms = self.inner.rooms.write();
            if rooms.contains_key(&e) {
                return Ok(false);
            }
            if self.inner.committer.refuses() {
                return Err(not_writable());
            }
            let room = Room::new(e, generation, secret);
            let image = room.image();
            rooms.insert(e, Arc::new(RoomShard::new(room)));
            self.inner.committer.submit_room_image(image)
        };
        self.inner.pump();
        if ticket.wait().await { Ok(true) } else { Err(not_writable()) }
    }

    async fn join(
        &self,
        e: EventId,
        request: JoinRequest,
        terms: Terms,
    ) -> Result<Decided<JoinOutcome>, RoomError> {
        self.on_room(e, |room, now, changes| room.join(request, &terms, now, changes)).await
    }

    async fn admit(&self, e: EventId, stock: Option<Stock>, terms: Terms) -> Result<Decided<u32>, RoomError> {
        self.on_room(e, |room, now, changes| room.admit(&terms, stock, now, changes)).await
    }

    async fn enter(
        &self,
        e: EventId,
        holder: Holder,
        terms: Terms,
    ) -> Result<Decided<EnterOutcome>, RoomError> {
        self.on_room(e, |room, now, changes| {
            if room.generation() != holder.generation {
                return EnterOutcome::Unknown;
            }
            room.enter(holder.place, holder.buyer, &terms, now, changes)
        })
        .await
    }

    async fn end(
        &self,
        e: EventId,
        holder: Holder,
        leaving: Leaving,
        terms: Terms,
    ) -> Result<Decided<EndOutcome>, RoomError> {
        self.on_room(e, |room, now, changes| {
            if room.generation() != holder.generation {
                return EndOutcome::Unknown;
            }
            room.end(holder.place, holder.buyer, leaving, &terms, now, changes)
        })
        .await
    }

    async fn control(
        &self,
        e: EventId,
        control: Control,
        gate: Gate,
        terms: Terms,
    ) -> Result<Decided<bool>, RoomError> {
        self.on_room(e, |room, now, changes| room.control(control, gate, &terms, now, changes)).await
    }

    async fn summary(&self, e: EventId, terms: Terms) -> Result<Summary, RoomError> {
        self.see_room(e, |room, now| room.summary(&terms, now)).await
    }

    async fn standing(&self, e: EventId, holder: Holder) -> Result<Standing, RoomError> {
        self.see_room(e, |room, _| {
            let is_theirs =
                room.generation() == holder.generation && room.belongs(holder.place, holder.buyer);
            if is_theirs { room.standing(holder.place) } else { Standing::Unknown }
        })
        .await
    }

    async fn place_of(&self, e: EventId, buyer: Pseudonym) -> Result<Option<Holder>, RoomError> {
        self.see_room(e, |room, _| {
            room.place_of(buyer).map(|place| Holder { generation: room.generation(), place, buyer })
        })
        .await
    }

    async fn entries(&self, e: EventId, from: Place, count: u32) -> Result<Vec<Pseudonym>, RoomError> {
        self.see_room(e, |room, _| room.entries(from, count)).await
    }
}

#[cfg(test)]
mod tests;
