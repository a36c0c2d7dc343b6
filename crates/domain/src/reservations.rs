//! Holds: who has which units, until when, and what may become of it.
//!
//! Invariant: a hold moves only along HELD → PAYING → SOLD, PAYING → HELD, HELD → ended; every step names the
//! hold it means, and the steps of a payment also its fence and order, so that a late step finds nothing to do.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{AccountId, OrderId, ReservationId},
    position::Fence,
    time::Timestamp,
    units::{Unit, Units},
};

/// What a declined payment leaves at least on the clock, so that the buyer can try again.
pub const GRACE_AFTER_DECLINE_MS: u64 = 60_000;

/// How long an idempotency key is remembered.
pub const KEY_MEMORY_MS: u64 = 24 * 60 * 60 * 1000;

/// Where a live hold stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HoldStatus {
    /// Waiting for its owner; lapses at its expiry.
    Held,
    /// A payment is under way under this order id; does not lapse by the clock.
    Paying {
        /// The attempt to pay.
        order: OrderId,
        /// When it began.
        since: Timestamp,
    },
}

/// A live hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Its name.
    pub id: ReservationId,
    /// Who may use it.
    pub owner: AccountId,
    /// What it holds.
    pub units: Units,
    /// When it was made.
    pub made_at: Timestamp,
    /// When it lapses, unless it is paying.
    pub expires_at: Timestamp,
    /// Distinguishes it from every other hold on the same units.
    pub fence: Fence,
    /// How often its owner has extended it.
    pub extensions_used: u32,
    /// Where it stands.
    pub status: HoldStatus,
}

/// How a hold ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Ending {
    /// Paid: its units belong to this order.
    Confirmed(OrderId),
    /// Given back by its owner.
    Cancelled,
    /// Its time was up.
    Expired,
}

/// A hold as its owner sees it, live or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldView {
    /// The hold; where it has ended, as it last was.
    pub hold: Hold,
    /// How it ended, or `None` while it lives.
    pub ended: Option<Ending>,
}

/// Which units a buyer wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Exactly these seats.
    Seats(Units),
    /// Any free places of an area.
    Area {
        /// The area's id.
        area: u32,
        /// How many places.
        quantity: u32,
    },
    /// The best free seats by the rule of [`crate::seating::best_available`].
    Best {
        /// How many seats.
        quantity: u32,
        /// Only this category (an index into the plan's categories).
        category: Option<u16>,
        /// Side by side if it can be.
        together: bool,
    },
}

/// An idempotency key as it is remembered: the key's and the request's digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestKey {
    /// Digest of the key the client chose.
    pub key: [u8; 16],
    /// Digest of what was asked under it.
    pub request: [u8; 16],
}

/// The wish to hold units.
#[derive(Clone, Debug)]
pub struct HoldRequest {
    /// The name the hold shall have.
    pub id: ReservationId,
    /// Who wants it.
    pub owner: AccountId,
    /// What.
    pub choice: Choice,
    /// For how long.
    pub ttl_ms: u64,
    /// How many units one owner may have in this performance, held, paying and sold together.
    pub max_per_owner: u32,
    /// Set where the client wants a repeat to do nothing.
    pub key: Option<RequestKey>,
    /// Whether the ledger has been asked for the key, and does not know it.
    pub is_key_new: bool,
}

/// What became of a [`HoldRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HoldOutcome {
    /// Held.
    Held(Hold),
    /// The same key asked for the same thing before: this is the hold it made.
    Repeated(ReservationId),
    /// The same key asked for another thing before.
    KeyMismatch,
    /// Not held; nothing changed: the key may be one that the ledger knows. Ask it, and ask again if it does not.
    KeyRecorded,
    /// Not held; nothing changed.
    Refused(HoldRefusal),
}

/// Why units were not held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HoldRefusal {
    /// No such seat in this performance.
    SeatNotFound(Unit),
    /// No such area in this performance.
    AreaNotFound(u32),
    /// Some of the named seats are not free: these.
    SeatTaken(Units),
    /// Fewer free places than wanted.
    SoldOut,
    /// The owner would have more than `limit` units; they have `owned` now.
    LimitExceeded {
        /// The most they may have.
        limit: u32,
        /// What they have.
        owned: u32,
    },
    /// A hold of this name exists already; the caller draws another name.
    NameTaken,
}

/// What became of a wish to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelOutcome {
    /// The hold has ended: now, or before (cancelling again is no mistake).
    Gone,
    /// There is no such hold of this owner.
    NotFound,
    /// Its payment is under way.
    PaymentUnderWay,
    /// It is paid.
    AlreadyConfirmed,
}

/// What became of a wish to extend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExtendOutcome {
    /// Extended; the hold as it is now.
    Extended(Hold),
    /// There is no such hold of this owner.
    NotFound,
    /// No extensions left.
    ExtensionUsed,
    /// Its payment is under way, so it cannot lapse anyway.
    PaymentUnderWay,
    /// It ended before.
    Ended(Ending),
}

/// What became of the wish to begin a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BeginOutcome {
    /// The hold is PAYING under the order named; it cannot lapse until that payment ends.
    Begun(Hold),
    /// There is no such hold of this owner.
    NotFound,
    /// Another payment is under way under this order.
    PaymentUnderWay(OrderId),
    /// It ended before: confirmed, cancelled or expired.
    Ended(Ending),
}

/// What became of a step that finishes a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishOutcome {
    /// Done, by this call or an earlier one.
    Done,
    /// The hold is not (or no longer) paying under that fence and order; nothing was touched.
    Stale,
}

/// What became of blocking or unblocking units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockOutcome {
    /// All named seats are as asked for.
    Done,
    /// These are held or sold; nothing changed.
    SeatTaken(Units),
    /// No such seat.
    SeatNotFound(Unit),
}
