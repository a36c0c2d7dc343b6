//! Names of things: UUIDv7 newtypes, one per noun, so that an order id cannot be passed for a reservation id.
//!
//! Invariant: the text form is the hyphenated lower-case UUID, the binary form its 16 bytes; both sort by
//! creation time, which keeps database keys ordered.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::time::Timestamp;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    };
}

id!(
    /// A buyer, organizer or admin; guests have one too.
    AccountId
);
id!(
    /// What is put on sale, on one or several dates.
    EventId
);
id!(
    /// One date of an event: one stock of units, one sequential history.
    PerformanceId
);
id!(
    /// A seating plan, shared by performances.
    PlanId
);
id!(
    /// A hold, from the moment it is accepted; it carries the number of its performance (see [`ReservationId::compose`]).
    ReservationId
);
id!(
    /// One attempt to pay for a reservation. It is also the provider's idempotency key.
    OrderId
);
id!(
    /// Money of an order given back, once. It is also the provider's idempotency key for that.
    RefundId
);
id!(
    /// One log-in and all the refresh tokens that descend from it.
    LoginId
);
id!(
    /// Something that is to be brought to somebody outside, once: a letter, or a notice of an event.
    DeliveryId
);
id!(
    /// Where an organizer's program wants to be told of what happens.
    EndpointId
);

id!(
    /// What somebody in the line would take of what comes back.
    WishId
);

id!(
    /// What an organizer has done to a sale by hand.
    ActionId
);

impl EndpointId {
    /// The id of the endpoint that an account adds under an idempotency key: a repeat has the same.
    pub fn under(owner: AccountId, key: &[u8; 16]) -> Self {
        Self(DeliveryId::of(Timestamp(0), owner.0, "endpoint", Uuid::from_bytes(*key)).0)
    }
}

impl DeliveryId {
    /// The id of what tells `whom` that `what` happened to `subject` at a time: the same however often it is asked for,
    /// so that the same thing is not told twice. A UUIDv7 but for its random bits, which are a digest.
    pub fn of(at: Timestamp, subject: Uuid, what: &str, whom: Uuid) -> Self {
        let mut digest = Sha256::new();
        digest.update(subject.as_bytes());
        digest.update(whom.as_bytes());
        digest.update(what.as_bytes());
        let mut bits = [0; 10];
        bits.copy_from_slice(&digest.finalize()[..10]);
        let millis = u64::try_from(at.as_millis()).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &bits).into_uuid())
    }
}

/// The small serial number that the ledger gives a performance; carried inside its reservation ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PerformanceNumber(pub u32);

impl ReservationId {
    /// Builds a reservation id: a UUIDv7 whose last 32 bits are the number of the performance.
    ///
    /// The id alone then says which stock it belongs to, so a reservation is found with one lookup in the
    /// hot store, also before the ledger has heard of it. `random` supplies the 42 remaining free bits (its
    /// lowest 42 bits are used); ownership is checked on every use, so the id need not be unguessable, and
    /// the hot store refuses an id that it already knows.
    pub fn compose(at_ms: u64, performance: PerformanceNumber, random: u64) -> Self {
        let rand_a = (random & 0xFFF) as u16;
        let rand_b = (random >> 12) & 0x3FFF_FFFF;
        let value = (u128::from(at_ms & 0xFFFF_FFFF_FFFF) << 80)
            | (0x7 << 76)
            | (u128::from(rand_a) << 64)
            | (0b10 << 62)
            | (u128::from(rand_b) << 32)
            | u128::from(performance.0);
        Self(Uuid::from_u128(value))
    }

    /// The number of the performance this reservation belongs to. For an id that was not made by
    /// [`ReservationId::compose`] it is meaningless but harmless: no reservation will be found there.
    pub fn performance_number(self) -> PerformanceNumber {
        PerformanceNumber(self.0.as_u128() as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deliveries_of_the_same_have_the_same_id() {
        let (order, endpoint) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let at = Timestamp(1_700_000_000_123);
        let id = DeliveryId::of(at, order, "order.paid", endpoint);
        assert_eq!(id, DeliveryId::of(at, order, "order.paid", endpoint));
        assert_eq!(id.0.get_version_num(), 7);
        for other in [
            DeliveryId::of(Timestamp(1_700_000_000_124), order, "order.paid", endpoint),
            DeliveryId::of(at, endpoint, "order.paid", endpoint),
            DeliveryId::of(at, order, "order.failed", endpoint),
            DeliveryId::of(at, order, "order.paid", order),
        ] {
            assert_ne!(id, other);
        }
        assert!(id < DeliveryId::of(Timestamp(1_700_000_000_124), order, "order.paid", endpoint));
    }

    #[test]
    fn reservation_ids_are_version_7_and_carry_their_performance() {
        let id = ReservationId::compose(1_700_000_000_123, PerformanceNumber(4_000_000_007), u64::MAX);
        assert_eq!(id.0.get_version_num(), 7);
        assert_eq!(id.0.get_variant(), uuid::Variant::RFC4122);
        assert_eq!(id.performance_number(), PerformanceNumber(4_000_000_007));
        let earlier = ReservationId::compose(1_700_000_000_122, PerformanceNumber(1), u64::MAX);
        assert!(earlier < id, "ids sort by time");
    }
}
