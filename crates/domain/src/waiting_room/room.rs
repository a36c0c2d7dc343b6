//! The state of one waiting room and the commands on it.
//!
//! Invariants:
//! - the state is the fold of its changes: commands only decide, [`Room::apply`] alone moves it;
//! - people are called in the order of their ranks, and those at the door enter before anybody else;
//! - no step depends on a time that was stored, except the ends of turns: a stepped clock moves nobody in the line.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{
    AddressKey, Control, EndOutcome, EnterOutcome, Gate, Hash, JoinOutcome, Leaving, Order, Place, Pseudonym,
    Rank, Secret, Standing, Stock, Summary, Terms, Turn,
    admission::{Bucket, Fullness, Learned, Pace, allowance},
};
use crate::{events::WhenSoldOut, ids::EventId, time::Timestamp};

mod apply;
mod ended;
mod front;
mod image;
mod places;
#[cfg(test)]
mod tests;

use ended::Ended;
pub use front::FrontImage;
pub use image::RoomImage;
pub use places::{AllPlaces, KnownPlace, Places, SomePlaces};

/// More places than this are not given: some gigabytes of memory.
pub const MAX_PLACES: u32 = 20_000_000;

/// One step in the history of a room. It names every place it touches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RoomChange {
    /// A new place.
    Joined {
        /// Its number: one more than the last.
        place: Place,
        /// Whose it is.
        buyer: Pseudonym,
        /// From where, where that counts.
        address: Option<AddressKey>,
    },
    /// Somebody who had left the lobby is back in their place.
    Rejoined {
        /// The place.
        place: Place,
        /// From where, where that counts.
        address: Option<AddressKey>,
    },
    /// The lobby has closed; from here on every place has a rank.
    Opened {
        /// How many were in it.
        lobby: u32,
        /// The root over them.
        root: Hash,
    },
    /// The front has moved on.
    Called {
        /// Everybody before it has been called or has left.
        front: Rank,
        /// Who was called, in the order of their ranks.
        places: Vec<Place>,
        /// Until when they may claim it.
        until: Timestamp,
    },
    /// Somebody has come inside.
    Entered {
        /// Who.
        place: Place,
        /// Until when.
        until: Timestamp,
    },
    /// Somebody has claimed the turn in time, while it was full.
    CameToDoor {
        /// Who.
        place: Place,
    },
    /// These have not claimed their turn in time.
    Missed {
        /// Who.
        places: Vec<Place>,
    },
    /// A place has ended.
    Ended {
        /// Which.
        place: Place,
        /// How.
        leaving: Leaving,
    },
    /// An organizer has set something.
    Controlled(Control),
    /// It was closed, or opened again.
    Gated(Gate),
    /// The server was away, and nobody could claim: turns begin anew.
    Resumed {
        /// Until when those called may claim it.
        called_until: Timestamp,
        /// Until when those inside may stay at most.
        inside_until: Timestamp,
    },
}

/// One waiting room, with its places or over those that a store keeps.
#[derive(Debug)]
pub struct Room<P = AllPlaces> {
    event: EventId,
    generation: u32,
    secret: Secret,
    offset: u64,
    gate: Gate,
    control: Control,
    /// The length of the lobby and the root over it, once it has closed.
    opened: Option<(u32, Hash)>,
    /// Made from the above.
    order: Option<Arc<Order>>,
    places: P,
    /// How many have left who were not called before.
    gone_ahead: u32,
    front: Rank,
    turns: BTreeMap<Place, Turn>,
    due: BTreeSet<(Timestamp, Place)>,
    door: BTreeMap<Rank, Place>,
    inside: u32,
    learned: Learned,
    /// What follows is not written down: after a restart it is learned again.
    bucket: Bucket,
    calling: Pace,
    leaving: Pace,
    stock: Option<Stock>,
    resumed: bool,
}

/// What one wishes who joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoinRequest {
    /// Who.
    pub buyer: Pseudonym,
    /// From where, where the event gives one place per address.
    pub address: Option<AddressKey>,
}

impl Room {
    /// An empty room. `generation` tells it from any other that the event has had, should the store have lost one.
    pub fn new(event: EventId, generation: u32, secret: Secret) -> Self {
        Self::over(AllPlaces::default(), event, generation, secret)
    }

    /// The pseudonyms of some places, in order: what the draw is made of.
    pub fn entries(&self, from: Place, count: u32) -> Vec<Pseudonym> {
        let entries = &self.places.entries;
        let from = (from.0 as usize).min(entries.len());
        let to = from.saturating_add(count as usize).min(entries.len());
        entries[from..to].to_vec()
    }

    /// The place of a buyer, if it has not ended.
    pub fn place_of(&self, buyer: Pseudonym) -> Option<Place> {
        self.places.by_buyer.get(&buyer).copied().filter(|place| !self.places.is_ended(*place))
    }

    /// Gives a place, or the one that the buyer has.
    pub fn join(
        &mut self,
        request: JoinRequest,
        terms: &Terms,
        now: Timestamp,
        steps: &mut Vec<RoomChange>,
    ) -> JoinOutcome {
        self.settle(terms, now, steps);
        let JoinRequest { buyer, address } = request;
        let had = self.places.by_buyer.get(&buyer).copied();
        if let Some(place) = had.filter(|place| !self.places.is_ended(*place)) {
            return JoinOutcome::Same(place);
        }
        if self.gate != Gate::Open {
            return JoinOutcome::Refused(self.gate);
        }
        let taken = address.and_then(|address| self.places.by_address.get(&address)).copied();
        if taken.is_some_and(|place| Some(place) != had && !self.places.is_ended(place)) {
            return JoinOutcome::Duplicate;
        }
        // One entry each: who leaves the lobby and comes back has the same chance as before, not another.
        if let Some(place) = had.filter(|_| self.opened.is_none()) {
            self.step(RoomChange::Rejoined { place, address }, now, steps);
            return JoinOutcome::Placed(place);
        }
        if self.joined() >= MAX_PLACES {
            return JoinOutcome::Full;
        }
        let place = Place(self.joined());
        self.step(RoomChange::Joined { place, buyer, address }, now, steps);
        JoinOutcome::Placed(place)
    }
}

impl<P: Places> Room<P> {
    fn over(places: P, event: EventId, generation: u32, secret: Secret) -> Self {
        Self {
            event,
            generation,
            secret,
            offset: 0,
            gate: Gate::Open,
            control: Control::default(),
            opened: None,
            order: None,
            places,
            gone_ahead: 0,
            front: Rank(0),
            turns: BTreeMap::new(),
            due: BTreeSet::new(),
            door: BTreeMap::new(),
            inside: 0,
            learned: Learned::default(),
            bucket: Bucket::default(),
            calling: Pace::default(),
            leaving: Pace::default(),
            stock: None,
            resumed: true,
        }
    }

    /// What tells it from any other room of its event.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// How many changes it has seen.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many places have been given.
    pub fn joined(&self) -> u32 {
        self.places.joined()
    }

    /// Lets time pass and calls whoever may be called. To be asked a few times a second. Gives how many were called.
    pub fn admit(
        &mut self,
        terms: &Terms,
        stock: Option<Stock>,
        now: Timestamp,
        steps: &mut Vec<RoomChange>,
    ) -> u32 {
        self.settle(terms, now, steps);
        self.stock = stock;
        let (rate, max_inside) = self.limits(terms);
        let tokens = self.bucket.fill(rate, now);
        let Some(order) = self.order.clone().filter(|_| self.gate == Gate::Open) else { return 0 };
        let sold_out = stock.is_some_and(|stock| stock.available == 0 && stock.taken == 0);
        if sold_out && terms.when_sold_out == WhenSoldOut::Close {
            self.step(RoomChange::Gated(Gate::SoldOut), now, steps);
            return 0;
        }
        if self.control.paused {
            return 0;
        }
        let may = allowance(&self.fullness(terms, now), &self.learned, max_inside, stock, tokens);
        let mut places = Vec::new();
        let mut front = self.front;
        while (places.len() as u32) < may && front.0 < self.joined() {
            let place = order.place(front);
            if !self.places.is_known(place) {
                break;
            }
            front.0 += 1;
            if !self.places.is_ended(place) {
                places.push(place);
            }
        }
        let called = places.len() as u32;
        if front > self.front {
            self.bucket.take(called);
            let until = now.plus_ms(terms.claim_within_ms);
            self.step(RoomChange::Called { front, places, until }, now, steps);
        }
        called
    }

    /// Claims a turn.
    pub fn enter(
        &mut self,
        place: Place,
        buyer: Pseudonym,
        terms: &Terms,
        now: Timestamp,
        steps: &mut Vec<RoomChange>,
    ) -> EnterOutcome {
        self.settle(terms, now, steps);
        let standing = self.standing(place);
        if standing == Standing::Unknown || !self.belongs(place, buyer) {
            return EnterOutcome::Unknown;
        }
        if let Standing::Turn(Turn::Inside { until }) = standing {
            return EnterOutcome::Inside { until };
        }
        if standing == Standing::Ended {
            return EnterOutcome::Ended;
        }
        if self.gate != Gate::Open {
            return EnterOutcome::Refused(self.gate);
        }
        let (_, max_inside) = self.limits(terms);
        match standing {
            Standing::Turn(Turn::Called { .. }) => {
                if self.door.is_empty() && self.inside < Fullness::most(max_inside) {
                    return self.let_in(place, terms, now, steps);
                }
                self.step(RoomChange::CameToDoor { place }, now, steps);
                EnterOutcome::AtDoor
            }
            Standing::Turn(_) => EnterOutcome::AtDoor,
            Standing::Missed => {
                // Late: only where it takes nothing from those who are in time.
                let room = self.fullness(terms, now).room(max_inside, &self.learned);
                if self.door.is_empty() && !self.control.paused && room >= 1.0 {
                    return self.let_in(place, terms, now, steps);
                }
                EnterOutcome::Missed
            }
            _ => EnterOutcome::NotYet,
        }
    }

    /// Ends a place: its owner leaves, or has bought.
    pub fn end(
        &mut self,
        place: Place,
        buyer: Pseudonym,
        leaving: Leaving,
        terms: &Terms,
        now: Timestamp,
        steps: &mut Vec<RoomChange>,
    ) -> EndOutcome {
        self.settle(terms, now, steps);
        let standing = self.standing(place);
        if standing == Standing::Unknown || !self.belongs(place, buyer) {
            return EndOutcome::Unknown;
        }
        let is_inside = matches!(standing, Standing::Turn(Turn::Inside { .. }));
        if standing == Standing::Ended {
            return EndOutcome::Ended;
        }
        if leaving != Leaving::Left && !is_inside {
            return EndOutcome::NotInside;
        }
        self.step(RoomChange::Ended { place, leaving }, now, steps);
        self.open_door(terms, now, steps);
        EndOutcome::Ended
    }

    /// Sets what an organizer wants, and whether it is closed. `true`: this changed something.
    pub fn control(
        &mut self,
        control: Control,
        gate: Gate,
        terms: &Terms,
        now: Timestamp,
        steps: &mut Vec<RoomChange>,
    ) -> bool {
        self.settle(terms, now, steps);
        let before = (self.control, self.gate);
        if control != self.control {
            self.step(RoomChange::Controlled(control), now, steps);
        }
        if gate != self.gate {
            self.step(RoomChange::Gated(gate), now, steps);
        }
        self.open_door(terms, now, steps);
        before != (self.control, self.gate)
    }

    /// Where a place stands.
    pub fn standing(&self, place: Place) -> Standing {
        if place.0 >= self.joined() {
            return Standing::Unknown;
        }
        if self.places.is_ended(place) {
            return Standing::Ended;
        }
        if let Some(turn) = self.turns.get(&place) {
            return Standing::Turn(*turn);
        }
        match &self.order {
            None => Standing::Lobby,
            Some(order) => {
                let rank = order.rank(place);
                if rank < self.front { Standing::Missed } else { Standing::Waiting(rank) }
            }
        }
    }

    /// Whether a place is this buyer's.
    pub fn belongs(&self, place: Place, buyer: Pseudonym) -> bool {
        self.places.buyer(place) == Some(buyer)
    }

    /// What everybody may know, and what a node needs to answer polls.
    pub fn summary(&self, terms: &Terms, now: Timestamp) -> Summary {
        let (admit_per_second, max_inside) = self.limits(terms);
        let fullness = self.fullness(terms, now);
        Summary {
            event: self.event,
            generation: self.generation,
            commitment: self.secret.commitment(),
            opened: self.opened.map(|(_, root)| (self.secret, root)),
            order: self.order.clone(),
            opens_at: terms.opens_at,
            gate: self.gate,
            control: self.control,
            joined: self.joined(),
            front: self.front,
            gone_ahead: self.gone_ahead,
            turns: self.turns.iter().map(|(place, turn)| (*place, *turn)).collect(),
            inside: self.inside,
            at_door: self.door.len() as u32,
            admit_per_second,
            max_inside,
            inside_for_ms: terms.inside_for_ms,
            calls_per_second: self.calling.per_second(now),
            free: self.free(&fullness, max_inside),
            reached: self
                .stock
                .filter(|stock| *stock != Stock::NOT_YET)
                .map(|stock| self.reached(stock, &fullness)),
            return_line: terms.when_sold_out == WhenSoldOut::ReturnLine
                && self.stock.is_some_and(|stock| stock.available == 0 && stock != Stock::NOT_YET),
        }
    }

    fn free(&self, fullness: &Fullness, max_inside: u32) -> u32 {
        allowance(fullness, &self.learned, max_inside, self.stock, u32::MAX)
    }

    /// How many of those still waiting are likely to be called before everything is gone.
    fn reached(&self, stock: Stock, fullness: &Fullness) -> u32 {
        let learned = &self.learned;
        let each = learned.units() * learned.buys();
        let has_something = (f64::from(stock.taken) / learned.units()).min(f64::from(self.inside));
        let seekers =
            f64::from(self.inside) - has_something + f64::from(fullness.at_door) + fullness.expected;
        let left = f64::from(stock.available.saturating_add(stock.returning)) - seekers * each;
        let people = (left / (each * learned.comes())).clamp(0.0, f64::from(MAX_PLACES));
        #[expect(clippy::cast_sign_loss, reason = "clamped")]
        let people = people.round() as u32;
        people
    }

    /// Rate and room: the organizer's, or else the event's.
    fn limits(&self, terms: &Terms) -> (u32, u32) {
        (
            self.control.admit_per_second.unwrap_or(terms.admit_per_second),
            self.control.max_inside.unwrap_or(terms.max_inside),
        )
    }

    fn fullness(&self, terms: &Terms, now: Timestamp) -> Fullness {
        let mut fullness = Fullness {
            inside: self.inside,
            at_door: self.door.len() as u32,
            leaving: self.leaving.at_least_per_second(now),
            claim_within_ms: terms.claim_within_ms,
            ..Fullness::default()
        };
        for turn in self.turns.values() {
            if let Turn::Called { since, until } = turn {
                fullness.expect(self.learned.still_comes(*since, *until, now));
            }
        }
        fullness
    }

    /// What time alone brings about: the lobby closes, turns and places inside end, the door opens.
    fn settle(&mut self, terms: &Terms, now: Timestamp, steps: &mut Vec<RoomChange>) {
        if !self.resumed {
            let called_until = now.plus_ms(terms.claim_within_ms);
            let inside_until = now.plus_ms(terms.inside_for_ms);
            self.step(RoomChange::Resumed { called_until, inside_until }, now, steps);
        }
        let is_due = terms.opens_at.is_none_or(|opens_at| opens_at <= now);
        if self.opened.is_none()
            && let Some((lobby, root)) = self.places.lobby(is_due)
        {
            self.step(RoomChange::Opened { lobby, root }, now, steps);
        }
        let mut missed = Vec::new();
        while let Some((_, place)) = self.due.first().copied().filter(|(until, _)| *until <= now) {
            if let Some(Turn::Inside { .. }) = self.turns.get(&place) {
                self.step(RoomChange::Ended { place, leaving: Leaving::TimedOut }, now, steps);
            } else {
                // Gathered into one change, which would drop it from here as well.
                self.due.pop_first();
                missed.push(place);
            }
        }
        if !missed.is_empty() {
            self.step(RoomChange::Missed { places: missed }, now, steps);
        }
        self.open_door(terms, now, steps);
    }

    /// Lets in those at the door, lowest rank first, as far as there is room.
    fn open_door(&mut self, terms: &Terms, now: Timestamp, steps: &mut Vec<RoomChange>) {
        let most = Fullness::most(self.limits(terms).1);
        while self.inside < most
            && self.gate == Gate::Open
            && let Some(place) = self.door.values().next().copied()
        {
            self.let_in(place, terms, now, steps);
        }
    }

    fn let_in(
        &mut self,
        place: Place,
        terms: &Terms,
        now: Timestamp,
        steps: &mut Vec<RoomChange>,
    ) -> EnterOutcome {
        let until = now.plus_ms(terms.inside_for_ms);
        self.step(RoomChange::Entered { place, until }, now, steps);
        EnterOutcome::Inside { until }
    }

    fn step(&mut self, change: RoomChange, now: Timestamp, steps: &mut Vec<RoomChange>) {
        self.apply(self.offset + 1, now, &change);
        steps.push(change);
    }
}
