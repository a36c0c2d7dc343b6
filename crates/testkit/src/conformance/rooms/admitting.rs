//! Calling people: in order, at the rate, as far as there is room and something left.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use onsale_domain::{
    events::WhenSoldOut,
    waiting_room::{EnterOutcome, Gate, JoinOutcome, Leaving, Place, Standing, Stock, Turn, summary::Status},
};
use tokio::task::JoinSet;

use super::{RoomStage, RoomsUnderTest, stage::CLAIM_MS};

fn stock(available: u32, taken: u32) -> Stock {
    Stock { available, taken, returning: 0 }
}

/// Whoever is called, nobody with a lower position is still waiting.
pub async fn calls_in_the_order_of_the_line(under_test: RoomsUnderTest) {
    let stage = RoomStage::with_lobby(under_test).await;
    let holders = stage.joined(60).await;
    stage.under_test.time.advance_ms(60_000).await;
    let mut called = 0;
    for _ in 0..20 {
        called += stage.pass(250, None).await;
        let summary = stage.summary().await;
        for holder in &holders {
            let progress = summary.progress(holder.place, stage.now());
            let is_called = matches!(progress.status, Status::Ready(_));
            assert_eq!(is_called, progress.position.unwrap() <= called, "{progress:?} of {called} called");
        }
    }
    assert_eq!(called, 60);
}

/// 50 a second, after a start from nothing.
pub async fn calls_no_faster_than_the_rate(under_test: RoomsUnderTest) {
    let stage = RoomStage::new(under_test).await;
    stage.joined(200).await;
    assert_eq!(stage.admit(None).await, 0, "nothing has gathered yet");
    let called = stage.pass(2_000, None).await;
    assert!((95..=105).contains(&called), "{called} in two seconds");
    // After a long silence one second's worth, not more.
    stage.under_test.time.advance_ms(30_000).await;
    let called = stage.admit(None).await;
    assert!((45..=50).contains(&called), "{called} at once");
}

/// Any node may ask; it makes no difference.
pub async fn many_nodes_call_no_faster_than_one(under_test: RoomsUnderTest) {
    let stage = RoomStage::new(under_test).await;
    stage.joined(300).await;
    stage.admit(None).await;
    let mut total = 0;
    for _ in 0..4 {
        stage.under_test.time.advance_ms(500).await;
        let mut nodes = JoinSet::new();
        for _ in 0..8 {
            let stage = stage.clone();
            nodes.spawn(async move { stage.admit(None).await });
        }
        total += nodes.join_all().await.into_iter().sum::<u32>();
    }
    assert!((95..=105).contains(&total), "{total} in two seconds");
    assert_eq!(stage.called().await, (0..total).collect::<Vec<_>>());
}

/// Until something is known of no-shows, everybody called is expected to come.
pub async fn calls_no_more_than_have_room(under_test: RoomsUnderTest) {
    let mut stage = RoomStage::new(under_test).await;
    stage.terms.max_inside = 10;
    let holders = stage.joined(50).await;
    assert_eq!(stage.pass(5_000, None).await, 10);
    for holder in &holders[..10] {
        stage.inside(*holder).await;
    }
    assert_eq!(stage.pass(5_000, None).await, 0);
    for holder in &holders[..4] {
        stage.end(*holder, Leaving::Completed { units: 2 }).await;
    }
    let next = stage.pass(5_000, None).await;
    assert!((1..=4).contains(&next), "{next} for four who left");
    assert_eq!(stage.summary().await.inside, 6);
}

/// They hold up nobody, and cost nothing.
pub async fn who_left_is_passed_over(under_test: RoomsUnderTest) {
    let mut stage = RoomStage::new(under_test).await;
    stage.terms.max_inside = 5;
    let holders = stage.joined(30).await;
    for holder in holders.iter().filter(|holder| holder.place.0 % 3 != 0) {
        stage.end(*holder, Leaving::Left).await;
    }
    assert_eq!(stage.summary().await.gone_ahead, 20);
    assert_eq!(stage.pass(2_000, None).await, 5);
    assert_eq!(stage.called().await, [0, 3, 6, 9, 12]);
    let summary = stage.summary().await;
    assert_eq!((summary.front.0, summary.gone_ahead), (13, 12));
}

/// The next are called; who missed it may come late only where there is room.
pub async fn a_turn_not_claimed_is_missed(under_test: RoomsUnderTest) {
    let mut stage = RoomStage::new(under_test).await;
    stage.terms.max_inside = 4;
    let holders = stage.joined(8).await;
    assert_eq!(stage.pass(1_000, None).await, 4);
    let Standing::Turn(Turn::Called { since, until }) = stage.standing(holders[0]).await else {
        panic!("{:?}", stage.standing(holders[0]).await)
    };
    assert_eq!(until, since.plus_ms(CLAIM_MS));
    assert!(stage.pass(CLAIM_MS + 1_000, None).await >= 1);
    assert_eq!(stage.standing(holders[0]).await, Standing::Missed);
    assert_eq!(stage.join(0).await, JoinOutcome::Same(Place(0)), "the place is still theirs");
    assert_eq!(stage.progress(holders[0]).await.status, Status::Passed);
    // All have left but one: there is room for a late one.
    for holder in &holders[1..] {
        stage.end(*holder, Leaving::Left).await;
    }
    stage.inside(holders[0]).await;
}

/// Two units each, as long as nobody has bought.
pub async fn calls_no_more_than_there_is_something_left_for(under_test: RoomsUnderTest) {
    let stage = RoomStage::new(under_test).await;
    let holders = stage.joined(100).await;
    assert_eq!(stage.pass(3_000, Some(stock(20, 0))).await, 10);
    for holder in &holders[..10] {
        stage.inside(*holder).await;
    }
    assert_eq!(stage.pass(3_000, Some(stock(20, 0))).await, 0);
    assert_eq!(stage.pass(3_000, Some(stock(0, 20))).await, 0, "all are in somebody's hands");
    assert_eq!(stage.pass(3_000, Some(stock(4, 20))).await, 2, "four have come back");
}

/// With one command for all, and for good.
pub async fn a_sold_out_event_tells_everybody_and_closes(under_test: RoomsUnderTest) {
    let stage = RoomStage::new(under_test).await;
    let holders = stage.joined(20).await;
    stage.pass(1_000, Some(stock(2, 0))).await;
    let until = stage.inside(holders[0]).await;
    stage.pass(1_000, Some(stock(0, 2))).await;
    assert_eq!(stage.progress(holders[9]).await.status, Status::Waiting, "what is held may come back");
    assert_eq!(stage.pass(250, Some(stock(0, 0))).await, 0);
    for holder in &holders[1..] {
        assert_eq!(stage.progress(*holder).await.status, Status::SoldOut);
        assert_eq!(stage.enter(*holder).await, EnterOutcome::Refused(Gate::SoldOut));
    }
    assert_eq!(stage.progress(holders[0]).await.status, Status::Inside(until));
    assert_eq!(stage.join(50).await, JoinOutcome::Refused(Gate::SoldOut));
    assert_eq!(stage.join(3).await, JoinOutcome::Same(Place(3)));
}

/// Where the event wants that.
pub async fn a_line_for_returns_stays(under_test: RoomsUnderTest) {
    let mut stage = RoomStage::new(under_test).await;
    stage.terms.when_sold_out = WhenSoldOut::ReturnLine;
    let holders = stage.joined(20).await;
    assert_eq!(stage.pass(3_000, Some(stock(0, 0))).await, 0);
    assert_eq!(stage.progress(holders[0]).await.status, Status::Waiting);
    assert_eq!(stage.pass(3_000, Some(stock(1, 0))).await, 1);
    assert_eq!(stage.called().await, [0]);
}
