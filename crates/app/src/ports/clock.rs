//! Time and chance, passed in so that a run can be repeated.

use std::sync::atomic::{AtomicU64, Ordering};

use onsale_domain::time::Timestamp;
use uuid::Uuid;

/// Tells the time. Implementations for real running do not jump when the wall clock is stepped.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Supplies random bits.
pub trait Entropy: Send + Sync {
    /// 64 random bits, unguessable in real running.
    fn bits(&self) -> u64;
}

/// Makes UUIDv7 that rise in the order in which one process asked for them, also within a millisecond: what is listed
/// newest first then is. A fixed-length dedicated counter as in RFC 9562, 6.2, method 1: it fills the twelve bits behind
/// the time, and what is too much for them borrows from the next millisecond.
#[derive(Debug, Default)]
pub struct Ids {
    /// The last time given out in milliseconds, with the counter in its lowest twelve bits.
    last: AtomicU64,
}

impl Ids {
    /// The next id.
    pub fn next(&self, clock: &dyn Clock, entropy: &dyn Entropy) -> Uuid {
        let now = u64::try_from(clock.now().as_millis()).unwrap_or(0) << 12;
        let after = |last: u64| now.max(last + 1);
        let place = after(
            self.last
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(after(last)))
                .unwrap_or_else(|last| last),
        );
        let mut tail = [0; 10];
        tail[..2].copy_from_slice(&(place & 0xFFF).to_be_bytes()[6..]);
        tail[2..].copy_from_slice(&entropy.bits().to_le_bytes());
        uuid::Builder::from_unix_timestamp_millis(place >> 12, &tail).into_uuid()
    }
}
