//! Purchases that a waiting room does not know of yet, whoever has to tell it: the first is told first.
//!
//! Invariant: one task tells, and it alone takes away; what is added meanwhile stands behind.

use std::collections::VecDeque;

use onsale_domain::time::Timestamp;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::ports::admissions::Bought;

/// How many may wait. Beyond that places end by their own time.
const MAX_WAITING: usize = 100_000;

/// The longest that a place inside can last.
pub(super) const LONGEST_MS: u64 = 86_400_000;

/// Those who have bought.
#[derive(Default)]
pub struct Untold {
    waiting: Mutex<VecDeque<Bought>>,
    added: Notify,
}

impl Untold {
    /// Adds one, unless there are too many.
    pub fn add(&self, bought: Bought) {
        let mut waiting = self.waiting.lock();
        if waiting.len() >= MAX_WAITING {
            tracing::warn!(event = %bought.event, "too many purchases to tell; the place ends by its own time");
            return;
        }
        waiting.push_back(bought);
        drop(waiting);
        self.added.notify_one();
    }

    /// The first ones, at most so many.
    pub fn first(&self, most: usize) -> Vec<Bought> {
        self.waiting.lock().iter().take(most).copied().collect()
    }

    /// The very first, once there is one.
    pub(super) async fn next(&self) -> Bought {
        loop {
            let next = self.waiting.lock().front().copied();
            if let Some(bought) = next {
                return bought;
            }
            self.added.notified().await;
        }
    }

    /// So many of the first are told.
    pub fn told(&self, count: usize) {
        drop(self.waiting.lock().drain(..count));
    }

    /// Forgets those whose places cannot last any more.
    pub fn forget_those_over(&self, now: Timestamp) {
        self.waiting.lock().retain(|bought| now.since_ms(bought.at) < LONGEST_MS);
    }
}
