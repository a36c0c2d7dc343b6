//! One bit a place: whether it has ended.
//!
//! Invariant: a place that was never set reads as not ended.

use serde::{Deserialize, Serialize};

use crate::waiting_room::Place;

/// The ended places.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ended(Vec<u64>);

impl Ended {
    pub(super) fn contains(&self, place: Place) -> bool {
        self.0.get(place.0 as usize / 64).is_some_and(|word| word >> (place.0 % 64) & 1 == 1)
    }

    pub(super) fn insert(&mut self, place: Place) {
        let word = place.0 as usize / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (place.0 % 64);
    }

    pub(super) fn remove(&mut self, place: Place) {
        if let Some(word) = self.0.get_mut(place.0 as usize / 64) {
            *word &= !(1 << (place.0 % 64));
        }
    }

    /// All of them, lowest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = Place> + '_ {
        (0..).zip(&self.0).flat_map(|(at, word)| {
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| Place(at * 64 + bit))
        })
    }
}
