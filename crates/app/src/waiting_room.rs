//! The waiting room: joining, asking, entering, leaving, and proving that one was let in.
//!
//! Invariants:
//! - a poll is answered from the ticket and from a summary that this process keeps; no store is asked, but for places
//!   that were called before and neither came nor waits;
//! - a summary is at most [`FRESH_FOR_MS`] old, or older only while the store does not answer;
//! - whoever signs tickets and passes does so elsewhere: here a place is a number, and a caller is who they are.

use std::sync::Arc;

use ahash::AHashMap;
use onsale_domain::{
    events::{BuyerIdentity, OnePlacePer},
    ids::{AccountId, EventId},
    units::Counts,
    waiting_room::{
        AddressKey, Control, EndOutcome, EnterOutcome, Gate, Hash, JoinOutcome, Leaving, Progress, Pseudonym,
        Returns, Standing, Stock, Summary, Terms, Turn, room::JoinRequest, summary::Status,
    },
};
use parking_lot::Mutex;
use serde_json::json;

use crate::{
    Caller, CallerKind,
    errors::{AppError, Reason},
    ports::{
        admissions::{PassGrant, PlaceTicket},
        clock::{Clock, Entropy},
        ledger::{Event, Events},
        waiting_room::{Holder, RoomError, WaitingRooms},
    },
};

mod at_hand;
pub mod door;
mod draws;
pub mod untold;

pub use at_hand::FRESH_FOR_MS;
use at_hand::{AtHand, MAX_KEPT};
use draws::Trees;
pub use draws::{DrawView, PORTION};
use untold::Untold;

/// When somebody at the door, or too early, should ask again.
const ASK_AGAIN_MS: u64 = 1_000;

/// A place and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// What to sign into the ticket.
    pub ticket: PlaceTicket,
    /// How it stands.
    pub progress: Progress,
    /// Whether this call made it.
    pub is_new: bool,
    /// The number of the command that made it.
    pub sequence: Option<u64>,
}

/// What an organizer wants; what is left out stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ControlWish {
    /// Whether nobody is to be called.
    pub paused: Option<bool>,
    /// A rate by hand; `Some(None)`: the event's again.
    pub admit_per_second: Option<Option<u32>>,
    /// A room by hand; `Some(None)`: the event's again.
    pub max_inside: Option<Option<u32>>,
    /// Whether it is closed.
    pub closed: Option<bool>,
}

/// The waiting rooms as this process serves them.
pub struct Rooms {
    store: Arc<dyn WaitingRooms>,
    events: Arc<dyn Events>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    at_hand: AtHand,
    trees: Trees,
    untold: Untold,
    /// What each event's stock was, and how much of what is held comes back.
    returns: Mutex<AHashMap<EventId, Returns>>,
}

impl Rooms {
    /// Puts the waiting rooms on their ports.
    pub fn new(
        store: Arc<dyn WaitingRooms>,
        events: Arc<dyn Events>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            store,
            events,
            clock,
            entropy,
            at_hand: AtHand::default(),
            trees: Trees::default(),
            untold: Untold::default(),
            returns: Mutex::default(),
        }
    }

    /// Gives the caller a place, or the one they have. `address` counts only where the event gives one place per
    /// address.
    pub async fn join(
        &self,
        caller: Caller,
        event: EventId,
        address: Option<AddressKey>,
    ) -> Result<Joined, AppError> {
        let (event, summary) = self.at_hand(event).await?;
        let settings = &event.settings;
        if settings.buyer_identity == BuyerIdentity::Account && caller.kind == CallerKind::Guest {
            return Err(AppError::refused(Reason::Forbidden, "this event is sold to signed-up buyers only"));
        }
        let address = address.filter(|_| settings.waiting_room.one_place_per == OnePlacePer::Address);
        let request = JoinRequest { buyer: Pseudonym::of(event.id, caller.account), address };
        let decided = self.store.join(event.id, request, terms(&event)).await?;
        let (place, is_new) = match decided.outcome {
            JoinOutcome::Placed(place) => (place, true),
            JoinOutcome::Same(place) => (place, false),
            JoinOutcome::Duplicate => {
                let detail = "somebody from this network address is waiting already";
                return Err(AppError::refused(Reason::Duplicate, detail));
            }
            JoinOutcome::Refused(gate) => return Err(nothing_to_wait_for(gate)),
            JoinOutcome::Full => return Err(AppError::NotNow("the waiting room is full".into())),
        };
        let ticket = PlaceTicket { event: event.id, generation: summary.generation, place };
        // A summary of before knows neither this place nor, at the moment of opening, that it has a rank.
        let progress = summary.progress(place, self.clock.now());
        Ok(Joined { ticket, progress, is_new, sequence: decided.sequence })
    }

    /// How many zero bits the work for joining has to come to, and what it is done for; 0: none is asked for.
    pub async fn work(&self, event: EventId) -> Result<(u32, Hash), AppError> {
        let (event, summary) = self.at_hand(event).await?;
        Ok((event.settings.waiting_room.proof_of_work_bits, summary.commitment))
    }

    /// Where the caller stands.
    pub async fn progress(&self, buyer: AccountId, ticket: PlaceTicket) -> Result<Progress, AppError> {
        let (_, summary) = self.at_hand(ticket.event).await?;
        if ticket.generation != summary.generation {
            return Err(stale_ticket());
        }
        let mut progress = summary.progress(ticket.place, self.clock.now());
        if progress.status == Status::Passed {
            match self.store.standing(ticket.event, holder(buyer, ticket)).await? {
                // Called, or let in, since the summary was made.
                Standing::Turn(Turn::Inside { until }) => progress.status = Status::Inside(until),
                Standing::Turn(Turn::Called { until, .. }) => progress.status = Status::Ready(Some(until)),
                Standing::Turn(Turn::AtDoor) => progress.status = Status::Ready(None),
                // Late: they may try, and are let in as soon as there is room.
                Standing::Missed => {}
                Standing::Ended => return Err(ended()),
                Standing::Lobby | Standing::Waiting(_) | Standing::Unknown => return Err(stale_ticket()),
            }
        }
        Ok(progress)
    }

    /// Claims the caller's turn.
    pub async fn enter(&self, buyer: AccountId, ticket: PlaceTicket) -> Result<PassGrant, AppError> {
        let (event, _) = self.at_hand(ticket.event).await?;
        let outcome = self.store.enter(event.id, holder(buyer, ticket), terms(&event)).await?.outcome;
        let not_yet = |detail: &str, at_door: bool| {
            AppError::refused(Reason::NotYourTurn, detail)
                .with("at_door", json!(at_door))
                .with("retry_after_ms", json!(ASK_AGAIN_MS))
        };
        match outcome {
            EnterOutcome::Inside { until } => Ok(PassGrant { ticket, until }),
            EnterOutcome::AtDoor => Err(not_yet("it is full just now; you are let in next", true)),
            EnterOutcome::NotYet => Err(not_yet("others are ahead", false)),
            EnterOutcome::Missed => {
                let detail = "the time to enter is over; while there is room you may still be let in";
                Err(AppError::refused(Reason::TurnMissed, detail))
            }
            EnterOutcome::Ended => Err(ended()),
            EnterOutcome::Refused(gate) => Err(nothing_to_wait_for(gate)),
            EnterOutcome::Unknown => Err(stale_ticket()),
        }
    }

    /// Gives the caller's place up. Doing it again is no mistake.
    pub async fn leave(&self, buyer: AccountId, ticket: PlaceTicket) -> Result<(), AppError> {
        let (event, _) = self.at_hand(ticket.event).await?;
        match self.store.end(event.id, holder(buyer, ticket), Leaving::Left, terms(&event)).await?.outcome {
            EndOutcome::Ended | EndOutcome::NotInside => Ok(()),
            EndOutcome::Unknown => Err(stale_ticket()),
        }
    }

    /// Sets what an organizer wants, for every process within a moment; who did it is logged.
    pub async fn control(
        &self,
        caller: Caller,
        event: EventId,
        wish: ControlWish,
    ) -> Result<Arc<Summary>, AppError> {
        let found = self.events.event(event).await?.ok_or_else(no_room)?;
        if !caller.manages(&found) {
            return Err(AppError::refused(Reason::Forbidden, "only who organizes the event may do this"));
        }
        if wish.admit_per_second.flatten().is_some_and(|rate| rate > 100_000) {
            return Err(AppError::invalid("admit_per_second", "allowed is 0 to 100000"));
        }
        if wish.max_inside.flatten().is_some_and(|room| room > 1_000_000) {
            return Err(AppError::invalid("max_inside", "allowed is 0 to 1000000"));
        }
        let (event, _) = self.at_hand(event).await?;
        let before = self.store.summary(event.id, terms(&event)).await?;
        let control = Control {
            paused: wish.paused.unwrap_or(before.control.paused),
            admit_per_second: wish.admit_per_second.unwrap_or(before.control.admit_per_second),
            max_inside: wish.max_inside.unwrap_or(before.control.max_inside),
        };
        let gate = match wish.closed {
            None => before.gate,
            Some(true) => Gate::Closed,
            Some(false) => Gate::Open,
        };
        let changed = self.store.control(event.id, control, gate, terms(&event)).await?;
        if changed.outcome {
            tracing::info!(
                event = %event.id, sequence = changed.sequence, ?control, ?gate,
                "waiting room set by hand"
            );
        }
        Ok(self.refresh(event).await?.1)
    }

    /// The events whose rooms this process has been asked about: those whose admission it should move on.
    pub fn in_use(&self) -> Vec<EventId> {
        self.at_hand.events()
    }

    /// Moves admission on; gives how many were called. To be called a few times a second, with the states of what is on
    /// sale. `None`: nothing is yet, or it is not known; then nobody is called.
    pub async fn admit(&self, event: EventId, on_sale: Option<Counts>) -> Result<u32, AppError> {
        let (event, _) = self.at_hand(event).await?;
        let stock = on_sale.map_or(Stock::NOT_YET, |counts| self.stock(event.id, counts));
        let called = self.store.admit(event.id, Some(stock), terms(&event)).await?;
        if called.sequence.is_some() {
            tracing::debug!(event = %event.id, called = called.outcome, sequence = called.sequence, "called");
        }
        Ok(called.outcome)
    }

    fn stock(&self, event: EventId, counts: Counts) -> Stock {
        let mut returns = self.returns.lock();
        if returns.len() >= MAX_KEPT && !returns.contains_key(&event) {
            returns.clear();
        }
        returns.entry(event).or_default().seen(counts)
    }

    /// The room at a glance, at most [`FRESH_FOR_MS`] old.
    pub async fn summary(&self, event: EventId) -> Result<Arc<Summary>, AppError> {
        Ok(self.at_hand(event).await?.1)
    }

    /// The same, with its event.
    pub async fn glance(&self, event: EventId) -> Result<(Arc<Event>, Arc<Summary>), AppError> {
        self.at_hand(event).await
    }
}

fn terms(event: &Event) -> Terms {
    Terms::from(&event.settings.waiting_room)
}

fn holder(buyer: AccountId, ticket: PlaceTicket) -> Holder {
    let buyer = Pseudonym::of(ticket.event, buyer);
    Holder { generation: ticket.generation, place: ticket.place, buyer }
}

fn no_room() -> AppError {
    AppError::not_found("waiting room")
}

fn not_drawn() -> AppError {
    AppError::not_found("draw yet: the lobby has not closed")
}

fn stale_ticket() -> AppError {
    AppError::refused(Reason::TicketInvalid, "this waiting room does not know the ticket; join again")
}

fn ended() -> AppError {
    AppError::refused(Reason::TicketInvalid, "the place has ended; join again")
}

fn nothing_to_wait_for(gate: Gate) -> AppError {
    match gate {
        Gate::SoldOut => AppError::refused(Reason::SoldOut, "everything is sold"),
        Gate::Closed | Gate::Open => AppError::refused(Reason::SaleClosed, "the waiting room is closed"),
    }
}

impl From<RoomError> for AppError {
    fn from(error: RoomError) -> Self {
        match error {
            RoomError::NotBegun => Self::Unavailable("the waiting room is being begun".into()),
            RoomError::Store(error) => error.into(),
        }
    }
}
