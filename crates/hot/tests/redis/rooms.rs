//! The waiting rooms over Redis against the contract of their port; then what no contract of one store says: several
//! nodes on one room, and Redis killed, emptied and full under them.

mod faults;
mod nodes;
mod scene;

use std::sync::Arc;

use async_trait::async_trait;
use onsale_app::ports::clock::Clock;
use onsale_hot::redis::{RedisSettings, RedisStore};
use onsale_testkit::{
    clock::ManualClock,
    conformance::{
        hot::TestTime,
        rooms::{RoomsUnderTest, admitting, drawing, entering, joining},
    },
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

/// One case of each kind, over three servers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_holds_on_a_cluster() {
    let Some(cluster) = or_passed_over(Cluster::start(), "redis-server") else { return };
    let empty = async || {
        for server in &cluster.nodes {
            server.ask(&["FLUSHALL"]).unwrap();
        }
        rooms_under_test(cluster.url()).await
    };
    joining::rooms_know_nothing_of_each_other(empty().await).await;
    joining::one_address_has_one_place(empty().await).await;
    joining::many_at_once_get_a_place_each_in_the_order_of_their_sequences(empty().await).await;
    drawing::the_draw_can_be_checked_by_anybody(empty().await).await;
    drawing::leaving_the_lobby_and_coming_back_is_no_second_chance(empty().await).await;
    admitting::a_turn_not_claimed_is_missed(empty().await).await;
    entering::many_at_once_never_exceed_the_room(empty().await).await;
}
