//! Time and chance, passed in so that a run can be repeated.

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

/// A UUIDv7 of this moment.
pub fn new_uuid(clock: &dyn Clock, entropy: &dyn Entropy) -> Uuid {
    let mut random = [0; 10];
    random[..8].copy_from_slice(&entropy.bits().to_le_bytes());
    random[8..].copy_from_slice(&entropy.bits().to_le_bytes()[..2]);
    let millis = u64::try_from(clock.now().as_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}
