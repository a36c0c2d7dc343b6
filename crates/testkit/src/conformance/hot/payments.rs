//! Cases: from HELD to PAYING and back.
//!
//! Invariant checked: a paying hold ends only by a step that names its hold, fence and order.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use onsale_app::ports::hot::PaymentStep;
use onsale_domain::{
    position::Fence,
    reservations::{
        BeginOutcome, CancelOutcome, Ending, ExtendOutcome, FinishOutcome, Hold, HoldOutcome, HoldRefusal,
        HoldStatus,
    },
};

use super::{
    HotUnderTest,
    stage::{FREE, HELD, LONG_MS, PAST_SHORT_MS, Stage, buyer, fresh_hold, order, seats, short_wish},
};

/// The clock does not end a payment.
pub async fn a_paying_hold_does_not_lapse(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[]).await;
    let hold = stage.held(short_wish(buyer(1), seats(&[1, 2]))).await;
    let step = stage.paying(&hold, order(1)).await;
    stage.pass(PAST_SHORT_MS).await;
    stage.pass(PAST_SHORT_MS).await;
    let seen = stage.look().await;
    assert_eq!((seen.counts.paying, seen.counts.held, seen.counts.available), (2, 0, 2));
    assert_eq!(stage.bits(&[1, 2]).await, [HELD, HELD], "paying shows as held");
    let refused = stage.hold(buyer(2), seats(&[1])).await;
    assert!(matches!(refused, HoldOutcome::Refused(HoldRefusal::SeatTaken(_))), "{refused:?}");
    assert_eq!(stage.sell(step).await, FinishOutcome::Done);
}

/// While a payment is under way its owner cannot pull the seat from under it.
pub async fn a_paying_hold_can_be_neither_cancelled_nor_extended(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[]).await;
    let hold = stage.held_seats(buyer(1), &[1]).await;
    stage.paying(&hold, order(1)).await;
    assert_eq!(stage.untouched(stage.cancel(&hold)).await, CancelOutcome::PaymentUnderWay);
    assert_eq!(stage.untouched(stage.extend(&hold, LONG_MS, 5)).await, ExtendOutcome::PaymentUnderWay);
}

/// Beginning again under the same order answers the same and does nothing.
pub async fn beginning_again_under_the_same_order_is_no_mistake(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[]).await;
    let hold = stage.held_seats(buyer(1), &[1]).await;
    let BeginOutcome::Begun(first) = stage.begin(&hold, order(1)).await else { panic!("not begun") };
    let HoldStatus::Paying { order: under, since } = first.status else { panic!("{first:?}") };
    assert_eq!(under, order(1));
    assert_eq!(first, Hold { status: HoldStatus::Paying { order: order(1), since }, ..hold.clone() });
    assert_eq!(stage.untouched(stage.begin(&hold, order(1))).await, BeginOutcome::Begun(first));
}

/// One payment at a time; after its end another may begin.
pub async fn another_order_cannot_begin_meanwhile(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[]).await;
    let hold = stage.held_seats(buyer(1), &[1]).await;
    let step = stage.paying(&hold, order(1)).await;
    assert_eq!(stage.untouched(stage.begin(&hold, order(2))).await, BeginOutcome::PaymentUnderWay(order(1)));
    assert_eq!(stage.end(step, 0).await, FinishOutcome::Done);
    stage.paying(&hold, order(2)).await;
}

/// To anybody else the hold does not exist.
pub async fn begins_for_the_owner_only(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[]).await;
    let hold = stage.held_seats(buyer(1), &[1]).await;
    let by_other = Hold { owner: buyer(2), ..hold.clone() };
    assert_eq!(stage.untouched(stage.begin(&by_other, order(1))).await, BeginOutcome::NotFound);
    let unknown = Hold { id: fresh_hold(), ..hold.clone() };
    assert_eq!(stage.untouched(stage.begin(&unknown, order(1))).await, BeginOutcome::NotFound);
    stage.cancel(&hold).await;
    assert_eq!(stage.begin(&hold, order(1)).await, BeginOutcome::Ended(Ending::Cancelled));
    assert_eq!(stage.begin(&by_other, order(1)).await, BeginOutcome::NotFound);
}

/// Where there is more time left than the grace, that is what the hold has.
pub async fn ending_a_payment_leaves_what_was_left(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[]).await;
    let hold = stage.held_seats(buyer(1), &[1]).await;
    let step = stage.paying(&hold, order(1)).await;
    assert_eq!(stage.end(step, 1_000).await, FinishOutcome::Done);
    let found = stage.hot.reservations.find(stage.p, hold.id).await.unwrap().unwrap();
    assert_eq!((found.hold, found.ended), (hold.clone(), None), "held as before");
    assert_eq!(stage.look().await.counts.held, 1);
    assert_eq!(stage.cancel(&hold).await, CancelOutcome::Gone, "its owner may give it back");
}

/// Where less is left, or nothing, the hold has the grace, and lapses after that.
pub async fn ending_a_payment_leaves_the_grace_at_least(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[]).await;
    let hold = stage.held(short_wish(buyer(1), seats(&[1]))).await;
    let step = stage.paying(&hold, order(1)).await;
    stage.pass(PAST_SHORT_MS).await;
    assert_eq!(stage.end(step, 3_000).await, FinishOutcome::Done);
    let found = stage.hot.reservations.find(stage.p, hold.id).await.unwrap().unwrap();
    let from_start_ms = found.hold.expires_at.since_ms(hold.made_at);
    let drift_ms = stage.hot.time.drift_ms();
    let expected_ms = PAST_SHORT_MS + 3_000;
    assert!((expected_ms..=expected_ms + drift_ms).contains(&from_start_ms), "{from_start_ms} ms");
    stage.pass(2_000).await;
    assert_eq!(stage.bits(&[1]).await, [HELD]);
    stage.pass(2_000).await;
    assert_eq!(stage.bits(&[1]).await, [FREE]);
}

/// A step that names another fence, order or hold does nothing.
pub async fn a_stale_step_touches_nothing(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[]).await;
    let other = stage.held_seats(buyer(1), &[2]).await;
    let hold = stage.held_seats(buyer(1), &[1]).await;
    let step = stage.paying(&hold, order(1)).await;
    let wrong = [
        PaymentStep { fence: Fence(step.fence.0 - 1), ..step },
        PaymentStep { fence: Fence(step.fence.0 + 1), ..step },
        PaymentStep { order: order(2), ..step },
        PaymentStep { hold: other.id, ..step },
        PaymentStep { hold: other.id, fence: other.fence, ..step },
        PaymentStep { hold: fresh_hold(), ..step },
    ];
    for step in wrong {
        assert_eq!(stage.untouched(stage.sell(step)).await, FinishOutcome::Stale, "sell {step:?}");
        assert_eq!(stage.untouched(stage.end(step, LONG_MS)).await, FinishOutcome::Stale, "end {step:?}");
    }
    assert_eq!(stage.sell(step).await, FinishOutcome::Done);
}

/// After a payment has ended its steps do nothing, also when the next payment is under way.
pub async fn a_step_of_an_ended_payment_touches_nothing(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[]).await;
    let hold = stage.held_seats(buyer(1), &[1]).await;
    let first = stage.paying(&hold, order(1)).await;
    assert_eq!(stage.end(first, 0).await, FinishOutcome::Done);
    assert_eq!(stage.untouched(stage.sell(first)).await, FinishOutcome::Stale);
    // Whether a repeated end says "done before" or "stale" is the adapter's choice.
    stage.untouched(stage.end(first, LONG_MS)).await;
    let second = stage.paying(&hold, order(2)).await;
    assert_eq!(stage.untouched(stage.sell(first)).await, FinishOutcome::Stale);
    stage.untouched(stage.end(first, LONG_MS)).await;
    assert_eq!(stage.sell(second).await, FinishOutcome::Done);
    assert_eq!(stage.untouched(stage.end(second, LONG_MS)).await, FinishOutcome::Stale, "sold is sold");
}

/// The list of old payments has those that are old enough, and no more than asked for.
pub async fn lists_what_has_been_paying_for_long(hot: HotUnderTest) {
    let stage = Stage::new(hot, 6, &[]).await;
    let paying = async |older_than_ms, limit| {
        let found = stage.hot.stock.paying(older_than_ms, limit).await.unwrap();
        found.into_iter().filter(|(p, _)| *p == stage.p).map(|(_, hold)| hold).collect::<Vec<Hold>>()
    };
    let old = stage.held(short_wish(buyer(1), seats(&[1]))).await;
    stage.paying(&old, order(1)).await;
    let ended = stage.held_seats(buyer(1), &[2]).await;
    let step = stage.paying(&ended, order(2)).await;
    stage.end(step, LONG_MS).await;
    stage.pass(10_000).await;
    let young = stage.held_seats(buyer(1), &[3]).await;
    stage.paying(&young, order(3)).await;
    stage.held_seats(buyer(1), &[4]).await;
    let long = paying(5_000, 10).await;
    assert_eq!(long.iter().map(|hold| hold.id).collect::<Vec<_>>(), [old.id]);
    assert!(matches!(long[0].status, HoldStatus::Paying { order: under, .. } if under == order(1)));
    assert_eq!(paying(0, 10).await.len(), 2);
    assert_eq!(paying(0, 1).await.len(), 1);
    assert!(paying(60_000, 10).await.is_empty());
}
