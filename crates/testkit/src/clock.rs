//! Time and chance under a test's control.
//!
//! Invariant: nothing here reads the machine's clock or its randomness; the same calls give the same values.

use std::sync::atomic::{AtomicI64, Ordering};

use onsale_app::ports::clock::{Clock, Entropy};
use onsale_domain::time::Timestamp;
use parking_lot::Mutex;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

/// When a [`ManualClock`] starts: 2027-01-15T08:00:00Z.
pub const START: Timestamp = Timestamp(1_800_000_000_000);

/// A clock that moves only when told to.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that stands at [`START`].
    pub fn new() -> Self {
        Self::at(START)
    }

    /// A clock that stands at a time.
    pub fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.as_millis()))
    }

    /// Moves the clock on; gives the new time.
    pub fn advance(&self, ms: u64) -> Timestamp {
        let ms = i64::try_from(ms).unwrap_or(i64::MAX);
        Timestamp(self.0.fetch_add(ms, Ordering::SeqCst).saturating_add(ms))
    }

    /// Puts the clock at a time, which may be earlier: for tests of clocks that are stepped.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_millis(), Ordering::SeqCst);
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// Random bits that a seed decides.
#[derive(Debug)]
pub struct SeededEntropy(Mutex<StdRng>);

impl SeededEntropy {
    /// The bits of a seed.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl Entropy for SeededEntropy {
    fn bits(&self) -> u64 {
        self.0.lock().next_u64()
    }
}

#[cfg(test)]
mod tests {
    use onsale_app::ports::clock::Ids;

    use super::*;

    #[test]
    fn the_clock_stands_until_it_is_moved() {
        let clock = ManualClock::new();
        assert_eq!(clock.now(), START);
        assert_eq!(clock.advance(1_500), START.plus_ms(1_500));
        assert_eq!(clock.now(), START.plus_ms(1_500));
        clock.set(Timestamp(5));
        assert_eq!(clock.now(), Timestamp(5));
    }

    #[test]
    fn one_seed_one_sequence() {
        let ids = |seed| {
            let (ids, clock, entropy) = (Ids::default(), ManualClock::new(), SeededEntropy::new(seed));
            [ids.next(&clock, &entropy), ids.next(&clock, &entropy)]
        };
        assert_eq!(ids(7), ids(7));
        assert_ne!(ids(7)[0], ids(7)[1]);
        assert_ne!(ids(7), ids(8));
    }

    #[test]
    fn ids_rise_though_the_clock_stands_or_falls_back() {
        let (ids, clock, entropy) = (Ids::default(), ManualClock::new(), SeededEntropy::new(7));
        let mut last = ids.next(&clock, &entropy);
        for step in 0..10_000_i64 {
            if step == 6_000 {
                clock.set(Timestamp(START.as_millis() - 5));
            }
            let next = ids.next(&clock, &entropy);
            assert!(next > last, "{next} after {last}");
            assert_eq!((next.get_version_num(), next.get_variant()), (7, uuid::Variant::RFC4122));
            last = next;
        }
        let (seconds, nanos) = last.get_timestamp().expect("a UUIDv7 has a time").to_unix();
        let ahead = seconds.cast_signed() * 1_000 + i64::from(nanos / 1_000_000) - START.as_millis();
        assert_eq!(ahead, 2, "10,000 ids take two milliseconds and a half");
        clock.advance(1_000);
        assert!(ids.next(&clock, &entropy) > last);
    }
}
