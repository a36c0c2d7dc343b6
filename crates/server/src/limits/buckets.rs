//! Buckets: so much at once, and so much a second from then on (the generic cell rate algorithm, after ITU-T I.371).
//!
//! A bucket is one number: when everything that was taken from it will have come back. Taking moves that on by one
//! interval, and is refused where it would lie further ahead than the bucket is deep.
//!
//! Invariant: memory is bounded, and who asks often stays known.

use std::time::{Duration, Instant};

use crate::generations::Generations;

/// How many buckets a generation holds.
const GENERATION: usize = 65_536;

/// How many buckets wait to be told of.
const MAX_UNTOLD: usize = 65_536;

/// A share is told of once so much of it is used: most buyers never come that far.
const TOLD_FROM: u64 = 4;

/// So much at once, and so much a second from then on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rate {
    pub(crate) at_once: u32,
    pub(crate) per_second: f64,
}

impl Rate {
    fn interval_us(self) -> u64 {
        #[expect(clippy::cast_sign_loss, reason = "rates are positive")]
        let interval = (1e6 / self.per_second) as u64;
        interval
    }

    fn depth_us(self) -> u64 {
        self.interval_us() * u64::from(self.at_once)
    }

    /// In how long one comes back.
    pub(crate) fn interval(self) -> Duration {
        Duration::from_micros(self.interval_us())
    }

    /// In how long an empty bucket is full.
    pub(crate) fn window(self) -> Duration {
        Duration::from_micros(self.depth_us())
    }
}

/// Names a bucket: what is limited, and whose it is.
pub(crate) type Key = [u8; 17];

#[derive(Clone, Copy)]
struct Bucket {
    /// When all that was taken has come back, µs since the buckets were made.
    full_at_us: u64,
    /// How much of that the other processes have not been told.
    untold_us: u64,
    most_us: u64,
    is_listed: bool,
}

/// What was taken of a bucket and not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Untold {
    pub(crate) key: Key,
    /// In how long it comes back, µs.
    pub(crate) debt_us: u64,
    /// In how long an empty bucket is full, µs.
    pub(crate) most_us: u64,
}

/// What was taken, or why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    Granted,
    /// There is one again after so long.
    Refused(Duration),
}

/// Buckets by key.
pub(crate) struct Buckets {
    since: Instant,
    kept: Generations<Key, Bucket>,
    /// Those that others have to be told of; only where there are others.
    untold: Option<Vec<Key>>,
}

impl Buckets {
    /// `is_shared`: other processes take from the same.
    pub(crate) fn new(since: Instant, is_shared: bool) -> Self {
        Self { since, kept: Generations::of(GENERATION), untold: is_shared.then(Vec::new) }
    }

    /// Takes one.
    pub(crate) fn take(&mut self, key: Key, rate: Rate, now: Instant) -> Taken {
        let (now, interval, depth) = (self.at(now), rate.interval_us(), rate.depth_us());
        let mut bucket = self.bucket(&key, depth);
        let full_at_us = bucket.full_at_us.max(now) + interval;
        let ahead = full_at_us - now;
        if ahead > depth {
            // Stays known.
            self.kept.put(key, bucket);
            return Taken::Refused(Duration::from_micros(ahead - depth));
        }
        bucket.full_at_us = full_at_us;
        bucket.untold_us += interval;
        if let Some(untold) = &mut self.untold
            && !bucket.is_listed
            && ahead * TOLD_FROM >= depth
            && untold.len() < MAX_UNTOLD
        {
            bucket.is_listed = true;
            untold.push(key);
        }
        self.kept.put(key, bucket);
        Taken::Granted
    }

    /// Puts one back that was taken.
    pub(crate) fn put_back(&mut self, key: Key, rate: Rate) {
        if let Some(mut bucket) = self.kept.get(&key) {
            bucket.full_at_us = bucket.full_at_us.saturating_sub(rate.interval_us());
            bucket.untold_us = bucket.untold_us.saturating_sub(rate.interval_us());
            self.kept.put(key, bucket);
        }
    }

    /// What others have to be told, at most so many of them. [`Buckets::told`] or [`Buckets::not_told`] has to follow for each.
    pub(crate) fn untold(&mut self, most: usize) -> Vec<Untold> {
        let Some(untold) = &mut self.untold else { return Vec::new() };
        let rest = untold.split_off(untold.len().min(most));
        let listed = std::mem::replace(untold, rest);
        let mut taken = Vec::with_capacity(listed.len());
        for key in listed {
            let Some(mut bucket) = self.kept.get(&key) else { continue };
            taken.push(Untold { key, debt_us: bucket.untold_us, most_us: bucket.most_us });
            bucket.untold_us = 0;
            bucket.is_listed = false;
            self.kept.put(key, bucket);
        }
        taken
    }

    /// Notes what all processes together have taken of a bucket: it comes back in so long. What was taken here since
    /// comes on top.
    pub(crate) fn told(&mut self, key: Key, owes_us: u64, now: Instant) {
        let now = self.at(now);
        let Some(mut bucket) = self.kept.get(&key) else { return };
        bucket.full_at_us = now + (owes_us + bucket.untold_us).min(bucket.most_us);
        self.kept.put(key, bucket);
    }

    /// Notes that telling has failed: it is told again with what comes next.
    pub(crate) fn not_told(&mut self, key: Key, debt_us: u64) {
        if let Some(mut bucket) = self.kept.get(&key) {
            bucket.untold_us = (bucket.untold_us + debt_us).min(bucket.most_us);
            self.kept.put(key, bucket);
        }
    }

    fn bucket(&self, key: &Key, most_us: u64) -> Bucket {
        self.kept.get(key).unwrap_or(Bucket { full_at_us: 0, untold_us: 0, most_us, is_listed: false })
    }

    fn at(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.since).as_micros()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { at_once: 3, per_second: 2.0 };

    fn key(n: u32) -> Key {
        let mut key = [0; 17];
        key[..4].copy_from_slice(&n.to_be_bytes());
        key
    }

    #[test]
    fn so_many_at_once_and_then_as_fast_as_the_rate() {
        let now = Instant::now();
        let mut buckets = Buckets::new(now, false);
        for _ in 0..3 {
            assert_eq!(buckets.take(key(1), RATE, now), Taken::Granted);
        }
        assert_eq!(buckets.take(key(1), RATE, now), Taken::Refused(Duration::from_millis(500)));
        assert_eq!(buckets.take(key(2), RATE, now), Taken::Granted, "others have their own");
        let later = |ms| now + Duration::from_millis(ms);
        assert_eq!(buckets.take(key(1), RATE, later(490)), Taken::Refused(Duration::from_millis(10)));
        assert_eq!(buckets.take(key(1), RATE, later(500)), Taken::Granted);
        assert_eq!(buckets.take(key(1), RATE, later(501)), Taken::Refused(Duration::from_millis(499)));
        buckets.put_back(key(1), RATE);
        assert_eq!(buckets.take(key(1), RATE, later(501)), Taken::Granted);
        // Never more at once than it is deep, however long nobody asked.
        let granted = (0..10).filter(|_| buckets.take(key(1), RATE, later(60_000)) == Taken::Granted);
        assert_eq!(granted.count(), 3);
    }

    #[test]
    fn strangers_do_not_fill_the_memory() {
        let now = Instant::now();
        let mut buckets = Buckets::new(now, true);
        for n in 0..200_000 {
            assert_eq!(buckets.take(key(n), RATE, now), Taken::Granted);
        }
        assert!(buckets.kept.len() <= 2 * GENERATION);
        assert!(buckets.untold.as_ref().unwrap().len() <= MAX_UNTOLD);
    }

    #[test]
    fn what_others_took_is_taken_here_too() {
        let now = Instant::now();
        let mut buckets = Buckets::new(now, true);
        assert_eq!(buckets.take(key(1), RATE, now), Taken::Granted);
        let told = buckets.untold(10);
        assert_eq!(told.iter().map(|taken| taken.debt_us).collect::<Vec<_>>(), [500_000]);
        assert!(buckets.untold(10).is_empty(), "told once");
        // One more while the answer is on its way, which says that others have taken one too.
        assert_eq!(buckets.take(key(1), RATE, now), Taken::Granted);
        buckets.told(key(1), 1_000_000, now);
        assert_eq!(buckets.take(key(1), RATE, now), Taken::Refused(Duration::from_millis(500)));
        let told = buckets.untold(10);
        assert_eq!(told[0].debt_us, 500_000);
        buckets.not_told(key(1), 500_000);
        let later = now + Duration::from_secs(1);
        assert_eq!(buckets.take(key(1), RATE, later), Taken::Granted);
        assert_eq!(buckets.untold(10)[0].debt_us, 1_000_000, "with what could not be told");
    }
}
