//! Positions in the history of a performance, and the fences made from them.
//!
//! Invariant: positions of one performance only grow. An epoch begins when the history is loaded anew from
//! the ledger; within an epoch the offset counts changes.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// `epoch:offset`: how far a history has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// Which loading of the performance this is, from 1.
    pub epoch: u32,
    /// How many changes there have been in this epoch.
    pub offset: u32,
}

impl Position {
    /// The position of the change that follows.
    ///
    /// # Panics
    /// After 2³²−1 changes in one epoch: at 50,000 changes a second that is a day of uninterrupted maximum
    /// load on one performance, and stopping is better than repeating a position.
    #[must_use]
    #[expect(clippy::expect_used, reason = "repeating a position would break every fence; see above")]
    pub fn next(self) -> Self {
        Self { epoch: self.epoch, offset: self.offset.checked_add(1).expect("offsets of an epoch used up") }
    }

    /// The fence of a hold made by the change at this position.
    pub fn fence(self) -> Fence {
        Fence((u64::from(self.epoch) << 32) | u64::from(self.offset))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.offset)
    }
}

/// What is refused as a position.
#[derive(Debug, thiserror::Error)]
#[error("a position is two numbers, epoch:offset")]
pub struct BadPosition;

impl FromStr for Position {
    type Err = BadPosition;

    fn from_str(text: &str) -> Result<Self, BadPosition> {
        let (epoch, offset) = text.split_once(':').ok_or(BadPosition)?;
        Ok(Self {
            epoch: epoch.parse().map_err(|_| BadPosition)?,
            offset: offset.parse().map_err(|_| BadPosition)?,
        })
    }
}

/// Marks one hold among all that ever stood on the same units: later holds have greater fences.
///
/// Its number stays below 2⁵³ (a JavaScript integer) for the first two million epochs of a performance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fence(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fences_grow_with_positions_over_epochs() {
        let old = Position { epoch: 1, offset: u32::MAX }.fence();
        let new = Position { epoch: 2, offset: 1 }.fence();
        assert!(old < new);
    }

    #[test]
    fn text_form_round_trips_and_refuses_nonsense() {
        let position = Position { epoch: 3, offset: 17 };
        assert_eq!(position.to_string().parse::<Position>().unwrap(), position);
        for bad in ["", "1", "1:", ":1", "1:-2", "1:2:3", "a:b", "4294967296:1"] {
            assert!(bad.parse::<Position>().is_err(), "{bad}");
        }
    }
}
