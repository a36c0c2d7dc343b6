//! The past of one waiting room: who stood where in the line, and whether everybody was called in turn.
//!
//! Invariant: see [`super`]; the draw is made again from its secret, and the root from those who joined.

use std::collections::HashMap;

use onsale_domain::{
    ids::EventId,
    waiting_room::{Order, Place, Pseudonym, Rank, RoomChange, RoomImage, Secret, draw_key, merkle},
};

/// How far somebody has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stand {
    Waiting,
    Called,
    AtDoor,
    Inside,
    Missed,
    Ended,
}

pub(super) struct Line {
    event: EventId,
    secret: Option<Secret>,
    checkpoint: u64,
    offset: u64,
    lobby: merkle::Frontier,
    places: HashMap<Pseudonym, Place>,
    stands: Vec<Stand>,
    order: Option<Order>,
    front: Rank,
}

impl Line {
    pub(super) fn new(event: EventId, checkpoint: Option<&RoomImage>) -> Self {
        Self {
            event,
            secret: checkpoint.map(|image| image.secret),
            checkpoint: checkpoint.map_or(0, |image| image.offset),
            offset: 0,
            lobby: merkle::Frontier::default(),
            places: HashMap::new(),
            stands: Vec::new(),
            order: None,
            front: Rank(0),
        }
    }

    /// The change that follows.
    pub(super) fn follow(&mut self, offset: u64, change: &RoomChange, find: &mut dyn FnMut(String)) {
        if offset != self.offset + 1 {
            find(format!("comes after {}", self.offset));
        }
        self.offset = offset;
        match change {
            RoomChange::Joined { place, buyer, .. } => self.join(*place, *buyer, find),
            RoomChange::Rejoined { place, .. } => {
                if self.order.is_some() {
                    find(format!("entry {} comes back after the lobby has closed", place.0));
                }
                self.step(*place, &[Stand::Ended], Stand::Waiting, find);
            }
            RoomChange::Opened { lobby, root } => {
                if self.order.is_some() {
                    find("the lobby closes a second time".to_owned());
                }
                if *lobby as usize != self.stands.len() || *root != self.lobby.root() {
                    find("the lobby closes with others than have joined".to_owned());
                }
                let secret = self.secret.as_ref();
                self.order =
                    secret.map(|secret| Order::new(&draw_key(self.event, secret, root, *lobby), *lobby));
            }
            RoomChange::Called { front, places, .. } => self.call(*front, places, find),
            RoomChange::Entered { place, .. } => {
                self.step(*place, &[Stand::Called, Stand::AtDoor, Stand::Missed], Stand::Inside, find);
            }
            RoomChange::CameToDoor { place } => self.step(*place, &[Stand::Called], Stand::AtDoor, find),
            RoomChange::Missed { places } => {
                for place in places {
                    self.step(*place, &[Stand::Called], Stand::Missed, find);
                }
            }
            RoomChange::Ended { place, .. } => {
                let open = [Stand::Waiting, Stand::Called, Stand::AtDoor, Stand::Inside, Stand::Missed];
                self.step(*place, &open, Stand::Ended, find);
            }
            RoomChange::Controlled(_) | RoomChange::Gated(_) | RoomChange::Resumed { .. } => {}
        }
    }

    /// At the end of the history.
    pub(super) fn end(&self, find: &mut dyn FnMut(String)) {
        if self.secret.is_none() {
            find("there is no checkpoint of it".to_owned());
        }
        if self.checkpoint > self.offset {
            find(format!("the checkpoint is of {}, and the last change {}", self.checkpoint, self.offset));
        }
    }

    fn join(&mut self, place: Place, buyer: Pseudonym, find: &mut dyn FnMut(String)) {
        let next = self.stands.len();
        if place.0 as usize != next {
            find(format!("entry {} joins, and {next} have joined before", place.0));
        }
        if self.places.get(&buyer).is_some_and(|had| self.stand(*had) != Some(Stand::Ended)) {
            find(format!("entry {} is of a buyer who has one already", place.0));
        }
        if self.order.is_none() {
            self.lobby.push(merkle::leaf(place, buyer));
        }
        self.places.insert(buyer, place);
        self.stands.push(Stand::Waiting);
    }

    /// Everybody from the front on is called who has not left, and nobody else.
    fn call(&mut self, front: Rank, called: &[Place], find: &mut dyn FnMut(String)) {
        let Some(order) = &self.order else {
            if self.secret.is_some() {
                find("people are called before the lobby has closed".to_owned());
            }
            return;
        };
        let to = front.0.min(u32::try_from(self.stands.len()).unwrap_or(u32::MAX));
        let due: Vec<Place> = (self.front.0..to)
            .map(|rank| order.place(Rank(rank)))
            .filter(|place| self.stand(*place) != Some(Stand::Ended))
            .collect();
        if front < self.front || to < front.0 || due != called {
            find(format!(
                "others are called than those whose turn it is, from position {}",
                self.front.position()
            ));
        }
        self.front = front;
        for place in called {
            self.step(*place, &[Stand::Waiting], Stand::Called, find);
        }
    }

    fn stand(&self, place: Place) -> Option<Stand> {
        self.stands.get(place.0 as usize).copied()
    }

    fn step(&mut self, place: Place, from: &[Stand], to: Stand, find: &mut dyn FnMut(String)) {
        let Some(stand) = self.stands.get_mut(place.0 as usize) else {
            find(format!("there is no entry {}", place.0));
            return;
        };
        if !from.contains(stand) {
            find(format!("entry {} becomes {to:?}, and was {stand:?}", place.0));
        }
        *stand = to;
    }
}
