//! Cases: from PAYING to SOLD, and back by a refund.
//!
//! Invariant checked: a unit is sold once, and given back only by the order that has it.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use onsale_app::ports::hot::PaymentStep;
use onsale_domain::{
    reservations::{BeginOutcome, CancelOutcome, Ending, FinishOutcome},
    units::Unit,
};

use super::{
    HotUnderTest,
    stage::{FREE, HELD, LONG_MS, PAST_SHORT_MS, SOLD, Stage, buyer, order, places, seats, short_wish, wish},
};

/// A paying hold becomes sold units, and no longer is a hold.
pub async fn sells_what_is_paying(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[3]).await;
    stage.sold(buyer(1), seats(&[1, 2]), order(1)).await;
    stage.sold(buyer(1), places(1, 2), order(2)).await;
    let seen = stage.look().await;
    assert_eq!((seen.counts.sold, seen.counts.paying, seen.counts.held), (4, 0, 0));
    assert_eq!(stage.bits(&[1, 2, 3]).await, [SOLD, SOLD, FREE]);
    assert_eq!(seen.areas, [(1, 1)]);
    assert!(stage.hot.stock.paying(0, 10).await.unwrap().is_empty());
}

/// Selling again says that it is done and does nothing, also when the ledger has acknowledged the first time.
pub async fn selling_twice_sells_once(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[]).await;
    let (_, step) = stage.sold(buyer(1), seats(&[1]), order(1)).await;
    assert_eq!(stage.untouched(stage.sell(step)).await, FinishOutcome::Done);
    stage.acknowledge().await;
    assert_eq!(stage.untouched(stage.sell(step)).await, FinishOutcome::Done);
    assert_eq!(stage.look().await.counts.sold, 1);
}

/// Without a payment under way there is nothing to sell.
pub async fn cannot_sell_what_is_not_paying(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[]).await;
    let held = stage.held_seats(buyer(1), &[1]).await;
    let cancelled = stage.held_seats(buyer(1), &[2]).await;
    stage.cancel(&cancelled).await;
    let lapsed = stage.held(short_wish(buyer(1), seats(&[3]))).await;
    stage.pass(PAST_SHORT_MS).await;
    for hold in [held, cancelled, lapsed] {
        let step = PaymentStep { hold: hold.id, fence: hold.fence, order: order(1) };
        assert_eq!(stage.untouched(stage.sell(step)).await, FinishOutcome::Stale);
    }
}

/// The case that fences are for: somebody else has the seat by now, and a late step of the first buyer comes.
pub async fn a_late_sale_does_not_touch_the_next_holder(hot: HotUnderTest) {
    let stage = Stage::new(hot, 2, &[]).await;
    let first = stage.held(short_wish(buyer(1), seats(&[1]))).await;
    let late = stage.paying(&first, order(1)).await;
    stage.end(late, 0).await;
    stage.pass(PAST_SHORT_MS).await;
    let second = stage.held_seats(buyer(2), &[1]).await;
    assert!(second.fence > first.fence);
    assert_eq!(stage.untouched(stage.sell(late)).await, FinishOutcome::Stale);
    let step = stage.paying(&second, order(2)).await;
    let mixed = [late, PaymentStep { hold: second.id, ..late }, PaymentStep { order: order(2), ..late }];
    for stale in mixed {
        assert_eq!(stage.untouched(stage.sell(stale)).await, FinishOutcome::Stale, "{stale:?}");
        assert_eq!(stage.untouched(stage.end(stale, LONG_MS)).await, FinishOutcome::Stale, "{stale:?}");
    }
    assert_eq!(stage.bits(&[1]).await, [HELD]);
    assert_eq!(stage.sell(step).await, FinishOutcome::Done);
    assert_eq!(stage.untouched(stage.sell(late)).await, FinishOutcome::Stale);
    assert_eq!(stage.bits(&[1]).await, [SOLD]);
}

/// What is paid can be neither paid again nor cancelled.
pub async fn an_ended_hold_says_how_it_ended(hot: HotUnderTest) {
    let stage = Stage::new(hot, 2, &[]).await;
    let (hold, _) = stage.sold(buyer(1), seats(&[1]), order(1)).await;
    assert_eq!(stage.untouched(stage.cancel(&hold)).await, CancelOutcome::AlreadyConfirmed);
    for again in [order(1), order(2)] {
        let outcome = stage.untouched(stage.begin(&hold, again)).await;
        assert_eq!(outcome, BeginOutcome::Ended(Ending::Confirmed(order(1))));
    }
}

/// Refunded units are free again, and can be sold to somebody else.
pub async fn gives_back_what_the_order_has(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[]).await;
    stage.sold(buyer(1), seats(&[1, 2, 3]), order(1)).await;
    assert_eq!(stage.give_back(order(1), &[Unit(2)]).await, FinishOutcome::Done);
    assert_eq!(stage.bits(&[1, 2, 3]).await, [SOLD, FREE, SOLD]);
    assert_eq!(stage.give_back(order(1), &[Unit(1), Unit(2), Unit(3)]).await, FinishOutcome::Done);
    assert_eq!(stage.bits(&[1, 2, 3]).await, [FREE; 3]);
    stage.sold(buyer(2), seats(&[1, 2]), order(2)).await;
    assert_eq!(stage.bits(&[1, 2, 3]).await, [SOLD, SOLD, FREE]);
}

/// A late repeat of a refund does not free what somebody else bought since; nor does a refund of units that
/// never were the order's.
pub async fn gives_back_only_what_the_order_still_has(hot: HotUnderTest) {
    let stage = Stage::new(hot, 6, &[]).await;
    stage.sold(buyer(1), seats(&[1]), order(1)).await;
    stage.give_back(order(1), &[Unit(1)]).await;
    stage.untouched(stage.give_back(order(1), &[Unit(1)])).await;
    stage.sold(buyer(2), seats(&[1, 2]), order(2)).await;
    let held = stage.held_seats(buyer(3), &[3]).await;
    stage.untouched(stage.give_back(order(1), &[Unit(1)])).await;
    stage.untouched(stage.give_back(order(2), &[Unit(3), Unit(4)])).await;
    assert_eq!(stage.untouched(stage.give_back(order(9), &[Unit(1)])).await, FinishOutcome::Stale);
    assert_eq!(stage.give_back(order(2), &[Unit(2), Unit(3)]).await, FinishOutcome::Done);
    assert_eq!(stage.bits(&[1, 2, 3, 4]).await, [SOLD, FREE, HELD, FREE]);
    stage.paying(&held, order(3)).await;
    stage.untouched(stage.give_back(order(3), &[Unit(3)])).await;
}

/// Places come back to their area.
pub async fn gives_back_places_of_an_area(hot: HotUnderTest) {
    let stage = Stage::new(hot, 0, &[2, 3]).await;
    let (hold, _) = stage.sold(buyer(1), places(2, 3), order(1)).await;
    assert_eq!(stage.look().await.areas, [(1, 2), (2, 0)]);
    assert_eq!(stage.give_back(order(1), &hold.units[..2]).await, FinishOutcome::Done);
    assert_eq!(stage.look().await.areas, [(1, 2), (2, 2)]);
    let again = stage.held(wish(buyer(2), places(2, 2))).await;
    assert!(again.units.iter().all(|unit| hold.units[..2].contains(unit)));
}
