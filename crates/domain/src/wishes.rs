//! Wishes: what people in the line would take of what comes back after everything was sold.
//!
//! Invariants: what fits a wish is all of it or nothing; where less is free, nothing fits that did not fit before.

use crate::{
    reservations::Choice,
    seating::{BestAvailable, Layout, best_available, side_by_side},
    units::Unit,
};

/// Where a wish stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WishStatus {
    /// It waits for something that fits.
    Waiting,
    /// Something is held for who has it.
    Offered,
    /// They have bought it.
    Taken,
    /// They let it lapse, or gave it back.
    Missed,
    /// They want nothing any more, or may have no more than they have.
    Withdrawn,
}

impl WishStatus {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Waiting, Self::Offered, Self::Taken, Self::Missed, Self::Withdrawn];

    /// Its name in the ledger and the interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Offered => "offered",
            Self::Taken => "taken",
            Self::Missed => "missed",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The status of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// What would do, in the terms of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fitting {
    /// How many, all or none.
    pub quantity: u32,
    /// Seats of this category only, an index into the plan's categories.
    pub category: Option<u16>,
    /// Places of this area only.
    pub area: Option<u32>,
    /// Side by side or not at all. Places of an area always are together.
    pub together: bool,
}

impl Fitting {
    /// What of the free units is to be held for this wish; `None`: nothing fits. Seats come before places of areas,
    /// unless it names an area.
    pub fn choose(
        &self,
        layout: &Layout,
        is_free: impl Fn(Unit) -> bool,
        free_places: &[(u32, u32)],
    ) -> Option<Choice> {
        let Self { quantity, category, area: wanted, together } = *self;
        if wanted.is_none() {
            let wish = BestAvailable { quantity, category, together };
            let seats = if together && quantity > 1 {
                side_by_side(layout, &wish, &is_free)
            } else {
                best_available(layout, &wish, &is_free)
            };
            if let Some(seats) = seats {
                return Some(Choice::Seats(seats));
            }
        }
        if category.is_some() || quantity == 0 {
            return None;
        }
        let mut areas = free_places.iter().filter(|(area, _)| wanted.is_none_or(|wanted| wanted == *area));
        areas.find(|(_, free)| *free >= quantity).map(|(area, _)| Choice::Area { area: *area, quantity })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seating::SeatingPlan;

    const ANY: Fitting = Fitting { quantity: 2, category: None, area: None, together: true };

    /// What fits of one row of eight seats with these free, and an area 1 with so many free places.
    fn fits(fitting: Fitting, free: &[u32], places: u32) -> Option<Choice> {
        let layout = Layout::new(&SeatingPlan::grid(1, 8).unwrap(), &[10]);
        fitting.choose(&layout, |unit| free.contains(&unit.0), &[(1, places)])
    }

    fn seats(numbers: &[u32]) -> Choice {
        Choice::Seats(numbers.iter().map(|number| Unit(*number)).collect())
    }

    #[test]
    fn together_is_side_by_side_or_not_at_all() {
        assert_eq!(fits(ANY, &[3, 4], 0), Some(seats(&[3, 4])));
        assert_eq!(fits(ANY, &[3, 5], 0), None);
        assert_eq!(fits(Fitting { together: false, ..ANY }, &[3, 5], 0), Some(seats(&[3, 5])));
        assert_eq!(fits(Fitting { quantity: 1, ..ANY }, &[5], 0), Some(seats(&[5])));
    }

    #[test]
    fn all_of_it_or_nothing() {
        assert_eq!(fits(Fitting { quantity: 3, ..ANY }, &[3, 4], 0), None);
        assert_eq!(fits(Fitting { quantity: 0, ..ANY }, &[3, 4], 5), None);
        assert_eq!(fits(Fitting { quantity: 9, together: false, ..ANY }, &[3, 4], 8), None);
    }

    #[test]
    fn a_category_or_an_area_is_kept_to() {
        let category = |category| Fitting { category: Some(category), ..ANY };
        assert_eq!(fits(category(0), &[3, 4], 0), Some(seats(&[3, 4])));
        assert_eq!(fits(category(1), &[3, 4], 9), None, "places have no category");
        let area = |area| Fitting { area: Some(area), ..ANY };
        assert_eq!(fits(area(1), &[3, 4], 2), Some(Choice::Area { area: 1, quantity: 2 }));
        assert_eq!(fits(area(1), &[3, 4], 1), None);
        assert_eq!(fits(area(2), &[3, 4], 9), None);
        assert_eq!(fits(ANY, &[3], 2), Some(Choice::Area { area: 1, quantity: 2 }), "whatever there is");
    }

    #[test]
    fn names_lead_back() {
        assert!(WishStatus::ALL.into_iter().all(|status| WishStatus::parse(status.as_str()) == Some(status)));
        assert_eq!(WishStatus::parse("gone"), None);
    }
}
