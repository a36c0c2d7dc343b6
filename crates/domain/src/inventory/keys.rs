//! Idempotency keys of holds, for a day.
//!
//! A key is known exactly until the ledger has recorded its hold. After that only a mark of it stays: four bytes that say
//! that the ledger may know it, and is to be asked. A sale leaves millions of keys behind, and hardly one of them is ever
//! shown again.
//!
//! Invariant: a key that was used within a day is known or marked; one that was not is marked seldom, and never known.

use std::collections::{BTreeSet, VecDeque};

use ahash::AHashMap;

use crate::{
    ids::{AccountId, ReservationId},
    position::Position,
    reservations::{KEY_MEMORY_MS, RequestKey},
    time::Timestamp,
};

/// Marks of keys that were used within so long of each other are forgotten together.
const SPAN_MS: u64 = 60 * 60 * 1000;

/// So many marks wait until they are sorted in, or an eighth of those that are.
const FEW: usize = 4_096;

type Owned = (AccountId, [u8; 16]);

/// The keys of one stock.
#[derive(Debug, Default)]
pub(super) struct Keys {
    known: AHashMap<Owned, ([u8; 16], ReservationId)>,
    order: VecDeque<(Position, Timestamp, Owned)>,
    /// Those that stay known for a day: whether the ledger has them is not known here.
    inherited: VecDeque<(Timestamp, Owned)>,
    marks: VecDeque<Marks>,
}

/// What is known of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// It was not used.
    Unused,
    /// It made this hold.
    Made(ReservationId),
    /// It was used for another request.
    Mismatch,
    /// The ledger may know it.
    Marked,
}

impl Keys {
    /// Remembers a key that was used now, by a change at a position.
    pub(super) fn remember(
        &mut self,
        owner: AccountId,
        key: RequestKey,
        made: ReservationId,
        used: (Position, Timestamp),
    ) {
        let (position, at) = used;
        self.forget_before(at);
        self.known.insert((owner, key.key), (key.request, made));
        self.order.push_back((position, at, (owner, key.key)));
    }

    /// Knows a key that was used before this stock was read back, for the rest of its day.
    pub(super) fn inherit(&mut self, owner: AccountId, key: RequestKey, made: ReservationId, at: Timestamp) {
        self.known.insert((owner, key.key), (key.request, made));
        self.inherited.push_back((at, (owner, key.key)));
    }

    /// Has what is known now as if it were inherited.
    pub(super) fn inherit_all(&mut self) {
        self.inherited.extend(self.order.drain(..).map(|(_, at, key)| (at, key)));
    }

    /// What is known of a key at a time.
    pub(super) fn look_up(&self, owner: AccountId, key: RequestKey, now: Timestamp) -> Known {
        match self.known.get(&(owner, key.key)) {
            Some((asked, made)) if *asked == key.request => Known::Made(*made),
            Some(_) => Known::Mismatch,
            None => {
                let mark = mark(&(owner, key.key));
                let is_marked = self.marks.iter().any(|marks| !marks.is_over(now) && marks.has(mark));
                if is_marked { Known::Marked } else { Known::Unused }
            }
        }
    }

    /// Keeps no more than marks of what was used up to a position: the ledger has it.
    pub(super) fn recorded(&mut self, up_to: Position) {
        while let Some((_, at, key)) = self.order.pop_front_if(|(position, ..)| *position <= up_to) {
            self.known.remove(&key);
            self.mark(at, mark(&key));
        }
    }

    fn mark(&mut self, at: Timestamp, mark: u32) {
        match self.marks.back_mut() {
            Some(marks) if at.since_ms(marks.begun) < SPAN_MS => marks.add(at, mark),
            _ => {
                let mut marks = Marks { begun: at, last: at, sorted: Vec::new(), new: BTreeSet::new() };
                marks.add(at, mark);
                self.marks.push_back(marks);
            }
        }
    }

    fn forget_before(&mut self, now: Timestamp) {
        let is_over = |since: Timestamp| now.since_ms(since) >= KEY_MEMORY_MS;
        while let Some((_, _, key)) = self.order.pop_front_if(|(_, since, _)| is_over(*since)) {
            self.known.remove(&key);
        }
        while let Some((_, key)) = self.inherited.pop_front_if(|(since, _)| is_over(*since)) {
            self.known.remove(&key);
        }
        while self.marks.pop_front_if(|marks| marks.is_over(now)).is_some() {}
    }

    /// What is known exactly, oldest first.
    pub(super) fn known(&self) -> impl Iterator<Item = (Timestamp, AccountId, RequestKey, ReservationId)> {
        let since = self.order.iter().map(|(_, at, key)| (at, key));
        self.inherited.iter().map(|(at, key)| (at, key)).chain(since).filter_map(|(at, (owner, key))| {
            let (request, made) = self.known.get(&(*owner, *key))?;
            Some((*at, *owner, RequestKey { key: *key, request: *request }, *made))
        })
    }

    /// The marks, those of keys that were used first first.
    pub(super) fn marked(&self) -> Vec<KeyMarks> {
        let written = |marks: &Marks| KeyMarks {
            begun: marks.begun,
            last: marks.last,
            marks: marks.sorted.iter().chain(&marks.new).copied().collect(),
        };
        self.marks.iter().map(written).collect()
    }

    /// Has marks again.
    pub(super) fn set_marked(&mut self, marked: Vec<KeyMarks>) {
        let read = |KeyMarks { begun, last, marks: mut sorted }: KeyMarks| {
            sorted.sort_unstable();
            Marks { begun, last, sorted, new: BTreeSet::new() }
        };
        self.marks = marked.into_iter().map(read).collect();
    }
}

/// Marks as they are written down.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct KeyMarks {
    /// When the first of the keys was used.
    pub begun: Timestamp,
    /// When the last was.
    pub last: Timestamp,
    /// One for each.
    pub marks: Vec<u32>,
}

#[derive(Debug)]
struct Marks {
    begun: Timestamp,
    last: Timestamp,
    sorted: Vec<u32>,
    new: BTreeSet<u32>,
}

impl Marks {
    fn is_over(&self, now: Timestamp) -> bool {
        now.since_ms(self.last) >= KEY_MEMORY_MS
    }

    fn has(&self, mark: u32) -> bool {
        self.new.contains(&mark) || self.sorted.binary_search(&mark).is_ok()
    }

    fn add(&mut self, at: Timestamp, mark: u32) {
        self.last = self.last.max(at);
        self.new.insert(mark);
        if self.new.len() >= FEW.max(self.sorted.len() / 8) {
            let new = std::mem::take(&mut self.new);
            self.sorted.reserve_exact(new.len());
            self.sorted.extend(new);
            self.merge();
        }
    }

    #[expect(
        clippy::stable_sort_primitive,
        reason = "two runs that are in order each: one merge, where the other sorts anew"
    )]
    fn merge(&mut self) {
        self.sorted.sort();
        self.sorted.dedup();
    }
}

/// Digests are as good as chance, and so is a part of one; another owner of the same key has another.
fn mark((owner, key): &Owned) -> u32 {
    let part = |bytes: &[u8]| bytes.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
    part(key) ^ part(&owner.0.as_bytes()[12..])
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const DAY: i64 = 24 * 60 * 60 * 1000;

    fn key(n: u32) -> RequestKey {
        let mut key = [0; 16];
        // As a digest, different in every part.
        key[..8].copy_from_slice(&u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        RequestKey { key, request: [1; 16] }
    }

    fn owner(n: u128) -> AccountId {
        AccountId(Uuid::from_u128(n))
    }

    fn made(n: u32) -> ReservationId {
        ReservationId(Uuid::from_u128(u128::from(n)))
    }

    fn at(offset: u32) -> Position {
        Position { epoch: 1, offset }
    }

    /// A key a second, from 1.
    fn used(count: u32) -> Keys {
        used_every(1_000, count)
    }

    fn used_every(ms: i64, count: u32) -> Keys {
        let mut keys = Keys::default();
        for n in 1..=count {
            let when = Timestamp(ms * i64::from(n));
            keys.remember(owner(1), key(n), made(n), (at(n), when));
        }
        keys
    }

    #[test]
    fn what_is_recorded_is_marked_and_the_rest_is_known() {
        let mut keys = used(20_000);
        keys.recorded(at(15_000));
        let now = Timestamp(20_000_000);
        let look_up = |n| keys.look_up(owner(1), key(n), now);
        assert!((1..=15_000).all(|n| look_up(n) == Known::Marked));
        assert!((15_001..=20_000).all(|n| look_up(n) == Known::Made(made(n))));
        assert!((20_001..=30_000).filter(|n| look_up(*n) != Known::Unused).count() <= 1);
        assert_eq!(keys.look_up(owner(2), key(1), now), Known::Unused, "somebody else's");
        let other = RequestKey { request: [2; 16], ..key(20_000) };
        assert_eq!(keys.look_up(owner(1), other, now), Known::Mismatch);
        assert_eq!(keys.known().count(), 5_000);
    }

    #[test]
    fn after_a_day_and_an_hour_at_most_all_is_forgotten() {
        let mut keys = used(10_000);
        keys.recorded(at(5_000));
        let marked = |keys: &Keys, now: i64| keys.look_up(owner(1), key(1), Timestamp(now)) == Known::Marked;
        assert!(marked(&keys, DAY), "used within a day");
        assert!(!marked(&keys, DAY + 5_000_000));
        keys.remember(owner(1), key(0), made(0), (at(10_001), Timestamp(DAY + 20_000_000)));
        assert_eq!((keys.known().count(), keys.marked().len()), (1, 0));
    }

    #[test]
    fn what_is_inherited_stays_known_for_its_day() {
        let mut keys = used(10);
        keys.inherit_all();
        keys.inherit(owner(1), key(11), made(11), Timestamp(11_000));
        keys.remember(owner(1), key(12), made(12), (at(11), Timestamp(12_000)));
        keys.recorded(at(100));
        let now = Timestamp(20_000);
        assert!((1..=11).all(|n| keys.look_up(owner(1), key(n), now) == Known::Made(made(n))));
        assert_eq!(keys.look_up(owner(1), key(12), now), Known::Marked);
        keys.remember(owner(1), key(13), made(13), (at(101), Timestamp(DAY + 11_500)));
        assert_eq!(keys.known().map(|(.., made)| made).collect::<Vec<_>>(), [made(13)]);
    }

    #[test]
    fn marks_are_the_same_after_being_written_down() {
        let mut keys = used(20_000);
        keys.recorded(at(20_000));
        let mut again = Keys::default();
        again.set_marked(keys.marked());
        let now = Timestamp(20_000_000);
        for n in 1..30_000 {
            assert_eq!(again.look_up(owner(1), key(n), now), keys.look_up(owner(1), key(n), now));
        }
        assert_eq!(again.marked().iter().map(|marks| marks.marks.len()).sum::<usize>(), 20_000);
    }

    #[test]
    fn a_mark_costs_few_bytes() {
        let mut keys = used_every(5, 100_000);
        keys.recorded(at(100_000));
        let room: usize =
            keys.marks.iter().map(|marks| 4 * marks.sorted.capacity() + 16 * marks.new.len()).sum();
        assert!(room < 8 * 100_000, "{room}");
    }
}
