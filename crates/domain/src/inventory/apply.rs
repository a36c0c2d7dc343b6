//! Applying changes: how each one moves the state, live and in replay.
//!
//! Invariant: nothing else in the crate moves a state; after every change all counts add up to the capacity.

use super::{Inventory, MAX_ENDED, image::Sale};
use crate::{
    changes::Change,
    ids::{AccountId, ReservationId},
    position::Position,
    reservations::{Ending, Hold, HoldStatus},
    time::Timestamp,
    units::{Counts, Unit, UnitState},
};

impl Inventory {
    /// Moves the state by one change, live or in replay.
    ///
    /// A change that does not fit the state (a damaged record) is refused in debug builds; in release builds
    /// the callers of replay check [`Inventory::conserves`] at the end.
    pub fn apply(&mut self, position: Position, at: Timestamp, change: &Change) {
        debug_assert!(
            position > self.position,
            "history runs backwards: {} after {}",
            position,
            self.position
        );
        self.position = position;
        match change {
            Change::Held { hold, owner, units, expires_at, key } => {
                self.move_units(units, UnitState::Available, UnitState::Held);
                *self.owned.entry(*owner).or_insert(0) += units.len() as u32;
                self.due.insert((*expires_at, *hold));
                self.holds.insert(
                    *hold,
                    Hold {
                        id: *hold,
                        owner: *owner,
                        units: units.clone(),
                        made_at: at,
                        expires_at: *expires_at,
                        fence: position.fence(),
                        extensions_used: 0,
                        status: HoldStatus::Held,
                    },
                );
                if let Some(key) = key {
                    self.keys.remember(*owner, *key, *hold, (position, at));
                }
            }
            Change::Extended { hold, expires_at } => {
                if let Some(hold) = self.holds.get_mut(hold) {
                    self.due.remove(&(hold.expires_at, hold.id));
                    hold.expires_at = *expires_at;
                    hold.extensions_used += 1;
                    self.due.insert((*expires_at, hold.id));
                }
            }
            Change::PaymentBegun { hold, order, units } => {
                self.move_units(units, UnitState::Held, UnitState::Paying);
                if let Some(hold) = self.holds.get_mut(hold) {
                    self.due.remove(&(hold.expires_at, hold.id));
                    hold.status = HoldStatus::Paying { order: *order, since: at };
                }
            }
            Change::PaymentEnded { hold, units, expires_at, .. } => {
                self.move_units(units, UnitState::Paying, UnitState::Held);
                if let Some(hold) = self.holds.get_mut(hold) {
                    hold.status = HoldStatus::Held;
                    hold.expires_at = *expires_at;
                    self.due.insert((*expires_at, hold.id));
                }
            }
            Change::Sold { hold, order, units } => {
                self.move_units(units, UnitState::Paying, UnitState::Sold);
                if let Some(hold) = self.end(*hold, Ending::Confirmed(*order)) {
                    self.sales.insert(*order, Sale { order: *order, owner: hold, units: units.clone() });
                }
            }
            Change::Cancelled { hold, units } => {
                self.move_units(units, UnitState::Held, UnitState::Available);
                if let Some(owner) = self.end(*hold, Ending::Cancelled) {
                    self.disown(owner, units.len() as u32);
                }
            }
            Change::Expired { hold, units } => {
                self.move_units(units, UnitState::Held, UnitState::Available);
                if let Some(owner) = self.end(*hold, Ending::Expired) {
                    self.disown(owner, units.len() as u32);
                }
            }
            Change::Returned { order, units } => {
                self.move_units(units, UnitState::Sold, UnitState::Available);
                if let Some(sale) = self.sales.get_mut(order) {
                    sale.units.retain(|unit| !units.contains(unit));
                    let (owner, empty) = (sale.owner, sale.units.is_empty());
                    if empty {
                        self.sales.remove(order);
                    }
                    self.disown(owner, units.len() as u32);
                }
            }
            Change::Blocked { units } => self.move_units(units, UnitState::Available, UnitState::Blocked),
            Change::Unblocked { units } => self.move_units(units, UnitState::Blocked, UnitState::Available),
        }
        debug_assert_eq!(self.counts.total(), self.layout.capacity(), "conservation");
    }

    /// Whether every count, pool and hold agrees with the state of the units. Walks everything: for tests,
    /// the end of a replay, and repair.
    pub fn conserves(&self) -> bool {
        let mut counted = Counts::default();
        for state in &self.states {
            *counted.of(*state) += 1;
        }
        let in_holds: usize = self.holds.values().map(|hold| hold.units.len()).sum();
        let in_sales: usize = self.sales.values().map(|sale| sale.units.len()).sum();
        let owned: u32 = self.owned.values().sum();
        let pools_agree = self.layout.areas().iter().zip(&self.areas).all(|(run, pool)| {
            let states = &self.states[run.first.index()..run.first.index() + run.capacity as usize];
            states.iter().filter(|state| **state == UnitState::Available).count() == pool.free() as usize
        });
        counted == self.counts
            && counted.total() == self.layout.capacity()
            && in_holds == (counted.held + counted.paying) as usize
            && in_sales == counted.sold as usize
            && owned == counted.held + counted.paying + counted.sold
            && self.due.len() == self.holds.values().filter(|h| h.status == HoldStatus::Held).count()
            && pools_agree
    }

    pub(super) fn move_units(&mut self, units: &[Unit], from: UnitState, to: UnitState) {
        for unit in units {
            let state = &mut self.states[unit.index()];
            debug_assert_eq!(*state, from, "unit {} at {}", unit.0, self.position);
            *self.counts.of(*state) -= 1;
            *self.counts.of(to) += 1;
            *state = to;
            if !self.layout.is_seat(*unit)
                && let Some(area) = self.layout.area_of(*unit)
            {
                let pool = &mut self.areas[area.id as usize - 1];
                match (from, to) {
                    (UnitState::Available, _) => pool.take(*unit),
                    (_, UnitState::Available) => pool.put_back(*unit),
                    _ => {}
                }
            }
        }
    }

    /// Moves a hold to the ended ones; gives its owner.
    fn end(&mut self, id: ReservationId, ending: Ending) -> Option<AccountId> {
        let mut hold = self.holds.remove(&id)?;
        self.due.remove(&(hold.expires_at, id));
        hold.status = HoldStatus::Held;
        let owner = hold.owner;
        self.ended.insert(id, (hold, ending));
        self.ended_order.push_back((self.position, id));
        if self.ended_order.len() > MAX_ENDED {
            self.forget_ended(Position::default());
        }
        Some(owner)
    }

    fn disown(&mut self, owner: AccountId, count: u32) {
        if let Some(owned) = self.owned.get_mut(&owner) {
            *owned = owned.saturating_sub(count);
            if *owned == 0 {
                self.owned.remove(&owner);
            }
        }
    }
}
