//! A master that sentinels name: when another becomes master, nodes go there by themselves.

use std::time::{Duration, Instant};

use onsale_app::ports::hot::{Reservations as _, Stock as _};
use onsale_domain::reservations::HoldOutcome;
use onsale_testkit::servers::{
    or_passed_over,
    redis::{Options, Redis},
};

use crate::stage::{SOON, buyer, held, is_unavailable, node, on_sale, seats, wish};

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < SOON, "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_follow_the_master_that_sentinels_name() {
    // A master waits for further replicas before it serves the first one, five seconds unless it is told not to.
    let at_once =
        Options { settings: vec![("repl-diskless-sync-delay".into(), "0".into())], ..Options::default() };
    let Some(mut master) = or_passed_over(Redis::with(&at_once), "redis-server") else { return };
    let Some(replica) = or_passed_over(Redis::start(), "redis-server") else { return };
    replica.ask(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]).unwrap();
    let Some(sentinel) = or_passed_over(Redis::sentinel("tickets", &master), "redis-server") else { return };
    until("the sentinel knows both", || {
        let known = sentinel.ask(&["SENTINEL", "REPLICAS", "tickets"]).unwrap();
        known.contains(&replica.port().to_string())
    })
    .await;
    let url = format!("redis+sentinel://127.0.0.1:{}/tickets", sentinel.port());
    let store = node(&url).await;
    let p = on_sale(&store, 9, &[]).await;
    let first = held(&store, p, wish(buyer(1), seats(&[1]))).await;
    let changes = format!("onsale:{{{p}}}:changes");
    until("replicated", || replica.ask(&["XLEN", &changes]).is_ok_and(|length| length == ":1")).await;
    master.kill().unwrap();
    let begun = Instant::now();
    let second = loop {
        assert!(begun.elapsed() < SOON, "nobody took over");
        match store.hold(p, wish(buyer(2), seats(&[2]))).await {
            Ok(decided) => match decided.outcome {
                HoldOutcome::Held(hold) => break hold,
                other => panic!("{other:?}"),
            },
            error => assert!(is_unavailable(&error), "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(second.fence > first.fence);
    assert_eq!(store.find(p, first.id).await.unwrap().unwrap().hold, first, "what was replicated is there");
    assert_eq!(store.availability(p).await.unwrap().counts.held, 2);
}
