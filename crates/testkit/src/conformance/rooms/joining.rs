//! Joining: one place each, in the order of arrival.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use onsale_app::ports::waiting_room::RoomError;
use onsale_domain::waiting_room::{
    AddressKey, EndOutcome, JoinOutcome, Leaving, Place, Secret, Standing, room::JoinRequest,
};
use tokio::task::JoinSet;

use super::{
    RoomStage, RoomsUnderTest,
    stage::{GENERATION, SECRET, buyer, event},
};

/// A room that was not begun is told apart from trouble.
pub async fn nothing_works_before_beginning(under_test: RoomsUnderTest) {
    let stage = RoomStage::new(under_test).await;
    let (rooms, e) = (&stage.under_test.rooms, event(2));
    let request = JoinRequest { buyer: buyer(1), address: None };
    assert!(matches!(rooms.join(e, request, stage.terms).await, Err(RoomError::NotBegun)));
    assert!(matches!(rooms.admit(e, None, stage.terms).await, Err(RoomError::NotBegun)));
    assert!(matches!(rooms.summary(e, stage.terms).await, Err(RoomError::NotBegun)));
    assert!(matches!(rooms.entries(e, Place(0), 1).await, Err(RoomError::NotBegun)));
    let nobody = RoomStage::holder(Place(0), 1);
    assert!(matches!(rooms.enter(e, nobody, stage.terms).await, Err(RoomError::NotBegun)));
    assert!(matches!(rooms.standing(e, nobody).await, Err(RoomError::NotBegun)));
}

/// What was committed to stays, whoever begins it again.
pub async fn begins_once(under_test: RoomsUnderTest) {
    let stage = RoomStage::new(under_test).await;
    stage.placed(0).await;
    assert!(!stage.under_test.rooms.begin(stage.event, 77, Secret([1; 32])).await.unwrap());
    let summary = stage.summary().await;
    assert_eq!((summary.generation, summary.joined), (GENERATION, 1));
    assert_eq!(summary.commitment, SECRET.commitment());
}

/// Of many who begin it at once one does.
pub async fn one_of_many_begins_wins(under_test: RoomsUnderTest) {
    let stage = RoomStage::new(under_test).await;
    let mut begins = JoinSet::new();
    for n in 0..16_u8 {
        let rooms = stage.under_test.rooms.clone();
        begins.spawn(async move { (n, rooms.begin(event(3), u32::from(n), Secret([n; 32])).await.unwrap()) });
    }
    let begun: Vec<u8> =
        begins.join_all().await.into_iter().filter(|(_, begun)| *begun).map(|(n, _)| n).collect();
    assert_eq!(begun.len(), 1);
    let summary = stage.under_test.rooms.summary(event(3), stage.terms).await.unwrap();
    assert_eq!(summary.generation, u32::from(begun[0]));
    assert_eq!(summary.commitment, Secret([begun[0]; 32]).commitment());
}

/// From 0, one more each time; the same order as the sequence numbers.
pub async fn places_are_numbered_in_the_order_of_joining(under_test: RoomsUnderTest) {
    let stage = RoomStage::new(under_test).await;
    let mut last = None;
    for n in 0..50 {
        let request = JoinRequest { buyer: buyer(n), address: None };
        let decided = stage.under_test.rooms.join(stage.event, request, stage.terms).await.unwrap();
        assert_eq!(decided.outcome, JoinOutcome::Placed(Place(n)));
        assert!(decided.sequence > last, "{:?} after {last:?}", decided.sequence);
        last = decided.sequence;
    }
    assert_eq!(stage.summary().await.joined, 50);
}

/// Ten times the same answer, also when others have joined, and nothing changes by it.
pub async fn asking_again_gives_the_same_place(under_test: RoomsUnderTest) {
    let stage = RoomStage::new(under_test).await;
    stage.joined(5).await;
    for _ in 0..10 {
        let request = JoinRequest { buyer: buyer(2), address: None };
        let decided = stage.under_test.rooms.join(stage.event, request, stage.terms).await.unwrap();
        assert_eq!((decided.outcome, decided.sequence), (JoinOutcome::Same(Place(2)), None));
    }
    assert_eq!(stage.summary().await.joined, 5);
}

/// A buyer's place can be found without their ticket, until it has ended.
pub async fn a_buyers_place_is_found(under_test: RoomsUnderTest) {
    let stage = RoomStage::new(under_test).await;
    let holders = stage.joined(3).await;
    let place_of = async |n| stage.under_test.rooms.place_of(stage.event, buyer(n)).await.unwrap();
    assert_eq!(place_of(1).await, Some(holders[1]));
    assert_eq!(place_of(7).await, None);
    assert_eq!(stage.end(holders[1], Leaving::Left).await, EndOutcome::Ended);
    assert_eq!(place_of(1).await, None);
    assert_eq!(stage.join(1).await, JoinOutcome::Placed(Place(3)));
    assert_eq!(place_of(1).await, Some(RoomStage::holder(Place(3), 1)));
}

/// A second buyer from the address is refused until the place has ended.
pub async fn one_address_has_one_place(under_test: RoomsUnderTest) {
    let stage = RoomStage::new(under_test).await;
    let join = async |n: u32, address: Option<u8>| {
        let request = JoinRequest { buyer: buyer(n), address: address.map(|a| AddressKey([a; 8])) };
        stage.under_test.rooms.join(stage.event, request, stage.terms).await.unwrap().outcome
    };
    assert_eq!(join(0, Some(9)).await, JoinOutcome::Placed(Place(0)));
    assert_eq!(join(1, Some(9)).await, JoinOutcome::Duplicate);
    assert_eq!(join(0, Some(9)).await, JoinOutcome::Same(Place(0)));
    assert_eq!(join(0, Some(8)).await, JoinOutcome::Same(Place(0)));
    assert_eq!(join(2, None).await, JoinOutcome::Placed(Place(1)));
    assert_eq!(stage.end(RoomStage::holder(Place(0), 0), Leaving::Left).await, EndOutcome::Ended);
    assert_eq!(join(1, Some(9)).await, JoinOutcome::Placed(Place(2)));
    assert_eq!(join(0, Some(9)).await, JoinOutcome::Duplicate);
}

/// Leaving ends the place; a new one is behind everybody.
pub async fn who_left_joins_again_at_the_end(under_test: RoomsUnderTest) {
    let stage = RoomStage::new(under_test).await;
    let holders = stage.joined(3).await;
    assert_eq!(stage.end(holders[0], Leaving::Left).await, EndOutcome::Ended);
    assert_eq!(stage.end(holders[0], Leaving::Left).await, EndOutcome::Ended, "again");
    assert_eq!(stage.standing(holders[0]).await, Standing::Ended);
    assert_eq!(stage.join(0).await, JoinOutcome::Placed(Place(3)));
    assert_eq!(stage.join(0).await, JoinOutcome::Same(Place(3)));
}

/// Places of one event are not places of another.
pub async fn rooms_know_nothing_of_each_other(under_test: RoomsUnderTest) {
    let one = RoomStage::new(under_test).await;
    let two = RoomStage { event: event(2), ..one.clone() };
    assert!(two.under_test.rooms.begin(two.event, 5, Secret([5; 32])).await.unwrap());
    one.joined(3).await;
    assert_eq!(two.join(7).await, JoinOutcome::Placed(Place(0)));
    assert_eq!(two.join(0).await, JoinOutcome::Placed(Place(1)));
    assert_eq!((one.summary().await.joined, two.summary().await.joined), (3, 2));
}

/// 1,000 joins from 64 at once: no gap, no place twice, and the order of places is that of the sequences.
pub async fn many_at_once_get_a_place_each_in_the_order_of_their_sequences(under_test: RoomsUnderTest) {
    let stage = RoomStage::new(under_test).await;
    let mut connections = JoinSet::new();
    for connection in 0..64 {
        let stage = stage.clone();
        connections.spawn(async move {
            let mut answers = Vec::new();
            for n in (connection..1_000).step_by(64) {
                let request = JoinRequest { buyer: buyer(n), address: None };
                let decided = stage.under_test.rooms.join(stage.event, request, stage.terms).await.unwrap();
                let JoinOutcome::Placed(place) = decided.outcome else { panic!("{:?}", decided.outcome) };
                answers.push((decided.sequence.unwrap(), place, n));
            }
            answers
        });
    }
    let mut answers: Vec<_> = connections.join_all().await.into_iter().flatten().collect();
    answers.sort_unstable();
    let places: Vec<u32> = answers.iter().map(|(_, place, _)| place.0).collect();
    assert_eq!(places, (0..1_000).collect::<Vec<_>>());
    for (_, place, n) in answers {
        assert_eq!(stage.join(n).await, JoinOutcome::Same(place));
    }
}

/// Double clicks and retries.
pub async fn one_buyer_many_times_at_once_gets_one_place(under_test: RoomsUnderTest) {
    let stage = RoomStage::new(under_test).await;
    let mut clicks = JoinSet::new();
    for _ in 0..32 {
        let stage = stage.clone();
        clicks.spawn(async move { stage.join(4).await });
    }
    let answers = clicks.join_all().await;
    let new = answers.iter().filter(|answer| **answer == JoinOutcome::Placed(Place(0))).count();
    let same = answers.iter().filter(|answer| **answer == JoinOutcome::Same(Place(0))).count();
    assert_eq!((new, same), (1, 31));
}
