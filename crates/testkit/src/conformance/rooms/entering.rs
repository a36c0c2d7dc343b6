//! Claiming a turn, being inside, and how that ends.

#![expect(clippy::missing_panics_doc, reason = "each function is a test")]

use onsale_app::ports::waiting_room::Holder;
use onsale_domain::waiting_room::{Control, EndOutcome, EnterOutcome, Gate, Leaving, Place, Standing, Turn};
use tokio::task::JoinSet;

use super::{
    RoomStage, RoomsUnderTest,
    stage::{GENERATION, INSIDE_MS, buyer},
};

/// Asking again, and again later, gives the same end.
pub async fn a_turn_is_claimed_once_and_the_answer_stays(under_test: RoomsUnderTest) {
    let stage = RoomStage::new(under_test).await;
    let holders = stage.joined(3).await;
    stage.pass(1_000, None).await;
    let before = stage.now();
    let until = stage.inside(holders[0]).await;
    assert!(until >= before.plus_ms(INSIDE_MS) && until <= stage.now().plus_ms(INSIDE_MS));
    stage.under_test.time.advance_ms(5_000).await;
    assert_eq!(stage.inside(holders[0]).await, until);
    assert_eq!(stage.standing(holders[0]).await, Standing::Turn(Turn::Inside { until }));
    assert_eq!(stage.summary().await.inside, 1);
}

/// However often they ask.
pub async fn nobody_enters_before_the_turn(under_test: RoomsUnderTest) {
    let mut stage = RoomStage::new(under_test).await;
    stage.terms.max_inside = 2;
    let holders = stage.joined(5).await;
    stage.pass(1_000, None).await;
    for _ in 0..5 {
        assert_eq!(stage.enter(holders[2]).await, EnterOutcome::NotYet);
    }
    assert_eq!(stage.summary().await.inside, 0);
}

/// Another buyer, another place, another room: all the same nothing.
pub async fn a_place_is_only_its_holders(under_test: RoomsUnderTest) {
    let stage = RoomStage::new(under_test).await;
    let holders = stage.joined(3).await;
    stage.pass(1_000, None).await;
    let good = holders[0];
    for bad in [
        Holder { buyer: buyer(1), ..good },
        Holder { buyer: buyer(999), ..good },
        Holder { place: Place(1), ..good },
        Holder { place: Place(3), ..good },
        Holder { place: Place(u32::MAX), ..good },
        Holder { generation: GENERATION + 1, ..good },
    ] {
        assert_eq!(stage.enter(bad).await, EnterOutcome::Unknown, "{bad:?}");
        assert_eq!(stage.end(bad, Leaving::Left).await, EndOutcome::Unknown, "{bad:?}");
        assert_eq!(stage.standing(bad).await, Standing::Unknown, "{bad:?}");
    }
    stage.inside(good).await;
}

/// Once, and what is used up stays so.
pub async fn a_place_inside_ends_by_completing(under_test: RoomsUnderTest) {
    let stage = RoomStage::new(under_test).await;
    let holders = stage.joined(3).await;
    assert_eq!(stage.end(holders[0], Leaving::Completed { units: 2 }).await, EndOutcome::NotInside);
    stage.pass(1_000, None).await;
    assert_eq!(stage.end(holders[0], Leaving::Completed { units: 2 }).await, EndOutcome::NotInside);
    stage.inside(holders[0]).await;
    for _ in 0..3 {
        assert_eq!(stage.end(holders[0], Leaving::Completed { units: 2 }).await, EndOutcome::Ended);
        assert_eq!(stage.standing(holders[0]).await, Standing::Ended);
    }
    assert_eq!(stage.enter(holders[0]).await, EnterOutcome::Ended);
    assert_eq!(stage.summary().await.inside, 0);
}

/// With the first command after it.
pub async fn a_place_inside_ends_by_its_time(under_test: RoomsUnderTest) {
    let stage = RoomStage::new(under_test).await;
    let holders = stage.joined(3).await;
    stage.pass(1_000, None).await;
    stage.inside(holders[0]).await;
    stage.under_test.time.advance_ms(INSIDE_MS - 5_000).await;
    stage.admit(None).await;
    assert_eq!(stage.summary().await.inside, 1);
    stage.under_test.time.advance_ms(5_000).await;
    stage.admit(None).await;
    assert_eq!(stage.standing(holders[0]).await, Standing::Ended);
    assert_eq!(stage.summary().await.inside, 0);
}

/// The lowest rank first, and before anybody who has not claimed yet.
pub async fn what_is_free_goes_to_those_at_the_door(under_test: RoomsUnderTest) {
    let stage = RoomStage::new(under_test).await;
    let holders = stage.joined(5).await;
    assert_eq!(stage.pass(1_000, None).await, 5);
    stage.control(Control { max_inside: Some(1), ..Control::default() }, Gate::Open).await;
    stage.inside(holders[4]).await;
    assert_eq!(stage.enter(holders[3]).await, EnterOutcome::AtDoor);
    assert_eq!(stage.enter(holders[1]).await, EnterOutcome::AtDoor);
    assert_eq!(stage.enter(holders[1]).await, EnterOutcome::AtDoor, "again");
    stage.end(holders[4], Leaving::Completed { units: 1 }).await;
    assert!(matches!(stage.standing(holders[1]).await, Standing::Turn(Turn::Inside { .. })));
    assert_eq!(stage.standing(holders[3]).await, Standing::Turn(Turn::AtDoor));
    assert_eq!(stage.enter(holders[0]).await, EnterOutcome::AtDoor, "in time, and full");
    stage.end(holders[1], Leaving::Left).await;
    assert!(matches!(stage.standing(holders[0]).await, Standing::Turn(Turn::Inside { .. })));
    // One at the door who leaves is passed over.
    stage.end(holders[3], Leaving::Left).await;
    stage.end(holders[0], Leaving::Left).await;
    let summary = stage.summary().await;
    assert_eq!((summary.inside, summary.at_door), (0, 0));
}

/// 200 with a turn for 50 places: 51 are inside (two in a hundred more at most), the rest at the door.
pub async fn many_at_once_never_exceed_the_room(under_test: RoomsUnderTest) {
    let stage = RoomStage::new(under_test).await;
    let holders = stage.joined(200).await;
    assert_eq!(stage.pass(5_000, None).await, 200);
    stage.control(Control { max_inside: Some(50), ..Control::default() }, Gate::Open).await;
    let mut claims = JoinSet::new();
    for holder in holders.iter().copied() {
        let stage = stage.clone();
        claims.spawn(async move { stage.enter(holder).await });
    }
    let answers = claims.join_all().await;
    let inside = answers.iter().filter(|answer| matches!(answer, EnterOutcome::Inside { .. })).count();
    let at_door = answers.iter().filter(|answer| **answer == EnterOutcome::AtDoor).count();
    assert_eq!((inside, at_door), (51, 149));
    let summary = stage.summary().await;
    assert_eq!((summary.inside, summary.at_door), (51, 149));
}
