//! Holding the best seats: chosen here from the states of all seats, held there only where the choice still holds.
//!
//! Invariants:
//! - the choice is the one of [`best_available`], so that every hot store chooses alike;
//! - `sold out` is answered only where the stock was so at the very position at which nothing was found.

use onsale_app::ports::{
    StoreError,
    hot::{Decided, HotError},
};
use onsale_domain::{
    reservations::{Choice, HoldOutcome, HoldRequest},
    seating::{BestAvailable, Layout, best_available},
    units::{Unit, UnitState, Units},
};

use super::{
    Inner, Performance, WITHIN, codec,
    reservations::{Held, Wanted},
};

/// How often a choice is made anew when somebody was faster.
const ATTEMPTS: usize = 32;

/// From so many attempts on, the seats that were lost are left to those who are after them, and the next best taken.
const PATIENCE: usize = 2;

impl Inner {
    pub(super) async fn hold_best(
        &self,
        performance: &Performance,
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
        let mut lost: Vec<Unit> = Vec::new();
        for attempt in 0..ATTEMPTS {
            if tokio::time::Instant::now() >= deadline {
                break;
            }
            let (meta, states) = self.states(performance, true).await?;
            let layout = self.layout(performance).await?;
            let avoided = if attempt < PATIENCE { &[][..] } else { &lost[..] };
            let units = choose(&layout, &wish, &states, avoided);
            let seen = meta.position.to_string();
            let wanted =
                Wanted { kind: b"b", what: &codec::unit_bytes(&units), quantity, seen: seen.as_bytes() };
            match self.hold_wanted(performance, request, call, wanted).await? {
                Held::Outcome(decided) => return Ok(decided),
                Held::Moved => lost.extend(units),
            }
        }
        Err(crowd().into())
    }
}

/// The best seats, without those to avoid if it can be; none where there are too few.
fn choose(layout: &Layout, wish: &BestAvailable, states: &[u8], avoided: &[Unit]) -> Units {
    let free = codec::state_byte(UnitState::Available);
    let is_free = |unit: Unit| states.get(unit.index()) == Some(&free);
    let picked = (!avoided.is_empty())
        .then(|| best_available(layout, wish, |unit| is_free(unit) && !avoided.contains(&unit)))
        .flatten();
    picked.or_else(|| best_available(layout, wish, is_free)).unwrap_or_default()
}
