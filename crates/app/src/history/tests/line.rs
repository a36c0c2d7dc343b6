//! Waiting rooms in which one thing is not as it should be.

use onsale_domain::waiting_room::{
    Hash, Leaving, Order, Place, Pseudonym, Rank, RoomImage, Secret, draw_key, merkle,
};

use super::*;

const E: EventId = EventId(Uuid::from_u128(5));
const SECRET: Secret = Secret([7; 32]);
const UNTIL: Timestamp = Timestamp(1_000);

fn buyer(n: u8) -> Pseudonym {
    Pseudonym([n; 16])
}

fn joined(n: u8) -> RoomChange {
    RoomChange::Joined { place: Place(u32::from(n)), buyer: buyer(n), address: None }
}

fn root(lobby: u8) -> Hash {
    let leaves = (0..lobby).map(|n| merkle::leaf(Place(u32::from(n)), buyer(n)));
    leaves.collect::<merkle::Frontier>().root()
}

/// Six join, one of them leaves and one leaves and comes back; two more come behind the lobby.
fn honest() -> Vec<RoomChange> {
    let order = Order::new(&draw_key(E, &SECRET, &root(6), 6), 6);
    let at = |rank| order.place(Rank(rank));
    let (gone, back) = (at(1), at(4));
    let left = |place| RoomChange::Ended { place, leaving: Leaving::Left };
    let mut changes: Vec<RoomChange> = (0..6).map(joined).collect();
    changes.extend([
        left(gone),
        left(back),
        RoomChange::Rejoined { place: back, address: None },
        RoomChange::Opened { lobby: 6, root: root(6) },
        joined(6),
        joined(7),
        RoomChange::Called { front: Rank(3), places: vec![at(0), at(2)], until: UNTIL },
        RoomChange::CameToDoor { place: at(0) },
        RoomChange::Entered { place: at(0), until: UNTIL },
        RoomChange::Missed { places: vec![at(2)] },
        RoomChange::Called { front: Rank(7), places: vec![at(3), back, at(5), Place(6)], until: UNTIL },
        RoomChange::Entered { place: at(2), until: UNTIL },
        left(at(0)),
    ]);
    changes
}

fn found(changes: &[RoomChange], secret: Secret) -> Vec<String> {
    let mut history = History::new([], [RoomImage::empty(E, 1, secret)], 0);
    for (offset, change) in (1..).zip(changes) {
        history.look_at_room(E, offset, change);
    }
    history.end();
    history.findings.listed
}

#[test]
fn a_room_in_which_everybody_is_called_in_turn_is_right() {
    assert_eq!(found(&honest(), SECRET), Vec::<String>::new());
}

fn called(changes: &mut [RoomChange], at: usize) -> &mut Vec<Place> {
    let RoomChange::Called { places, .. } = &mut changes[at] else { panic!("calls nobody") };
    places
}

#[rstest]
#[case::out_of_turn(|c: &mut Vec<RoomChange>| called(c, 16).swap(0, 1), "others are called than those whose turn it is")]
#[case::passed_over(|c: &mut Vec<RoomChange>| { called(c, 16).remove(0); }, "from position 4")]
#[case::called_behind_the_front(|c: &mut Vec<RoomChange>| called(c, 12).push(Place(7)), "from position 1")]
#[case::called_before_opening(|c: &mut Vec<RoomChange>| c.swap(9, 12), "before the lobby has closed")]
#[case::another_lobby(|c: &mut Vec<RoomChange>| c[9] = RoomChange::Opened { lobby: 6, root: root(5) }, "with others than have joined")]
#[case::opened_twice(|c: &mut Vec<RoomChange>| c.push(c[9].clone()), "closes a second time")]
#[case::two_entries(|c: &mut Vec<RoomChange>| {
    c[11] = RoomChange::Joined { place: Place(7), buyer: buyer(6), address: None };
}, "is of a buyer who has one already")]
#[case::an_entry_is_left_out(|c: &mut Vec<RoomChange>| c[11] = joined(9), "entry 9 joins, and 7 have joined before")]
#[case::inside_without_a_turn(|c: &mut Vec<RoomChange>| {
    c.push(RoomChange::Entered { place: Place(7), until: UNTIL });
}, "entry 7 becomes Inside, and was Waiting")]
#[case::back_after_opening(|c: &mut Vec<RoomChange>| {
    c.push(RoomChange::Rejoined { place: Place(6), address: None });
}, "comes back after the lobby has closed")]
#[case::no_such_entry(|c: &mut Vec<RoomChange>| c.push(RoomChange::CameToDoor { place: Place(99) }), "there is no entry 99")]
fn what_is_wrong_with_a_line_is_said(#[case] plant: fn(&mut Vec<RoomChange>), #[case] finding: &str) {
    let mut changes = honest();
    plant(&mut changes);
    let found = found(&changes, SECRET);
    assert!(found.iter().any(|found| found.contains(finding)), "{found:#?}");
}

#[test]
fn another_secret_is_another_order() {
    let found = found(&honest(), Secret([8; 32]));
    assert!(found.iter().any(|found| found.contains("others are called")), "{found:#?}");
}
