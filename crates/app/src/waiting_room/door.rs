//! The door: passes are looked at, and who has bought makes room for the next.
//!
//! Invariants: a pass is believed only after its signature was checked by whoever took it; a completed order ends the
//! place it was bought from, however often that has to be tried, as long as the place would last by itself.

use std::time::Duration;

use async_trait::async_trait;
use onsale_domain::{
    ids::{AccountId, EventId},
    time::Timestamp,
    waiting_room::{EndOutcome, Leaving, Pseudonym, Standing, Turn},
};

use super::{Rooms, holder, terms, untold::LONGEST_MS};
use crate::{
    Caller,
    errors::{AppError, Reason},
    ports::{
        admissions::{Admissions, Bought, PassGrant, PlaceTicket, Shown},
        ledger::Event,
        waiting_room::RoomError,
    },
};

/// How long to wait before telling again what a store did not take.
const TELL_AGAIN_EVERY: Duration = Duration::from_millis(500);

/// Whose pass it is, and what it says, if it is for this event; else why not.
pub fn genuine(shown: &Shown, event: EventId) -> Result<(AccountId, PassGrant), AppError> {
    match *shown {
        Shown::Nothing => {
            Err(AppError::refused(Reason::PassRequired, "this event has a waiting room; its pass is missing"))
        }
        Shown::Pass { holder, grant } if grant.ticket.event == event => Ok((holder, grant)),
        Shown::Pass { .. } | Shown::NotGenuine => Err(not_theirs()),
    }
}

/// The refusal of a pass that lets this buyer in nowhere.
pub fn not_theirs() -> AppError {
    AppError::refused(Reason::PassInvalid, "the pass is not for this buyer and event")
}

/// Refuses a pass that is another buyer's or over; what only the room knows is not asked here.
pub fn valid_alone(
    buyer: AccountId,
    event: EventId,
    shown: &Shown,
    now: Timestamp,
) -> Result<PassGrant, AppError> {
    let (holder, grant) = genuine(shown, event)?;
    if holder != buyer {
        return Err(not_theirs());
    }
    if grant.until <= now {
        return Err(AppError::refused(Reason::PassExpired, "the pass has expired"));
    }
    Ok(grant)
}

#[async_trait]
impl Admissions for Rooms {
    async fn check(&self, buyer: Caller, event: &Event, shown: &Shown) -> Result<(), AppError> {
        let grant = valid_alone(buyer.account, event.id, shown, self.clock.now())?;
        self.check_pass(buyer.account, grant).await.map(drop)
    }

    fn bought(&self, bought: Bought) {
        self.untold.add(bought);
    }
}

impl Rooms {
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
            Ok(_) => Err(not_theirs()),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends the place of somebody who has bought; it goes to the next. `false`: they have none.
    pub async fn complete(&self, bought: Bought) -> Result<bool, AppError> {
        let (event, _) = self.at_hand(bought.event).await?;
        let buyer = Pseudonym::of(event.id, bought.buyer);
        let Some(holder) = self.store.place_of(event.id, buyer).await? else { return Ok(false) };
        let leaving = Leaving::Completed { units: bought.units };
        let ended = self.store.end(event.id, holder, leaving, terms(&event)).await?.outcome;
        Ok(ended == EndOutcome::Ended)
    }

    /// Tells the rooms of purchases, without end.
    pub async fn run_completions(&self) {
        loop {
            let bought = self.untold.next().await;
            match self.complete(bought).await {
                Ok(_) | Err(AppError::Refused(_)) => self.untold.told(1),
                Err(error) => {
                    tracing::debug!(%error, event = %bought.event, "purchase told to the waiting room later");
                    if self.is_over(bought).await {
                        self.untold.told(1);
                    }
                    tokio::time::sleep(TELL_AGAIN_EVERY).await;
                }
            }
        }
    }

    /// Whether the place would have ended by now anyway.
    async fn is_over(&self, bought: Bought) -> bool {
        let lasts_ms =
            self.at_hand(bought.event).await.map_or(LONGEST_MS, |(event, _)| terms(&event).inside_for_ms);
        self.clock.now().since_ms(bought.at) > lasts_ms
    }

    /// Whether a ticket is of a room that the store has lost.
    async fn is_lost(&self, ticket: PlaceTicket) -> bool {
        self.at_hand(ticket.event).await.is_ok_and(|(_, summary)| summary.generation != ticket.generation)
    }
}
