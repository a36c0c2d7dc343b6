//! The waiting rooms: who has which place, who is called, who is inside.
//!
//! Contract of every command: it is applied to one room atomically and in one order; when the call returns with
//! `Ok`, what it changed is as durable as the store promises, and so is what a refusal was founded on only where
//! the port says so. Each command first does what time alone brings about: the lobby closes, turns and places inside
//! end, the door opens. The rules are those of `onsale_domain::waiting_room::Room`; the terms come with the command. A
//! command whose call returns `Unavailable` may or may not have happened, except for the in-process store, where it has
//! not; all of them may be repeated.
//!
//! No command walks over all places, and none is needed to answer a poll: that is what [`WaitingRooms::summary`] is for,
//! which each node reads a few times a second.

use async_trait::async_trait;
use onsale_domain::{
    ids::EventId,
    waiting_room::{
        Control, EndOutcome, EnterOutcome, Gate, JoinOutcome, Leaving, Place, Pseudonym, Secret, Standing,
        Stock, Summary, Terms, room::JoinRequest,
    },
};

use super::{StoreError, hot::Decided};

/// Why a store did not carry out a command on a room.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RoomError {
    /// The store does not have this room: begin it and ask again.
    #[error("waiting room not begun")]
    NotBegun,
    /// The store itself has trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Who claims to have a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The room that gave the place; another one does not know it.
    pub generation: u32,
    /// The place.
    pub place: Place,
    /// Who.
    pub buyer: Pseudonym,
}

/// The waiting rooms of all events.
#[async_trait]
pub trait WaitingRooms: Send + Sync {
    /// Begins the room of an event with what its draw will be made from, unless there is one. `true`: this call has
    /// begun it, and its secret is the one committed to.
    async fn begin(&self, e: EventId, generation: u32, secret: Secret) -> Result<bool, StoreError>;

    /// Gives a place, or the one that the buyer has. Places are numbered from 0 in the order of joining.
    async fn join(
        &self,
        e: EventId,
        request: JoinRequest,
        terms: Terms,
    ) -> Result<Decided<JoinOutcome>, RoomError>;

    /// Calls whoever may be called now, in the order of their ranks; gives how many. To be asked a few times a second;
    /// any number of nodes may, and it makes no difference.
    async fn admit(&self, e: EventId, stock: Option<Stock>, terms: Terms) -> Result<Decided<u32>, RoomError>;

    /// Claims a turn. Asked again, gives the same.
    async fn enter(
        &self,
        e: EventId,
        holder: Holder,
        terms: Terms,
    ) -> Result<Decided<EnterOutcome>, RoomError>;

    /// Ends a place: its holder leaves, or has bought. What is free by that goes to the next at once.
    async fn end(
        &self,
        e: EventId,
        holder: Holder,
        leaving: Leaving,
        terms: Terms,
    ) -> Result<Decided<EndOutcome>, RoomError>;

    /// Sets what an organizer wants. `true`: that changed something.
    async fn control(
        &self,
        e: EventId,
        control: Control,
        gate: Gate,
        terms: Terms,
    ) -> Result<Decided<bool>, RoomError>;

    /// The room at a glance. What it shows is durable.
    async fn summary(&self, e: EventId, terms: Terms) -> Result<Summary, RoomError>;

    /// Where a place stands, for places that a summary does not tell of; [`Standing::Unknown`] where it is not the
    /// holder's. What it shows is durable.
    async fn standing(&self, e: EventId, holder: Holder) -> Result<Standing, RoomError>;

    /// The place that a buyer has, if it has not ended.
    async fn place_of(&self, e: EventId, buyer: Pseudonym) -> Result<Option<Holder>, RoomError>;

    /// The pseudonyms of some places, in order, at most `count`; what the draw is made of.
    async fn entries(&self, e: EventId, from: Place, count: u32) -> Result<Vec<Pseudonym>, RoomError>;
}
