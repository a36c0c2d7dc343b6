//! The entries of a room, and the root over a lobby that has closed.
//!
//! Invariants:
//! - entries are read in portions, however many there are;
//! - the root is made of entries that the closing of the lobby came after, so nothing that Redis may have lost since is
//!   in it; an attempt that ran out of time is gone on with by the next.

use onsale_app::ports::{StoreError, waiting_room::RoomError};
use onsale_domain::waiting_room::{
    Hash, Place, Pseudonym,
    merkle::{self, Frontier},
};
use tokio::time::Instant;

use super::{
    RoomNode,
    codec::{self, Mark, RoomMeta},
    keys::{CHUNK, chunk_of},
};
use crate::redis::{Inner, scripts};

/// How many entries are read at once: 256 KiB, and some milliseconds of hashing.
const PORTION: u32 = 16_384;

/// A root that is being made.
pub(super) struct Closing {
    generation: u32,
    /// The call that closed the lobby.
    mark: Mark,
    taken: u32,
    frontier: Frontier,
}

impl Inner {
    /// The entries from a place on, at most so many, as far as one answer goes.
    async fn portion(
        &self,
        node: &RoomNode,
        from: Place,
        count: u32,
        deadline: Instant,
    ) -> Result<(RoomMeta, Vec<Pseudonym>), RoomError> {
        let (chunk, at) = chunk_of(from);
        let keys = [node.keys.meta().to_owned(), node.keys.entries(chunk)];
        let (at, count) = (at.to_string(), count.min(PORTION).min(CHUNK - at).to_string());
        let arguments: [&[u8]; 2] = [at.as_bytes(), count.as_bytes()];
        let mut answer = self.run_in_room(&scripts::ROOM_ENTRIES, &keys, &arguments, deadline).await?;
        let meta = RoomMeta::decode(&answer.bytes()?)?;
        Ok((meta, codec::pseudonyms(&answer.bytes()?)?))
    }

    /// The entries from a place on, at most so many.
    pub(super) async fn entries_of(
        &self,
        node: &RoomNode,
        from: Place,
        count: u32,
        deadline: Instant,
    ) -> Result<Vec<Pseudonym>, RoomError> {
        let mut entries: Vec<Pseudonym> = Vec::new();
        loop {
            let taken = entries.len() as u32;
            let next = Place(from.0.saturating_add(taken));
            let (_, some) = self.portion(node, next, count - taken, deadline).await?;
            let is_end = some.is_empty();
            entries.extend(some);
            if is_end || entries.len() as u32 >= count {
                return Ok(entries);
            }
        }
    }

    /// The root over a lobby that has closed.
    pub(super) async fn root_of_lobby(
        &self,
        node: &RoomNode,
        closing: &mut Option<Closing>,
        meta: &RoomMeta,
        lobby: u32,
        deadline: Instant,
    ) -> Result<Hash, RoomError> {
        let of_this =
            |closing: &Closing| (closing.generation, closing.mark) == (meta.generation, meta.closing);
        if !closing.as_ref().is_some_and(of_this) {
            *closing = None;
        }
        let closing = closing.get_or_insert_with(|| Closing {
            generation: meta.generation,
            mark: meta.closing,
            taken: 0,
            frontier: Frontier::default(),
        });
        while closing.taken < lobby {
            let left = lobby - closing.taken;
            let (then, some) = self.portion(node, Place(closing.taken), left, deadline).await?;
            if (then.generation, then.closing) != (meta.generation, meta.closing) {
                return Err(
                    StoreError::unavailable("the waiting room was lost while its draw was made").into()
                );
            }
            if some.is_empty() {
                return Err(StoreError::corrupt("a lobby with fewer entries than it had places").into());
            }
            for (place, buyer) in (closing.taken..).zip(&some) {
                closing.frontier.push(merkle::leaf(Place(place), *buyer));
            }
            closing.taken += some.len() as u32;
            tokio::task::yield_now().await;
        }
        Ok(closing.frontier.root())
    }
}
