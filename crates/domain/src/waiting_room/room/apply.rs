//! Applying changes: how each one moves a room, live and in replay.
//!
//! Invariant: nothing else moves a room. A change names what it touches, so applying decides nothing.

use std::sync::Arc;

use super::{Places, Room, RoomChange};
use crate::{
    time::Timestamp,
    waiting_room::{Leaving, Order, Place, Rank, Turn, draw_key},
};

impl<P: Places> Room<P> {
    /// Moves the state by one change, the `offset`th of its history.
    pub fn apply(&mut self, offset: u64, at: Timestamp, change: &RoomChange) {
        debug_assert_eq!(offset, self.offset + 1, "a change is missing");
        self.offset = offset;
        self.places.apply(change, self.opened.is_none());
        match change {
            RoomChange::Joined { .. } => {}
            RoomChange::Rejoined { .. } => self.gone_ahead -= 1,
            RoomChange::Opened { lobby, root } => {
                let key = draw_key(self.event, &self.secret, root, *lobby);
                self.order = Some(Arc::new(Order::new(&key, *lobby)));
                self.opened = Some((*lobby, *root));
            }
            RoomChange::Called { front, places, until } => {
                let passed = front.0 - self.front.0;
                self.gone_ahead -= passed - places.len() as u32;
                self.front = *front;
                for place in places {
                    self.set_turn(*place, Turn::Called { since: at, until: *until });
                }
                self.calling.note(places.len() as u32, at);
            }
            RoomChange::Entered { place, until } => {
                if let Some(Turn::Called { since, until }) = self.drop_turn(*place) {
                    self.learned.note_came(since, until, at);
                }
                self.set_turn(*place, Turn::Inside { until: *until });
            }
            RoomChange::CameToDoor { place } => {
                if let Some(Turn::Called { since, until }) = self.drop_turn(*place) {
                    self.learned.note_came(since, until, at);
                }
                self.set_turn(*place, Turn::AtDoor);
            }
            RoomChange::Missed { places } => {
                for place in places {
                    self.drop_turn(*place);
                    self.learned.note_missed();
                }
            }
            RoomChange::Ended { place, leaving } => self.end_place(*place, *leaving, at),
            RoomChange::Controlled(control) => self.control = *control,
            RoomChange::Gated(gate) => self.gate = *gate,
            RoomChange::Resumed { called_until, inside_until } => {
                self.resumed = true;
                let turns: Vec<(Place, Turn)> = self.turns.iter().map(|(p, turn)| (*p, *turn)).collect();
                for (place, turn) in turns {
                    let anew = match turn {
                        Turn::Called { .. } => Turn::Called { since: at, until: *called_until },
                        Turn::Inside { until } => Turn::Inside { until: until.min(*inside_until) },
                        Turn::AtDoor => continue,
                    };
                    self.drop_turn(place);
                    self.set_turn(place, anew);
                }
            }
        }
    }

    fn end_place(&mut self, place: Place, leaving: Leaving, at: Timestamp) {
        let rank = self.rank(place);
        match self.drop_turn(place) {
            Some(Turn::Inside { .. }) => {
                let units = if let Leaving::Completed { units } = leaving { units } else { 0 };
                self.learned.note_done(units);
                self.leaving.note(1, at);
            }
            None if rank.is_none_or(|rank| rank >= self.front) => self.gone_ahead += 1,
            _ => {}
        }
    }

    pub(super) fn rank(&self, place: Place) -> Option<Rank> {
        self.order.as_ref().map(|order| order.rank(place))
    }

    pub(super) fn set_turn(&mut self, place: Place, turn: Turn) {
        self.places.note_turn(place, None);
        match turn {
            Turn::Called { until, .. } => {
                self.due.insert((until, place));
            }
            Turn::AtDoor => {
                if let Some(rank) = self.rank(place) {
                    self.door.insert(rank, place);
                }
            }
            Turn::Inside { until } => {
                self.due.insert((until, place));
                self.inside += 1;
            }
        }
        self.turns.insert(place, turn);
    }

    pub(super) fn drop_turn(&mut self, place: Place) -> Option<Turn> {
        let turn = self.turns.remove(&place)?;
        self.places.note_turn(place, Some(turn));
        match turn {
            Turn::Called { until, .. } => {
                self.due.remove(&(until, place));
            }
            Turn::AtDoor => {
                if let Some(rank) = self.rank(place) {
                    self.door.remove(&rank);
                }
            }
            Turn::Inside { until } => {
                self.due.remove(&(until, place));
                self.inside -= 1;
            }
        }
        Some(turn)
    }
}
