//! Changes: the one record of what happened, from which everything else is fed.
//!
//! Invariant: the state of a performance is the fold of its changes; [`crate::inventory::Inventory::apply`] is
//! the only way a state moves, in live running and in replay alike.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{AccountId, OrderId, PerformanceId, ReservationId},
    position::{Fence, Position},
    reservations::RequestKey,
    time::Timestamp,
    units::Units,
};

/// One step in the history of a performance. It names every unit it touches, so that a reader needs no state
/// of its own to tell what moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// free → HELD.
    Held {
        /// The hold made.
        hold: ReservationId,
        /// Its owner.
        owner: AccountId,
        /// Its units.
        units: Units,
        /// When it lapses.
        expires_at: Timestamp,
        /// The idempotency key it was made under.
        key: Option<RequestKey>,
    },
    /// HELD, with a later expiry.
    Extended {
        /// The hold.
        hold: ReservationId,
        /// When it lapses now.
        expires_at: Timestamp,
    },
    /// HELD → PAYING.
    PaymentBegun {
        /// The hold.
        hold: ReservationId,
        /// The attempt to pay.
        order: OrderId,
        /// Its units.
        units: Units,
    },
    /// PAYING → HELD: declined, or abandoned and known to be dead.
    PaymentEnded {
        /// The hold.
        hold: ReservationId,
        /// The attempt that came to nothing.
        order: OrderId,
        /// Its units.
        units: Units,
        /// When it lapses now.
        expires_at: Timestamp,
    },
    /// PAYING → SOLD.
    Sold {
        /// The hold, which ends here.
        hold: ReservationId,
        /// The order that has the units.
        order: OrderId,
        /// Its units.
        units: Units,
    },
    /// HELD → free, by the owner.
    Cancelled {
        /// The hold, which ends here.
        hold: ReservationId,
        /// Its units.
        units: Units,
    },
    /// HELD → free, by the clock.
    Expired {
        /// The hold, which ends here.
        hold: ReservationId,
        /// Its units.
        units: Units,
    },
    /// SOLD → free: refunded.
    Returned {
        /// The order that had the units.
        order: OrderId,
        /// The units given back.
        units: Units,
    },
    /// free → blocked.
    Blocked {
        /// The units.
        units: Units,
    },
    /// blocked → free.
    Unblocked {
        /// The units.
        units: Units,
    },
}

/// A change with its place in history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// Whose history.
    pub performance: PerformanceId,
    /// Where in it.
    pub position: Position,
    /// The number of the command that caused it, one counter over everything the store accepts.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub change: Change,
}

impl Recorded {
    /// The fence of the hold that this change makes (meaningful for [`Change::Held`]).
    pub fn fence(&self) -> Fence {
        self.position.fence()
    }
}
