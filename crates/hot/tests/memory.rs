//! The in-process store against the contract of its ports and against the model, on a journal in a file as it
//! runs in earnest, and without a thread as simulations run it.

#![expect(clippy::unwrap_used, reason = "a store that does not open ends the test")]

use std::sync::Arc;

use async_trait::async_trait;
use onsale_app::ports::clock::Clock;
use onsale_hot::memory::{
    MemoryStore,
    journal::{sqlite::SqliteJournal, volatile::VolatileJournal},
};
use onsale_testkit::{
    clock::ManualClock,
    conformance::{
        hot::{HotUnderTest, TestTime},
        rooms::RoomsUnderTest,
    },
};
use tempfile::TempDir;

/// Moves the clock and lets lapse what is due by then.
struct Time {
    clock: Arc<ManualClock>,
    store: MemoryStore,
}

#[async_trait]
impl TestTime for Time {
    async fn advance_ms(&self, ms: u64) {
        self.clock.advance(ms);
        self.store.expire_due();
    }
}

fn under_test(store: MemoryStore, clock: Arc<ManualClock>) -> HotUnderTest {
    let shared = Arc::new(store.clone());
    HotUnderTest {
        reservations: shared.clone(),
        stock: shared.clone(),
        log: shared.clone(),
        feed: shared,
        time: Arc::new(Time { clock, store }),
    }
}

#[expect(clippy::unused_async, reason = "other stores have something to wait for")]
async fn on_a_file() -> (HotUnderTest, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let journal = SqliteJournal::open(&folder.path().join("journal.db")).unwrap();
    let clock = Arc::new(ManualClock::new());
    let store =
        MemoryStore::open(Box::new(journal), Arc::clone(&clock) as Arc<dyn Clock>, Box::new(|_| ())).unwrap();
    (under_test(store, clock), folder)
}

fn without_a_thread() -> HotUnderTest {
    let clock = Arc::new(ManualClock::new());
    let journal = Box::new(VolatileJournal::new());
    let store = MemoryStore::open_inline(journal, Arc::clone(&clock) as Arc<dyn Clock>).unwrap();
    under_test(store, clock)
}

onsale_testkit::hot_conformance!(on_a_file);

/// Waiting rooms, over both ways to run the store.
mod rooms {
    use super::*;

    #[expect(clippy::unused_async, reason = "other stores have something to wait for")]
    async fn on_a_file() -> (RoomsUnderTest, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let journal = SqliteJournal::open(&folder.path().join("journal.db")).unwrap();
        let clock = Arc::new(ManualClock::new());
        let store =
            MemoryStore::open(Box::new(journal), Arc::clone(&clock) as Arc<dyn Clock>, Box::new(|_| ()))
                .unwrap();
        (under_test(store, clock), folder)
    }

    fn under_test(store: MemoryStore, clock: Arc<ManualClock>) -> RoomsUnderTest {
        let time = Arc::new(Time { clock: Arc::clone(&clock), store: store.clone() });
        RoomsUnderTest { rooms: Arc::new(store), clock, time }
    }

    onsale_testkit::room_conformance!(on_a_file);

    mod without_a_thread {
        use super::*;

        #[expect(clippy::unused_async, reason = "other stores have something to wait for")]
        async fn make() -> (RoomsUnderTest, ()) {
            let clock = Arc::new(ManualClock::new());
            let journal = Box::new(VolatileJournal::new());
            let store = MemoryStore::open_inline(journal, Arc::clone(&clock) as Arc<dyn Clock>).unwrap();
            (super::under_test(store, clock), ())
        }

        onsale_testkit::room_conformance!(make);
    }
}

/// `ONSALE_MODEL_SEED=n` plays one history again.
fn seeds(count: u64) -> std::ops::Range<u64> {
    match std::env::var("ONSALE_MODEL_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => seed..seed + 1,
        None => 0..count,
    }
}

#[tokio::test]
async fn the_store_agrees_with_the_model() {
    for seed in seeds(2_000) {
        onsale_testkit::model::run(without_a_thread(), seed, 200).await;
    }
}

#[tokio::test]
async fn the_store_with_its_thread_and_file_agrees_with_the_model() {
    for seed in seeds(20) {
        let (hot, _folder) = on_a_file().await;
        onsale_testkit::model::run(hot, seed, 100).await;
    }
}
