//! The image of a stock: everything needed to have it again, for checkpoints and for loading from the ledger.
//!
//! Invariant: `Inventory::from_image(inventory.image())` behaves like `inventory` for every later command.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Inventory, KeyMarks};
use crate::{
    ids::{AccountId, OrderId, ReservationId},
    position::Position,
    reservations::{Ending, Hold, HoldStatus, RequestKey},
    seating::Layout,
    time::Timestamp,
    units::{Unit, UnitState, Units},
};

/// Units that a paid order has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sale {
    /// The order.
    pub order: OrderId,
    /// Who paid; counts against the limit per buyer.
    pub owner: AccountId,
    /// What they have.
    pub units: Units,
}

/// A stock, written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The static facts.
    pub layout: Layout,
    /// How far the history had come.
    pub position: Position,
    /// Live holds, by name.
    pub holds: Vec<Hold>,
    /// Sales, by order.
    pub sales: Vec<Sale>,
    /// Units off sale.
    pub blocked: Vec<Unit>,
    /// Ended holds that the ledger may not have recorded yet, oldest ending first.
    pub ended: Vec<(Position, Hold, Ending)>,
    /// Idempotency keys and the holds they made, oldest first; those that the ledger has recorded may be marks instead.
    pub keys: Vec<(Timestamp, AccountId, RequestKey, ReservationId)>,
    /// Marks of those, oldest first.
    pub marks: Vec<KeyMarks>,
}

impl Image {
    /// An untouched stock at the beginning of an epoch.
    pub fn untouched(layout: Layout, epoch: u32) -> Self {
        Self {
            layout,
            position: Position { epoch, offset: 0 },
            holds: Vec::new(),
            sales: Vec::new(),
            blocked: Vec::new(),
            ended: Vec::new(),
            keys: Vec::new(),
            marks: Vec::new(),
        }
    }
}

/// An image in which a unit is claimed twice or does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unit {} is claimed twice or unknown", .0.0)]
pub struct Overlap(pub Unit);

impl Inventory {
    /// Writes the stock down.
    pub fn image(&self) -> Image {
        let mut holds: Vec<Hold> = self.holds.values().cloned().collect();
        holds.sort_unstable_by_key(|hold| hold.id);
        let mut sales: Vec<Sale> = self.sales.values().cloned().collect();
        sales.sort_unstable_by_key(|sale| sale.order);
        let blocked = self
            .states
            .iter()
            .enumerate()
            .filter(|(_, state)| **state == UnitState::Blocked)
            .map(|(index, _)| Unit::at_index(index))
            .collect();
        let ended = self
            .ended_order
            .iter()
            .filter_map(|(at, id)| self.ended.get(id).map(|(hold, ending)| (*at, hold.clone(), *ending)))
            .collect();
        Image {
            layout: (*self.layout).clone(),
            position: self.position,
            holds,
            sales,
            blocked,
            ended,
            keys: self.keys.known().collect(),
            marks: self.keys.marked(),
        }
    }

    /// Has a stock again from what was written down. Refuses an image in which two claims overlap.
    pub fn from_image(image: Image) -> Result<Self, Overlap> {
        let mut inventory = Self::new(Arc::new(image.layout), image.position.epoch);
        inventory.position = image.position;
        for hold in image.holds {
            let state = match hold.status {
                HoldStatus::Held => UnitState::Held,
                HoldStatus::Paying { .. } => UnitState::Paying,
            };
            inventory.claim(&hold.units, state)?;
            *inventory.owned.entry(hold.owner).or_insert(0) += hold.units.len() as u32;
            if hold.status == HoldStatus::Held {
                inventory.due.insert((hold.expires_at, hold.id));
            }
            inventory.holds.insert(hold.id, hold);
        }
        for sale in image.sales {
            inventory.claim(&sale.units, UnitState::Sold)?;
            *inventory.owned.entry(sale.owner).or_insert(0) += sale.units.len() as u32;
            inventory.sales.insert(sale.order, sale);
        }
        inventory.claim(&image.blocked, UnitState::Blocked)?;
        for (at, hold, ending) in image.ended {
            inventory.ended_order.push_back((at, hold.id));
            inventory.ended.insert(hold.id, (hold, ending));
        }
        for (at, owner, key, made) in image.keys {
            inventory.keys.inherit(owner, key, made, at);
        }
        inventory.keys.set_marked(image.marks);
        Ok(inventory)
    }

    fn claim(&mut self, units: &[Unit], state: UnitState) -> Result<(), Overlap> {
        for unit in units {
            if unit.0 == 0 || self.states.get(unit.index()) != Some(&UnitState::Available) {
                return Err(Overlap(*unit));
            }
            self.move_units(&[*unit], UnitState::Available, state);
        }
        Ok(())
    }
}
