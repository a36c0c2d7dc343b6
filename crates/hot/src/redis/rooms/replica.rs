//! Deciding on a room that many nodes share: a node keeps the room's front and turns at hand, learns what others have
//! changed, decides by the rules of the domain, and has that taken only where nothing has changed meanwhile.
//!
//! Invariants:
//! - what is at hand is what Redis had at one offset, or it is thrown away: whatever is not known to be so, also where
//!   somebody who asked did not wait for the answer, is read anew;
//! - a decision is taken whole or not at all, and at most once;
//! - attempts are bounded, in number and in time.

use std::{sync::atomic::Ordering, time::Duration};

use onsale_app::ports::{
    StoreError,
    hot::{Decided, HotError},
    waiting_room::RoomError,
};
use onsale_domain::{
    time::Timestamp,
    waiting_room::{
        AddressKey, Place, Pseudonym, Room, RoomChange, Terms, Turn,
        room::{KnownPlace, SomePlaces},
    },
};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    RoomNode,
    codec::{self, Mark, RoomMeta, StoredFront, Writes},
    keys::chunk_of,
    lobby::Closing,
};
use crate::redis::{
    Inner,
    connection::WITHIN,
    scripts::{self, Answer, Script},
};

/// A room over the places that a command is about.
pub(super) type Sparse = Room<SomePlaces>;

/// How often a decision is made anew, because others were faster.
const ATTEMPTS: u32 = 60;

/// So many changes are kept for nodes that have fallen behind: some seconds of the busiest room. Who is further behind reads
/// all turns.
const CHANGES_KEPT: &str = "4096";

/// Where nothing was decided for so long, all servers were away, or Redis was: steps come several times a second.
const AWAY_MS: u64 = 10_000;

/// What a node has of a room between commands.
#[derive(Default)]
pub(super) struct AtHand {
    replica: Option<Replica>,
    pub(super) closing: Option<Closing>,
}

/// A room as Redis had it.
struct Replica {
    generation: u32,
    mark: Mark,
    room: Sparse,
}

/// What a command is about.
pub(super) struct About<'a, T> {
    /// By which terms time passes first; `None`: it does not.
    pub(super) passes: Option<&'a Terms>,
    /// The place of whoever asks.
    pub(super) place: Option<Place>,
    /// How many are looked at who are next in line.
    pub(super) next: u32,
    /// An address that the place gets, and what it comes to where somebody else has a place from there.
    pub(super) address: Option<(AddressKey, T)>,
}

impl<T> Default for About<'_, T> {
    fn default() -> Self {
        Self { passes: None, place: None, next: 0, address: None }
    }
}

/// The room as it was at one moment.
struct Seen {
    now: Timestamp,
    meta: RoomMeta,
    stored: StoredFront,
    buyer: Option<Pseudonym>,
    ended: Vec<bool>,
    since: Since,
}

enum Since {
    Changes(Vec<(Timestamp, RoomChange)>),
    Whole(Vec<(Place, Turn)>),
}

impl Seen {
    fn read(mut answer: Answer) -> Result<Self, StoreError> {
        let meta = RoomMeta::decode(&answer.bytes()?)?;
        let now = String::from_utf8(answer.bytes()?).map_err(StoreError::corrupt)?;
        let stored: StoredFront = codec::decode(&answer.bytes()?)?;
        if stored.front.offset != meta.offset {
            return Err(StoreError::corrupt("a waiting room whose parts do not belong together"));
        }
        let buyer = codec::pseudonyms(&answer.bytes()?)?.first().copied();
        let ended = answer.bytes()?.iter().map(|bit| *bit == b'1').collect();
        let how = answer.bytes()?;
        let since = if how == b"since" {
            Since::Changes(
                answer.list()?.iter().map(|element| codec::change(element)).collect::<Result<_, _>>()?,
            )
        } else {
            Since::Whole(answer.pairs()?.into_iter().map(codec::turn).collect::<Result<_, _>>()?)
        };
        let now = Timestamp(now.parse().map_err(StoreError::corrupt)?);
        Ok(Self { now, meta, stored, buyer, ended, since })
    }
}

fn too_slow() -> StoreError {
    StoreError::unavailable("the waiting room was not to be had in time")
}

impl Inner {
    /// Runs a script of a room; where there is no room, that is an error of its own.
    pub(super) async fn run_in_room(
        &self,
        script: &Script,
        keys: &[String],
        arguments: &[&[u8]],
        deadline: Instant,
    ) -> Result<Answer, RoomError> {
        let answer = self.run_each_in_room(script, keys, arguments, 1, deadline).await?.pop();
        answer.ok_or_else(|| StoreError::corrupt("a script answered nothing").into())
    }

    /// The same for a script that is so many commands.
    pub(super) async fn run_each_in_room(
        &self,
        script: &Script,
        keys: &[String],
        arguments: &[&[u8]],
        count: usize,
        deadline: Instant,
    ) -> Result<Vec<Answer>, RoomError> {
        if self.stopped.load(Ordering::Acquire) {
            return Err(StoreError::unavailable("shutting down").into());
        }
        let within = deadline.saturating_duration_since(Instant::now());
        let answered = self.ask(&self.commands, script, keys, arguments, within).await?;
        match Answer::read_each(answered, count) {
            Ok(answers) => Ok(answers),
            Err(HotError::NotLoaded) => Err(RoomError::NotBegun),
            Err(HotError::Store(error)) => Err(error.into()),
        }
    }

    /// Decides about a room as it is now. `decide` may be called several times, each time on what is true then.
    pub(super) async fn on_room<T: Copy>(
        &self,
        node: &RoomNode,
        about: About<'_, T>,
        decide: impl Fn(&mut Sparse, Timestamp, &mut Vec<RoomChange>) -> T,
    ) -> Result<Decided<T>, RoomError> {
        let deadline = Instant::now() + WITHIN;
        let locked = tokio::time::timeout_at(deadline, node.at_hand.lock()).await;
        let mut at_hand = locked.map_err(|_| too_slow())?;
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                // Nodes that met once are not to meet again.
                let span_us = 500 * u64::from(attempt.min(10));
                let wait = Uuid::new_v4().as_u64_pair().0 % span_us;
                tokio::time::sleep(Duration::from_micros(wait)).await;
            }
            // Taken out, so that it is gone where whoever waits goes away in the middle.
            let known = at_hand.replica.take();
            let call = self.new_call();
            let next = known.as_ref().map(|known| known.room.next_in_line(about.next, node.joined()));
            let places: Vec<Place> = about.place.into_iter().chain(next.unwrap_or_default()).collect();
            let seen = self.look(node, known.as_ref(), &call, &about, &places, deadline).await?;
            node.heard_of(seen.meta.joined);
            let (now, meta, before) = (seen.now, seen.meta, seen.stored.front.clone());
            let is_back = seen.now.since_ms(seen.stored.at) > AWAY_MS;
            let mut some = SomePlaces::of(meta.joined);
            for (place, is_ended) in places.iter().zip(&seen.ended) {
                let buyer = seen.buyer.filter(|_| about.place == Some(*place));
                some.known.entry(*place).or_insert(KnownPlace { buyer, is_ended: *is_ended });
            }
            if let Some(lobby) = meta.lobby.filter(|_| !before.is_opened()) {
                let root = self.root_of_lobby(node, &mut at_hand.closing, &meta, lobby, deadline).await?;
                some.lobby = Some((lobby, root));
            }
            let mut replica = Replica::caught_up(known, node, seen)?;
            let room = &mut replica.room;
            room.know(some);
            if about.next > 0 && before.is_opened() && room.is_at_a_loss() {
                // Others have moved the front, or nothing was known of it: now it is.
                at_hand.replica = Some(replica);
                continue;
            }
            let mut changes = Vec::new();
            room.draw(now, &mut changes);
            if about.passes.is_some() && is_back {
                room.was_away();
            }
            let outcome = decide(room, now, &mut changes);
            // A step moves the front even where it calls nobody.
            if changes.is_empty() && about.next == 0 {
                room.take_back(before);
                at_hand.replica = Some(replica);
                return Ok(Decided { outcome, sequence: None });
            }
            let answer = self.commit(node, &replica, now, &changes, &call, &about, deadline).await?;
            let came_to = match answer.word() {
                "done" if changes.is_empty() => Some(outcome),
                "done" => {
                    replica.mark = call;
                    Some(outcome)
                }
                "moved" => None,
                "duplicate" => about.address.map(|(_, outcome)| outcome),
                _ => return Err(StoreError::corrupt(format!("a script answered {:?}", answer.word())).into()),
            };
            if answer.word() == "done" {
                replica.room.know(SomePlaces::default());
            } else {
                replica.room.take_back(before);
            }
            at_hand.replica = Some(replica);
            if let Some(outcome) = came_to {
                return Ok(Decided { outcome, sequence: answer.number });
            }
        }
        Err(StoreError::unavailable("too many nodes move the waiting room at once").into())
    }

    async fn look<T>(
        &self,
        node: &RoomNode,
        known: Option<&Replica>,
        call: &Mark,
        about: &About<'_, T>,
        places: &[Place],
        deadline: Instant,
    ) -> Result<Seen, RoomError> {
        let opens_at = about.passes.map_or_else(|| "-".into(), |terms| super::opens_at(terms.opens_at));
        let (generation, offset) = known.map_or((0, 0), |known| (known.generation, known.room.offset()));
        let (generation, offset) = (generation.to_string(), offset.to_string());
        let mark: &[u8] = known.map_or(&[], |known| &known.mark);
        let (chunk, at) = about.place.map_or((0, None), |place| {
            let (chunk, at) = chunk_of(place);
            (chunk, Some(at))
        });
        let mut keys = node.keys.fixed().to_vec();
        keys.push(node.keys.entries(chunk));
        let at = at.map_or_else(String::new, |at| at.to_string());
        let arguments: [&[u8]; 7] = [
            opens_at.as_bytes(),
            call,
            generation.as_bytes(),
            offset.as_bytes(),
            mark,
            at.as_bytes(),
            &codec::places(places),
        ];
        let answer = self.run_in_room(&scripts::ROOM_LOOK, &keys, &arguments, deadline).await?;
        Ok(Seen::read(answer)?)
    }

    #[expect(clippy::too_many_arguments, reason = "what a commit is made of")]
    async fn commit<T>(
        &self,
        node: &RoomNode,
        replica: &Replica,
        now: Timestamp,
        changes: &[RoomChange],
        call: &Mark,
        about: &About<'_, T>,
        deadline: Instant,
    ) -> Result<Answer, RoomError> {
        let room = &replica.room;
        let writes = Writes::of(now, changes, &room.touched())?;
        let front = codec::encode(&StoredFront { at: now, front: room.front_image() })?;
        let was_at = room.offset() - changes.len() as u64;
        let (generation, was_at) = (replica.generation.to_string(), was_at.to_string());
        let gate = codec::gate_byte(room.gate()).to_string();
        let mut keys = node.keys.fixed().to_vec();
        let address = about.address.as_ref().map(|(address, _)| *address);
        keys.extend(address.map(|address| node.keys.addresses(address)));
        let place = about.place.map_or_else(String::new, |place| place.0.to_string());
        let arguments: [&[u8]; 14] = [
            generation.as_bytes(),
            was_at.as_bytes(),
            &replica.mark,
            call,
            &front,
            gate.as_bytes(),
            &writes.changes,
            &writes.turns_over,
            &writes.turns,
            &writes.ended,
            &writes.no_more_ended,
            CHANGES_KEPT.as_bytes(),
            place.as_bytes(),
            address.as_ref().map_or(&[], |address| &address.0),
        ];
        self.run_in_room(&scripts::ROOM_COMMIT, &keys, &arguments, deadline).await
    }
}

impl Replica {
    /// The room as it was seen, from what was known before and what is new.
    fn caught_up(known: Option<Self>, node: &RoomNode, seen: Seen) -> Result<Self, StoreError> {
        let Seen { meta, stored, since, .. } = seen;
        let room = match (known, since) {
            (Some(known), Since::Changes(changes)) => {
                let mut room = known.room;
                if room.offset() + changes.len() as u64 != meta.offset {
                    return Err(StoreError::corrupt("changes of a waiting room are missing"));
                }
                room.follow(changes, stored.front);
                room
            }
            (_, Since::Whole(turns)) => {
                Room::of_front(node.event, meta.generation, meta.secret, stored.front, turns)
            }
            (None, Since::Changes(_)) => {
                return Err(StoreError::corrupt("a script told news of what nobody knew"));
            }
        };
        Ok(Self { generation: meta.generation, mark: meta.mark, room })
    }
}
