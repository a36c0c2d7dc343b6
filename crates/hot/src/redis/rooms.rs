//! The waiting rooms over Redis: any number of nodes share them.
//!
//! Joining is one script. Whatever else happens in a room is decided by the rules of the domain on a node, from the
//! room's front and the few places that it is about, and taken by a script where nothing has changed since
//! (`docs/waiting-room.md`).
//!
//! Invariants: one room is one sequential history, as Redis runs one script at a time; time is Redis' time; no command
//! walks over all places; a call that may have reached Redis twice did its work once.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    hot::{Decided, HotError},
    waiting_room::{Holder, RoomError, WaitingRooms},
};
use onsale_domain::{
    ids::EventId,
    time::Timestamp,
    waiting_room::{
        AddressKey, Control, EndOutcome, EnterOutcome, Gate, JoinOutcome, Leaving, Place, Pseudonym, Secret,
        Standing, Stock, Summary, Terms,
        room::{FrontImage, JoinRequest, MAX_PLACES},
    },
};
use parking_lot::{Mutex, RwLock};
use tokio::time::Instant;

use super::{
    Inner, RedisStore,
    connection::WITHIN,
    scripts::{self, Answer},
    together::{Line, Wish},
};

mod codec;
mod keys;
mod lobby;
mod replica;

use codec::{RoomMeta, StoredFront};
use keys::{CHUNK, RoomKeys, chunk_of};
use replica::{About, AtHand};

/// How often a join is asked again: the next place may be in another chunk, or the lobby may close meanwhile.
const JOIN_ATTEMPTS: usize = 16;

/// A step looks at so many who are next in line for each that it may call, as some have left; and at least, and at most,
/// so many.
const LOOKED_AT: u32 = 4;
const LEAST_LOOKED_AT: u32 = 256;
const MOST_LOOKED_AT: u32 = 4_096;

/// How often one step goes on where all that it looked at were called or had left.
const STEPS: usize = 8;

/// What this node knows of rooms. There is one for each that it was ever asked for; the catalogue bounds them.
pub(super) type RoomsAtHand = RwLock<BTreeMap<EventId, Arc<RoomNode>>>;

/// What this node knows of a room.
pub(super) struct RoomNode {
    event: EventId,
    keys: RoomKeys,
    /// How many places there were when last heard of: a guess at where the next one goes.
    joined: AtomicU32,
    /// Who waits for a place.
    line: Arc<Line<JoinWish, RoomError>>,
    /// Held by whoever decides.
    at_hand: tokio::sync::Mutex<AtHand>,
}

/// What one who joins gives to `room_join.lua`.
struct JoinWish {
    request: JoinRequest,
    call: [u8; 8],
    /// When the lobby closes, for who joins.
    opens_at: Option<Timestamp>,
}

impl Wish for JoinWish {
    fn goes_with(&self, other: &Self) -> bool {
        self.opens_at == other.opens_at && self.request.address.is_some() == other.request.address.is_some()
    }
}

impl RoomNode {
    fn new(event: EventId) -> Self {
        Self {
            event,
            keys: RoomKeys::of(event),
            joined: AtomicU32::new(0),
            line: Arc::default(),
            at_hand: tokio::sync::Mutex::default(),
        }
    }

    fn joined(&self) -> u32 {
        self.joined.load(Ordering::Relaxed)
    }

    fn heard_of(&self, joined: u32) {
        self.joined.store(joined, Ordering::Relaxed);
    }
}

/// When the lobby closes, as scripts take it.
fn opens_at(opens_at: Option<Timestamp>) -> String {
    opens_at.map_or_else(String::new, |opens_at| opens_at.as_millis().to_string())
}

fn place(answer: &mut Answer) -> Result<Place, StoreError> {
    u32::try_from(answer.int()?).map(Place).map_err(StoreError::corrupt)
}

impl Inner {
    fn room(&self, e: EventId) -> Arc<RoomNode> {
        if let Some(known) = self.rooms.read().get(&e) {
            return Arc::clone(known);
        }
        let fresh = || Arc::new(RoomNode::new(e));
        Arc::clone(self.rooms.write().entry(e).or_insert_with(fresh))
    }

    /// Asks for a place once.
    async fn join_once(
        self: &Arc<Self>,
        node: &Arc<RoomNode>,
        request: &JoinRequest,
        terms: &Terms,
    ) -> Result<Answer, RoomError> {
        let wish = JoinWish { request: *request, call: self.new_call(), opens_at: terms.opens_at };
        let (inner, room) = (Arc::clone(self), Arc::clone(node));
        let join = move |wishes: Vec<JoinWish>| {
            let (inner, room) = (Arc::clone(&inner), Arc::clone(&room));
            async move { inner.join_together(&room, &wishes).await }
        };
        node.line.ask(wish, join).await
    }

    async fn join_together(&self, node: &RoomNode, wishes: &[JoinWish]) -> Result<Vec<Answer>, RoomError> {
        let (chunk, _) = chunk_of(Place(node.joined()));
        let mut keys =
            vec![node.keys.meta().to_owned(), node.keys.ended().to_owned(), node.keys.entries(chunk)];
        let before = keys.len();
        for JoinWish { request, .. } in wishes {
            keys.push(node.keys.buyers(request.buyer));
            keys.extend(request.address.map(|address| node.keys.addresses(address)));
        }
        let own_keys = (keys.len() - before) / wishes.len().max(1);
        let head = [
            opens_at(wishes.first().and_then(|wish| wish.opens_at)),
            chunk.to_string(),
            CHUNK.to_string(),
            MAX_PLACES.to_string(),
            own_keys.to_string(),
        ];
        let mut arguments: Vec<&[u8]> = head.iter().map(String::as_bytes).collect();
        for JoinWish { request, call, .. } in wishes {
            let address = request.address.as_ref().map_or::<&[u8], _>(&[], |address| &address.0);
            arguments.extend([&request.buyer.0, call.as_slice(), address]);
        }
        let deadline = Instant::now() + WITHIN;
        self.run_each_in_room(&scripts::ROOM_JOIN, &keys, &arguments, wishes.len(), deadline).await
    }

    /// Gives back their place to somebody who has left the lobby; `None`: it is no lobby any more.
    async fn rejoin(
        &self,
        node: &RoomNode,
        place: Place,
        address: Option<AddressKey>,
        terms: &Terms,
    ) -> Result<Decided<Option<JoinOutcome>>, RoomError> {
        let about = About {
            passes: Some(terms),
            place: Some(place),
            address: address.map(|address| (address, Some(JoinOutcome::Duplicate))),
            ..About::default()
        };
        let decide = |room: &mut replica::Sparse, now, steps: &mut Vec<_>| {
            room.rejoin(place, address, terms, now, steps)
        };
        self.on_room(node, about, decide).await
    }
}

#[async_trait]
impl WaitingRooms for RedisStore {
    async fn begin(&self, e: EventId, generation: u32, secret: Secret) -> Result<bool, StoreError> {
        let node = self.inner.room(e);
        let meta = RoomMeta::of_new(generation, secret).encode();
        let front = codec::encode(&StoredFront { at: Timestamp(0), front: FrontImage::default() })?;
        let mut keys = node.keys.fixed().to_vec();
        keys.push(node.keys.entries(0));
        let (link, script) = (&self.inner.commands, &scripts::ROOM_BEGIN);
        let answer = match self.inner.run(link, script, &keys, &[&meta, &front], WITHIN).await {
            Ok(answer) => answer,
            Err(HotError::Store(error)) => return Err(error),
            Err(HotError::NotLoaded) => return Err(StoreError::corrupt("beginning found nothing begun")),
        };
        match answer.word() {
            "begun" => Ok(true),
            "there" => Ok(false),
            _ => Err(StoreError::corrupt("beginning was answered with something else")),
        }
    }

    async fn join(
        &self,
        e: EventId,
        request: JoinRequest,
        terms: Terms,
    ) -> Result<Decided<JoinOutcome>, RoomError> {
        let node = self.inner.room(e);
        let deadline = Instant::now() + WITHIN;
        for _ in 0..JOIN_ATTEMPTS {
            let asked = self.inner.join_once(&node, &request, &terms);
            let answered = tokio::time::timeout_at(deadline, asked).await;
            let mut answer =
                answered.unwrap_or_else(|_| Err(StoreError::unavailable("no answer in time").into()))?;
            let outcome = match answer.word() {
                "placed" => {
                    let place = place(&mut answer)?;
                    node.heard_of(place.0 + 1);
                    JoinOutcome::Placed(place)
                }
                "same" => JoinOutcome::Same(place(&mut answer)?),
                "refused" => {
                    let gate = u8::try_from(answer.int().map_err(RoomError::Store)?);
                    JoinOutcome::Refused(codec::gate(gate.map_err(StoreError::corrupt)?)?)
                }
                "duplicate" => JoinOutcome::Duplicate,
                "full" => JoinOutcome::Full,
                "rejoin" => {
                    let place = place(&mut answer)?;
                    let decided = self.inner.rejoin(&node, place, request.address, &terms).await?;
                    match decided.outcome {
                        Some(outcome) => return Ok(Decided { outcome, sequence: decided.sequence }),
                        None => continue,
                    }
                }
                "chunk" => {
                    node.heard_of(place(&mut answer)?.0.saturating_mul(CHUNK));
                    continue;
                }
                _ => return Err(StoreError::corrupt("joining was answered with something else").into()),
            };
            return Ok(Decided { outcome, sequence: answer.number });
        }
        Err(StoreError::unavailable("the waiting room did not stand still for a join").into())
    }

    async fn admit(&self, e: EventId, stock: Option<Stock>, terms: Terms) -> Result<Decided<u32>, RoomError> {
        let node = self.inner.room(e);
        let next = terms.admit_per_second.saturating_mul(LOOKED_AT).clamp(LEAST_LOOKED_AT, MOST_LOOKED_AT);
        let mut total = Decided { outcome: 0, sequence: None };
        for _ in 0..STEPS {
            let about = About { passes: Some(&terms), next, ..About::default() };
            let step = self.inner.on_room(&node, about, |room, now, steps| {
                let called = room.admit(&terms, stock, now, steps);
                (called, room.is_at_a_loss())
            });
            // What earlier rounds called is called, whatever becomes of this one.
            let Decided { outcome: (called, has_more), sequence } = match step.await {
                Ok(decided) => decided,
                Err(_) if total.sequence.is_some() => break,
                Err(error) => return Err(error),
            };
            total.outcome += called;
            total.sequence = sequence.or(total.sequence);
            if !has_more {
                break;
            }
        }
        Ok(total)
    }

    async fn enter(
        &self,
        e: EventId,
        holder: Holder,
        terms: Terms,
    ) -> Result<Decided<EnterOutcome>, RoomError> {
        let about = About { passes: Some(&terms), place: Some(holder.place), ..About::default() };
        let decide = |room: &mut replica::Sparse, now, steps: &mut Vec<_>| {
            if room.generation() != holder.generation {
                return EnterOutcome::Unknown;
            }
            room.enter(holder.place, holder.buyer, &terms, now, steps)
        };
        self.inner.on_room(&self.inner.room(e), about, decide).await
    }

    async fn end(
        &self,
        e: EventId,
        holder: Holder,
        leaving: Leaving,
        terms: Terms,
    ) -> Result<Decided<EndOutcome>, RoomError> {
        let about = About { passes: Some(&terms), place: Some(holder.place), ..About::default() };
        let decide = |room: &mut replica::Sparse, now, steps: &mut Vec<_>| {
            if room.generation() != holder.generation {
                return EndOutcome::Unknown;
            }
            room.end(holder.place, holder.buyer, leaving, &terms, now, steps)
        };
        self.inner.on_room(&self.inner.room(e), about, decide).await
    }

    async fn control(
        &self,
        e: EventId,
        control: Control,
        gate: Gate,
        terms: Terms,
    ) -> Result<Decided<bool>, RoomError> {
        let about = About { passes: Some(&terms), ..About::default() };
        let decide = |room: &mut replica::Sparse, now, steps: &mut Vec<_>| {
            room.control(control, gate, &terms, now, steps)
        };
        self.inner.on_room(&self.inner.room(e), about, decide).await
    }

    async fn summary(&self, e: EventId, terms: Terms) -> Result<Summary, RoomError> {
        let seen = Mutex::new(None);
        let look = |room: &mut replica::Sparse, now, _: &mut Vec<_>| {
            *seen.lock() = Some(room.summary(&terms, now));
        };
        self.inner.on_room(&self.inner.room(e), About::default(), look).await?;
        let seen = seen.into_inner();
        Ok(seen.ok_or_else(|| StoreError::corrupt("a waiting room was read and not seen"))?)
    }

    async fn standing(&self, e: EventId, holder: Holder) -> Result<Standing, RoomError> {
        let about = About { place: Some(holder.place), ..About::default() };
        let look = |room: &mut replica::Sparse, _, _: &mut Vec<_>| {
            let is_theirs =
                room.generation() == holder.generation && room.belongs(holder.place, holder.buyer);
            if is_theirs { room.standing(holder.place) } else { Standing::Unknown }
        };
        Ok(self.inner.on_room(&self.inner.room(e), about, look).await?.outcome)
    }

    async fn place_of(&self, e: EventId, buyer: Pseudonym) -> Result<Option<Holder>, RoomError> {
        let node = self.inner.room(e);
        let keys = [node.keys.meta().to_owned(), node.keys.ended().to_owned(), node.keys.buyers(buyer)];
        let deadline = Instant::now() + WITHIN;
        let mut answer = self.inner.run_in_room(&scripts::ROOM_PLACE, &keys, &[&buyer.0], deadline).await?;
        match answer.word() {
            "none" => Ok(None),
            "place" => {
                let generation = u32::try_from(answer.int()?).map_err(StoreError::corrupt)?;
                Ok(Some(Holder { generation, place: place(&mut answer)?, buyer }))
            }
            _ => Err(StoreError::corrupt("a buyer's place was answered with something else").into()),
        }
    }

    async fn entries(&self, e: EventId, from: Place, count: u32) -> Result<Vec<Pseudonym>, RoomError> {
        let deadline = Instant::now() + WITHIN;
        self.inner.entries_of(&self.inner.room(e), from, count, deadline).await
    }
}
