//! The keys of a performance, as `lua/stock.lua` numbers them.
//!
//! Invariant: all of them carry the tag `{performance}`, so they live in one slot of a cluster.

use onsale_domain::ids::PerformanceId;

/// The set of all performances that were ever loaded. It and [`ARRIVAL`] are the keys that belong to no performance.
pub(super) const REGISTRY: &str = "onsale:performances";

/// The name of the move that is filling this Redis; not there where none is.
pub(super) const ARRIVAL: &str = "onsale:arrival";

/// A share of what is limited.
pub(super) fn share(share: [u8; 16]) -> String {
    format!("onsale:share:{:032x}", u128::from_be_bytes(share))
}

/// How many of [`Keys`] every command names.
pub(super) const OF_STOCK: usize = 14;

/// Which of the keys holds the layout, from 0.
pub(super) const LAYOUT: usize = 14;

const CHANGES: usize = 13;

const NAMES: [&str; 16] = [
    "meta", "states", "holds", "due", "owners", "ended", "endings", "words", "said", "returned", "areas",
    "sales", "paying", "changes", "layout", "drainer",
];

/// All keys of one performance.
#[derive(Debug)]
pub(super) struct Keys([String; NAMES.len()]);

impl Keys {
    pub(super) fn of(p: PerformanceId) -> Self {
        Self(NAMES.map(|name| format!("onsale:{{{p}}}:{name}")))
    }

    /// The performance that a key belongs to.
    pub(super) fn performance_of(key: &str) -> Option<PerformanceId> {
        key.strip_prefix("onsale:{")?.split_once('}')?.0.parse().ok()
    }

    /// Those that every command names.
    pub(super) fn of_stock(&self) -> &[String] {
        &self.0[..OF_STOCK]
    }

    /// Every one of them.
    pub(super) fn all(&self) -> &[String] {
        &self.0
    }

    /// Where the layout is.
    pub(super) fn layout(&self) -> &str {
        &self.0[LAYOUT]
    }

    /// The stream of changes, and the shard channel.
    pub(super) fn changes(&self) -> &str {
        &self.0[CHANGES]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_carries_the_tag_and_its_own_name() {
        let p = PerformanceId(uuid::Uuid::from_u128(7));
        let keys = Keys::of(p);
        assert!(keys.all().iter().all(|key| key.starts_with(&format!("onsale:{{{p}}}:"))));
        assert!(keys.all().iter().all(|key| Keys::performance_of(key) == Some(p)));
        assert_eq!(Keys::performance_of(REGISTRY), None);
        assert!(keys.layout().ends_with(":layout") && keys.changes().ends_with(":changes"));
        assert_eq!(keys.of_stock().last().map(String::as_str), Some(keys.changes()));
    }
}
