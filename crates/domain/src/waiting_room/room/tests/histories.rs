//! Random histories. The checker reads the changes and nothing else, and has its own idea of the line.

use super::*;

#[derive(Clone, Debug)]
pub(super) enum Act {
    Join(u32),
    Leave(u32),
    Enter(u32),
    Complete(u32, u32),
    Admit(Option<(u32, u32)>),
    Pass(u32),
    /// The clock is stepped.
    Step(i32),
    Control(bool, Option<u32>, Option<u32>, u8),
    /// Stopped and started again.
    Restart,
}

pub(super) fn acts() -> impl Strategy<Value = Vec<Act>> {
    let who = 0_u32..60;
    let act = prop_oneof![
        8 => who.clone().prop_map(Act::Join),
        2 => who.clone().prop_map(Act::Leave),
        8 => who.clone().prop_map(Act::Enter),
        3 => (who, 1_u32..5).prop_map(|(who, units)| Act::Complete(who, units)),
        8 => proptest::option::of((0_u32..60, 0_u32..20)).prop_map(Act::Admit),
        8 => (1_u32..90_000).prop_map(Act::Pass),
        1 => (-3_600_000_i32..3_600_000).prop_map(Act::Step),
        1 => (any::<bool>(), proptest::option::of(0_u32..9), proptest::option::of(0_u32..9), 0_u8..4)
            .prop_map(|(paused, rate, room, gate)| Act::Control(paused, rate, room, gate)),
        1 => Just(Act::Restart),
    ];
    proptest::collection::vec(act, 1..300)
}

/// What is known from the changes alone.
#[derive(Default)]
struct Checker {
    joined: u32,
    order: Option<Order>,
    /// Neither called nor gone.
    waiting: BTreeSet<Place>,
    door: BTreeSet<Rank>,
    inside: BTreeSet<Place>,
    called_at: BTreeMap<Place, Timestamp>,
}

impl Checker {
    fn rank(&self, place: Place) -> Rank {
        self.order.as_ref().expect("opened before anybody is called").rank(place)
    }

    fn see(&mut self, change: &RoomChange, most_inside: u32) {
        match change {
            RoomChange::Joined { place, .. } => {
                assert_eq!(place.0, self.joined, "places are given one after the other");
                self.joined += 1;
                self.waiting.insert(*place);
            }
            RoomChange::Rejoined { place, .. } => {
                assert!(self.order.is_none() && place.0 < self.joined && self.waiting.insert(*place));
            }
            RoomChange::Opened { lobby, root } => {
                assert!(self.order.is_none() && *lobby == self.joined, "the lobby closes once");
                self.order = Some(Order::new(&draw_key(event(), &Secret([1; 32]), root, *lobby), *lobby));
            }
            RoomChange::Called { places, .. } => {
                for place in places {
                    // Nobody who is waiting has a lower rank: nobody is admitted out of order.
                    let first = self.waiting.iter().copied().min_by_key(|place| self.rank(*place));
                    assert_eq!(first, Some(*place), "called out of order");
                    self.waiting.remove(place);
                    self.called_at.insert(*place, Timestamp(0));
                }
            }
            RoomChange::CameToDoor { place } => {
                assert!(self.called_at.remove(place).is_some());
                self.door.insert(self.rank(*place));
            }
            RoomChange::Entered { place, .. } => {
                assert!(!self.waiting.contains(place), "nobody enters without having been called");
                let rank = self.rank(*place);
                if let Some(first) = self.door.first().copied() {
                    assert_eq!(first, rank, "those at the door enter first, in order");
                }
                self.door.remove(&rank);
                self.called_at.remove(place);
                assert!(self.inside.insert(*place));
                assert!(self.inside.len() as u32 <= most_inside, "{} inside", self.inside.len());
            }
            RoomChange::Missed { places } => {
                for place in places {
                    assert!(self.called_at.remove(place).is_some(), "only who was called can miss it");
                }
            }
            RoomChange::Ended { place, leaving } => {
                let was_inside = self.inside.remove(place);
                assert!(*leaving == Leaving::Left || was_inside);
                self.waiting.remove(place);
                self.called_at.remove(place);
                if self.order.is_some() {
                    self.door.remove(&self.rank(*place));
                }
            }
            RoomChange::Controlled(_) | RoomChange::Gated(_) | RoomChange::Resumed { .. } => {}
        }
    }
}

pub(super) fn place_of(scene: &Scene, who: u32) -> Option<Place> {
    scene.room.places.by_buyer.get(&buyer(who)).copied()
}

pub(super) fn act(scene: &mut Scene, act: &Act) {
    match *act {
        Act::Join(who) => {
            let had = place_of(scene, who);
            let live = had.filter(|place| scene.room.standing(*place) != Standing::Ended);
            match scene.join(who) {
                JoinOutcome::Same(place) => assert_eq!(live, Some(place)),
                // Their place may have run out with this very call.
                JoinOutcome::Placed(place) => assert_eq!(place_of(scene, who), Some(place)),
                JoinOutcome::Refused(gate) => assert_ne!(gate, Gate::Open),
                other => panic!("{other:?}"),
            }
        }
        Act::Leave(who) => {
            if let Some(place) = place_of(scene, who) {
                scene.end(place, Leaving::Left);
                assert_eq!(scene.room.standing(place), Standing::Ended);
            }
        }
        Act::Enter(who) => {
            if let Some(place) = place_of(scene, who) {
                scene.enter(place);
            }
        }
        Act::Complete(who, units) => {
            if let Some(place) = place_of(scene, who) {
                scene.end(place, Leaving::Completed { units });
            }
        }
        Act::Admit(stock) => {
            let stock = stock.map(|(available, taken)| Stock { available, taken, returning: taken / 4 });
            scene.room.admit(&scene.terms, stock, scene.now, &mut scene.changes);
        }
        Act::Pass(ms) => scene.now = scene.now.plus_ms(u64::from(ms)),
        Act::Step(ms) => scene.now = Timestamp(scene.now.as_millis() + i64::from(ms)),
        Act::Control(paused, admit_per_second, max_inside, gate) => {
            let control = Control { paused: paused && gate == 3, admit_per_second, max_inside };
            let gate = if gate == 0 { Gate::Closed } else { Gate::Open };
            scene.room.control(control, gate, &scene.terms, scene.now, &mut scene.changes);
        }
        Act::Restart => {
            scene.room = Room::from_image(scene.room.image()).unwrap();
            scene.room.was_away();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nobody_is_admitted_out_of_order(
        lobby_s in proptest::option::of(1_u32..200),
        max_inside in 1_u32..12,
        acts in acts(),
    ) {
        let opens_at = lobby_s.map(|s| Timestamp(1_000_000).plus_ms(u64::from(s) * 1_000));
        let mut scene = Scene::new(Terms { opens_at, max_inside, ..terms() });
        let mut checker = Checker::default();
        let mut folded = Room::new(event(), 1, Secret([1; 32]));
        let mut ranks: BTreeMap<Place, u32> = BTreeMap::new();
        let mut seen = 0;
        for what in &acts {
            act(&mut scene, what);
            // Rooms of these sizes have no 2 % to spare.
            let most_inside = scene.room.control.max_inside.unwrap_or(0).max(max_inside).max(9);
            for change in &scene.changes[seen..] {
                checker.see(change, most_inside);
                folded.apply(folded.offset() + 1, scene.now, change);
            }
            seen = scene.changes.len();
            // The state is the fold of its changes.
            prop_assert_eq!(folded.image(), scene.room.image());
            prop_assert_eq!(folded.gone_ahead, scene.room.gone_ahead);
            prop_assert_eq!(checker.inside.len(), scene.room.inside as usize);
            // What anybody was told about their position stays true, whatever the clock does.
            for place in (0..scene.room.joined()).map(Place) {
                if let Some(position) = scene.progress(place).position {
                    prop_assert_eq!(*ranks.entry(place).or_insert(position), position);
                }
            }
        }
        let (gone, waiting) = (scene.room.gone_ahead, checker.waiting.len() as u32);
        prop_assert_eq!(scene.room.joined() - scene.room.front.0, waiting + gone, "who left is counted");
    }

    #[test]
    fn a_bad_image_is_refused_and_a_good_one_comes_back(acts in acts()) {
        let mut scene = Scene::new(terms());
        for what in &acts {
            act(&mut scene, what);
        }
        let image = scene.room.image();
        prop_assert_eq!(Room::from_image(image.clone()).unwrap().image(), image.clone());
        let text = serde_json::to_value(&image).unwrap();
        let mut cut = text.clone();
        cut["entries"] = serde_json::json!([]);
        let cut: RoomImage = serde_json::from_value(cut).unwrap();
        prop_assert!(scene.room.joined() == 0 || scene.room.front.0 + scene.room.turns.len() as u32 == 0
            || Room::from_image(cut).is_err());
    }
}
