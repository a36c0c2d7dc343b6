//! A bounded memory of what was seen lately, for as many as ask.
//!
//! Invariant: it holds at most two generations. When the younger is full it becomes the older, and what was the older is
//! forgotten; so what is put in again and again stays.

use std::{borrow::Borrow, hash::Hash};

use ahash::AHashMap;

/// Values by key, of which the longest unused are forgotten.
pub(crate) struct Generations<K, V> {
    young: AHashMap<K, V>,
    old: AHashMap<K, V>,
    each: usize,
}

impl<K: Eq + Hash, V: Copy> Generations<K, V> {
    /// Two generations of at most `each` values.
    pub(crate) fn of(each: usize) -> Self {
        Self { young: AHashMap::new(), old: AHashMap::new(), each }
    }

    /// What is remembered under a key.
    pub(crate) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.young(key).or_else(|| self.old.get(key).copied())
    }

    /// The same, if it need not be put in again to stay.
    pub(crate) fn young<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.young.get(key).copied()
    }

    /// How many values there are, those that are in both generations twice.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Remembers a value as the latest.
    pub(crate) fn put(&mut self, key: K, value: V) {
        if self.young.len() >= self.each && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_is_bounded() {
        let mut seen = Generations::of(100);
        for n in 0..1_000_u32 {
            seen.put(n, n);
            seen.put(7, 7);
        }
        assert_eq!((seen.get(&7), seen.get(&999), seen.get(&1)), (Some(7), Some(999), None));
        assert!(seen.len() <= 200);
    }
}
