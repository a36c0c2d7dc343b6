//! The model: whether a record tells the history of a stock without a gap or a contradiction.
//!
//! Invariant: the fold here is written from the arrows in the documentation of
//! [`Change`](onsale_domain::changes::Change) and knows nothing else.

use onsale_domain::{
    changes::{Change, Recorded},
    units::{Unit, UnitState},
};

use super::{Model, Slot, Verdict, expect};

impl Model {
    /// Compares the whole record of the performance with where the model has come.
    pub fn check_history(&self, changes: &[Recorded]) -> Verdict {
        let states = check_record(self.slots.len(), changes)?;
        let last = changes.last().map_or(0, |recorded| recorded.position.offset);
        expect("the last position", &last, &self.position.offset)?;
        for (index, (state, slot)) in states.iter().zip(&self.slots).enumerate() {
            let wanted = match slot {
                Slot::Free => UnitState::Available,
                Slot::Held(_) => UnitState::Held,
                Slot::Paying(_) => UnitState::Paying,
                Slot::Sold(_) => UnitState::Sold,
                Slot::Blocked => UnitState::Blocked,
            };
            expect(&format!("unit {} by the record", index + 1), state, &wanted)?;
        }
        Ok(())
    }
}

/// Follows a record from an untouched stock of so many units: positions without a gap, sequences that never fall,
/// and every unit moved from where it was. Gives where each unit is in the end.
pub fn check_record(units: usize, changes: &[Recorded]) -> Result<Vec<UnitState>, String> {
    let mut states = vec![UnitState::Available; units];
    let mut sequence = 0;
    for (index, recorded) in changes.iter().enumerate() {
        let told = |why: String| format!("{recorded:?}: {why}");
        expect("offset", &recorded.position.offset, &(index as u32 + 1)).map_err(told)?;
        if recorded.sequence < sequence {
            return Err(told(format!("its number is below {sequence}")));
        }
        sequence = recorded.sequence;
        let (units, from, to) = arrow(&recorded.change);
        for unit in units {
            let state = (unit.0 as usize).checked_sub(1).and_then(|index| states.get_mut(index));
            let Some(state) = state else {
                return Err(told(format!("there is no unit {}", unit.0)));
            };
            if *state != from {
                return Err(told(format!("unit {} was {state:?}", unit.0)));
            }
            *state = to;
        }
    }
    Ok(states)
}

/// What a change moves, from where, to where.
fn arrow(change: &Change) -> (&[Unit], UnitState, UnitState) {
    use UnitState::{Available, Blocked, Held, Paying, Sold};
    match change {
        Change::Held { units, .. } => (units, Available, Held),
        Change::Extended { .. } => (&[], Held, Held),
        Change::PaymentBegun { units, .. } => (units, Held, Paying),
        Change::PaymentEnded { units, .. } => (units, Paying, Held),
        Change::Sold { units, .. } => (units, Paying, Sold),
        Change::Cancelled { units, .. } | Change::Expired { units, .. } => (units, Held, Available),
        Change::Returned { units, .. } => (units, Sold, Available),
        Change::Blocked { units } => (units, Available, Blocked),
        Change::Unblocked { units } => (units, Blocked, Available),
    }
}
