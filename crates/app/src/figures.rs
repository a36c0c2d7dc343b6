//! The stock of a performance in figures, section by section, for those who watch a sale.
//!
//! Invariant: what is held, paying, sold and blocked is counted from the holds, the sales and the blocks, and what is
//! available is what none of them has; so capacity minus the rest is 0 unless a unit is in two of them (promise G1).

use onsale_domain::{
    ids::{OrderId, PerformanceId, ReservationId},
    inventory::Image,
    reservations::HoldStatus,
    units::{Counts, Unit, UnitState},
};

use crate::{
    App,
    cards::Card,
    errors::AppError,
    ports::{hot::HotError, ledger::Performance},
};

/// What a part of a house is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// Seats.
    Section,
    /// Places without numbers.
    Area,
}

/// A part of a house, in figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is called; empty where the plan has no name for it.
    pub label: String,
    /// What it is.
    pub kind: PartKind,
    /// How many units it has.
    pub capacity: u32,
    /// How many of them are in each state.
    pub counts: Counts,
}

/// A performance, in figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// The performance.
    pub performance: Performance,
    /// Its sections and areas.
    pub parts: Vec<Part>,
    /// The names of the live holds.
    pub holds: Vec<ReservationId>,
    /// The names of the orders that have units.
    pub orders: Vec<OrderId>,
}

impl Part {
    /// How many units more or fewer it has than are in any state: 0 unless a unit is in two of them.
    pub fn drift(&self) -> u32 {
        self.capacity.abs_diff(self.counts.total())
    }
}

impl App {
    /// The performances that this process was asked for within a time, in order.
    pub fn performances_in_use(&self, within_ms: u64) -> Vec<PerformanceId> {
        self.cards.used_since(self.clock.now().minus_ms(within_ms))
    }

    /// How many units of a performance are in each state, where it is at hand and its stock is there.
    pub async fn counts_at_hand(&self, id: PerformanceId) -> Result<Option<Counts>, AppError> {
        match self.stock.availability(id).await {
            Ok(seen) => Ok(Some(seen.counts)),
            Err(HotError::NotLoaded) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Counts a performance anew from what has its units: by how many capacity and states differ. `None` where it is not
    /// at hand, or its stock is not there. It reads the whole stock.
    pub async fn drift(&self, id: PerformanceId) -> Result<Option<u32>, AppError> {
        let Some(card) = self.cards.peek(id) else { return Ok(None) };
        match self.stock.image(id).await {
            Ok(image) => Ok(Some(count(Parts::of(&card), &image).iter().map(Part::drift).sum())),
            Err(HotError::NotLoaded) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Why the hot store might lose what it has accepted.
    pub async fn hot_flaws(&self) -> Result<Vec<String>, AppError> {
        Ok(self.stock.flaws().await?)
    }

    /// A performance in figures, as it is now. It reads the whole stock: for a few who ask once a second, not for a crowd.
    pub async fn figures(&self, id: PerformanceId) -> Result<Figures, AppError> {
        let card = self.card(id).await?;
        let image = self.on_stock(&card, || self.stock.image(id)).await?;
        Ok(Figures {
            performance: card.performance.clone(),
            parts: count(Parts::of(&card), &image),
            holds: image.holds.iter().map(|hold| hold.id).collect(),
            orders: image.sales.iter().map(|sale| sale.order).collect(),
        })
    }
}

/// The parts with every unit counted.
fn count(mut house: Parts, image: &Image) -> Vec<Part> {
    let capacity: u32 = house.parts.iter().map(|part| part.capacity).sum();
    let mut claimed = vec![false; capacity as usize];
    let mut claim = |units: &[Unit], state: UnitState| {
        for unit in units {
            if let Some(claimed) = claimed.get_mut(unit.index()) {
                *claimed = true;
            }
            house.count(*unit, state);
        }
    };
    for hold in &image.holds {
        let paying = matches!(hold.status, HoldStatus::Paying { .. });
        claim(&hold.units, if paying { UnitState::Paying } else { UnitState::Held });
    }
    for sale in &image.sales {
        claim(&sale.units, UnitState::Sold);
    }
    claim(&image.blocked, UnitState::Blocked);
    for (index, _) in claimed.iter().enumerate().filter(|(_, claimed)| !**claimed) {
        house.count(Unit::at_index(index), UnitState::Available);
    }
    house.parts
}

/// The parts of a house in the order of their units: sections, then areas.
struct Parts {
    parts: Vec<Part>,
    /// The first unit of each.
    firsts: Vec<u32>,
}

impl Parts {
    fn of(card: &Card) -> Self {
        let sections = card.house.plan.sections.iter().map(|section| {
            let seats = section.rows.iter().map(|row| row.seats.len() as u32).sum();
            (section.label.as_str(), PartKind::Section, seats)
        });
        let areas = card.performance.areas.iter();
        let areas = areas.map(|area| (area.label.as_str(), PartKind::Area, area.capacity));
        Self::new(sections.chain(areas))
    }

    fn new<'a>(parts: impl Iterator<Item = (&'a str, PartKind, u32)>) -> Self {
        let part = |(label, kind, capacity): (&str, _, _)| Part {
            label: label.to_owned(),
            kind,
            capacity,
            counts: Counts::default(),
        };
        let parts: Vec<Part> = parts.map(part).collect();
        let first = |next: &mut u32, part: &Part| {
            let first = *next;
            *next += part.capacity;
            Some(first)
        };
        let firsts = parts.iter().scan(1, first).collect();
        Self { parts, firsts }
    }

    fn count(&mut self, unit: Unit, state: UnitState) {
        let at = self.firsts.partition_point(|first| *first <= unit.0).checked_sub(1);
        if let Some(part) = at.and_then(|at| self.parts.get_mut(at)) {
            *part.counts.of(state) += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use onsale_domain::{
        ids::AccountId,
        inventory::Sale,
        position::Fence,
        reservations::Hold,
        seating::{Layout, SeatingPlan},
        time::Timestamp,
        units::Units,
    };
    use uuid::Uuid;

    use super::*;

    fn units(numbers: &[u32]) -> Units {
        numbers.iter().map(|number| Unit(*number)).collect()
    }

    fn hold(numbers: &[u32], status: HoldStatus) -> Hold {
        Hold {
            id: ReservationId(Uuid::nil()),
            owner: AccountId(Uuid::nil()),
            units: units(numbers),
            made_at: Timestamp(0),
            expires_at: Timestamp(1),
            fence: Fence(1),
            extensions_used: 0,
            status,
        }
    }

    fn sale(numbers: &[u32]) -> Sale {
        Sale { order: OrderId(Uuid::nil()), owner: AccountId(Uuid::nil()), units: units(numbers) }
    }

    /// Two rows of three seats and an area of four places, in which something of everything has happened.
    fn image() -> Image {
        let layout = Layout::new(&SeatingPlan::grid(2, 3).unwrap(), &[4]);
        let paying = HoldStatus::Paying { order: OrderId(Uuid::nil()), since: Timestamp(0) };
        Image {
            holds: vec![hold(&[1, 7], HoldStatus::Held), hold(&[2], paying)],
            sales: vec![sale(&[4, 5]), sale(&[8])],
            blocked: vec![Unit(6)],
            ..Image::untouched(layout, 1)
        }
    }

    fn counted(image: &Image) -> Vec<[u32; 6]> {
        let house =
            [("front", PartKind::Section, 3), ("back", PartKind::Section, 3), ("pit", PartKind::Area, 4)];
        let parts = count(Parts::new(house.into_iter()), image);
        let figures = |Part { capacity, counts, .. }: &Part| {
            [*capacity, counts.available, counts.held, counts.paying, counts.sold, counts.blocked]
        };
        parts.iter().map(figures).collect()
    }

    #[test]
    fn every_unit_is_in_its_part_and_in_one_state() {
        assert_eq!(counted(&image()), [[3, 1, 1, 1, 0, 0], [3, 0, 0, 0, 2, 1], [4, 2, 1, 0, 1, 0]]);
    }

    #[test]
    fn a_unit_that_two_have_makes_its_part_more_than_it_can_hold() {
        let mut twice = image();
        twice.sales.push(sale(&[1]));
        assert_eq!(counted(&twice), [[3, 1, 1, 1, 1, 0], [3, 0, 0, 0, 2, 1], [4, 2, 1, 0, 1, 0]]);
        // A unit that the house does not have is in the last part too much.
        let mut beyond = image();
        beyond.blocked.push(Unit(11));
        assert_eq!(counted(&beyond)[2], [4, 2, 1, 0, 1, 1]);
    }
}
