//! A room whose places a store keeps, beside one that keeps them itself: the same history, the same decisions.

use super::{
    histories::{Act, act, acts, place_of},
    *,
};

type Sparse = Room<SomePlaces>;

fn of_front(whole: &Room) -> Sparse {
    let turns: Vec<(Place, Turn)> = whole.turns.iter().map(|(place, turn)| (*place, *turn)).collect();
    Sparse::of_front(whole.event, whole.generation, whole.secret, whole.front_image(), turns)
}

/// What a store tells of its places.
fn told(scene: &Scene, of: impl Iterator<Item = Place>) -> SomePlaces {
    let places = &scene.room.places;
    let mut some = SomePlaces::of(places.joined());
    for place in of {
        let known = KnownPlace { buyer: places.buyer(place), is_ended: places.is_ended(place) };
        some.known.insert(place, known);
    }
    let is_due = scene.terms.opens_at.is_none_or(|opens_at| opens_at <= scene.now);
    some.lobby = places.lobby(is_due).filter(|_| scene.room.opened.is_none());
    some
}

/// The same on the sparse room, told of no more places than it is about. `None`: that is not decided there.
fn decided(scene: &Scene, sparse: &mut Sparse, what: &Act) -> Option<Vec<RoomChange>> {
    let (terms, now) = (&scene.terms, scene.now);
    let mut steps = Vec::new();
    let mut about = |who, sparse: &mut Sparse| {
        let place = place_of(scene, who)?;
        sparse.know(told(scene, std::iter::once(place)));
        Some((place, scene.room.places.entries[place.0 as usize]))
    };
    match *what {
        Act::Leave(who) => {
            let (place, buyer) = about(who, sparse)?;
            sparse.end(place, buyer, Leaving::Left, terms, now, &mut steps);
        }
        Act::Enter(who) => {
            let (place, buyer) = about(who, sparse)?;
            sparse.enter(place, buyer, terms, now, &mut steps);
        }
        Act::Complete(who, units) => {
            let (place, buyer) = about(who, sparse)?;
            sparse.end(place, buyer, Leaving::Completed { units }, terms, now, &mut steps);
        }
        Act::Admit(stock) => {
            let stock = stock.map(|(available, taken)| Stock { available, taken, returning: taken / 4 });
            sparse.know(told(scene, (0..scene.room.joined()).map(Place)));
            sparse.admit(terms, stock, now, &mut steps);
            assert!(!sparse.is_at_a_loss(), "everybody is known");
        }
        Act::Control(paused, admit_per_second, max_inside, gate) => {
            let control = Control { paused: paused && gate == 3, admit_per_second, max_inside };
            let gate = if gate == 0 { Gate::Closed } else { Gate::Open };
            sparse.know(told(scene, std::iter::empty()));
            sparse.control(control, gate, terms, now, &mut steps);
        }
        Act::Join(_) | Act::Pass(_) | Act::Step(_) | Act::Restart => return None,
    }
    Some(steps)
}

fn assert_same(sparse: &Sparse, whole: &Room) {
    assert_eq!(sparse.front_image(), whole.front_image());
    assert_eq!((&sparse.turns, &sparse.due), (&whole.turns, &whole.due));
    assert_eq!((&sparse.door, sparse.inside), (&whole.door, whole.inside));
    assert_eq!(sparse.order, whole.order);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_room_over_a_store_decides_as_one_that_keeps_its_places(
        lobby_s in proptest::option::of(1_u32..200),
        max_inside in 1_u32..12,
        acts in acts(),
    ) {
        let opens_at = lobby_s.map(|s| Timestamp(1_000_000).plus_ms(u64::from(s) * 1_000));
        let mut scene = Scene::new(Terms { opens_at, max_inside, ..terms() });
        let mut sparse = of_front(&scene.room);
        for what in &acts {
            let (before, seen) = (scene.room.front_image(), scene.changes.len());
            let turns_before = scene.room.turns.clone();
            if !scene.room.resumed {
                sparse.was_away();
            }
            let decided = decided(&scene, &mut sparse, what);
            act(&mut scene, what);
            if let Some(steps) = decided {
                prop_assert_eq!(&steps, &scene.changes[seen..]);
                assert_same(&sparse, &scene.room);
                // What a store has to write is all that has changed.
                for (place, turn) in sparse.touched() {
                    prop_assert_eq!(scene.room.turns.get(&place).copied(), turn);
                }
                let kept = |(place, turn): &(&Place, &Turn)| scene.room.turns.get(place) == Some(turn);
                let changed = turns_before.iter().filter(|entry| !kept(entry)).map(|(place, _)| *place);
                prop_assert!(changed.into_iter().all(|place| sparse.touched().contains_key(&place)));
                // It was not accepted: then somebody else's doing is followed, which is the same here.
                sparse.take_back(before);
                prop_assert_eq!(&sparse.turns, &turns_before);
            }
            if matches!(what, Act::Restart) {
                sparse = of_front(&scene.room);
            } else {
                let now = scene.now;
                let changes = scene.changes[seen..].iter().map(|change| (now, change.clone()));
                sparse.follow(changes, scene.room.front_image());
            }
            assert_same(&sparse, &scene.room);
        }
    }
}

#[test]
fn a_walk_along_the_line_stops_where_nothing_is_known() {
    let mut scene = Scene::new(Terms { max_inside: 1_000, ..terms() });
    for n in 0..100 {
        scene.placed(n);
    }
    scene.pass(250, None);
    scene.now = scene.now.plus_ms(1_000);
    let mut sparse = of_front(&scene.room);
    let window = sparse.next_in_line(10, 100);
    assert_eq!(window, (0..10).map(Place).collect::<Vec<_>>());
    sparse.know(told(&scene, window.into_iter()));
    let mut steps = Vec::new();
    assert_eq!(sparse.admit(&scene.terms, None, scene.now, &mut steps), 10);
    assert!(sparse.is_at_a_loss());
    assert_eq!(sparse.next_in_line(1_000, 100).len(), 90);
}

#[test]
fn who_left_the_lobby_gets_it_back_until_it_closes() {
    let mut scene = Scene::new(Terms { opens_at: Some(Timestamp(2_000_000)), ..terms() });
    for n in 0..3 {
        scene.placed(n);
    }
    scene.end(Place(1), Leaving::Left);
    let mut sparse = of_front(&scene.room);
    let mut rejoin = |scene: &Scene, place| {
        let mut steps = Vec::new();
        sparse.know(told(scene, std::iter::once(place)));
        let outcome = sparse.rejoin(place, None, &scene.terms, scene.now, &mut steps);
        (outcome, steps.len())
    };
    assert_eq!(rejoin(&scene, Place(0)), (Some(JoinOutcome::Same(Place(0))), 0));
    assert_eq!(rejoin(&scene, Place(1)), (Some(JoinOutcome::Placed(Place(1))), 1));
    scene.now = Timestamp(2_000_000);
    assert_eq!(rejoin(&scene, Place(1)), (None, 1), "it opens, and is no lobby any more");
}
