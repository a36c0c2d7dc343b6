//! The front of a room: everything about it but its places. It is small, so a store that keeps the places can hand it
//! to whoever decides, and take back what was decided.
//!
//! Invariants:
//! - a room made of a front and its turns decides as the room that the front was taken from;
//! - what was decided and not accepted can be taken back, and then the room is as it was.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    AddressKey, Gate, Hash, JoinOutcome, Order, Place, Places, Rank, Room, RoomChange, Secret, SomePlaces,
    Stock, Terms, Turn,
};
use crate::{
    ids::EventId,
    time::Timestamp,
    waiting_room::{
        Control,
        admission::{Bucket, Learned, Pace},
        draw_key,
    },
};

/// A room, written down without its places and turns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FrontImage {
    /// How many changes are in it.
    pub offset: u64,
    gate: Gate,
    control: Control,
    opened: Option<(u32, Hash)>,
    front: Rank,
    gone_ahead: u32,
    learned: Learned,
    bucket: Bucket,
    calling: Pace,
    leaving: Pace,
    stock: Option<Stock>,
}

impl FrontImage {
    /// Whether the lobby has closed and its order is drawn.
    pub fn is_opened(&self) -> bool {
        self.opened.is_some()
    }
}

impl<P: Places> Room<P> {
    /// The front as it is now.
    pub fn front_image(&self) -> FrontImage {
        FrontImage {
            offset: self.offset,
            gate: self.gate,
            control: self.control,
            opened: self.opened,
            front: self.front,
            gone_ahead: self.gone_ahead,
            learned: self.learned.clone(),
            bucket: self.bucket,
            calling: self.calling,
            leaving: self.leaving,
            stock: self.stock,
        }
    }
}

impl Room<SomePlaces> {
    /// A room whose places a store keeps, as it is there.
    pub fn of_front(
        event: EventId,
        generation: u32,
        secret: Secret,
        front: FrontImage,
        turns: impl IntoIterator<Item = (Place, Turn)>,
    ) -> Self {
        let mut room = Self::over(SomePlaces::default(), event, generation, secret);
        room.set_front(front);
        for (place, turn) in turns {
            room.set_turn(place, turn);
        }
        room.places = SomePlaces::default();
        room
    }

    /// Takes over what others have changed: their changes for the turns, and for the rest the front after them.
    pub fn follow(&mut self, changes: impl IntoIterator<Item = (Timestamp, RoomChange)>, front: FrontImage) {
        for (at, change) in changes {
            self.apply(self.offset + 1, at, &change);
        }
        self.set_front(front);
        self.places = SomePlaces::default();
    }

    /// Tells what is known of the places that the next command is about.
    pub fn know(&mut self, places: SomePlaces) {
        self.places = places;
    }

    /// Takes back what was decided since [`Room::know`]. `front` is the one of before.
    pub fn take_back(&mut self, front: FrontImage) {
        for (place, before) in std::mem::take(&mut self.places.turns_before) {
            self.drop_turn(place);
            if let Some(turn) = before {
                self.set_turn(place, turn);
            }
        }
        self.set_front(front);
        self.places = SomePlaces::default();
    }

    /// The turns that were touched since [`Room::know`], as they are now.
    pub fn touched(&self) -> BTreeMap<Place, Option<Turn>> {
        self.places.turns_before.keys().map(|place| (*place, self.turns.get(place).copied())).collect()
    }

    /// Who is called next, should nobody have left: at most so many.
    pub fn next_in_line(&self, count: u32, joined: u32) -> Vec<Place> {
        let Some(order) = &self.order else { return Vec::new() };
        let to = self.front.0.saturating_add(count).min(joined);
        (self.front.0..to).map(|rank| order.place(Rank(rank))).collect()
    }

    /// Whether there is anything to wait for.
    pub fn gate(&self) -> Gate {
        self.gate
    }

    /// Draws the order of a lobby that the store has closed, unless that is done.
    pub fn draw(&mut self, now: Timestamp, steps: &mut Vec<RoomChange>) {
        if let Some((lobby, root)) = self.places.lobby.filter(|_| self.opened.is_none()) {
            self.step(RoomChange::Opened { lobby, root }, now, steps);
        }
    }

    /// Whether the next in line is somebody of whom nothing is known: then there may be more to call.
    pub fn is_at_a_loss(&self) -> bool {
        let joined = self.joined();
        self.next_in_line(1, joined).first().is_some_and(|place| !self.places.is_known(*place))
    }

    /// Gives back their place to somebody who has left the lobby. `None`: it is no lobby any more.
    pub fn rejoin(
        &mut self,
        place: Place,
        address: Option<AddressKey>,
        terms: &Terms,
        now: Timestamp,
        steps: &mut Vec<RoomChange>,
    ) -> Option<JoinOutcome> {
        self.settle(terms, now, steps);
        if self.opened.is_some() {
            return None;
        }
        if !self.places.is_ended(place) {
            return Some(JoinOutcome::Same(place));
        }
        if self.gate != Gate::Open {
            return Some(JoinOutcome::Refused(self.gate));
        }
        self.step(RoomChange::Rejoined { place, address }, now, steps);
        Some(JoinOutcome::Placed(place))
    }

    fn set_front(&mut self, front: FrontImage) {
        if self.opened != front.opened {
            self.order = front.opened.map(|(lobby, root)| {
                let key = draw_key(self.event, &self.secret, &root, lobby);
                Arc::new(Order::new(&key, lobby))
            });
        }
        (self.offset, self.gate, self.control) = (front.offset, front.gate, front.control);
        (self.opened, self.front, self.gone_ahead) = (front.opened, front.front, front.gone_ahead);
        self.learned = front.learned;
        (self.bucket, self.calling, self.leaving) = (front.bucket, front.calling, front.leaving);
        (self.stock, self.resumed) = (front.stock, true);
    }
}
