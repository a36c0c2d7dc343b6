//! Something fails while a crowd buys at both processes; afterwards everything is as the buyers were told.
//!
//! Invariant checked: what fails is said in time, as 503 and as nothing else; nothing that was accepted is missing and
//! nothing is there twice.

use std::sync::atomic::Ordering;

use rstest::rstest;
use serde_json::Value;

use super::load::{SOME, check, check_after_loss, crowded};
use crate::{
    live::{connect, news},
    support::text,
};

/// How something is taken away.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Away {
    Killed,
    Frozen,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_is_missed_by_nobody() {
    let Some((mut pair, load)) = crowded().await else { return };
    pair.lose(false);
    load.sees(|happened| &happened.held, SOME).await;
    let buyers = load.end().await;
    check(&mut pair, &buyers).await;
}

#[rstest]
#[case::killed(Away::Killed)]
#[case::frozen(Away::Frozen)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_away_for_a_while(#[case] away: Away) {
    let Some((mut pair, load)) = crowded().await else { return };
    let redis = pair.stage.onsale.stores.redis().unwrap();
    match away {
        Away::Killed => redis.kill().unwrap(),
        Away::Frozen => redis.freeze().unwrap(),
    }
    load.sees(|happened| &happened.holds_not_now, 30).await;
    let redis = pair.stage.onsale.stores.redis().unwrap();
    match away {
        Away::Killed => redis.start_again().unwrap(),
        Away::Frozen => redis.thaw().unwrap(),
    }
    load.sees(|happened| &happened.held, SOME).await;
    load.sees(|happened| &happened.paid, 3).await;
    let buyers = load.end().await;
    check(&mut pair, &buyers).await;
}

#[rstest]
#[case::killed(Away::Killed)]
#[case::frozen(Away::Frozen)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_is_away_for_a_while_and_holds_go_on(#[case] away: Away) {
    let Some((mut pair, load)) = crowded().await else { return };
    let postgres = pair.stage.onsale.stores.postgres().unwrap();
    match away {
        Away::Killed => postgres.kill().unwrap(),
        Away::Frozen => postgres.freeze().unwrap(),
    }
    load.sees(|happened| &happened.confirms_not_now, 5).await;
    let postgres = pair.stage.onsale.stores.postgres().unwrap();
    match away {
        Away::Killed => postgres.start_again().unwrap(),
        Away::Frozen => postgres.thaw().unwrap(),
    }
    load.sees(|happened| &happened.held, SOME).await;
    load.sees(|happened| &happened.paid, 3).await;
    let buyers = load.end().await;
    check(&mut pair, &buyers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_emptied_and_filled_from_the_ledger() {
    let Some((mut pair, load)) = crowded().await else { return };
    let epoch = |snapshot: &Value| {
        let position = text(&snapshot["position"]);
        position.split_once(':').unwrap().0.parse::<u32>().unwrap()
    };
    let mut viewers = Vec::new();
    for api in pair.both() {
        let mut viewer = connect(api, &pair.stage.path("/live")).await.unwrap();
        let before = epoch(&news(&mut viewer).await);
        viewers.push((viewer, before));
    }
    load.emptied.store(true, Ordering::Release);
    pair.stage.onsale.stores.redis().unwrap().ask(&["FLUSHALL"]).unwrap();
    load.sees(|happened| &happened.held, SOME).await;
    load.sees(|happened| &happened.paid, 3).await;
    for (viewer, before) in &mut viewers {
        // Whoever watches is shown everything anew.
        let mut frame = news(viewer).await;
        while frame["type"] != "snapshot" {
            frame = news(viewer).await;
        }
        assert!(epoch(&frame) > *before, "{frame}");
    }
    let buyers = load.end().await;
    check_after_loss(&mut pair, &buyers).await;
}
