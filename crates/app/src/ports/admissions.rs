//! Who may buy where there is a waiting room: the question that sales asks, whoever answers it.
//!
//! Invariant: the answer depends on what was shown and on the room; a pass is never asked for where an event has no
//! waiting room, because then nobody asks.

use async_trait::async_trait;
use onsale_domain::{
    ids::{AccountId, EventId},
    time::Timestamp,
    waiting_room::Place,
};

use super::ledger::Event;
use crate::{Caller, errors::AppError};

/// What a ticket says: which place, in which room. Whose it is says the buyer's own token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PlaceTicket {
    /// Of which event.
    pub event: EventId,
    /// Of which of its rooms, should the store have lost one.
    pub generation: u32,
    /// The place.
    pub place: Place,
}

/// What a pass says. There is one per place, so asking again gives the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PassGrant {
    /// The place that was let in.
    pub ticket: PlaceTicket,
    /// Until when.
    pub until: Timestamp,
}

/// What a request brought with it for a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Nothing.
    Nothing,
    /// Something that was never given out, or was altered.
    NotGenuine,
    /// A pass with a good signature, and whose it is.
    Pass {
        /// To whom it was given.
        holder: AccountId,
        /// What it says.
        grant: PassGrant,
    },
}

/// Somebody has bought something in an event with a waiting room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bought {
    /// In which event.
    pub event: EventId,
    /// Who.
    pub buyer: AccountId,
    /// How many units.
    pub units: u32,
    /// When.
    pub at: Timestamp,
}

/// The door between the waiting room and the seats.
#[async_trait]
pub trait Admissions: Send + Sync {
    /// Refuses those who may not buy now in an event that has a waiting room.
    async fn check(&self, buyer: Caller, event: &Event, shown: &Shown) -> Result<(), AppError>;

    /// Takes note that somebody has bought: their place goes to the next. Takes no time; it is carried on to the room
    /// until the room has it, or until the place would have ended anyway.
    fn bought(&self, bought: Bought);
}
