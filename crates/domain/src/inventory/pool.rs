//! The free places of one area: a run of units without names.
//!
//! Invariant: a bit is set exactly where the unit is free; no word below `first_free_word` has a bit set, so
//! that picking does not walk over what was sold long ago.

use crate::units::{Unit, Units};

#[derive(Debug)]
pub(super) struct FreePool {
    first: Unit,
    words: Vec<u64>,
    free: u32,
    first_free_word: usize,
}

impl FreePool {
    /// A pool in which every one of `capacity` units from `first` on is free.
    pub(super) fn full(first: Unit, capacity: u32) -> Self {
        let mut words = vec![u64::MAX; (capacity as usize).div_ceil(64)];
        let tail = capacity % 64;
        if tail != 0
            && let Some(last) = words.last_mut()
        {
            *last = (1 << tail) - 1;
        }
        Self { first, words, free: capacity, first_free_word: 0 }
    }

    /// How many are free.
    pub(super) fn free(&self) -> u32 {
        self.free
    }

    /// The `quantity` lowest free units, or `None` where there are fewer. Takes nothing yet.
    pub(super) fn pick(&self, quantity: u32) -> Option<Units> {
        if quantity > self.free {
            return None;
        }
        let mut picked = Units::with_capacity(quantity as usize);
        for (index, word) in self.words.iter().enumerate().skip(self.first_free_word) {
            let mut rest = *word;
            while rest != 0 {
                if picked.len() == quantity as usize {
                    return Some(picked);
                }
                picked.push(Unit(self.first.0 + (index * 64) as u32 + rest.trailing_zeros()));
                rest &= rest - 1;
            }
        }
        Some(picked)
    }

    /// Marks a unit as taken.
    pub(super) fn take(&mut self, unit: Unit) {
        let (word, bit) = self.locate(unit);
        debug_assert!(self.words[word] & bit != 0, "unit {} is not free", unit.0);
        self.words[word] &= !bit;
        self.free -= 1;
        while self.first_free_word < self.words.len() && self.words[self.first_free_word] == 0 {
            self.first_free_word += 1;
        }
    }

    /// Marks a unit as free again.
    pub(super) fn put_back(&mut self, unit: Unit) {
        let (word, bit) = self.locate(unit);
        debug_assert!(self.words[word] & bit == 0, "unit {} is free already", unit.0);
        self.words[word] |= bit;
        self.free += 1;
        self.first_free_word = self.first_free_word.min(word);
    }

    fn locate(&self, unit: Unit) -> (usize, u64) {
        let index = (unit.0 - self.first.0) as usize;
        (index / 64, 1 << (index % 64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picks_the_lowest_and_refuses_more_than_there_is() {
        let mut pool = FreePool::full(Unit(11), 70);
        let picked = pool.pick(70).unwrap();
        assert_eq!((picked[0], picked[69]), (Unit(11), Unit(80)));
        assert!(pool.pick(71).is_none());
        for unit in picked {
            pool.take(unit);
        }
        assert_eq!(pool.pick(1), None);
        pool.put_back(Unit(75));
        pool.put_back(Unit(12));
        assert_eq!(pool.pick(2).unwrap().as_slice(), [Unit(12), Unit(75)]);
        assert_eq!(pool.free(), 2);
    }
}
