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

/// How many wait to be called.
pub(super) fn waiting(summary: &Summary) -> u32 {
    summary.joined.saturating_sub(summary.front.0).saturating_sub(summary.gone_ahead)
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
