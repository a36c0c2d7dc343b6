//! Holding the best seats: chosen here from the states of all seats, held there only where the choice still holds.
//!
//! Invariants:
//! - the choice is the one of [`best_available`], so that every hot store chooses alike;
//! - `sold out` is answered only where the stock was so at the very position at which nothing was found.

use std::sync::Arc;

use onsale_app::ports::{
    StoreError,
    hot::{Decided, HotError},
};
use onsale_domain::{
    reservations::{Choice, HoldOutcome, HoldRequest},
    seating::{BestAvailable, Layout, best_available},
    units::{UnitState, Units},
};

use super::{
    Inner, Performance, WITHIN, codec,
    reservations::{Held, Wanted},
};

/// How often a choice is made anew when somebody was faster.
const ATTEMPTS: usize = 32;

/// From so many attempts on, the best are left to those who are faster, and the next best taken: nodes that work in
/// step would otherwise lose to the same one again and again.
const PATIENCE: usize = 2;

/// From so many attempts on, seats farther apart are taken too: better than to be sent away.
const HASTE: usize = 16;

/// How many choices are left to others at most.
const MOST_LEFT: usize = 8;

impl Inner {
    pub(super) async fn hold_best(
        self: &Arc<Self>,
        performance: &Arc<Performance>,
        request: &HoldRequest,
        call: &[u8; 8],
    ) -> Result<Decided<HoldOutcome>, HotError> {
        let Choice::Best { quantity, category, together } = request.choice else {
            return Err(StoreError::corrupt("a choice of best seats that is none").into());
        };
        let wish = BestAvailable { quantity, category, together };
        let crowd = || StoreError::unavailable("too many choose the best seats at once");
        let deadline = tokio::time::Instant::now() + WITHIN;
        // On one node they choose one after the other; only other nodes can be faster then.
        let _turn =
            tokio::time::timeout_at(deadline, performance.choosing.lock()).await.map_err(|_| crowd())?;
        for attempt in 0..ATTEMPTS {
            if tokio::time::Instant::now() >= deadline {
                break;
            }
            let (meta, states) = self.states(performance, true).await?;
            let layout = self.layout(performance).await?;
            let left = (attempt + 1).saturating_sub(PATIENCE).min(MOST_LEFT);
            let units = choose(&layout, &wish, states, left, attempt >= HASTE);
            let seen = meta.position.to_string().into_bytes();
            let wanted = Wanted { kind: b"b", what: codec::unit_bytes(&units), quantity, seen };
            match self.hold_wanted(performance, request, call, wanted).await? {
                Held::Outcome(decided) => return Ok(decided),
                Held::Moved => {}
            }
        }
        Err(crowd().into())
    }
}

/// The best seats after so many choices that are left to others; none where there is no choice at all. What is
/// wished for together is not had farther apart for it, unless `apart` says so.
fn choose(layout: &Layout, wish: &BestAvailable, mut states: Vec<u8>, left: usize, apart: bool) -> Units {
    let (free, held) = (codec::state_byte(UnitState::Available), codec::state_byte(UnitState::Held));
    let best = |states: &[u8]| best_available(layout, wish, |unit| states.get(unit.index()) == Some(&free));
    let width = |units: &Units| units.last().zip(units.first()).map_or(0, |(last, first)| last.0 - first.0);
    let Some(mut chosen) = best(&states) else { return Units::default() };
    let widest = if wish.together && !apart { width(&chosen) } else { u32::MAX };
    for _ in 0..left {
        for unit in &chosen {
            states[unit.index()] = held;
        }
        match best(&states).filter(|next| width(next) <= widest) {
            Some(next) => chosen = next,
            None => break,
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use onsale_testkit::stocks;

    use super::*;

    #[test]
    fn choices_are_left_to_others_as_long_as_there_is_one_as_close_together() {
        let layout = stocks::layout(&[0; 6], &[]);
        let wish = BestAvailable { quantity: 2, category: None, together: true };
        let chosen = |states: &[u8; 6], left, apart| choose(&layout, &wish, states.to_vec(), left, apart);
        let all: Vec<Units> = (0..3).map(|left| chosen(b"000000", left, false)).collect();
        assert!(all[0] != all[1] && all[1] != all[2], "{all:?}");
        assert_eq!(chosen(b"000000", 8, false), all[2], "the last is not left");
        let only = chosen(b"010010", 0, false);
        assert_eq!(chosen(b"010010", 3, false), only, "the others are not together");
        assert_ne!(chosen(b"010010", 3, true), only);
        assert!(chosen(b"011111", 1, true).is_empty());
    }
}
