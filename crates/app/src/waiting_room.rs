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
    events::{BuyerIdentity, OnePlacePer, WaitingRoomMode},
    ids::{AccountId, EventId},
    time::Timestamp,
    waiting_room::{
        AddressKey, Control, EndOutcome, EnterOutcome, Gate, Hash, JoinOutcome, Leaving, Place, Progress,
        Pseudonym, Secret, Standing, Stock, Summary, Terms, Turn,
        merkle::{Tree, leaf},
        receipts::{DrawFacts, Entry, Receipt},
        room::JoinRequest,
        summary::Status,
    },
};
use parking_lot::{Mutex, RwLock};
use serde_json::json;

use crate::{
    Caller, CallerKind,
    errors::{AppError, Reason},
    ports::{
        StoreError,
        clock::{Clock, Entropy},
        ledger::{Event, Events},
        waiting_room::{Holder, RoomError, WaitingRooms},
    },
};

/// How long a summary and the settings of an event are used before they are read again.
pub const FRESH_FOR_MS: u64 = 250;

/// How many events are kept at hand. Beyond that the longest kept go.
const MAX_KEPT: usize = 1_000;

/// How many entries of a lobby are read at once.
const PORTION: u32 = 50_000;

/// When somebody at the door, or too early, should ask again.
const ASK_AGAIN_MS: u64 = 1_000;

/// What a ticket says: which place, in which room. Whose it is says the buyer's own token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceTicket {
    /// Of which event.
    pub event: EventId,
    /// Of which of its rooms, should the store have lost one.
    pub generation: u32,
    /// The place.
    pub place: Place,
}

/// A place and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// What to sign into the ticket.
    pub ticket: PlaceTicket,
    /// How it stands.
    pub progress: Progress,
    /// Whether this call made it.
    pub is_new: bool,
}

/// What a pass says. There is one per place, so asking again gives the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassGrant {
    /// The place that was let in.
    pub ticket: PlaceTicket,
    /// Until when.
    pub until: Timestamp,
}

/// What is public about a draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrawView {
    /// The hash of the secret.
    pub commitment: Hash,
    /// How many are in the lobby, or were.
    pub lobby_count: u32,
    /// When it closes.
    pub opens_at: Option<Timestamp>,
    /// The rest, once it has closed.
    pub facts: Option<DrawFacts>,
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

/// An event at hand.
struct Kept {
    event: Arc<Event>,
    summary: Arc<Summary>,
    read_at: Timestamp,
    /// Somebody is reading it anew.
    reading: bool,
}

/// The waiting rooms as this process serves them.
pub struct Rooms {
    store: Arc<dyn WaitingRooms>,
    events: Arc<dyn Events>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    kept: RwLock<AHashMap<EventId, Kept>>,
    /// When a sale opens everybody finds it missing at once; one reads, the others wait for that.
    first_reading: tokio::sync::Mutex<()>,
    /// The trees of the lobbies that receipts were asked of.
    trees: Mutex<AHashMap<(EventId, u32), Arc<Tree>>>,
    planting: tokio::sync::Mutex<()>,
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
            kept: RwLock::default(),
            first_reading: tokio::sync::Mutex::new(()),
            trees: Mutex::default(),
            planting: tokio::sync::Mutex::new(()),
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
        let outcome = self.store.join(event.id, request, terms(&event)).await?.outcome;
        let (place, is_new) = match outcome {
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
        Ok(Joined { ticket, progress, is_new })
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

    /// Whether a pass that is genuine still lets in; until when.
    pub async fn check_pass(&self, buyer: AccountId, pass: PassGrant) -> Result<Timestamp, AppError> {
        let now = self.clock.now();
        if pass.until <= now {
            return Err(AppError::refused(Reason::PassExpired, "the pass has expired"));
        }
        match self.store.standing(pass.ticket.event, holder(buyer, pass.ticket)).await {
            Ok(Standing::Turn(Turn::Inside { until })) => Ok(until),
            Ok(Standing::Ended) => Err(AppError::refused(Reason::PassUsed, "the place inside has ended")),
            // The room that gave it is lost; what it promised holds.
            Ok(Standing::Unknown) if self.is_lost(pass.ticket).await => Ok(pass.until),
            Err(RoomError::NotBegun) => Ok(pass.until),
            Ok(_) => Err(AppError::refused(Reason::PassInvalid, "the pass is not for this buyer and event")),
            Err(error) => Err(error.into()),
        }
    }

    /// Notes that somebody inside has bought; their place goes to the next. Repeated until it is taken.
    pub async fn complete(&self, buyer: AccountId, pass: PassGrant, units: u32) -> Result<(), AppError> {
        let (event, _) = self.at_hand(pass.ticket.event).await?;
        let leaving = Leaving::Completed { units };
        self.store.end(event.id, holder(buyer, pass.ticket), leaving, terms(&event)).await?;
        Ok(())
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
                event = %event.id, by = %caller.account, sequence = changed.sequence, ?control, ?gate,
                "waiting room set by hand"
            );
        }
        Ok(self.refresh(event).await?.1)
    }

    /// What is public about the draw.
    pub async fn draw(&self, event: EventId) -> Result<DrawView, AppError> {
        let (event, summary) = self.at_hand(event).await?;
        Ok(DrawView {
            commitment: summary.commitment,
            lobby_count: summary.lobby().unwrap_or(summary.joined),
            opens_at: event.settings.waiting_room.opens_at,
            facts: summary.draw(),
        })
    }

    /// Some entries of a lobby that has closed, from a place on, in order: what a whole draw is published from.
    pub async fn entries(&self, event: EventId, from: Place) -> Result<Vec<Pseudonym>, AppError> {
        let (event, summary) = self.at_hand(event).await?;
        let lobby = summary.lobby().ok_or_else(not_drawn)?;
        let count = PORTION.min(lobby.saturating_sub(from.0));
        Ok(self.store.entries(event.id, from, count).await?)
    }

    /// The proof that a place of the lobby got its position by the draw.
    pub async fn receipt(&self, buyer: AccountId, ticket: PlaceTicket) -> Result<Receipt, AppError> {
        let (event, summary) = self.at_hand(ticket.event).await?;
        let facts = summary.draw().ok_or_else(not_drawn)?;
        let place = ticket.place;
        if ticket.generation != summary.generation || place.0 >= facts.lobby_count {
            return Err(AppError::not_found(
                "entry of the lobby: who came later stands in the order of arrival",
            ));
        }
        let tree = self.tree(&event, &facts, summary.generation).await?;
        let (from, count) = tree.block_of(place);
        let block = self.store.entries(event.id, from, count).await?;
        let pseudonym = Pseudonym::of(event.id, buyer);
        if block.get((place.0 - from.0) as usize) != Some(&pseudonym) {
            return Err(stale_ticket());
        }
        let leaves: Vec<Hash> = (from.0..).zip(block).map(|(n, buyer)| leaf(Place(n), buyer)).collect();
        let path =
            tree.path(place, &leaves).ok_or_else(|| AppError::Internal("the lobby has changed".into()))?;
        let rank = summary.order.as_ref().ok_or_else(not_drawn)?.rank(place);
        Ok(Receipt { draw: facts, receipt: Entry { place, pseudonym, path, position: rank.position() } })
    }

    async fn tree(&self, event: &Event, facts: &DrawFacts, generation: u32) -> Result<Arc<Tree>, AppError> {
        let key = (event.id, generation);
        let at_hand = || self.trees.lock().get(&key).cloned();
        if let Some(tree) = at_hand() {
            return Ok(tree);
        }
        let _one_at_a_time = self.planting.lock().await;
        if let Some(tree) = at_hand() {
            return Ok(tree);
        }
        let mut leaves = Vec::with_capacity(facts.lobby_count as usize);
        while (leaves.len() as u32) < facts.lobby_count {
            let from = leaves.len() as u32;
            let count = PORTION.min(facts.lobby_count - from);
            let portion = self.store.entries(event.id, Place(from), count).await?;
            if portion.is_empty() {
                return Err(AppError::Unavailable("the lobby is not all there".into()));
            }
            leaves.extend((from..).zip(portion).map(|(n, buyer)| leaf(Place(n), buyer)));
            // Half a second of hashing for a million entries: others get their turns in between.
            tokio::task::yield_now().await;
        }
        let tree = Arc::new(Tree::new(leaves));
        if tree.root() != facts.root {
            return Err(AppError::Internal("the lobby does not make its root".into()));
        }
        let mut trees = self.trees.lock();
        if trees.len() >= MAX_KEPT {
            trees.clear();
        }
        trees.insert(key, Arc::clone(&tree));
        Ok(tree)
    }

    /// The events whose rooms this process has been asked about: those whose admission it should move on.
    pub fn in_use(&self) -> Vec<EventId> {
        let mut events: Vec<EventId> = self.kept.read().keys().copied().collect();
        events.sort_unstable();
        events
    }

    /// Moves admission on; gives how many were called. To be called a few times a second, with what there is to
    /// sell; `None`: not known, or nothing is on sale yet.
    pub async fn admit(&self, event: EventId, stock: Option<Stock>) -> Result<u32, AppError> {
        let (event, _) = self.at_hand(event).await?;
        let called = self.store.admit(event.id, stock, terms(&event)).await?;
        if called.sequence.is_some() {
            tracing::debug!(event = %event.id, called = called.outcome, sequence = called.sequence, "called");
        }
        Ok(called.outcome)
    }

    /// The room at a glance, at most [`FRESH_FOR_MS`] old.
    pub async fn summary(&self, event: EventId) -> Result<Arc<Summary>, AppError> {
        Ok(self.at_hand(event).await?.1)
    }

    /// Whether a ticket is of a room that the store has lost.
    async fn is_lost(&self, ticket: PlaceTicket) -> bool {
        self.at_hand(ticket.event).await.is_ok_and(|(_, summary)| summary.generation != ticket.generation)
    }

    /// Settings and summary, read anew when they are old. One reads; the others go on with what is there.
    async fn at_hand(&self, id: EventId) -> Result<(Arc<Event>, Arc<Summary>), AppError> {
        let now = self.clock.now();
        let fresh = |kept: &Kept| now.since_ms(kept.read_at) < FRESH_FOR_MS || kept.reading;
        let found = |kept: &Kept| (Arc::clone(&kept.event), Arc::clone(&kept.summary));
        if let Some(kept) = self.kept.read().get(&id).filter(|kept| fresh(kept)) {
            return Ok(found(kept));
        }
        let stale = match self.kept.write().get_mut(&id) {
            Some(kept) if fresh(kept) => return Ok(found(kept)),
            Some(kept) => {
                kept.reading = true;
                Some(found(kept))
            }
            None => None,
        };
        let Some(stale) = stale else {
            let _one_at_a_time = self.first_reading.lock().await;
            if let Some(found) = self.kept.read().get(&id).map(found) {
                return Ok(found);
            }
            return self.read(id).await;
        };
        let _done = Reading { rooms: self, id };
        match self.read(id).await {
            Err(AppError::Unavailable(cause)) => {
                tracing::warn!(cause, event = %id, "waiting room not read; going on with what is at hand");
                Ok(stale)
            }
            other => other,
        }
    }

    async fn read(&self, id: EventId) -> Result<(Arc<Event>, Arc<Summary>), AppError> {
        let event = self.events.event(id).await?;
        let event = event.filter(|event| event.settings.waiting_room.mode == WaitingRoomMode::On);
        let Some(event) = event else {
            self.kept.write().remove(&id);
            return Err(no_room());
        };
        self.refresh(Arc::new(event)).await
    }

    /// Reads the room of an event, which is begun where there is none, and keeps it at hand.
    async fn refresh(&self, event: Arc<Event>) -> Result<(Arc<Event>, Arc<Summary>), AppError> {
        let terms = terms(&event);
        let summary = match self.store.summary(event.id, terms).await {
            Err(RoomError::NotBegun) => {
                self.begin(event.id).await?;
                self.store.summary(event.id, terms).await?
            }
            other => other?,
        };
        let (summary, read_at) = (Arc::new(summary), self.clock.now());
        let mut kept = self.kept.write();
        if kept.len() >= MAX_KEPT && !kept.contains_key(&event.id) {
            let oldest = kept.iter().min_by_key(|(_, kept)| kept.read_at).map(|(id, _)| *id);
            oldest.map(|id| kept.remove(&id));
        }
        let at_hand =
            Kept { event: Arc::clone(&event), summary: Arc::clone(&summary), read_at, reading: false };
        kept.insert(event.id, at_hand);
        Ok((event, summary))
    }

    async fn begin(&self, event: EventId) -> Result<(), StoreError> {
        let mut secret = [0; 32];
        for part in secret.chunks_exact_mut(8) {
            part.copy_from_slice(&self.entropy.bits().to_le_bytes());
        }
        let secret = Secret(secret);
        let generation = (self.entropy.bits() >> 32) as u32;
        if self.store.begin(event, generation, secret).await? {
            tracing::info!(%event, generation, commitment = %secret.commitment(), "waiting room begun");
        }
        Ok(())
    }
}

/// Lets others read again, also where the one who read was given up.
struct Reading<'a> {
    rooms: &'a Rooms,
    id: EventId,
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        if let Some(kept) = self.rooms.kept.write().get_mut(&self.id) {
            kept.reading = false;
        }
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
