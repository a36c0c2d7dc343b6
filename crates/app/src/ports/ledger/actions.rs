//! The ledger's part of what organizers do to a sale by hand.
//!
//! Contract: as for every port of the ledger. What was noted is never changed.

use async_trait::async_trait;
use onsale_domain::{
    ids::{AccountId, ActionId, EventId, PerformanceId},
    time::Timestamp,
};

use super::{Page, PageRequest};
use crate::ports::StoreError;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionKind {
    /// Nobody is called any more.
    Pause,
    /// Calling goes on.
    Resume,
    /// How many are called a second.
    Rate,
    /// How many may be inside.
    Room,
    /// The waiting room was closed.
    Close,
    /// It was opened again.
    Reopen,
    /// Everybody who holds something got more time.
    ExtendHolds,
    /// Seats were taken off sale.
    Block,
    /// Seats were put back on sale.
    Unblock,
    /// The times of a performance or its sale were changed.
    Reschedule,
}

impl ActionKind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Pause,
        Self::Resume,
        Self::Rate,
        Self::Room,
        Self::Close,
        Self::Reopen,
        Self::ExtendHolds,
        Self::Block,
        Self::Unblock,
        Self::Reschedule,
    ];

    /// Its name in the ledger and the interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Rate => "rate",
            Self::Room => "room",
            Self::Close => "close",
            Self::Reopen => "reopen",
            Self::ExtendHolds => "extend_holds",
            Self::Block => "block",
            Self::Unblock => "unblock",
            Self::Reschedule => "reschedule",
        }
    }

    /// The action of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// What somebody did to a sale by hand.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// Its id.
    pub id: ActionId,
    /// To the sale of which event.
    pub event: EventId,
    /// To which performance, where it was one.
    pub performance: Option<PerformanceId>,
    /// Who did it.
    pub by: AccountId,
    /// What they did.
    pub kind: ActionKind,
    /// More about it: a JSON object.
    pub detail: serde_json::Value,
    /// Why, in their words.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// The log of what was done by hand.
#[async_trait]
pub trait Actions: Send + Sync {
    /// Writes down what was done.
    async fn note_action(&self, action: &Action) -> Result<(), StoreError>;
    /// What was done to an event's sale, newest first.
    async fn actions_of(&self, event: EventId, page: PageRequest) -> Result<Page<Action>, StoreError>;
}
