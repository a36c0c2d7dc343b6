//! The store over Redis against the contract of its ports and against the model, on private servers; and what no
//! contract of one store says: several nodes at once, and Redis failing under them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cluster;
mod draining;
mod faults;
mod moving;
mod nodes;
mod rooms;
mod sentinel;
mod stage;

use std::sync::Arc;

use async_trait::async_trait;
use onsale_app::ports::clock::Clock;
use onsale_hot::redis::{RedisSettings, RedisStore};
use onsale_testkit::{
    clock::ManualClock,
    conformance::hot::{HotUnderTest, TestTime},
    servers::{or_passed_over, redis::Redis},
};

/// Moves the clock and lets lapse what is due by then.
struct Time {
    clock: Arc<ManualClock>,
    store: RedisStore,
}

#[async_trait]
impl TestTime for Time {
    async fn advance_ms(&self, ms: u64) {
        self.clock.advance(ms);
        self.store.expire_due().await.unwrap();
    }
}

async fn under_test(url: String) -> HotUnderTest {
    let clock = Arc::new(ManualClock::new());
    let settings = RedisSettings { url, strict: true, clock: Some(Arc::clone(&clock) as Arc<dyn Clock>) };
    let store = RedisStore::open(settings).await.unwrap();
    let shared = Arc::new(store.clone());
    HotUnderTest {
        reservations: shared.clone(),
        stock: shared.clone(),
        log: shared.clone(),
        feed: shared,
        time: Arc::new(Time { clock, store }),
    }
}

async fn on_a_server() -> Option<(HotUnderTest, Redis)> {
    let server = or_passed_over(Redis::start(), "redis-server")?;
    Some((under_test(server.url()).await, server))
}

onsale_testkit::hot_conformance!(on_a_server);

/// `ONSALE_MODEL_SEED=n` plays one history again.
fn seeds(count: u64) -> std::ops::Range<u64> {
    match std::env::var("ONSALE_MODEL_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => seed..seed + 1,
        None => 0..count,
    }
}

/// Histories follow each other on one server, ten of them side by side at a time: so they also have to stay out of
/// each other's way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_agrees_with_the_model() {
    let Some(server) = or_passed_over(Redis::start(), "redis-server") else { return };
    for seed in seeds(80) {
        if seed % 10 == 0 {
            server.ask(&["FLUSHALL"]).unwrap();
        }
        onsale_testkit::model::run(under_test(server.url()).await, seed, 200).await;
    }
}
