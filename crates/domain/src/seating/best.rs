//! Best available: which free seats somebody gets who does not pick.
//!
//! The rule, for seats together:
//! 1. side by side in one row without an aisle between; among those first the places that leave no single seat
//!    alone between taken ones or an edge, then the nearest to the stage;
//! 2. where no such place is left: in one row, as close to each other as can be;
//! 3. then in one section, then anywhere: the nearest to the stage.
//!
//! Seats apart are simply the nearest to the stage, each for itself.
//!
//! Invariant: the answer has exactly as many free seats of the category as were asked for, or there are fewer.

use std::collections::BTreeMap;

use super::layout::{Layout, SeatRun};
use crate::units::{Unit, Units};

/// What is wished for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BestAvailable {
    /// How many seats.
    pub quantity: u32,
    /// Only of this category.
    pub category: Option<u16>,
    /// Side by side, if it can be.
    pub together: bool,
}

/// The best free seats by the rule above, in the order of their numbers; `None` where fewer are free.
pub fn best_available(
    layout: &Layout,
    wish: &BestAvailable,
    is_free: impl Fn(Unit) -> bool,
) -> Option<Units> {
    if wish.quantity == 0 || wish.quantity > layout.seat_count() {
        return None;
    }
    let matches = |unit: Unit| {
        is_free(unit) && wish.category.is_none_or(|category| layout.category_of(unit) == Some(category))
    };
    if wish.together {
        side_by_side(layout, wish.quantity, &is_free, &matches)
            .or_else(|| close_in_one_row(layout, wish.quantity, &matches))
            .or_else(|| in_one_section(layout, wish.quantity, &matches))
            .or_else(|| anywhere(layout, wish.quantity, &matches))
    } else {
        anywhere(layout, wish.quantity, &matches)
    }
}

fn seats_of(run: &SeatRun) -> impl Iterator<Item = Unit> + use<> {
    (run.first.0..run.first.0 + run.count).map(Unit)
}

fn side_by_side(
    layout: &Layout,
    quantity: u32,
    is_free: &impl Fn(Unit) -> bool,
    matches: &impl Fn(Unit) -> bool,
) -> Option<Units> {
    // Fewest seats left alone, then least distance, then the lowest number.
    let mut best: Option<(u32, u64, u32)> = None;
    for run in layout.runs.iter().filter(|run| run.count >= quantity) {
        let last = run.first.0 + run.count - 1;
        let free_in_run = |number: u32| (run.first.0..=last).contains(&number) && is_free(Unit(number));
        let (mut length, mut distance) = (0, 0_u64);
        for unit in seats_of(run) {
            if !matches(unit) {
                (length, distance) = (0, 0);
                continue;
            }
            length += 1;
            distance += u64::from(layout.ranks[unit.index()]);
            if length > quantity {
                distance -= u64::from(layout.ranks[unit.index() - quantity as usize]);
            }
            if length < quantity {
                continue;
            }
            let (first, end) = (unit.0 + 1 - quantity, unit.0);
            if best.is_some_and(|(alone, least, _)| alone == 0 && least <= distance) {
                continue;
            }
            let left_alone = free_in_run(first - 1) && !free_in_run(first.wrapping_sub(2));
            let right_alone = free_in_run(end + 1) && !free_in_run(end + 2);
            let alone = u32::from(left_alone) + u32::from(right_alone);
            let candidate = (alone, distance, first);
            if best.is_none_or(|known| candidate < known) {
                best = Some(candidate);
            }
        }
    }
    best.map(|(_, _, first)| (first..first + quantity).map(Unit).collect())
}

fn close_in_one_row(layout: &Layout, quantity: u32, matches: &impl Fn(Unit) -> bool) -> Option<Units> {
    let quantity = quantity as usize;
    let mut best: Option<(u32, u64, Units)> = None;
    for row in layout.runs.chunk_by(|a, b| a.row == b.row) {
        let free: Vec<Unit> = row.iter().flat_map(seats_of).filter(|unit| matches(*unit)).collect();
        for window in free.windows(quantity) {
            let span = window[quantity - 1].0 - window[0].0;
            let distance = window.iter().map(|unit| u64::from(layout.ranks[unit.index()])).sum();
            if best.as_ref().is_none_or(|(s, d, _)| (span, distance) < (*s, *d)) {
                best = Some((span, distance, window.iter().copied().collect()));
            }
        }
    }
    best.map(|(_, _, units)| units)
}

fn in_one_section(layout: &Layout, quantity: u32, matches: &impl Fn(Unit) -> bool) -> Option<Units> {
    let mut by_section: BTreeMap<u32, Vec<Unit>> = BTreeMap::new();
    for run in &layout.runs {
        by_section.entry(run.section).or_default().extend(seats_of(run).filter(|unit| matches(*unit)));
    }
    by_section
        .into_values()
        .filter_map(|free| nearest(layout, free, quantity))
        .min_by_key(|units| units.iter().map(|unit| u64::from(layout.ranks[unit.index()])).sum::<u64>())
}

fn anywhere(layout: &Layout, quantity: u32, matches: &impl Fn(Unit) -> bool) -> Option<Units> {
    let free = (1..=layout.seat_count()).map(Unit).filter(|unit| matches(*unit)).collect();
    nearest(layout, free, quantity)
}

/// The `quantity` units nearest to the stage, in the order of their numbers.
fn nearest(layout: &Layout, mut free: Vec<Unit>, quantity: u32) -> Option<Units> {
    let quantity = quantity as usize;
    if free.len() < quantity {
        return None;
    }
    if free.len() > quantity {
        free.select_nth_unstable_by_key(quantity - 1, |unit| layout.ranks[unit.index()]);
    }
    free.truncate(quantity);
    free.sort_unstable();
    Some(free.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::seating::SeatingPlan;

    fn pick(rows: u32, columns: u32, taken: &[u32], quantity: u32, together: bool) -> Option<Vec<u32>> {
        let layout = Layout::new(&SeatingPlan::grid(rows, columns).unwrap(), &[]);
        let wish = BestAvailable { quantity, category: None, together };
        let picked = best_available(&layout, &wish, |unit| !taken.contains(&unit.0))?;
        Some(picked.iter().map(|unit| unit.0).collect())
    }

    #[test]
    fn the_middle_of_the_first_row_goes_first() {
        assert_eq!(pick(3, 5, &[], 1, true), Some(vec![3]));
        assert_eq!(
            pick(3, 5, &[], 3, true),
            Some(vec![1, 2, 3]),
            "the middle three would leave two seats alone"
        );
        assert_eq!(pick(3, 5, &[], 5, true), Some(vec![1, 2, 3, 4, 5]));
    }

    #[test]
    fn no_single_seat_is_left_where_that_can_be_avoided() {
        // Of four free seats in a row, the middle pair would leave one alone on either side.
        assert_eq!(pick(1, 4, &[], 2, true), Some(vec![1, 2]));
        // A gap of three: the pair leaves one alone whichever way, unless another row offers better.
        assert_eq!(pick(2, 4, &[1], 2, true), Some(vec![5, 6]));
    }

    #[test]
    fn what_cannot_be_side_by_side_is_close_in_one_row_then_in_one_section() {
        assert_eq!(pick(2, 3, &[2, 4, 5], 2, true), Some(vec![1, 3]));
        assert_eq!(pick(2, 3, &[2, 3, 5, 6], 2, true), Some(vec![1, 4]));
        assert_eq!(pick(1, 3, &[1, 2, 3], 1, true), None);
        assert_eq!(pick(1, 3, &[], 4, true), None);
    }

    #[test]
    fn apart_means_each_seat_for_itself() {
        assert_eq!(pick(1, 5, &[3], 2, false), Some(vec![2, 4]));
    }

    proptest! {
        #[test]
        fn exactly_as_many_free_seats_as_asked_for_or_there_are_fewer(
            rows in 1..6_u32, columns in 1..9_u32, quantity in 1..8_u32, together: bool,
            free in prop::collection::vec(any::<bool>(), 54),
        ) {
            let layout = Layout::new(&SeatingPlan::grid(rows, columns).unwrap(), &[]);
            let is_free = |unit: Unit| free[unit.index()];
            let count = (1..=layout.seat_count()).filter(|n| is_free(Unit(*n))).count();
            let wish = BestAvailable { quantity, category: None, together };
            match best_available(&layout, &wish, is_free) {
                None => prop_assert!(count < quantity as usize),
                Some(units) => {
                    let distinct: BTreeSet<Unit> = units.iter().copied().collect();
                    prop_assert_eq!(distinct.len(), quantity as usize);
                    prop_assert!(units.iter().all(|unit| is_free(*unit)));
                    let side_by_side_exists = (0..rows).any(|row| {
                        (0..columns.saturating_sub(quantity - 1))
                            .any(|c| (0..quantity).all(|i| is_free(Unit(row * columns + c + i + 1))))
                    });
                    if together && side_by_side_exists {
                        prop_assert!(units.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0));
                        prop_assert_eq!((units[0].0 - 1) / columns, (units[units.len() - 1].0 - 1) / columns);
                    }
                }
            }
        }
    }
}
