//! Cases: expiry and extension.
//!
//! Invariant checked: a hold lapses once, by its time, and only an extension in time makes it last.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use onsale_domain::{
    changes::Change,
    reservations::{
        BeginOutcome, CancelOutcome, Ending, ExtendOutcome, FinishOutcome, Hold, HoldRequest, HoldView,
    },
};

use super::{
    HotUnderTest,
    stage::{
        FREE, HELD, LONG_MS, PAST_SHORT_MS, SHORT_MS, Stage, buyer, order, places, seats, short_wish, wish,
    },
};

/// When its time is up a hold frees its units, once, and the record says so once.
pub async fn a_hold_lapses_once(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[3]).await;
    let hold = stage.held(short_wish(buyer(1), seats(&[1, 3]))).await;
    let in_area = stage.held(short_wish(buyer(1), places(1, 2))).await;
    assert_eq!(stage.bits(&[1, 3]).await, [HELD, HELD]);
    stage.pass(PAST_SHORT_MS).await;
    assert_eq!(stage.bits(&[1, 3]).await, [FREE, FREE]);
    assert_eq!(stage.free_in(1).await, 3);
    stage.held_seats(buyer(2), &[1]).await;
    stage.pass(PAST_SHORT_MS).await;
    assert_eq!(stage.bits(&[1, 3]).await, [HELD, FREE], "the old expiry does not touch the next hold");
    for lapsed in [hold, in_area] {
        let is_end = |change: &Change| matches!(change, Change::Expired { hold, .. } if *hold == lapsed.id);
        let ends = stage.changes().await.into_iter().filter(|recorded| is_end(&recorded.change)).count();
        assert_eq!(ends, 1, "one end of {}", lapsed.id);
    }
}

/// Whoever comes with a lapsed hold is told that it expired; the limit forgets it.
pub async fn nobody_can_use_a_lapsed_hold(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[]).await;
    let limited = HoldRequest { max_per_owner: 1, ..short_wish(buyer(1), seats(&[1])) };
    let hold = stage.held(limited).await;
    stage.pass(PAST_SHORT_MS).await;
    assert_eq!(stage.begin(&hold, order(1)).await, BeginOutcome::Ended(Ending::Expired));
    assert_eq!(stage.extend(&hold, LONG_MS, 5).await, ExtendOutcome::Ended(Ending::Expired));
    assert_eq!(stage.cancel(&hold).await, CancelOutcome::Gone);
    let found = stage.hot.reservations.find(stage.p, hold.id).await.unwrap();
    assert_eq!(found, Some(HoldView { hold: hold.clone(), ended: Some(Ending::Expired) }));
    stage.held(HoldRequest { max_per_owner: 1, ..wish(buyer(1), seats(&[1])) }).await;
}

/// An extension gives another span from now, and is counted.
pub async fn an_extension_lasts_from_now(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[]).await;
    let hold = stage.held_seats(buyer(1), &[1]).await;
    stage.pass(5_000).await;
    let ExtendOutcome::Extended(extended) = stage.extend(&hold, LONG_MS, 1).await else {
        panic!("not extended")
    };
    let more_ms = extended.expires_at.since_ms(hold.expires_at);
    let drift_ms = stage.hot.time.drift_ms();
    assert!((5_000..=5_000 + drift_ms).contains(&more_ms), "{more_ms} ms more");
    let expected = Hold { expires_at: extended.expires_at, extensions_used: 1, ..hold };
    assert_eq!(extended, expected);
    let found = stage.hot.reservations.find(stage.p, extended.id).await.unwrap();
    assert_eq!(found, Some(HoldView { hold: extended, ended: None }));
}

/// What was extended outlives its first expiry, and lapses at the second, once.
pub async fn an_extended_hold_lapses_later(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[]).await;
    let hold = stage.held(short_wish(buyer(1), seats(&[1]))).await;
    let outcome = stage.extend(&hold, SHORT_MS + PAST_SHORT_MS, 1).await;
    assert!(matches!(outcome, ExtendOutcome::Extended(_)), "{outcome:?}");
    stage.pass(PAST_SHORT_MS).await;
    assert_eq!(stage.bits(&[1]).await, [HELD]);
    stage.pass(PAST_SHORT_MS).await;
    assert_eq!(stage.bits(&[1]).await, [FREE]);
}

/// Not more often than is allowed; a refused extension changes nothing.
pub async fn extensions_are_limited(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[]).await;
    let hold = stage.held_seats(buyer(1), &[1]).await;
    assert_eq!(stage.untouched(stage.extend(&hold, LONG_MS, 0)).await, ExtendOutcome::ExtensionUsed);
    for used in 1..=2 {
        let outcome = stage.extend(&hold, LONG_MS, 2).await;
        assert!(matches!(&outcome, ExtendOutcome::Extended(h) if h.extensions_used == used), "{outcome:?}");
    }
    assert_eq!(stage.untouched(stage.extend(&hold, LONG_MS, 2)).await, ExtendOutcome::ExtensionUsed);
}

/// To anybody else the hold does not exist; an ended one says how it ended.
pub async fn extends_for_the_owner_only(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[]).await;
    let hold = stage.held_seats(buyer(1), &[1]).await;
    let by_other = Hold { owner: buyer(2), ..hold.clone() };
    assert_eq!(stage.untouched(stage.extend(&by_other, LONG_MS, 5)).await, ExtendOutcome::NotFound);
    stage.cancel(&hold).await;
    assert_eq!(stage.extend(&hold, LONG_MS, 5).await, ExtendOutcome::Ended(Ending::Cancelled));
    assert_eq!(stage.extend(&by_other, LONG_MS, 5).await, ExtendOutcome::NotFound);
    let (sold, _) = stage.sold(buyer(1), seats(&[1]), order(1)).await;
    assert_eq!(stage.extend(&sold, LONG_MS, 5).await, ExtendOutcome::Ended(Ending::Confirmed(order(1))));
}

/// Only what is due lapses: longer, paying and sold ones stay.
pub async fn a_lapsed_hold_leaves_other_holds_alone(hot: HotUnderTest) {
    let stage = Stage::new(hot, 6, &[]).await;
    stage.held(short_wish(buyer(1), seats(&[1]))).await;
    stage.held_seats(buyer(1), &[2]).await;
    let paying = stage.held(short_wish(buyer(2), seats(&[3]))).await;
    let step = stage.paying(&paying, order(1)).await;
    stage.sold(buyer(3), seats(&[4]), order(2)).await;
    stage.pass(PAST_SHORT_MS).await;
    let counts = stage.look().await.counts;
    assert_eq!((counts.available, counts.held, counts.paying, counts.sold), (3, 1, 1, 1));
    assert_eq!(stage.sell(step).await, FinishOutcome::Done);
}
