//! How long the reconciler leaves alone what it could not bring to an end.
//!
//! Invariants: the pause after a failure grows, up to a limit; what is not open any more is forgotten.

use std::collections::{BTreeMap, BTreeSet};

use onsale_domain::time::Timestamp;

/// How long to wait before asking again after the first failure; twice as long after each more.
const FIRST_PAUSE_MS: u64 = 5_000;

/// The longest pause.
const LONGEST_PAUSE_MS: u64 = 300_000;

/// How long to wait before looking again whether a buyer has acted; a provider that delivers is faster.
const BUYER_PAUSE_MS: u64 = 15_000;

/// When to ask again about things that stayed open, by their ids.
#[derive(Debug)]
pub(crate) struct Pauses<Id>(BTreeMap<Id, Pause>);

impl<Id> Default for Pauses<Id> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Pause {
    failures: u32,
    until: Timestamp,
    awaits_buyer: bool,
}

impl<Id: Ord + Copy> Pauses<Id> {
    pub(crate) fn is_over(&self, id: Id, now: Timestamp) -> bool {
        self.0.get(&id).is_none_or(|pause| pause.until <= now)
    }

    pub(crate) fn awaits_buyer(&self, id: Id) -> bool {
        self.0.get(&id).is_some_and(|pause| pause.awaits_buyer)
    }

    /// After a failure: longer each time, and not for all at the same moment.
    pub(crate) fn failed(&mut self, id: Id, now: Timestamp, chance: u64) {
        let pause = self.0.entry(id).or_default();
        let doubled = FIRST_PAUSE_MS.saturating_mul(1 << pause.failures.min(16)).min(LONGEST_PAUSE_MS);
        let spread = chance % (doubled / 4 + 1);
        *pause = Pause {
            failures: pause.failures.saturating_add(1),
            until: now.plus_ms(doubled - doubled / 8 + spread),
            awaits_buyer: false,
        };
    }

    pub(crate) fn wait_for_buyer(&mut self, id: Id, now: Timestamp) {
        self.0.insert(id, Pause { failures: 0, until: now.plus_ms(BUYER_PAUSE_MS), awaits_buyer: true });
    }

    pub(crate) fn keep(&mut self, open: &BTreeSet<Id>) {
        self.0.retain(|id, _| open.contains(id));
    }
}

#[cfg(test)]
mod tests {
    use onsale_domain::ids::OrderId;

    use super::*;

    #[test]
    fn pauses_grow_up_to_a_limit_and_are_forgotten_with_the_order() {
        let order = OrderId(uuid::Uuid::from_u128(1));
        let (mut pauses, mut now) = (Pauses::default(), Timestamp(0));
        let mut lengths = Vec::new();
        for chance in 0..12 {
            assert!(pauses.is_over(order, now));
            pauses.failed(order, now, chance * 7_919);
            let length = pauses.0[&order].until.since_ms(now);
            assert!(!pauses.is_over(order, now.plus_ms(length - 1)));
            now = now.plus_ms(length);
            lengths.push(length);
        }
        assert!((4_000..6_500).contains(&lengths[0]), "{lengths:?}");
        assert!(lengths[1] > lengths[0] && lengths[3] > lengths[2], "{lengths:?}");
        assert!(lengths[8..].iter().all(|length| (260_000..340_000).contains(length)), "{lengths:?}");
        pauses.wait_for_buyer(order, now);
        assert!(pauses.awaits_buyer(order) && !pauses.is_over(order, now));
        pauses.keep(&BTreeSet::new());
        assert!(pauses.is_over(order, now) && pauses.0.is_empty());
    }
}
