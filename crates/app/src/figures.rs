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

use crate::{App, cards::Card, errors::AppError, ports::ledger::Performance};

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

impl App {
    /// A performance in figures, as it is now. It reads the whole stock: for a few who ask once a second, not for a crowd.
    pub async fn figures(&self, id: PerformanceId) -> Result<Figures, AppError> {
        let card = self.card(id).await?;
        let image = self.on_stock(&card, || self.stock.image(id)).await?;
        Ok(count(&card, &image))
    }
}

fn count(card: &Card, image: &Image) -> Figures {
    let mut house = Parts::of(card);
    let mut claimed = vec![false; card.performance.capacity as usize];
    let mut claim = |unit: &Unit, state: UnitState| {
        if let Some(claimed) = claimed.get_mut(unit.index()) {
            *claimed = true;
        }
        house.count(*unit, state);
    };
    for hold in &image.holds {
        let paying = matches!(hold.status, HoldStatus::Paying { .. });
        let state = if paying { UnitState::Paying } else { UnitState::Held };
        hold.units.iter().for_each(|unit| claim(unit, state));
    }
    for sale in &image.sales {
        sale.units.iter().for_each(|unit| claim(unit, UnitState::Sold));
    }
    image.blocked.iter().for_each(|unit| claim(unit, UnitState::Blocked));
    for (index, _) in claimed.iter().enumerate().filter(|(_, claimed)| !**claimed) {
        house.count(Unit::at_index(index), UnitState::Available);
    }
    Figures {
        performance: card.performance.clone(),
        parts: house.parts,
        holds: image.holds.iter().map(|hold| hold.id).collect(),
        orders: image.sales.iter().map(|sale| sale.order).collect(),
    }
}

/// The parts of a house in the order of their units: sections, then areas.
struct Parts {
    parts: Vec<Part>,
    /// The first unit of each.
    firsts: Vec<u32>,
}

impl Parts {
    fn of(card: &Card) -> Self {
        let part = |label: &str, kind, capacity| Part {
            label: label.to_owned(),
            kind,
            capacity,
            counts: Counts::default(),
        };
        let sections = card.house.plan.sections.iter().map(|section| {
            let seats = section.rows.iter().map(|row| row.seats.len() as u32).sum();
            part(&section.label, PartKind::Section, seats)
        });
        let areas = card.performance.areas.iter();
        let areas = areas.map(|area| part(&area.label, PartKind::Area, area.capacity));
        let parts: Vec<Part> = sections.chain(areas).collect();
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
