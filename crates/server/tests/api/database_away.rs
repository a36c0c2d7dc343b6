//! The database away: killed or frozen in the middle of a sale, and back.
//!
//! Invariant: holds need no database; what needs it is refused in time, keeps what the buyer has, and works again
//! when the database does, without anybody's doing. Nothing that was accepted is missing afterwards.

use std::time::{Duration, Instant};

use onsale_testkit::servers::{
    Stores, or_passed_over,
    postgres::{Options, Postgres},
};
use rstest::rstest;
use serde_json::json;

use crate::support::{Onsale, Stage, grid, seat_ids, text};

/// How long it may take until all is well again.
const RECOVERS_WITHIN: Duration = Duration::from_secs(20);

/// The limits below together, and what a busy machine adds.
const ANSWERS_WITHIN: Duration = Duration::from_secs(4);

const LIMITS: [(&str, &str); 2] =
    [("ONSALE_DATABASE__ACQUIRE_TIMEOUT_MS", "500"), ("ONSALE_DATABASE__STATEMENT_TIMEOUT_MS", "1000")];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Away {
    Killed,
    Frozen,
}

#[rstest]
#[case::killed(Away::Killed)]
#[case::frozen(Away::Frozen)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn holds_go_on_and_confirms_are_refused_until_it_is_back(#[case] away: Away) {
    let options = Options { durable: true, tcp: true, ..Options::default() };
    let Some(server) = or_passed_over(Postgres::with(options), "postgres") else { return };
    let onsale = Onsale::on(Stores::Postgres(Box::new(server)), &LIMITS);
    let mut stage = Stage::on(onsale, &json!({}), &grid(4, 10)).await;
    let (early, late) = (stage.guest().await, stage.guest().await);
    let before = stage.hold(&early, &[1, 2]).await;
    let paid = stage.buy(&early, &[3]).await;

    let server = stage.onsale.stores.postgres().unwrap();
    match away {
        Away::Killed => server.kill().unwrap(),
        Away::Frozen => server.freeze().unwrap(),
    }
    let mut held = vec![before];
    for seat in [11, 12, 13, 14] {
        let asked = Instant::now();
        held.push(stage.hold(&late, &[seat]).await);
        assert!(asked.elapsed() < Duration::from_secs(1), "a hold took {:?}", asked.elapsed());
    }
    stage.cancel(&late, &held.remove(2)).await.empty(204);
    for _ in 0..3 {
        let asked = Instant::now();
        let refused = stage.confirming(&early, &held[0], "simulated").key("mine").await;
        refused.refused(503, "unavailable");
        assert!(!refused.header("retry-after").is_empty(), "{refused:?}");
        assert!(asked.elapsed() < ANSWERS_WITHIN, "a confirm took {:?}", asked.elapsed());
        assert_eq!(stage.reservation(&early, &held[0]).await["status"], "held", "the seats are kept");
    }
    let asked = Instant::now();
    let health = stage.at_root("GET", "/health").await;
    assert_eq!((health.status, &health.json()["ledger"]), (503, &json!("unavailable")));
    assert!(asked.elapsed() < ANSWERS_WITHIN, "{:?}", asked.elapsed());

    let server = stage.onsale.stores.postgres().unwrap();
    match away {
        Away::Killed => server.start_again().unwrap(),
        Away::Frozen => server.thaw().unwrap(),
    }
    let back = Instant::now();
    while stage.at_root("GET", "/health").await.status != 200 {
        assert!(back.elapsed() < RECOVERS_WITHIN, "not back: {}", stage.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let order = stage.confirming(&early, &held[0], "simulated").key("mine").await.ok(201);
    assert_eq!(seat_ids(&order), [1, 2]);
    let known = stage.get(&format!("/orders/{}", text(&paid["id"]))).by(&early).await.ok(200);
    assert_eq!(known, paid);
    // The drain has caught up when the last hold is written down.
    let server = stage.onsale.stores.postgres().unwrap();
    let written = format!(
        "SELECT count(*) FROM reservations WHERE id IN ('{}')",
        held.iter().map(|reservation| text(&reservation["id"])).collect::<Vec<_>>().join("', '")
    );
    while server.sql(&written).unwrap() != held.len().to_string() {
        assert!(back.elapsed() < RECOVERS_WITHIN, "the drain is behind");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let live = "SELECT count(*), count(DISTINCT unit) FROM order_units WHERE live";
    assert_eq!(server.sql(live).unwrap(), "3|3", "each sold seat once");
    assert_eq!(stage.counts().await, [40 - 3 - 3, 3, 0, 3, 0]);
}
