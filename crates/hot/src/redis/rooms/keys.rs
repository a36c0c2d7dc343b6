//! The keys of a waiting room, as the head of `lua/room.lua` names them.
//!
//! Invariant: all of them carry the tag `{event}`, so they live in one slot of a cluster; none of them grows beyond some
//! megabytes.

use onsale_domain::{
    ids::EventId,
    waiting_room::{AddressKey, Place, Pseudonym},
};

/// How many places a chunk of entries has. A string grows by doubling up to a megabyte: this fills one that has doubled
/// with next to nothing left over.
pub(super) const CHUNK: u32 = 65_000;

/// How many buckets there are for buyers, and for addresses. Redis packs a bucket of up to 128 tightly, which is 2 million
/// places.
const BUCKETS: u16 = 1 << 14;

/// The keys of one room.
#[derive(Debug)]
pub(super) struct RoomKeys {
    tag: String,
    /// Meta, front, turns, recent, ended.
    fixed: [String; 5],
}

/// The bucket of something that is a hash already.
fn bucket(digest: [u8; 2]) -> u16 {
    u16::from_be_bytes(digest) % BUCKETS
}

/// The chunk of a place, and where it is in there.
pub(super) fn chunk_of(place: Place) -> (u32, u32) {
    (place.0 / CHUNK, place.0 % CHUNK)
}

impl RoomKeys {
    pub(super) fn of(e: EventId) -> Self {
        let tag = format!("onsale:{{{e}}}:room");
        let fixed = ["meta", "front", "turns", "recent", "ended"].map(|name| format!("{tag}:{name}"));
        Self { tag, fixed }
    }

    pub(super) fn meta(&self) -> &str {
        &self.fixed[0]
    }

    pub(super) fn ended(&self) -> &str {
        &self.fixed[4]
    }

    /// Meta, front, turns, recent, ended.
    pub(super) fn fixed(&self) -> &[String; 5] {
        &self.fixed
    }

    pub(super) fn entries(&self, chunk: u32) -> String {
        format!("{}:entries:{chunk}", self.tag)
    }

    pub(super) fn buyers(&self, buyer: Pseudonym) -> String {
        format!("{}:buyers:{}", self.tag, bucket([buyer.0[0], buyer.0[1]]))
    }

    pub(super) fn addresses(&self, address: AddressKey) -> String {
        format!("{}:addresses:{}", self.tag, bucket([address.0[0], address.0[1]]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_carries_the_tag() {
        let e = EventId(uuid::Uuid::from_u128(7));
        let keys = RoomKeys::of(e);
        let (buyer, address) = (Pseudonym([0xFF; 16]), AddressKey([0; 8]));
        let mut all = keys.fixed().to_vec();
        all.extend([keys.entries(3), keys.buyers(buyer), keys.addresses(address)]);
        assert!(all.iter().all(|key| key.starts_with(&format!("onsale:{{{e}}}:room:"))));
        assert!(
            keys.buyers(buyer).ends_with(":buyers:16383")
                && keys.addresses(address).ends_with(":addresses:0")
        );
    }

    #[test]
    fn chunks_follow_each_other() {
        assert_eq!(chunk_of(Place(CHUNK - 1)), (0, CHUNK - 1));
        assert_eq!(chunk_of(Place(CHUNK)), (1, 0));
    }
}
