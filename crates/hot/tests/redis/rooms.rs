//! The waiting rooms over Redis against the contract of their port; then what no contract of one store says: several
//! nodes on one room, and Redis killed, emptied and full under them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use onsale_app::ports::{clock::Clock, waiting_room::WaitingRooms as _};
use onsale_hot::redis::{RedisSettings, RedisStore};
use onsale_testkit::{
    clock::ManualClock,
    conformance::{hot::TestTime, rooms::RoomsUnderTest},
    servers::{
        or_passed_over,
        redis::{Cluster, Redis},
    },
};

struct Time(Arc<ManualClock>);

#[async_trait]
impl TestTime for Time {
    async fn advance_ms(&self, ms: u64) {
        self.0.advance(ms);
    }
}

async fn rooms_under_test(url: String) -> RoomsUnderTest {
    let clock = Arc::new(ManualClock::new());
    let time = Arc::clone(&clock) as Arc<dyn Clock>;
    let settings = RedisSettings { url, strict: true, clock: Some(Arc::clone(&time)) };
    let rooms = Arc::new(RedisStore::open(settings).await.unwrap());
    RoomsUnderTest { rooms, clock: time, time: Arc::new(Time(clock)) }
}

async fn rooms_on_a_server() -> Option<(RoomsUnderTest, Redis)> {
    let server = or_passed_over(Redis::start(), "redis-server")?;
    Some((rooms_under_test(server.url()).await, server))
}

onsale_testkit::room_conformance!(rooms_on_a_server);
