//! The ledger's part of returns: who would take what of what comes back, and what is offered to whom.
//!
//! Contract: as for every port of the ledger. There is one wish for a buyer and an event. Each change of it counts its
//! `attempt` up, and each step names the attempt that it was founded on; a step that comes late finds another one and
//! changes nothing.

use async_trait::async_trait;
use onsale_domain::{
    ids::{AccountId, EventId, PerformanceId, ReservationId, WishId},
    time::Timestamp,
    wishes::WishStatus,
};

use super::{Delivery, Writing};
use crate::ports::StoreError;

/// What is wished for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// In which performance.
    pub performance: PerformanceId,
    /// How many, all or none.
    pub quantity: u32,
    /// Seats of the category of this name only.
    pub category: Option<String>,
    /// Places of this area only.
    pub area: Option<u32>,
    /// Side by side or not at all.
    pub together: bool,
}

/// A wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Its id, which stays whatever is wished for.
    pub id: WishId,
    /// In which event.
    pub event: EventId,
    /// Whose.
    pub owner: AccountId,
    /// Their position in the line, from 1: the first whom it fits is the first to be offered it.
    pub position: u32,
    /// What.
    pub wanted: Wanted,
    /// Where they are written to, and how, where they are.
    pub letters: Option<(String, Writing)>,
    /// Where it stands.
    pub status: WishStatus,
    /// Counts its changes.
    pub attempt: u32,
    /// What is held for them, or was.
    pub reservation: Option<ReservationId>,
    /// Until when it is held for them.
    pub offered_until: Option<Timestamp>,
    /// Since when.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What became of putting a wish down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutWish {
    /// It is there, by this call or an earlier one.
    Waiting(Wish),
    /// Something is offered for the wish that is there; it stays.
    Offered(Wish),
}

/// Something is held for a wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// For which.
    pub wish: WishId,
    /// The attempt it was founded on.
    pub attempt: u32,
    /// What is held.
    pub reservation: ReservationId,
    /// Until when.
    pub until: Timestamp,
    /// When.
    pub at: Timestamp,
    /// What tells them.
    pub letter: Option<Delivery>,
}

/// A step of a wish from one status to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WishStep {
    /// Which.
    pub wish: WishId,
    /// The attempt it is founded on.
    pub attempt: u32,
    /// To which status.
    pub to: WishStatus,
    /// When.
    pub at: Timestamp,
}

/// A performance that somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReturnLine {
    /// Which.
    pub performance: PerformanceId,
    /// Whether it has been sold out: from then on what comes back is offered.
    pub has_begun: bool,
}

/// What does not fit just now, nor more of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// So many, or more.
    pub quantity: u32,
    /// Of this category; `None`: of any.
    pub category: Option<String>,
    /// Of this area; `None`: of any.
    pub area: Option<u32>,
    /// Side by side.
    pub together: bool,
}

/// A place in the order in which wishes are served.
pub type InLine = (u32, WishId);

/// Wishes.
#[async_trait]
pub trait Wishes: Send + Sync {
    /// Puts a wish down, in place of what its owner wished for in the event before, unless something is offered for
    /// that. What is there already is not changed; id, attempt and date of what is replaced go on.
    async fn put_wish(&self, wish: &Wish) -> Result<PutWish, StoreError>;
    /// The wish of a buyer in an event.
    async fn wish(&self, event: EventId, owner: AccountId) -> Result<Option<Wish>, StoreError>;
    /// Takes a step; `false`, and nothing changes, where the wish is not at that attempt any more.
    async fn step_wish(&self, step: WishStep) -> Result<bool, StoreError>;
    /// Notes what is held for a waiting wish, and puts the letter among the deliveries. `false`, and nothing changes,
    /// where the wish is not at that attempt any more, or does not wait.
    async fn offer_wish(&self, offer: &Offer) -> Result<bool, StoreError>;
    /// The performances that somebody waits for and that begin after a time; by id, behind `after`.
    async fn return_lines(
        &self,
        starting_after: Timestamp,
        after: Option<PerformanceId>,
        limit: u32,
    ) -> Result<Vec<ReturnLine>, StoreError>;
    /// Notes that a performance has been sold out. Noting it again changes nothing.
    async fn begin_return_line(&self, performance: PerformanceId, at: Timestamp) -> Result<(), StoreError>;
    /// Those who wait for something in a performance that is not known not to fit, by their position, behind `after`.
    async fn waiting_wishes(
        &self,
        performance: PerformanceId,
        unfit: &[Unfit],
        after: Option<InLine>,
        limit: u32,
    ) -> Result<Vec<Wish>, StoreError>;
    /// Those something is offered to, by id, behind `after`.
    async fn offered_wishes(&self, after: Option<WishId>, limit: u32) -> Result<Vec<Wish>, StoreError>;
}
