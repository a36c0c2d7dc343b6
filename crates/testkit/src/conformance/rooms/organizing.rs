//! What an organizer sets by hand.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use onsale_domain::waiting_room::{Control, EnterOutcome, Gate, JoinOutcome, Place, summary::Status};

use super::{RoomStage, RoomsUnderTest};

/// Who was called may still come; joining goes on.
pub async fn a_pause_stops_the_calls_and_nothing_else(under_test: RoomsUnderTest) {
    let mut stage = RoomStage::new(under_test).await;
    stage.terms.max_inside = 5;
    let holders = stage.joined(50).await;
    assert_eq!(stage.pass(1_000, None).await, 5);
    assert!(stage.control(Control { paused: true, ..Control::default() }, Gate::Open).await);
    stage.terms.max_inside = 500;
    assert_eq!(stage.pass(5_000, None).await, 0);
    stage.inside(holders[0]).await;
    stage.placed(50).await;
    let progress = stage.progress(holders[40]).await;
    assert_eq!((progress.status, progress.eta_ms), (Status::Waiting, None));
    assert!(stage.control(Control::default(), Gate::Open).await);
    assert!(stage.pass(1_000, None).await > 20);
}

/// In place of the event's settings, until they are taken back.
pub async fn rate_and_room_are_set_by_hand(under_test: RoomsUnderTest) {
    let stage = RoomStage::new(under_test).await;
    stage.joined(100).await;
    stage.admit(None).await;
    let by_hand = Control { paused: false, admit_per_second: Some(4), max_inside: Some(12) };
    assert!(stage.control(by_hand, Gate::Open).await);
    let summary = stage.summary().await;
    assert_eq!((summary.admit_per_second, summary.max_inside, summary.control), (4, 12, by_hand));
    assert_eq!(stage.pass(2_000, None).await, 8);
    assert_eq!(stage.pass(5_000, None).await, 4);
    assert!(stage.control(Control::default(), Gate::Open).await);
    assert!(stage.pass(1_000, None).await >= 45);
}

/// And opened again, it goes on where it was.
pub async fn closed_means_nobody_joins_or_enters(under_test: RoomsUnderTest) {
    let stage = RoomStage::new(under_test).await;
    let holders = stage.joined(20).await;
    stage.pass(250, None).await;
    stage.pass(250, None).await;
    let until = stage.inside(holders[0]).await;
    assert!(stage.control(Control::default(), Gate::Closed).await);
    let called = stage.called().await;
    assert_eq!(stage.pass(5_000, None).await, 0);
    assert_eq!(stage.join(90).await, JoinOutcome::Refused(Gate::Closed));
    assert_eq!(stage.join(1).await, JoinOutcome::Same(Place(1)));
    assert_eq!(stage.enter(holders[1]).await, EnterOutcome::Refused(Gate::Closed));
    assert_eq!(stage.progress(holders[15]).await.status, Status::Closed);
    assert_eq!(stage.inside(holders[0]).await, until, "who is inside stays");
    assert!(stage.control(Control::default(), Gate::Open).await);
    assert!(called.contains(&1));
    stage.inside(holders[1]).await;
    stage.placed(90).await;
    assert!(stage.pass(2_000, None).await > 0);
}

/// No change, no sequence number.
pub async fn setting_the_same_again_changes_nothing(under_test: RoomsUnderTest) {
    let stage = RoomStage::new(under_test).await;
    stage.admit(None).await;
    let paused = Control { paused: true, ..Control::default() };
    let set = async || {
        let decided =
            stage.under_test.rooms.control(stage.event, paused, Gate::Open, stage.terms).await.unwrap();
        (decided.outcome, decided.sequence.is_some())
    };
    assert_eq!(set().await, (true, true));
    assert_eq!(set().await, (false, false));
}
