//! The image of a room: everything needed to have it again.
//!
//! Invariant: `Room::from_image(room.image())` has the same places, ranks, turns and learning as `room`. Tokens and
//! paces start anew; they say how fast, never who.

use serde::{Deserialize, Serialize};

use super::{Ended, Places, Room};
use crate::{
    ids::EventId,
    waiting_room::{
        AddressKey, Control, Gate, Hash, Order, Place, Pseudonym, Rank, Secret, Turn, admission::Learned,
        draw_key, merkle,
    },
};

/// A room, written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomImage {
    /// Of which event.
    pub event: EventId,
    /// Tells it from any other room that the event has had.
    pub generation: u32,
    /// What the draw is made from.
    pub secret: Secret,
    /// How many changes are in it.
    pub offset: u64,
    gate: Gate,
    control: Control,
    opened: Option<(u32, Hash)>,
    entries: Vec<Pseudonym>,
    addresses: Vec<(AddressKey, Place)>,
    ended: Ended,
    front: Rank,
    turns: Vec<(Place, Turn)>,
    learned: Learned,
}

/// An image that contradicts itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("waiting room: {0}")]
pub struct Contradiction(&'static str);

impl RoomImage {
    /// An empty room.
    pub fn empty(event: EventId, generation: u32, secret: Secret) -> Self {
        Room::new(event, generation, secret).image()
    }
}

impl Room {
    /// Writes the room down.
    pub fn image(&self) -> RoomImage {
        let mut addresses: Vec<(AddressKey, Place)> =
            self.places.by_address.iter().map(|(a, p)| (*a, *p)).collect();
        addresses.sort_unstable();
        RoomImage {
            event: self.event,
            generation: self.generation,
            secret: self.secret,
            offset: self.offset,
            gate: self.gate,
            control: self.control,
            opened: self.opened,
            entries: self.places.entries.clone(),
            addresses,
            ended: self.places.ended.clone(),
            front: self.front,
            turns: self.turns.iter().map(|(place, turn)| (*place, *turn)).collect(),
            learned: self.learned.clone(),
        }
    }

    /// Has the room again as it was written down.
    pub fn from_image(image: RoomImage) -> Result<Self, Contradiction> {
        let mut room = Self::new(image.event, image.generation, image.secret);
        let joined = image.entries.len();
        let exists = |place: Place| (place.0 as usize) < joined;
        let lobby = image.opened.map_or(joined, |(lobby, _)| lobby as usize);
        if lobby > joined || image.front.0 as usize > joined || (image.opened.is_none() && image.front.0 > 0)
        {
            return Err(Contradiction("lobby or front is longer than the room"));
        }
        if !image.turns.iter().map(|(place, _)| *place).chain(image.ended.iter()).all(exists) {
            return Err(Contradiction("a place that was not given"));
        }
        let leaves = (0..).zip(&image.entries).map(|(place, buyer)| merkle::leaf(Place(place), *buyer));
        if let Some((lobby, root)) = image.opened {
            let key = draw_key(image.event, &image.secret, &root, lobby);
            room.order = Some(std::sync::Arc::new(Order::new(&key, lobby)));
        } else {
            room.places.frontier = leaves.collect();
        }
        room.opened = image.opened;
        // A buyer's later place is the one that counts.
        room.places.by_buyer =
            (0..).zip(&image.entries).map(|(place, buyer)| (*buyer, Place(place))).collect();
        room.places.by_address = image.addresses.into_iter().collect();
        room.places.entries = image.entries;
        (room.offset, room.gate, room.control) = (image.offset, image.gate, image.control);
        (room.front, room.learned) = (image.front, image.learned);
        for (place, turn) in image.turns {
            if image.ended.contains(place) || room.rank(place).is_none_or(|rank| rank >= room.front) {
                return Err(Contradiction("a turn of somebody who was not called"));
            }
            room.set_turn(place, turn);
        }
        let waiting = |place: &Place| room.rank(*place).is_none_or(|rank| rank >= room.front);
        room.gone_ahead = image.ended.iter().filter(waiting).count() as u32;
        room.places.ended = image.ended;
        Ok(room)
    }
}

impl<P: Places> Room<P> {
    /// Notes that the server was away: whoever is called gets the whole time anew with the next command.
    pub fn was_away(&mut self) {
        self.resumed = self.turns.is_empty();
    }
}
