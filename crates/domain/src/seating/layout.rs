//! The layout: the few facts about a plan that the stock needs, small enough to keep for every performance.
//!
//! Invariant: units 1…seat_count are the seats in the order of the plan; behind them each area is one run of
//! units, in the order of its id from 1.

use serde::{Deserialize, Serialize};

use super::plan::{Row, SeatingPlan};
use crate::units::Unit;

/// Neighbours in a row that are further apart than this many times the usual distance have an aisle between
/// them.
const AISLE: f32 = 1.8;

/// The places of one general-admission area.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AreaRun {
    /// From 1, in the order in which the performance lists its areas.
    pub id: u32,
    /// Its first place.
    pub first: Unit,
    /// How many places.
    pub capacity: u32,
}

impl AreaRun {
    /// Whether a unit is one of its places.
    pub fn contains(&self, unit: Unit) -> bool {
        (self.first.0..self.first.0 + self.capacity).contains(&unit.0)
    }
}

/// Seats of one row that are side by side, without an aisle between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SeatRun {
    pub(super) first: Unit,
    pub(super) count: u32,
    /// Which row of the whole plan, and which section.
    pub(super) row: u32,
    pub(super) section: u32,
}

/// The static facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    seat_count: u32,
    areas: Vec<AreaRun>,
    pub(super) runs: Vec<SeatRun>,
    /// Category of each seat.
    pub(super) categories: Vec<u16>,
    /// Place of each seat among all seats, the best first: 0 is the nearest to the stage.
    pub(super) ranks: Vec<u32>,
}

impl Layout {
    /// The layout of a plan with areas of these capacities.
    pub fn new(plan: &SeatingPlan, area_capacities: &[u32]) -> Self {
        let seat_count = plan.seat_count();
        let mut next = seat_count + 1;
        let areas = area_capacities
            .iter()
            .zip(1..)
            .map(|(capacity, id)| {
                let run = AreaRun { id, first: Unit(next), capacity: *capacity };
                next += capacity;
                run
            })
            .collect();
        Self {
            seat_count,
            areas,
            runs: runs(plan),
            categories: plan.seats().map(|placed| placed.seat.category).collect(),
            ranks: ranks(plan),
        }
    }

    /// How many seats.
    pub fn seat_count(&self) -> u32 {
        self.seat_count
    }

    /// Seats and places.
    pub fn capacity(&self) -> u32 {
        self.seat_count + self.areas.iter().map(|area| area.capacity).sum::<u32>()
    }

    /// The areas, in the order of their ids.
    pub fn areas(&self) -> &[AreaRun] {
        &self.areas
    }

    /// An area by its id.
    pub fn area(&self, id: u32) -> Option<&AreaRun> {
        self.areas.get((id as usize).checked_sub(1)?)
    }

    /// The area that a unit is a place of.
    pub fn area_of(&self, unit: Unit) -> Option<&AreaRun> {
        self.areas.iter().find(|area| area.contains(unit))
    }

    /// Whether a unit is a seat.
    pub fn is_seat(&self, unit: Unit) -> bool {
        (1..=self.seat_count).contains(&unit.0)
    }

    /// The category of a seat, as an index into the plan's categories.
    pub fn category_of(&self, unit: Unit) -> Option<u16> {
        if unit.0 == 0 { None } else { self.categories.get(unit.index()).copied() }
    }
}

fn runs(plan: &SeatingPlan) -> Vec<SeatRun> {
    let mut runs = Vec::new();
    let (mut next, mut row_number) = (1, 0);
    for (section, rows) in
        plan.sections.iter().map(|section| &section.rows).zip(0..).map(|(rows, s)| (s, rows))
    {
        for row in rows {
            for count in side_by_side(row) {
                runs.push(SeatRun { first: Unit(next), count, row: row_number, section });
                next += count;
            }
            row_number += 1;
        }
    }
    runs
}

/// How many seats of a row are side by side before each aisle.
fn side_by_side(row: &Row) -> Vec<u32> {
    if row.seats.is_empty() {
        return Vec::new();
    }
    let gaps: Vec<f32> =
        row.seats.windows(2).map(|pair| (pair[1].x - pair[0].x).hypot(pair[1].y - pair[0].y)).collect();
    let mut sorted = gaps.clone();
    sorted.sort_unstable_by(f32::total_cmp);
    let usual = sorted.get(sorted.len() / 2).copied().unwrap_or(0.0);
    let mut counts = vec![1];
    for gap in gaps {
        if gap > usual * AISLE {
            counts.push(1);
        } else if let Some(last) = counts.last_mut() {
            *last += 1;
        }
    }
    counts
}

/// The seats by their distance from the stage: from the middle of what is labelled so, or from the middle of
/// the upper edge.
fn ranks(plan: &SeatingPlan) -> Vec<u32> {
    let stage = plan.shapes.iter().find(|shape| {
        shape
            .text
            .as_ref()
            .is_some_and(|text| text.trim().eq_ignore_ascii_case("stage") || text.trim() == "무대")
    });
    let (x, y) = stage.map_or_else(|| middle_of_upper_edge(plan), super::plan::Shape::centre);
    let distances: Vec<f32> =
        plan.seats().map(|placed| (placed.seat.x - x).hypot(placed.seat.y - y)).collect();
    let mut order: Vec<u32> = (0..distances.len() as u32).collect();
    // Equally good seats stay in the order of the plan.
    order.sort_by(|a, b| distances[*a as usize].total_cmp(&distances[*b as usize]));
    let mut ranks = vec![0; order.len()];
    for (rank, seat) in (0..).zip(order) {
        ranks[seat as usize] = rank;
    }
    ranks
}

fn middle_of_upper_edge(plan: &SeatingPlan) -> (f32, f32) {
    let mut edges: Option<(f32, f32, f32)> = None;
    for placed in plan.seats() {
        let (x, y) = (placed.seat.x, placed.seat.y);
        let (left, right, top) = edges.unwrap_or((x, x, y));
        edges = Some((left.min(x), right.max(x), top.min(y)));
    }
    edges.map_or((0.0, 0.0), |(left, right, top)| (f32::midpoint(left, right), top))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_follow_the_seats_in_order() {
        let layout = Layout::new(&SeatingPlan::grid(2, 3).unwrap(), &[5, 1]);
        assert_eq!((layout.seat_count(), layout.capacity()), (6, 12));
        assert_eq!(layout.area(1).map(|area| area.first), Some(Unit(7)));
        assert_eq!(layout.area_of(Unit(12)).map(|area| area.id), Some(2));
        assert!(layout.area_of(Unit(6)).is_none() && layout.area(0).is_none() && layout.area(3).is_none());
        assert!(layout.is_seat(Unit(1)) && layout.is_seat(Unit(6)));
        assert!(!layout.is_seat(Unit(0)) && !layout.is_seat(Unit(7)));
        assert_eq!(layout.category_of(Unit(0)), None);
    }

    #[test]
    fn a_wide_gap_is_an_aisle_and_a_row_of_one_is_a_run() {
        let mut plan = SeatingPlan::grid(2, 5).unwrap();
        for seat in &mut plan.sections[0].rows[0].seats[2..] {
            seat.x += 50.0;
        }
        plan.sections[0].rows[1].seats.truncate(1);
        let counts: Vec<u32> = Layout::new(&plan, &[]).runs.iter().map(|run| run.count).collect();
        assert_eq!(counts, [2, 3, 1]);
    }

    #[test]
    fn the_best_seat_is_nearest_the_stage() {
        let layout = Layout::new(&SeatingPlan::grid(3, 3).unwrap(), &[]);
        assert_eq!(layout.ranks[1], 0, "the middle of the first row");
        assert_eq!(layout.ranks.iter().max(), Some(&8));
    }
}
