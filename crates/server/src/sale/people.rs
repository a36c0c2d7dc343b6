//! Who comes in and who does not, seen from one look at a waiting room to the next.
//!
//! Invariant: somebody counts as a no-show only when their time to claim was over and they had not come by then.

use std::collections::HashMap;

use onsale_domain::{
    time::Timestamp,
    waiting_room::{Place, Summary, Turn},
};

/// Looks are this far apart: who is missing this long before the end of their time may have missed it all the same.
const BETWEEN_LOOKS_MS: u64 = 2_000;

/// How many came in and how many did not, since somebody began to look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Turnout {
    pub(crate) entered: u64,
    pub(crate) no_shows: u64,
}

/// The turns at the last look.
#[derive(Default)]
pub(super) struct People {
    turns: HashMap<Place, Turn>,
    /// Which room it was, and whether there was a look at all.
    generation: Option<u32>,
    turnout: Turnout,
}

impl People {
    /// Takes note of a look; gives what all of them have come to.
    pub(super) fn saw(&mut self, summary: &Summary, now: Timestamp) -> Turnout {
        let turns: HashMap<Place, Turn> = summary.turns.iter().copied().collect();
        if self.generation == Some(summary.generation) {
            let is_inside = |turn: Option<&Turn>| matches!(turn, Some(Turn::Inside { .. }));
            let came = turns
                .iter()
                .filter(|(place, turn)| is_inside(Some(turn)) && !is_inside(self.turns.get(place)));
            self.turnout.entered += came.count() as u64;
            let missed = self.turns.iter().filter(|(place, turn)| match turn {
                Turn::Called { until, .. } => {
                    !turns.contains_key(place) && now.plus_ms(BETWEEN_LOOKS_MS) >= *until
                }
                Turn::AtDoor | Turn::Inside { .. } => false,
            });
            self.turnout.no_shows += missed.count() as u64;
        }
        self.generation = Some(summary.generation);
        self.turns = turns;
        self.turnout
    }
}

#[cfg(test)]
mod tests {
    use onsale_domain::{
        ids::EventId,
        waiting_room::{Control, Gate, Hash, Rank},
    };
    use uuid::Uuid;

    use super::*;

    const CALLED: Turn = Turn::Called { since: Timestamp(0), until: Timestamp(60_000) };
    const INSIDE: Turn = Turn::Inside { until: Timestamp(600_000) };

    fn room(generation: u32, turns: &[(u32, Turn)]) -> Summary {
        Summary {
            event: EventId(Uuid::nil()),
            generation,
            commitment: Hash([0; 32]),
            opened: None,
            order: None,
            opens_at: None,
            gate: Gate::Open,
            control: Control::default(),
            joined: 10,
            front: Rank(4),
            gone_ahead: 1,
            turns: turns.iter().map(|(place, turn)| (Place(*place), *turn)).collect(),
            inside: 0,
            at_door: 0,
            admit_per_second: 1,
            max_inside: 1,
            inside_for_ms: 1,
            calls_per_second: 0.0,
            free: 0,
            reached: None,
            return_line: false,
        }
    }

    /// What a row of looks, a second apart at the times given, comes to.
    fn turnout(looks: &[(i64, Summary)]) -> [u64; 2] {
        let mut people = People::default();
        let mut last = Turnout::default();
        for (at, room) in looks {
            last = people.saw(room, Timestamp(*at));
        }
        [last.entered, last.no_shows]
    }

    #[test]
    fn who_comes_in_counts_once() {
        let looks = [
            (0, room(1, &[(1, CALLED), (2, CALLED)])),
            (1_000, room(1, &[(1, INSIDE), (2, Turn::AtDoor)])),
            (2_000, room(1, &[(1, INSIDE), (2, INSIDE), (3, INSIDE)])),
            (3_000, room(1, &[(2, INSIDE)])),
        ];
        assert_eq!(turnout(&looks), [3, 0]);
    }

    #[test]
    fn who_is_gone_when_the_time_is_over_has_not_come() {
        let called = || room(1, &[(1, CALLED), (2, CALLED), (3, Turn::AtDoor)]);
        assert_eq!(turnout(&[(58_000, called()), (60_000, room(1, &[]))]), [0, 2]);
        // Who is gone before has left.
        assert_eq!(turnout(&[(10_000, called()), (11_000, room(1, &[]))]), [0, 0]);
    }

    #[test]
    fn nothing_is_known_of_before_the_first_look_nor_of_another_room() {
        assert_eq!(turnout(&[(0, room(1, &[(1, INSIDE)]))]), [0, 0]);
        assert_eq!(turnout(&[(59_000, room(1, &[(1, CALLED)])), (60_000, room(2, &[(5, INSIDE)]))]), [0, 0]);
    }

    #[test]
    fn those_who_wait_are_neither_called_nor_gone() {
        assert_eq!(room(1, &[]).waiting(), 5);
    }
}
