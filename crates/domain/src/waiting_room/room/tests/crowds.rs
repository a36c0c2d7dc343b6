//! Crowds: people who take their time, people who never come, and more people than tickets.

use super::*;

/// A small generator with a fixed seed; the figures below are of this crowd.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Evenly between 0 and 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }
}

struct Crowd {
    name: &'static str,
    max_inside: u32,
    rate: u32,
    no_shows: f64,
    /// How long those who come take to claim, at most.
    claim_ms: u64,
    /// How long people stay, at least and at most.
    stay_ms: (u64, u64),
}

/// What came of it, in steady state.
#[derive(Debug)]
struct Used {
    mean: f64,
    at_least_90: f64,
    most: u32,
    waits_at_door: usize,
    entered: usize,
}

fn run(crowd: &Crowd, minutes: u64) -> Used {
    let mut scene =
        Scene::new(Terms { max_inside: crowd.max_inside, admit_per_second: crowd.rate, ..terms() });
    for n in 0..200_000 {
        scene.placed(n);
    }
    scene.changes.clear();
    let mut chance = Chance(0x5EED);
    let mut plans: BTreeSet<(Timestamp, Place, bool)> = BTreeSet::new();
    let (mut sum, mut samples, mut good, mut most) = (0.0, 0_u32, 0_u32, 0);
    let (mut waits_at_door, mut entered) = (0, 0);
    let begin = scene.now;
    while scene.now.since_ms(begin) < minutes * MINUTE {
        scene.pass(250, None);
        while let Some((at, place, leaves)) = plans.first().copied().filter(|(at, ..)| *at <= scene.now) {
            plans.remove(&(at, place, leaves));
            if leaves {
                scene.end(place, Leaving::Completed { units: 2 });
            } else if scene.enter(place) == EnterOutcome::AtDoor {
                waits_at_door += 1;
            }
        }
        let changes = std::mem::take(&mut scene.changes);
        for change in changes {
            match change {
                RoomChange::Called { places, .. } => {
                    for place in places {
                        if chance.share() >= crowd.no_shows {
                            plans.insert((scene.now.plus_ms(chance.below(crowd.claim_ms)), place, false));
                        }
                    }
                }
                RoomChange::Entered { place, .. } => {
                    entered += 1;
                    let stay = crowd.stay_ms.0 + chance.below(crowd.stay_ms.1 - crowd.stay_ms.0);
                    plans.insert((scene.now.plus_ms(stay), place, true));
                }
                _ => {}
            }
        }
        most = most.max(scene.room.inside);
        if scene.now.since_ms(begin) > 10 * MINUTE {
            let used = f64::from(scene.room.inside) / f64::from(crowd.max_inside);
            sum += used;
            samples += 1;
            good += u32::from(used >= 0.9);
        }
    }
    let share = |count: f64| count / f64::from(samples);
    Used { mean: share(sum), at_least_90: share(f64::from(good)), most, waits_at_door, entered }
}

#[test]
fn the_places_inside_are_used_although_many_never_come() {
    let crowds = [
        Crowd {
            name: "quick",
            max_inside: 500,
            rate: 50,
            no_shows: 0.4,
            claim_ms: 10_000,
            stay_ms: (60_000, 240_000),
        },
        Crowd {
            name: "slow to claim",
            max_inside: 500,
            rate: 50,
            no_shows: 0.4,
            claim_ms: 55_000,
            stay_ms: (60_000, 240_000),
        },
        Crowd {
            name: "large",
            max_inside: 5_000,
            rate: 500,
            no_shows: 0.4,
            claim_ms: 20_000,
            stay_ms: (120_000, 500_000),
        },
        Crowd {
            name: "small",
            max_inside: 100,
            rate: 50,
            no_shows: 0.4,
            claim_ms: 10_000,
            stay_ms: (60_000, 240_000),
        },
        Crowd {
            name: "all come",
            max_inside: 500,
            rate: 50,
            no_shows: 0.0,
            claim_ms: 10_000,
            stay_ms: (60_000, 240_000),
        },
        Crowd {
            name: "few come",
            max_inside: 500,
            rate: 100,
            no_shows: 0.8,
            claim_ms: 10_000,
            stay_ms: (60_000, 240_000),
        },
    ];
    for crowd in crowds {
        let used = run(&crowd, 40);
        println!("{}: {used:?}", crowd.name);
        assert!(used.most <= Fullness::most(crowd.max_inside), "{}: {used:?}", crowd.name);
        assert!(used.waits_at_door * 20 <= used.entered, "{}: few wait at the door: {used:?}", crowd.name);
        assert!(used.mean >= 0.9, "{}: {used:?}", crowd.name);
        assert!(used.at_least_90 >= 0.9, "{}: {used:?}", crowd.name);
    }
}

#[test]
fn a_hundred_tickets_are_sold_and_everybody_else_is_told() {
    let mut scene = Scene::new(Terms { max_inside: 500, ..terms() });
    for n in 0..100_000 {
        scene.placed(n);
    }
    scene.changes.clear();
    let mut chance = Chance(7);
    let (mut available, mut taken, mut sold) = (100_u32, 0_u32, 0_u32);
    let mut holds: Vec<(Timestamp, Place, u32)> = Vec::new();
    let mut empty_handed = 0;
    let begin = scene.now;
    while scene.room.gate == Gate::Open {
        assert!(scene.now.since_ms(begin) < 60 * MINUTE, "it ends");
        let seekers = scene.room.inside - holds.len() as u32;
        assert!(seekers <= available + 1 || available == 0, "{seekers} look for {available}");
        scene.pass(250, Some(Stock { available, taken, returning: taken / 10 }));
        for change in std::mem::take(&mut scene.changes) {
            if let RoomChange::Called { places, .. } = change {
                for place in places {
                    if chance.share() >= 0.7 {
                        continue;
                    }
                    assert!(matches!(scene.enter(place), EnterOutcome::Inside { .. }));
                    let units = (1 + chance.below(2) as u32).min(available);
                    if units == 0 {
                        empty_handed += 1;
                        scene.end(place, Leaving::Left);
                    } else {
                        available -= units;
                        taken += units;
                        holds.push((scene.now.plus_ms(20_000 + chance.below(60_000)), place, units));
                    }
                }
            }
        }
        holds.retain(|(at, place, units)| {
            let done = *at <= scene.now;
            if done {
                taken -= units;
                // One in ten gives up.
                if chance.below(10) == 0 {
                    available += units;
                    scene.end(*place, Leaving::Left);
                } else {
                    sold += units;
                    scene.end(*place, Leaving::Completed { units: *units });
                }
            }
            !done
        });
    }
    assert_eq!((sold, available, taken), (100, 0, 0));
    println!("{} called, {empty_handed} found nothing", scene.room.front.0);
    assert!(scene.room.front.0 < 400, "{} of 100,000 were called for 100 tickets", scene.room.front.0);
    assert_eq!(scene.progress(Place(99_999)).status, crate::waiting_room::summary::Status::SoldOut);
}

#[test]
fn with_a_line_for_returns_it_stays_and_calls_people_as_units_come_back() {
    let mut scene = Scene::new(Terms { when_sold_out: WhenSoldOut::ReturnLine, ..terms() });
    for n in 0..100 {
        scene.placed(n);
    }
    assert_eq!(scene.pass(60_000, Some(Stock::default())), 0);
    assert_eq!(scene.room.gate, Gate::Open);
    assert_eq!(scene.pass(5_000, Some(Stock { available: 2, ..Stock::default() })), 1);
    assert_eq!(scene.called(), [Place(0)]);
}
