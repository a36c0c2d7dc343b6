//! The layout: the few facts about a plan that the stock needs, some ten bytes a seat, kept for every
//! performance.
//!
//! Invariant: units 1…seat_count are the seats in the order of the plan; behind them each area is one run of
//! units, in the order of its id from 1.

use serde::{Deserialize, Serialize};

use super::plan::{Row, Seat, SeatingPlan, Shape};
use crate::units::Unit;

/// Neighbours in a row that are further apart than this many times the usual distance have an aisle between
/// them. Seats of one row that are drawn on whole units differ by a few percent, even on a curve, and drawn
/// aisles begin at some 1.7.
const AISLE: f32 = 1.5;

/// Another order of a row's seats than that of the plan is believed only if the walk along the row gets
/// shorter by more than rounding can explain.
const CLEARLY_SHORTER: f32 = 0.95;

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
    /// Its places, in the order of their numbers.
    pub fn units(&self) -> impl Iterator<Item = Unit> + use<> {
        (self.first.0..self.first.0 + self.capacity).map(Unit)
    }

    /// Whether a unit is one of its places.
    pub fn contains(&self, unit: Unit) -> bool {
        (self.first.0..self.first.0 + self.capacity).contains(&unit.0)
    }
}

/// Seats of one row that are side by side, without an aisle or a seat between them that is kept for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SeatRun {
    /// The first one as a place in the line, see [`Layout::seat_at`].
    pub(super) first: u32,
    pub(super) count: u32,
    /// Which row of the whole plan, and which section.
    pub(super) row: u32,
    pub(super) section: u32,
}

impl SeatRun {
    /// The first place in the line behind it.
    pub(super) fn end(&self) -> u32 {
        self.first + self.count
    }
}

/// The static facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    seat_count: u32,
    areas: Vec<AreaRun>,
    /// In the order of the plan.
    runs: Vec<SeatRun>,
    /// The best rank in each run and the run's index, the best run first.
    best_runs: Vec<(u32, u32)>,
    /// Who sits next to whom: all seats, row after row, from one end of the row to the other. Empty where
    /// that is the order of the plan, as in nearly all plans.
    line: Vec<Unit>,
    /// Category of each seat.
    categories: Vec<u16>,
    /// Place of each seat among all seats, the best first: 0 is the nearest to the stage.
    ranks: Vec<u32>,
    /// Where each seat is, in steps of 1/65,535 of the house.
    spots: Vec<(u16, u16)>,
}

impl Layout {
    /// The layout of a plan with areas of these capacities. Seats and places together must fit into a `u32`.
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
        let (runs, line) = line_up(plan);
        let mut layout = Self {
            seat_count,
            areas,
            runs,
            best_runs: Vec::new(),
            line,
            categories: plan.seats().map(|placed| placed.seat.category).collect(),
            ranks: ranks(plan),
            spots: spots(plan),
        };
        layout.best_runs = layout.runs_by_rank();
        layout
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

    /// Seats side by side, in the order of the plan.
    pub(super) fn runs(&self) -> &[SeatRun] {
        &self.runs
    }

    /// Each run with the best rank in it, the best run first.
    pub(super) fn best_runs(&self) -> impl Iterator<Item = (u32, &SeatRun)> {
        self.best_runs.iter().map(|(rank, run)| (*rank, &self.runs[*run as usize]))
    }

    /// The seat at a place in the line of all seats, from 0: neighbours in a row are neighbours in the line.
    pub(super) fn seat_at(&self, place: u32) -> Unit {
        if self.line.is_empty() { Unit::at_index(place as usize) } else { self.line[place as usize] }
    }

    /// How many seats are better than this one.
    pub(super) fn rank(&self, seat: Unit) -> u32 {
        self.ranks[seat.index()]
    }

    /// The square of the distance between two seats, to compare with others.
    pub(super) fn distance(&self, one: Unit, other: Unit) -> u64 {
        let ((x, y), (to_x, to_y)) = (self.spots[one.index()], self.spots[other.index()]);
        let (dx, dy) = (u64::from(x.abs_diff(to_x)), u64::from(y.abs_diff(to_y)));
        dx * dx + dy * dy
    }

    fn runs_by_rank(&self) -> Vec<(u32, u32)> {
        let best = |run: &SeatRun| (run.first..run.end()).map(|place| self.rank(self.seat_at(place))).min();
        let mut ranked: Vec<(u32, u32)> =
            self.runs.iter().zip(0..).filter_map(|(run, index)| Some((best(run)?, index))).collect();
        ranked.sort_unstable();
        ranked
    }
}

/// The runs of a plan, and the line of its seats; the line is empty where it is the order of the plan.
fn line_up(plan: &SeatingPlan) -> (Vec<SeatRun>, Vec<Unit>) {
    let mut runs = Vec::new();
    let mut line = Vec::with_capacity(plan.seat_count() as usize);
    let mut as_planned = true;
    let sections = plan.sections.iter().zip(0..);
    let rows = sections.flat_map(|(section, number)| section.rows.iter().map(move |row| (row, number)));
    for ((row, section), row_number) in rows.zip(0..) {
        let before = line.len();
        if let Some(order) = other_order(row) {
            as_planned = false;
            line.extend(order.iter().map(|seat| Unit::at_index(before + seat)));
        } else {
            line.extend((before..before + row.seats.len()).map(Unit::at_index));
        }
        let seats: Vec<&Seat> = line[before..].iter().map(|unit| &row.seats[unit.index() - before]).collect();
        let mut first = before as u32;
        for count in side_by_side(&seats) {
            let from = first as usize - before;
            for (start, count) in unkept(&seats[from..from + count as usize]) {
                runs.push(SeatRun { first: first + start, count, row: row_number, section });
            }
            first += count;
        }
    }
    (runs, if as_planned { Vec::new() } else { line })
}

/// The order of a row's seats from end to end, where it is not the order of the plan.
///
/// Plans list seats by number, and some houses number from the middle outwards, odd to the left and even to
/// the right: there seat 2 is not beside seat 1. The order along the row's longer side is taken where it
/// makes the walk shorter. Where it does not, as in a horseshoe that bends back on itself, the plan is right.
fn other_order(row: &Row) -> Option<Vec<usize>> {
    let seats = &row.seats;
    let along_x: fn(&Seat) -> f32 = |seat| seat.x;
    let along_y: fn(&Seat) -> f32 = |seat| seat.y;
    let extent = |along: fn(&Seat) -> f32| {
        let (least, most) = bounds(seats.iter().map(along));
        most - least
    };
    let along = if extent(along_x) >= extent(along_y) { along_x } else { along_y };
    if seats.is_sorted_by(|a, b| along(a) <= along(b)) || seats.is_sorted_by(|a, b| along(a) >= along(b)) {
        return None;
    }
    let mut order: Vec<usize> = (0..seats.len()).collect();
    order.sort_by(|a, b| along(&seats[*a]).total_cmp(&along(&seats[*b])));
    let walk: f32 = order.windows(2).map(|pair| gap(&seats[pair[0]], &seats[pair[1]])).sum();
    let planned: f32 = seats.windows(2).map(|pair| gap(&pair[0], &pair[1])).sum();
    (walk < planned * CLEARLY_SHORTER).then_some(order)
}

/// Where those seats begin, and how many there are, that are kept for nobody in particular: who does not pick gets no
/// others.
fn unkept(seats: &[&Seat]) -> Vec<(u32, u32)> {
    let mut at = 0;
    let mut found = Vec::new();
    for part in seats.chunk_by(|a, b| a.kept_for.is_some() == b.kept_for.is_some()) {
        if part.first().is_some_and(|seat| seat.kept_for.is_none()) {
            found.push((at, part.len() as u32));
        }
        at += part.len() as u32;
    }
    found
}

/// How many seats of a row are side by side before each aisle.
fn side_by_side(seats: &[&Seat]) -> Vec<u32> {
    if seats.is_empty() {
        return Vec::new();
    }
    let gaps: Vec<f32> = seats.windows(2).map(|pair| gap(pair[0], pair[1])).collect();
    let mut sorted = gaps.clone();
    sorted.sort_unstable_by(f32::total_cmp);
    // The lower of two medians: of three seats with an aisle between two of them, the aisle is not the usual.
    let usual = sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(0.0);
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

fn gap(one: &Seat, other: &Seat) -> f32 {
    (other.x - one.x).hypot(other.y - one.y)
}

fn bounds(values: impl Iterator<Item = f32>) -> (f32, f32) {
    values.fold((f32::INFINITY, f32::NEG_INFINITY), |(least, most), v| (least.min(v), most.max(v)))
}

/// The seats by their distance from the stage, or from the middle of the front of the house where none is
/// drawn.
fn ranks(plan: &SeatingPlan) -> Vec<u32> {
    let (x, y) = stage(plan).map_or_else(|| middle_of_the_front(plan), Shape::centre);
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

/// What is labelled as the stage; "MAIN STAGE" will do where nothing is called exactly that.
fn stage(plan: &SeatingPlan) -> Option<&Shape> {
    let is_stage = |text: &str| ["stage", "무대"].contains(&text.to_lowercase().as_str());
    let texts = || plan.shapes.iter().filter_map(|shape| Some((shape, shape.text.as_deref()?)));
    let exactly = texts().find(|(_, text)| is_stage(text.trim()));
    let among_others = || texts().find(|(_, text)| text.split_whitespace().any(is_stage));
    exactly.or_else(among_others).map(|(shape, _)| shape)
}

fn middle_of_the_front(plan: &SeatingPlan) -> (f32, f32) {
    let (left, right) = bounds(plan.seats().map(|placed| placed.seat.x));
    let (front, _) = bounds(plan.seats().map(|placed| placed.seat.y));
    (f32::midpoint(left, right), front)
}

fn spots(plan: &SeatingPlan) -> Vec<(u16, u16)> {
    let (left, right) = bounds(plan.seats().map(|placed| placed.seat.x));
    let (top, bottom) = bounds(plan.seats().map(|placed| placed.seat.y));
    let extent = (right - left).max(bottom - top);
    let step = if extent > 0.0 { extent / f32::from(u16::MAX) } else { 1.0 };
    #[expect(clippy::cast_sign_loss, reason = "no seat is left of the leftmost or above the topmost")]
    let spot = |from: f32, to: f32| ((to - from) / step).round() as u16;
    plan.seats().map(|placed| (spot(left, placed.seat.x), spot(top, placed.seat.y))).collect()
}

#[cfg(test)]
mod tests;
