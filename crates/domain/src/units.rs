//! Units: every seat and every general-admission place, numbered 1…N within its performance.
//!
//! Invariant: a unit is in exactly one state; [`Counts`] always add up to the capacity.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// The number of a unit within its performance, from 1. For a seat this is the public seat id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Unit(pub u32);

impl Unit {
    /// The place of this unit in a table that starts at 0.
    ///
    /// # Panics
    /// Where the number is 0, which is no unit; callers check what comes from outside against the layout.
    pub fn index(self) -> usize {
        debug_assert!(self.0 > 0, "units are numbered from 1");
        self.0 as usize - 1
    }

    /// The unit at a place in a table that starts at 0.
    pub fn at_index(index: usize) -> Self {
        Self(index as u32 + 1)
    }
}

/// A handful of units. Four fit without an allocation: the default limit per buyer.
pub type Units = SmallVec<[Unit; 4]>;

/// The state of one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum UnitState {
    /// Nobody has it.
    Available = 0,
    /// In somebody's hold.
    Held = 1,
    /// In a hold whose payment is under way; does not lapse.
    Paying = 2,
    /// In a paid order.
    Sold = 3,
    /// Taken off sale by the organizer.
    Blocked = 4,
}

impl UnitState {
    /// The two bits shown to the public: 00 available, 01 held (paying shows as held), 10 sold, 11 blocked.
    pub fn public_bits(self) -> u8 {
        match self {
            Self::Available => 0b00,
            Self::Held | Self::Paying => 0b01,
            Self::Sold => 0b10,
            Self::Blocked => 0b11,
        }
    }
}

/// How many units are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Nobody has them.
    pub available: u32,
    /// In holds.
    pub held: u32,
    /// In holds whose payment is under way.
    pub paying: u32,
    /// In paid orders.
    pub sold: u32,
    /// Taken off sale.
    pub blocked: u32,
}

impl Counts {
    /// The sum over all states; conservation says that it is the capacity.
    pub fn total(&self) -> u32 {
        self.available + self.held + self.paying + self.sold + self.blocked
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            available: self.available.saturating_add(other.available),
            held: self.held.saturating_add(other.held),
            paying: self.paying.saturating_add(other.paying),
            sold: self.sold.saturating_add(other.sold),
            blocked: self.blocked.saturating_add(other.blocked),
        }
    }

    /// The count for one state.
    pub fn of(&mut self, state: UnitState) -> &mut u32 {
        match state {
            UnitState::Available => &mut self.available,
            UnitState::Held => &mut self.held,
            UnitState::Paying => &mut self.paying,
            UnitState::Sold => &mut self.sold,
            UnitState::Blocked => &mut self.blocked,
        }
    }
}
