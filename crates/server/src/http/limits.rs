//! How often one address may do what is cheap for it and dear for others.
//!
//! Invariant: memory is bounded, and who asks often stays known.

use std::{net::IpAddr, time::Instant};

use parking_lot::Mutex;

use crate::{generations::Generations, queue_tokens::subscriber};

/// How many addresses a generation holds.
const GENERATION: usize = 65_536;

/// So much at once, and so much a second from then on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub(crate) at_once: f64,
    pub(crate) per_second: f64,
}

/// Joining a waiting room: a whole household or office at once, and then as fast as people type.
pub(crate) const JOINS: Rate = Rate { at_once: 300.0, per_second: 5.0 };

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    filled_at: Instant,
}

/// Counts by address.
pub(crate) struct Limits {
    rate: Rate,
    buckets: Mutex<Generations<[u8; 9], Bucket>>,
}

impl Limits {
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, buckets: Mutex::new(Generations::of(GENERATION)) }
    }

    /// Takes one from an address's share. Else: in how many milliseconds there is one again.
    pub(crate) fn take(&self, address: IpAddr, now: Instant) -> Result<(), u64> {
        let key = subscriber(address);
        let mut buckets = self.buckets.lock();
        let mut bucket = buckets.get(&key).unwrap_or(Bucket { tokens: self.rate.at_once, filled_at: now });
        let passed = now.saturating_duration_since(bucket.filled_at).as_secs_f64();
        bucket.tokens = (bucket.tokens + passed * self.rate.per_second).min(self.rate.at_once);
        bucket.filled_at = now;
        let granted = bucket.tokens >= 1.0;
        if granted {
            bucket.tokens -= 1.0;
        }
        buckets.put(key, bucket);
        if granted {
            return Ok(());
        }
        #[expect(clippy::cast_sign_loss, reason = "less than one token is missing")]
        let wait_ms = ((1.0 - bucket.tokens) / self.rate.per_second * 1000.0).ceil() as u64;
        Err(wait_ms)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn so_many_at_once_and_then_as_fast_as_the_rate() {
        let limits = Limits::new(Rate { at_once: 3.0, per_second: 2.0 });
        let (here, there) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let now = Instant::now();
        for _ in 0..3 {
            assert_eq!(limits.take(here, now), Ok(()));
        }
        assert_eq!(limits.take(here, now), Err(500));
        assert_eq!(limits.take(there, now), Ok(()), "others have their own share");
        assert!(limits.take(here, now + Duration::from_millis(490)).is_err_and(|ms| (9..=12).contains(&ms)));
        assert_eq!(limits.take(here, now + Duration::from_millis(501)), Ok(()));
    }

    #[test]
    fn strangers_do_not_fill_the_memory() {
        let limits = Limits::new(JOINS);
        let now = Instant::now();
        for n in 0..200_000_u32 {
            assert_eq!(limits.take(IpAddr::from(n.to_be_bytes()), now), Ok(()));
        }
        assert!(limits.buckets.lock().len() <= 2 * GENERATION);
    }
}
