//! Which nodes are there: each says so again and again, and calls carry the name of the node that made them.
//!
//! So a payment whose node has ended is known before it is old. A node that only could not say so in time is taken for
//! gone: that does no harm, as whoever finishes a payment asks the provider first, and its late steps find nothing to do.
//!
//! Invariant: a node that says so is never taken for gone, and none is before it was missing for a while.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use onsale_app::ports::StoreError;
use parking_lot::Mutex;
use redis::Value;
use tokio::time::Instant;
use uuid::Uuid;

use super::Inner;

/// How long a node is known after it said that it is there; it does so once a second.
const KNOWN_FOR_MS: u64 = 5_000;

/// How long a node has to be missing, as this one sees it: after an outage of Redis all of them are for a moment.
const MISSING_FOR: Duration = Duration::from_secs(4);

/// The bits of a call that count; those above name the node.
const COUNT_BITS: u32 = 40;

/// Numbers calls.
pub(super) struct Calls {
    node: u64,
    count: AtomicU64,
}

impl Calls {
    /// Of a node with this name. It is cut short: two nodes that share what is left are taken for one.
    pub(super) fn of(node: Uuid) -> Self {
        let (name, count) = node.as_u64_pair();
        // 0 is the node of what was loaded.
        Self { node: (name >> COUNT_BITS).max(1), count: AtomicU64::new(count) }
    }

    /// What tells the next call from every other.
    pub(super) fn next(&self) -> u64 {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        (self.node << COUNT_BITS) | (count & ((1 << COUNT_BITS) - 1))
    }
}

/// The nodes that made calls and do not say that they are there, and since when they are known to be missing.
#[derive(Default)]
pub(super) struct Missing(Mutex<BTreeMap<u64, Instant>>);

fn key(node: u64) -> String {
    format!("onsale:node:{node:x}")
}

impl Inner {
    /// Says that this node is there.
    pub(super) async fn show_itself(&self) -> Result<(), StoreError> {
        let mut set = redis::cmd("SET");
        set.arg(key(self.calls.node)).arg("").arg("PX").arg(KNOWN_FOR_MS);
        self.background.run(&set).await.map(drop)
    }

    /// Those of the calls whose nodes are gone.
    pub(super) async fn of_nodes_gone(&self, calls: &[u64]) -> Result<BTreeSet<u64>, StoreError> {
        let nodes: BTreeSet<u64> =
            calls.iter().map(|call| call >> COUNT_BITS).filter(|node| *node != 0).collect();
        let mut gone = BTreeSet::new();
        for node in nodes {
            let is_there = self.background.run(redis::cmd("EXISTS").arg(key(node))).await? != Value::Int(0);
            let mut missing = self.missing.0.lock();
            if is_there {
                missing.remove(&node);
            } else if missing.entry(node).or_insert_with(Instant::now).elapsed() >= MISSING_FOR {
                gone.insert(node);
            }
        }
        Ok(calls.iter().copied().filter(|call| gone.contains(&(call >> COUNT_BITS))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_carry_their_node_and_differ() {
        let node = Uuid::from_u128(0xabcd_ef00_0000_0000_ffff_ffff_ffff_ffff);
        let calls = Calls::of(node);
        let made = [calls.next(), calls.next(), calls.next()];
        assert!(made.iter().all(|call| call >> COUNT_BITS == 0x00ab_cdef), "{made:x?}");
        assert_eq!(BTreeSet::from(made).len(), 3);
        assert_eq!(Calls::of(Uuid::nil()).next() >> COUNT_BITS, 1);
    }
}
