//! Rooms under random histories, against a checker that knows only the changes; and crowds with no-shows.

use proptest::prelude::*;

use super::*;
use crate::waiting_room::{Progress, draw_key};

mod crowds;
mod fronts;
mod histories;

const MINUTE: u64 = 60_000;

fn event() -> EventId {
    EventId(uuid::Uuid::from_u128(9))
}

fn buyer(n: u32) -> Pseudonym {
    Pseudonym((u128::from(n) + 1).to_be_bytes())
}

fn terms() -> Terms {
    Terms {
        opens_at: None,
        admit_per_second: 50,
        max_inside: 10,
        inside_for_ms: 10 * MINUTE,
        claim_within_ms: MINUTE,
        when_sold_out: WhenSoldOut::Close,
    }
}

/// A room, its time and all its changes.
struct Scene {
    room: Room,
    terms: Terms,
    now: Timestamp,
    changes: Vec<RoomChange>,
}

impl Scene {
    fn new(terms: Terms) -> Self {
        let room = Room::new(event(), 1, Secret([1; 32]));
        Self { room, terms, now: Timestamp(1_000_000), changes: Vec::new() }
    }

    fn join(&mut self, n: u32) -> JoinOutcome {
        let request = JoinRequest { buyer: buyer(n), address: None };
        self.room.join(request, &self.terms, self.now, &mut self.changes)
    }

    fn placed(&mut self, n: u32) -> Place {
        match self.join(n) {
            JoinOutcome::Placed(place) => place,
            other => panic!("{n}: {other:?}"),
        }
    }

    /// Lets time pass in steps of a quarter of a second, as the job does. Gives how many were called.
    fn pass(&mut self, ms: u64, stock: Option<Stock>) -> u32 {
        (0..ms.div_ceil(250))
            .map(|_| {
                self.now = self.now.plus_ms(250);
                self.room.admit(&self.terms, stock, self.now, &mut self.changes)
            })
            .sum()
    }

    fn enter(&mut self, place: Place) -> EnterOutcome {
        let buyer = self.room.places.entries[place.0 as usize];
        self.room.enter(place, buyer, &self.terms, self.now, &mut self.changes)
    }

    fn end(&mut self, place: Place, leaving: Leaving) -> EndOutcome {
        let buyer = self.room.places.entries[place.0 as usize];
        self.room.end(place, buyer, leaving, &self.terms, self.now, &mut self.changes)
    }

    fn progress(&self, place: Place) -> Progress {
        self.room.summary(&self.terms, self.now).progress(place, self.now)
    }

    fn called(&self) -> Vec<Place> {
        let called = self.changes.iter().filter_map(|change| match change {
            RoomChange::Called { places, .. } => Some(places.clone()),
            _ => None,
        });
        called.flatten().collect()
    }
}

fn until(scene: &Scene, span_ms: u64) -> EnterOutcome {
    EnterOutcome::Inside { until: scene.now.plus_ms(span_ms) }
}

#[test]
fn asking_again_gives_the_same_place_and_a_new_one_after_it_has_ended() {
    let mut scene = Scene::new(terms());
    assert_eq!(scene.join(1), JoinOutcome::Placed(Place(0)));
    assert_eq!(scene.join(2), JoinOutcome::Placed(Place(1)));
    for _ in 0..10 {
        assert_eq!(scene.join(1), JoinOutcome::Same(Place(0)));
    }
    assert_eq!(scene.end(Place(0), Leaving::Left), EndOutcome::Ended);
    assert_eq!(scene.end(Place(0), Leaving::Left), EndOutcome::Ended, "again");
    assert_eq!(scene.join(1), JoinOutcome::Placed(Place(2)), "at the end of the line");
    let stranger = scene.room.enter(Place(1), buyer(1), &scene.terms, scene.now, &mut Vec::new());
    assert_eq!(stranger, EnterOutcome::Unknown);
    let nowhere = scene.room.enter(Place(9), buyer(1), &scene.terms, scene.now, &mut Vec::new());
    assert_eq!(nowhere, EnterOutcome::Unknown);
}

#[test]
fn one_address_has_one_place_until_it_ends() {
    let mut scene = Scene::new(terms());
    let address = |n| Some(AddressKey([n; 8]));
    let join = |scene: &mut Scene, n, address| {
        let request = JoinRequest { buyer: buyer(n), address };
        scene.room.join(request, &scene.terms, scene.now, &mut scene.changes)
    };
    assert_eq!(join(&mut scene, 1, address(7)), JoinOutcome::Placed(Place(0)));
    assert_eq!(join(&mut scene, 2, address(7)), JoinOutcome::Duplicate);
    assert_eq!(join(&mut scene, 1, address(7)), JoinOutcome::Same(Place(0)));
    assert_eq!(join(&mut scene, 1, address(8)), JoinOutcome::Same(Place(0)), "people move");
    assert_eq!(join(&mut scene, 3, None), JoinOutcome::Placed(Place(1)));
    scene.end(Place(0), Leaving::Left);
    assert_eq!(join(&mut scene, 2, address(7)), JoinOutcome::Placed(Place(2)));
    assert_eq!(join(&mut scene, 1, address(7)), JoinOutcome::Duplicate);
}

#[test]
fn the_lobby_is_drawn_and_who_comes_later_stands_behind_it() {
    let opens_at = Timestamp(1_060_000);
    let mut scene = Scene::new(Terms { opens_at: Some(opens_at), ..terms() });
    for n in 0..100 {
        scene.placed(n);
    }
    scene.end(Place(40), Leaving::Left);
    scene.end(Place(41), Leaving::Left);
    assert_eq!(scene.join(40), JoinOutcome::Placed(Place(40)), "one chance each");
    assert_eq!(scene.pass(59_000, None), 0);
    assert_eq!(scene.progress(Place(5)).position, None);
    assert_eq!(scene.enter(Place(5)), EnterOutcome::NotYet);
    scene.now = opens_at;
    let late = scene.placed(1_000);
    assert_eq!((late, scene.progress(late).position), (Place(100), Some(101)));
    assert_eq!(scene.join(41), JoinOutcome::Placed(Place(101)), "the lobby is over");
    let mut positions: Vec<u32> =
        (0..100).map(|place| scene.progress(Place(place)).position.unwrap()).collect();
    assert_ne!(positions, (1..=100).collect::<Vec<_>>(), "drawn");
    positions.sort_unstable();
    assert_eq!(positions, (1..=100).collect::<Vec<_>>());
    let summary = scene.room.summary(&scene.terms, scene.now);
    let entries = scene.room.entries(Place(0), 100);
    let draw = crate::waiting_room::receipts::PublishedDraw { draw: summary.draw().unwrap(), entries };
    assert!(draw.verify().is_ok(), "what is published can be checked");
}

#[test]
fn who_left_holds_up_nobody_and_the_front_is_the_rate() {
    let mut scene = Scene::new(Terms { max_inside: 1_000, ..terms() });
    for n in 0..500 {
        scene.placed(n);
    }
    for n in (0..500).filter(|n| n % 5 != 0) {
        scene.end(Place(n), Leaving::Left);
    }
    scene.pass(250, None);
    assert_eq!(scene.pass(1_000, None), 50);
    let expected: Vec<Place> = (0..50).map(|n| Place(n * 5)).collect();
    assert_eq!(scene.called()[..50], expected);
    assert_eq!(scene.progress(Place(495)).ahead, Some(49));
}

#[test]
fn a_turn_missed_holds_up_nobody_and_may_be_claimed_late_while_there_is_room() {
    let mut scene = Scene::new(terms());
    for n in 0..40 {
        scene.placed(n);
    }
    assert_eq!(scene.pass(5_000, None), 10);
    assert_eq!(scene.enter(Place(10)), EnterOutcome::NotYet);
    assert_eq!(scene.enter(Place(0)), until(&scene, 10 * MINUTE));
    let first = until(&scene, 10 * MINUTE);
    assert!(scene.pass(MINUTE, None) > 0, "the next are called");
    assert_eq!(scene.room.standing(Place(1)), Standing::Missed);
    assert_eq!(scene.enter(Place(0)), first, "asking again gives the same");
    // All later ones come: it is full, then no room for the late one.
    while scene.room.inside < 10 {
        for place in scene.called() {
            if matches!(scene.room.standing(place), Standing::Turn(Turn::Called { .. })) {
                scene.enter(place);
            }
        }
        scene.pass(1_000, None);
    }
    assert_eq!(scene.enter(Place(1)), EnterOutcome::Missed);
    // Everybody leaves, nobody is called (paused is lifted later): now there is room.
    for place in scene.called() {
        if matches!(scene.room.standing(place), Standing::Turn(_)) {
            scene.end(place, Leaving::Left);
        }
    }
    assert!(matches!(scene.enter(Place(1)), EnterOutcome::Inside { .. }));
}

#[test]
fn a_place_inside_ends_by_time_by_leaving_and_by_completing() {
    let mut scene = Scene::new(Terms { max_inside: 3, ..terms() });
    for n in 0..3 {
        scene.placed(n);
    }
    while scene.called().len() < 3 {
        scene.pass(250, None);
        for place in scene.called() {
            scene.enter(place);
        }
    }
    assert_eq!(scene.end(Place(0), Leaving::Completed { units: 2 }), EndOutcome::Ended);
    assert_eq!(scene.end(Place(1), Leaving::Left), EndOutcome::Ended);
    assert_eq!(scene.enter(Place(0)), EnterOutcome::Ended, "used up");
    scene.pass(11 * MINUTE, None);
    assert_eq!(scene.room.standing(Place(2)), Standing::Ended);
    assert_eq!(scene.end(Place(2), Leaving::Completed { units: 2 }), EndOutcome::Ended);
    let waiting = scene.placed(50);
    assert_eq!(scene.end(waiting, Leaving::Completed { units: 1 }), EndOutcome::NotInside);
}

#[test]
fn at_the_door_the_lowest_rank_is_first_and_nobody_passes() {
    let mut scene = Scene::new(Terms { max_inside: 3, ..terms() });
    for n in 0..9 {
        scene.placed(n);
    }
    scene.pass(2_000, None);
    // The organizer makes it smaller after the calls.
    let small = Control { max_inside: Some(1), ..Control::default() };
    let called = scene.called();
    assert!(called.len() >= 2, "{called:?}");
    scene.room.control(small, Gate::Open, &scene.terms, scene.now, &mut scene.changes);
    assert!(matches!(scene.enter(called[1]), EnterOutcome::Inside { .. }));
    assert_eq!(scene.enter(called[0]), EnterOutcome::AtDoor);
    assert_eq!(scene.enter(called[0]), EnterOutcome::AtDoor, "again");
    assert_eq!(scene.pass(2 * MINUTE, None), 0, "nobody is called past them");
    assert_eq!(scene.room.standing(called[0]), Standing::Turn(Turn::AtDoor), "the turn is kept");
    scene.end(called[1], Leaving::Left);
    assert!(matches!(scene.room.standing(called[0]), Standing::Turn(Turn::Inside { .. })));
}

#[test]
fn an_organizer_pauses_sets_closes_and_opens_again() {
    let mut scene = Scene::new(Terms { max_inside: 1_000, ..terms() });
    for n in 0..500 {
        scene.placed(n);
    }
    let set = |scene: &mut Scene, control, gate| {
        scene.room.control(control, gate, &scene.terms, scene.now, &mut scene.changes)
    };
    let paused = Control { paused: true, ..Control::default() };
    assert!(set(&mut scene, paused, Gate::Open));
    assert!(!set(&mut scene, paused, Gate::Open), "nothing new");
    assert_eq!(scene.pass(10_000, None), 0);
    assert!(set(&mut scene, Control { admit_per_second: Some(4), ..Control::default() }, Gate::Open));
    scene.pass(1_000, None);
    assert_eq!(scene.pass(10_000, None), 40);
    assert!(set(&mut scene, Control::default(), Gate::Closed));
    assert_eq!(scene.pass(10_000, None), 0);
    assert_eq!(scene.join(1), JoinOutcome::Same(Place(1)));
    assert_eq!(scene.join(1_000), JoinOutcome::Refused(Gate::Closed));
    assert_eq!(scene.enter(Place(0)), EnterOutcome::Refused(Gate::Closed));
    assert!(set(&mut scene, Control::default(), Gate::Open));
    assert!(matches!(scene.enter(Place(0)), EnterOutcome::Inside { .. }));
    assert!(scene.pass(1_000, None) > 0);
}

#[test]
fn a_restart_gives_the_called_their_time_again_and_moves_nobody() {
    let mut scene = Scene::new(terms());
    for n in 0..30 {
        scene.placed(n);
    }
    scene.pass(2_000, None);
    scene.enter(Place(0));
    let standings: Vec<Standing> = (0..30).map(|n| scene.room.standing(Place(n))).collect();
    for step_ms in [-3_600_000_i64, 0, 3_600_000, 30_000] {
        let mut again = Room::from_image(scene.room.image()).unwrap();
        assert_eq!((0..30).map(|n| again.standing(Place(n))).collect::<Vec<_>>(), standings);
        again.was_away();
        let now = Timestamp(scene.now.as_millis() + step_ms);
        let called = again.admit(&scene.terms, None, now, &mut Vec::new());
        assert_eq!(called, 0);
        for place in 1..10 {
            let Standing::Turn(Turn::Called { until, .. }) = again.standing(Place(place)) else {
                panic!("{place} after {step_ms}: {:?}", again.standing(Place(place)))
            };
            assert_eq!(until, now.plus_ms(MINUTE));
        }
        if let Standing::Turn(Turn::Inside { until }) = again.standing(Place(0)) {
            assert!(until <= now.plus_ms(10 * MINUTE));
        } else {
            assert!(step_ms > 0, "only a stop longer than the place lasts ends it");
        }
    }
}
