//! The hot suite and the model, run over the rules of `domain` without a journal: the quickest place where they
//! can disagree. `crates/hot` runs both over the stores themselves.

mod store;

use std::sync::Arc;

use onsale_testkit::{
    clock::ManualClock,
    conformance::hot::HotUnderTest,
    faults::{FaultPlan, Faults, FaultyHot},
};
use store::RulesOnly;

#[expect(clippy::unused_async, reason = "other stores have something to wait for")]
async fn make() -> (HotUnderTest, ()) {
    let store = Arc::new(RulesOnly::new(Arc::new(ManualClock::new())));
    let hot = HotUnderTest {
        reservations: store.clone(),
        stock: store.clone(),
        log: store.clone(),
        feed: store.clone(),
        time: store,
    };
    (hot, ())
}

onsale_testkit::hot_conformance!(make);

#[tokio::test]
async fn the_rules_agree_with_the_model() {
    for seed in 0..300 {
        let (hot, ()) = make().await;
        onsale_testkit::model::run(hot, seed, 200).await;
    }
}

/// Without faults a decorated store is the store; its yields only let more happen in between.
mod decorated {
    use super::*;

    async fn make() -> (HotUnderTest, ()) {
        let faults = Arc::new(Faults::seeded(FaultPlan { yields: 3, ..FaultPlan::CALM }));
        let (plain, ()) = super::make().await;
        let store = Arc::new(FaultyHot::new(plain.reservations, plain.stock, plain.log, faults));
        let hot = HotUnderTest {
            reservations: store.clone(),
            stock: store.clone(),
            log: store,
            feed: plain.feed,
            time: plain.time,
        };
        (hot, ())
    }

    onsale_testkit::hot_conformance!(make);
}
