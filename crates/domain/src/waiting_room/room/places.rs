//! The places of a room: whose each is, and whether it has ended. A room keeps all of them itself, or a store keeps
//! them and a room knows those that a command is about.
//!
//! Invariant: the rules see places only through [`Places`], so they are the same wherever places are kept.

use std::collections::BTreeMap;

use ahash::AHashMap;

use super::{Ended, RoomChange};
use crate::waiting_room::{
    AddressKey, Hash, Place, Pseudonym, Turn,
    merkle::{self, Frontier},
};

/// What the rules ask about places.
pub trait Places {
    /// How many have been given.
    fn joined(&self) -> u32;

    /// Whose a place is.
    fn buyer(&self, place: Place) -> Option<Pseudonym>;

    /// Whether a place has ended.
    fn is_ended(&self, place: Place) -> bool;

    /// Whether the two above can be answered. Whoever walks along the line stops where they cannot.
    fn is_known(&self, place: Place) -> bool;

    /// How many are in the lobby, and the root over them; nothing unless it is due to close, or was closed before.
    fn lobby(&self, is_due: bool) -> Option<(u32, Hash)>;

    /// Moves the places by a change. `is_lobby`: the lobby has not closed.
    fn apply(&mut self, change: &RoomChange, is_lobby: bool);

    /// Takes note that the turn of a place is about to change from what it was.
    fn note_turn(&mut self, place: Place, before: Option<Turn>);
}

/// All places, in memory.
#[derive(Debug, Default)]
pub struct AllPlaces {
    pub(super) frontier: Frontier,
    pub(super) entries: Vec<Pseudonym>,
    pub(super) by_buyer: AHashMap<Pseudonym, Place>,
    pub(super) by_address: AHashMap<AddressKey, Place>,
    pub(super) ended: Ended,
}

impl Places for AllPlaces {
    fn joined(&self) -> u32 {
        self.entries.len() as u32
    }

    fn buyer(&self, place: Place) -> Option<Pseudonym> {
        self.entries.get(place.0 as usize).copied()
    }

    fn is_ended(&self, place: Place) -> bool {
        self.ended.contains(place)
    }

    fn is_known(&self, _: Place) -> bool {
        true
    }

    fn lobby(&self, is_due: bool) -> Option<(u32, Hash)> {
        is_due.then(|| (self.joined(), self.frontier.root()))
    }

    fn apply(&mut self, change: &RoomChange, is_lobby: bool) {
        let (place, address) = match change {
            RoomChange::Joined { place, buyer, address } => {
                debug_assert_eq!(*place, Place(self.joined()));
                if is_lobby {
                    self.frontier.push(merkle::leaf(*place, *buyer));
                }
                self.entries.push(*buyer);
                self.by_buyer.insert(*buyer, *place);
                (place, address)
            }
            RoomChange::Rejoined { place, address } => {
                self.ended.remove(*place);
                (place, address)
            }
            RoomChange::Ended { place, .. } => return self.ended.insert(*place),
            _ => return,
        };
        if let Some(address) = address {
            self.by_address.insert(*address, *place);
        }
    }

    fn note_turn(&mut self, _: Place, _: Option<Turn>) {}
}

/// What is known of one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownPlace {
    /// Whose it is; `None`: nobody asked.
    pub buyer: Option<Pseudonym>,
    /// Whether it has ended.
    pub is_ended: bool,
}

/// The places that a command is about, of those that a store keeps.
#[derive(Clone, Debug, Default)]
pub struct SomePlaces {
    /// How many have been given.
    pub joined: u32,
    /// The lobby as the store has closed it: how many, and the root over them.
    pub lobby: Option<(u32, Hash)>,
    /// The places.
    pub known: BTreeMap<Place, KnownPlace>,
    /// The turns that changes have touched, as they were before.
    pub(super) turns_before: BTreeMap<Place, Option<Turn>>,
}

impl SomePlaces {
    /// So many have been given, and nothing is known of any.
    pub fn of(joined: u32) -> Self {
        Self { joined, ..Self::default() }
    }
}

impl Places for SomePlaces {
    fn joined(&self) -> u32 {
        self.joined
    }

    fn buyer(&self, place: Place) -> Option<Pseudonym> {
        self.known.get(&place).filter(|_| place.0 < self.joined)?.buyer
    }

    fn is_ended(&self, place: Place) -> bool {
        self.known.get(&place).is_some_and(|known| known.is_ended)
    }

    fn is_known(&self, place: Place) -> bool {
        self.known.contains_key(&place)
    }

    fn lobby(&self, _: bool) -> Option<(u32, Hash)> {
        self.lobby
    }

    fn apply(&mut self, change: &RoomChange, _: bool) {
        let (place, is_ended) = match change {
            RoomChange::Ended { place, .. } => (place, true),
            RoomChange::Rejoined { place, .. } => (place, false),
            _ => return,
        };
        if let Some(known) = self.known.get_mut(place) {
            known.is_ended = is_ended;
        }
    }

    fn note_turn(&mut self, place: Place, before: Option<Turn>) {
        self.turns_before.entry(place).or_insert(before);
    }
}
