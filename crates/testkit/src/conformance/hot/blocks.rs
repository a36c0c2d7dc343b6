//! Cases: taking seats off sale.
//!
//! Invariant checked: blocking takes free seats only, all or none, and never what somebody has.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use onsale_domain::{
    reservations::{BlockOutcome, HoldOutcome, HoldRefusal},
    units::{Unit, Units},
};

use super::{
    HotUnderTest,
    stage::{BLOCKED, FREE, HELD, SOLD, Stage, buyer, order, seats},
};

async fn block(stage: &Stage, numbers: &[u32], blocked: bool) -> BlockOutcome {
    let seats = numbers.iter().map(|number| Unit(*number)).collect();
    stage.hot.stock.block(stage.p, seats, blocked).await.unwrap().outcome
}

/// A blocked seat cannot be held until it is put back.
pub async fn blocks_and_unblocks(hot: HotUnderTest) {
    let stage = Stage::new(hot, 5, &[]).await;
    assert_eq!(block(&stage, &[2, 3], true).await, BlockOutcome::Done);
    assert_eq!(stage.bits(&[1, 2, 3, 4]).await, [FREE, BLOCKED, BLOCKED, FREE]);
    assert_eq!(stage.look().await.counts.blocked, 2);
    let refused = stage.hold(buyer(1), seats(&[1, 2])).await;
    assert_eq!(refused, HoldOutcome::Refused(HoldRefusal::SeatTaken(Units::from_slice(&[Unit(2)]))));
    assert_eq!(block(&stage, &[2], false).await, BlockOutcome::Done);
    stage.held_seats(buyer(1), &[1, 2]).await;
    assert_eq!(stage.bits(&[1, 2, 3]).await, [HELD, HELD, BLOCKED]);
}

/// Where somebody has one of the seats, none is blocked; unblocking passes over what is not blocked.
pub async fn blocks_all_or_none(hot: HotUnderTest) {
    let stage = Stage::new(hot, 6, &[]).await;
    stage.held_seats(buyer(1), &[2]).await;
    let paying = stage.held_seats(buyer(1), &[3]).await;
    stage.paying(&paying, order(1)).await;
    stage.sold(buyer(1), seats(&[4]), order(2)).await;
    match stage.untouched(block(&stage, &[1, 2, 3, 4, 5], true)).await {
        BlockOutcome::SeatTaken(mut taken) => {
            taken.sort_unstable();
            assert_eq!(taken.as_slice(), [Unit(2), Unit(3), Unit(4)]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(block(&stage, &[5], true).await, BlockOutcome::Done);
    assert_eq!(block(&stage, &[1, 2, 4, 5], false).await, BlockOutcome::Done);
    assert_eq!(stage.bits(&[1, 2, 3, 4, 5]).await, [FREE, HELD, HELD, SOLD, FREE]);
}

/// Numbers beyond the seats, and places of areas, cannot be blocked; the seats beside them are not either.
pub async fn blocks_seats_only(hot: HotUnderTest) {
    let stage = Stage::new(hot, 3, &[2]).await;
    for unknown in [4, 5, 6, 99] {
        for blocked in [true, false] {
            let outcome = stage.untouched(block(&stage, &[1, unknown], blocked)).await;
            assert_eq!(outcome, BlockOutcome::SeatNotFound(Unit(unknown)));
        }
    }
}

/// What is so already changes nothing.
pub async fn blocking_again_changes_nothing(hot: HotUnderTest) {
    let stage = Stage::new(hot, 3, &[]).await;
    assert_eq!(block(&stage, &[1, 2], true).await, BlockOutcome::Done);
    let again = stage.untouched(stage.hot.stock.block(stage.p, vec![Unit(1), Unit(2)], true)).await.unwrap();
    assert_eq!((again.outcome, again.sequence), (BlockOutcome::Done, None));
    assert_eq!(stage.untouched(block(&stage, &[3], false)).await, BlockOutcome::Done);
    assert_eq!(block(&stage, &[2, 3], true).await, BlockOutcome::Done);
    assert_eq!(stage.bits(&[1, 2, 3]).await, [BLOCKED; 3]);
}
