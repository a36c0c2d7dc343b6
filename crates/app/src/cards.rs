//! Cards: what has to be known about a performance to sell it, kept at hand.
//!
//! Invariants: what never changes (plan, layout, number) is read once; what an organizer may change (settings)
//! is at most [`FRESH_FOR_MS`] old, or older only while the ledger does not answer, so that holds go on
//! without it.

use std::sync::Arc;

use ahash::AHashMap;
use onsale_domain::{
    ids::{PerformanceId, PerformanceNumber, PlanId},
    money::Money,
    seating::{Layout, SeatingPlan},
    time::Timestamp,
    units::Unit,
};
use parking_lot::RwLock;

use crate::{
    App,
    at_hand::{AtHand, MAX_KEPT},
    errors::{AppError, Reason},
    ports::{
        StoreError,
        ledger::{Event, Performance},
    },
};

/// How long settings are used before they are read again.
pub const FRESH_FOR_MS: u64 = 1_000;

/// A performance with everything needed to sell it.
#[derive(Debug)]
pub struct Card {
    /// The performance.
    pub performance: Performance,
    /// Its event.
    pub event: Event,
    /// Its plan, with what follows from it.
    pub house: Arc<House>,
    /// The price of each category, by its index in the plan.
    pub category_prices: Vec<Money>,
    /// The units of seats and areas.
    pub layout: Arc<Layout>,
}

/// A seating plan and an index into it.
#[derive(Debug)]
pub struct House {
    /// The plan.
    pub plan: SeatingPlan,
    /// First unit, section and row of every row, in unit order.
    rows: Vec<(u32, u32, u32)>,
}

/// Where a unit is, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitLabel {
    /// Row and number of a seat, or the label of an area.
    pub label: String,
    /// The section, where the plan names it.
    pub section: Option<String>,
}

impl House {
    fn new(plan: SeatingPlan) -> Self {
        let mut rows = Vec::new();
        let mut next = 1;
        for (s, section) in plan.sections.iter().enumerate() {
            for (r, row) in section.rows.iter().enumerate() {
                rows.push((next, s as u32, r as u32));
                next += row.seats.len() as u32;
            }
        }
        Self { plan, rows }
    }

    /// The section, row and seat of a unit, where it is a seat of the plan.
    pub fn locate(
        &self,
        unit: Unit,
    ) -> Option<(&onsale_domain::seating::Section, &onsale_domain::seating::Row, &onsale_domain::seating::Seat)>
    {
        let at = self.rows.partition_point(|(first, _, _)| *first <= unit.0).checked_sub(1)?;
        let (first, section, row) = self.rows[at];
        let section = self.plan.sections.get(section as usize)?;
        let row = section.rows.get(row as usize)?;
        Some((section, row, row.seats.get((unit.0 - first) as usize)?))
    }
}

impl Card {
    /// What a unit is called.
    pub fn label(&self, unit: Unit) -> UnitLabel {
        if let Some((section, row, seat)) = self.house.locate(unit) {
            let label = if row.label.is_empty() {
                seat.number.clone()
            } else {
                format!("{}-{}", row.label, seat.number)
            };
            return UnitLabel {
                label,
                section: Some(section.label.clone()).filter(|label| !label.is_empty()),
            };
        }
        let area = self.layout.area_of(unit).and_then(|run| self.performance.areas.get(run.id as usize - 1));
        UnitLabel { label: area.map_or_else(String::new, |area| area.label.clone()), section: None }
    }

    /// What a unit costs.
    pub fn price(&self, unit: Unit) -> Money {
        let free = Money::zero(self.event.settings.currency);
        if let Some(category) = self.layout.category_of(unit) {
            return self.category_prices.get(category as usize).copied().unwrap_or(free);
        }
        let area = self.layout.area_of(unit).and_then(|run| self.performance.areas.get(run.id as usize - 1));
        area.map_or(free, |area| area.price)
    }

    /// What several units cost together. Prices are bounded where they enter, so the sum fits.
    pub fn total(&self, units: &[Unit]) -> Money {
        let zero = Money::zero(self.event.settings.currency);
        units.iter().fold(zero, |sum, unit| sum.checked_add(self.price(*unit)).unwrap_or(sum))
    }
}

/// The cards at hand.
pub(crate) struct Cards {
    by_id: AtHand<PerformanceId, Card>,
    numbers: RwLock<AHashMap<PerformanceNumber, PerformanceId>>,
    houses: RwLock<AHashMap<PlanId, (Arc<House>, Timestamp)>>,
}

impl Default for Cards {
    fn default() -> Self {
        Self { by_id: AtHand::fresh_for(FRESH_FOR_MS), numbers: RwLock::default(), houses: RwLock::default() }
    }
}

impl Cards {
    /// Reads everything anew at the next use.
    pub(crate) fn forget(&self) {
        self.by_id.forget();
    }

    /// The card of a performance however old, without counting as a use of it.
    pub(crate) fn peek(&self, id: PerformanceId) -> Option<Arc<Card>> {
        self.by_id.peek(id)
    }

    /// Those that were read after a moment, in order.
    pub(crate) fn used_since(&self, since: Timestamp) -> Vec<PerformanceId> {
        let mut used = self.by_id.read_since(since);
        used.sort_unstable();
        used
    }

    /// Remembers what never changes.
    fn number(&self, performance: &Performance) {
        let mut numbers = self.numbers.write();
        if numbers.len() >= MAX_KEPT {
            numbers.clear();
        }
        numbers.insert(performance.number, performance.id);
    }
}

impl App {
    /// The card of a performance.
    pub async fn card(&self, id: PerformanceId) -> Result<Arc<Card>, AppError> {
        let found = self.cards.by_id.get(id, self.clock.now(), self.read_card(id)).await?;
        found.ok_or_else(|| AppError::not_found("performance"))
    }

    /// The card of a performance, or none where it has been deleted: what was sold or held there outlives it.
    pub(crate) async fn find_card(&self, id: PerformanceId) -> Result<Option<Arc<Card>>, AppError> {
        match self.card(id).await {
            Ok(card) => Ok(Some(card)),
            Err(error) if error.reason() == Reason::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The card of the performance that a reservation belongs to.
    pub(crate) async fn card_by_number(
        &self,
        number: PerformanceNumber,
    ) -> Result<Option<Arc<Card>>, AppError> {
        let known = self.cards.numbers.read().get(&number).copied();
        if let Some(id) = known {
            return self.find_card(id).await;
        }
        match self.ledger.performance_by_number(number).await? {
            None => Ok(None),
            Some(performance) => self.find_card(performance.id).await,
        }
    }

    async fn read_card(&self, id: PerformanceId) -> Result<Option<Card>, StoreError> {
        let Some(performance) = self.ledger.performance(id).await? else { return Ok(None) };
        let Some(event) = self.ledger.event(performance.event).await? else { return Ok(None) };
        let (house, layout) = if let Some(card) = self.cards.peek(id) {
            (Arc::clone(&card.house), Arc::clone(&card.layout))
        } else {
            let house = self.house(performance.plan).await?;
            let capacities: Vec<u32> = performance.areas.iter().map(|area| area.capacity).collect();
            let layout = Arc::new(Layout::new(&house.plan, &capacities));
            (house, layout)
        };
        let free = Money::zero(event.settings.currency);
        let category_prices = house
            .plan
            .categories
            .iter()
            .map(|category| {
                let named = performance.prices.iter().find(|(name, _)| *name == category.name);
                named.map_or(free, |(_, price)| *price)
            })
            .collect();
        self.cards.number(&performance);
        Ok(Some(Card { performance, event, house, category_prices, layout }))
    }

    /// A seating plan, read once.
    async fn house(&self, id: PlanId) -> Result<Arc<House>, StoreError> {
        if let Some((house, _)) = self.cards.houses.read().get(&id) {
            return Ok(Arc::clone(house));
        }
        let Some((_, plan)) = self.ledger.plan(id).await? else {
            return Err(StoreError::corrupt(format!("seating plan {id} is gone")));
        };
        let house = Arc::new(House::new(plan));
        let mut houses = self.cards.houses.write();
        if houses.len() >= MAX_KEPT {
            let oldest = houses.iter().min_by_key(|(_, (_, since))| *since).map(|(id, _)| *id);
            oldest.map(|id| houses.remove(&id));
        }
        houses.insert(id, (Arc::clone(&house), self.clock.now()));
        Ok(house)
    }
}
