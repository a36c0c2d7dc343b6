//! The ledger's part of tickets: who has been let in with which.
//!
//! Contract: as for every port of the ledger. A ticket is good while its order is paid and its unit in no refund; it
//! lets in once, until that is undone.

use async_trait::async_trait;
use onsale_domain::{
    ids::{AccountId, OrderId, PerformanceId},
    money::Money,
    orders::OrderStatus,
    time::Timestamp,
    units::Unit,
};

use crate::ports::StoreError;

/// A ticket, which is a unit of an order, as a door sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Its code.
    pub code: String,
    /// The order it was bought with.
    pub order: OrderId,
    /// Where that order stands.
    pub order_status: OrderStatus,
    /// Whose the order is.
    pub owner: AccountId,
    /// The name that the buyer gave.
    pub buyer_name: String,
    /// To which performance.
    pub performance: PerformanceId,
    /// To which seat or place.
    pub unit: Unit,
    /// What it cost.
    pub price: Money,
    /// Whether its money is given back, or is about to be.
    pub is_refunded: bool,
    /// When it was used, and who let its bearer in.
    pub checked_in: Option<CheckIn>,
}

impl Ticket {
    /// Whether it lets in, used or not.
    pub fn is_good(&self) -> bool {
        self.order_status == OrderStatus::Paid && !self.is_refunded
    }
}

/// Somebody was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckIn {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: AccountId,
}

/// What became of letting somebody in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckInOutcome {
    /// By this call.
    CheckedIn(Ticket),
    /// The ticket was used before, as it says.
    AlreadyUsed(Ticket),
    /// Its order is not paid, or not any more, or its unit is refunded.
    Void(Ticket),
    /// There is no such ticket.
    NotFound,
}

/// How many have come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attendance {
    /// How many tickets are good, used or not.
    pub sold: u64,
    /// How many of them are used.
    pub checked_in: u64,
}

/// Tickets.
#[async_trait]
pub trait Tickets: Send + Sync {
    /// By code.
    async fn ticket(&self, code: &str) -> Result<Option<Ticket>, StoreError>;
    /// Uses a ticket. Of any number of calls at once for one, one lets in. A call whose answer was lost may have let
    /// in: the next one then finds it used, by the same and at that time.
    async fn check_in(&self, code: &str, check_in: CheckIn) -> Result<CheckInOutcome, StoreError>;
    /// Takes the use of a ticket back, as if it had never been scanned; `false` where there is no such ticket.
    async fn undo_check_in(&self, code: &str) -> Result<bool, StoreError>;
    /// How many have come to a performance.
    async fn attendance(&self, performance: PerformanceId) -> Result<Attendance, StoreError>;
}
