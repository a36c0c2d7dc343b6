//! The lobby and its draw.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use onsale_domain::waiting_room::{
    EnterOutcome, JoinOutcome, Leaving, Place, Standing, receipts::PublishedDraw, summary::Status,
};

use super::{
    RoomStage, RoomsUnderTest,
    stage::{SECRET, buyer},
};

/// Before opening: no ranks, nobody called, only the commitment is known.
pub async fn the_lobby_has_no_order_and_keeps_its_secret(under_test: RoomsUnderTest) {
    let stage = RoomStage::with_lobby(under_test).await;
    let holders = stage.joined(10).await;
    assert_eq!(stage.pass(50_000, None).await, 0);
    let summary = stage.summary().await;
    assert!(summary.opened.is_none() && summary.order.is_none() && summary.draw().is_none());
    assert_eq!(summary.commitment, SECRET.commitment());
    let progress = stage.progress(holders[3]).await;
    assert_eq!((progress.status, progress.position), (Status::Lobby, None));
    assert_eq!(stage.standing(holders[3]).await, Standing::Lobby);
    assert_eq!(stage.enter(holders[3]).await, EnterOutcome::NotYet);
}

/// It closes with the first command at or after its time, and does not open again when the time is moved.
pub async fn the_lobby_closes_at_its_time_and_once(under_test: RoomsUnderTest) {
    let mut stage = RoomStage::with_lobby(under_test).await;
    stage.joined(20).await;
    stage.under_test.time.advance_ms(60_000).await;
    // The first command is a join: it must not get into the lobby.
    let late = stage.placed(20).await;
    assert_eq!(stage.summary().await.lobby(), Some(20));
    assert_eq!(stage.progress(late).await.position, Some(21));
    stage.terms.opens_at = Some(stage.now().plus_ms(600_000));
    stage.placed(21).await;
    assert_eq!(stage.summary().await.lobby(), Some(20));
}

/// The entries, the root, the secret and the ranks agree with each other and with the commitment.
pub async fn the_draw_can_be_checked_by_anybody(under_test: RoomsUnderTest) {
    let stage = RoomStage::with_lobby(under_test).await;
    let holders = stage.joined(100).await;
    stage.pass(60_000, None).await;
    let summary = stage.summary().await;
    let entries = stage.under_test.rooms.entries(stage.event, Place(0), 100).await.unwrap();
    assert_eq!(entries, (0..100).map(buyer).collect::<Vec<_>>());
    let draw = PublishedDraw { draw: summary.draw().unwrap(), entries };
    draw.verify().unwrap();
    assert_eq!(draw.draw.commitment, SECRET.commitment());
    let mut positions = Vec::new();
    for holder in holders {
        positions.push(stage.progress(holder).await.position.unwrap());
    }
    assert_ne!(positions, (1..=100).collect::<Vec<u32>>(), "not the order of arrival");
    positions.sort_unstable();
    assert_eq!(positions, (1..=100).collect::<Vec<u32>>());
}

/// In the order of arrival.
pub async fn who_comes_later_stands_behind_the_lobby(under_test: RoomsUnderTest) {
    let stage = RoomStage::with_lobby(under_test).await;
    stage.joined(10).await;
    stage.under_test.time.advance_ms(60_000).await;
    for n in 10..20 {
        let late = stage.placed(n).await;
        assert_eq!((late.place, stage.progress(late).await.position), (Place(n), Some(n + 1)));
    }
}

/// The same place before opening; a new one, at the end, after it.
pub async fn leaving_the_lobby_and_coming_back_is_no_second_chance(under_test: RoomsUnderTest) {
    let stage = RoomStage::with_lobby(under_test).await;
    let holders = stage.joined(10).await;
    stage.end(holders[4], Leaving::Left).await;
    stage.end(holders[5], Leaving::Left).await;
    assert_eq!(stage.standing(holders[4]).await, Standing::Ended);
    assert_eq!(stage.join(4).await, JoinOutcome::Placed(Place(4)));
    assert_eq!(stage.standing(holders[4]).await, Standing::Lobby);
    assert_eq!(stage.summary().await.gone_ahead, 1);
    stage.under_test.time.advance_ms(60_000).await;
    assert_eq!(stage.join(5).await, JoinOutcome::Placed(Place(10)));
    assert_eq!(stage.join(4).await, JoinOutcome::Same(Place(4)));
}

/// As many as there are, from where one asks.
pub async fn entries_come_in_portions(under_test: RoomsUnderTest) {
    let stage = RoomStage::new(under_test).await;
    stage.joined(25).await;
    let entries = async |from, count| {
        let portion = stage.under_test.rooms.entries(stage.event, Place(from), count).await.unwrap();
        portion.len()
    };
    let counts =
        [entries(0, 10).await, entries(20, 10).await, entries(25, 10).await, entries(9_999, 10).await];
    assert_eq!(counts, [10, 5, 0, 0]);
    let portion = stage.under_test.rooms.entries(stage.event, Place(7), 2).await.unwrap();
    assert_eq!(portion, [buyer(7), buyer(8)]);
}
