//! Best available: which free seats somebody gets who does not pick.
//!
//! A seat is the better the nearer it is to the stage ([`Layout`] ranks all seats once). The rule for seats
//! together, each step taken only where the one before finds nothing:
//!
//! 1. side by side in one row, without an aisle between. Among such places first those that leave no single
//!    seat alone between taken ones, an aisle or the end of the row, then the best;
//! 2. in one row, as close to each other as can be, then the best;
//! 3. in one section: around one of its best seats, those nearest to it; the section where they are closest
//!    to each other;
//! 4. anywhere, the best.
//!
//! Seats apart are simply the best, each for itself. Seats that are kept for wheelchairs and those who come along are
//! in no run ([`Layout`] leaves them out), so nobody gets them without picking them.
//!
//! Runs of seats are looked through best first, and the search ends where none of the rest can be better: on
//! a full house that is after a few rows.
//!
//! Invariant: the answer has exactly as many free seats of the category as were asked for, or there are
//! fewer.

use std::collections::BinaryHeap;

use super::layout::{Layout, SeatRun};
use crate::units::{Unit, Units};

/// How many distances step 3 looks at, at most, unless there are more free seats than that.
const DISTANCES: usize = 50_000;

/// What is wished for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BestAvailable {
    /// How many seats.
    pub quantity: u32,
    /// Only of this category, an index into the plan's categories.
    pub category: Option<u16>,
    /// Side by side, if it can be.
    pub together: bool,
}

/// The best free seats by the rule above, in the order of their numbers; `None` where fewer are free, or
/// where none are wished for.
///
/// `is_free` is asked about seats of the layout only. The same layout, wish and free seats give the same
/// answer.
pub fn best_available(
    layout: &Layout,
    wish: &BestAvailable,
    is_free: impl Fn(Unit) -> bool,
) -> Option<Units> {
    if wish.quantity == 0 || wish.quantity > layout.seat_count() {
        return None;
    }
    let search = Search { layout, quantity: wish.quantity as usize, category: wish.category, is_free };
    let mut units = if wish.together {
        search.side_by_side().or_else(|| search.close_together())?
    } else {
        search.each_for_itself()?
    };
    units.sort_unstable();
    Some(units)
}

/// As [`best_available`], but side by side in one row or not at all, whatever the wish says of that.
pub fn side_by_side(layout: &Layout, wish: &BestAvailable, is_free: impl Fn(Unit) -> bool) -> Option<Units> {
    if wish.quantity == 0 || wish.quantity > layout.seat_count() {
        return None;
    }
    let search = Search { layout, quantity: wish.quantity as usize, category: wish.category, is_free };
    let mut units = search.side_by_side()?;
    units.sort_unstable();
    Some(units)
}

struct Search<'a, F> {
    layout: &'a Layout,
    /// Never 0.
    quantity: usize,
    category: Option<u16>,
    is_free: F,
}

/// Seats side by side; the lesser, the better.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Block {
    /// How many seats it leaves alone.
    alone: u32,
    /// The sum of the ranks.
    cost: u64,
    /// Its first place in the line.
    first: u32,
}

impl<F: Fn(Unit) -> bool> Search<'_, F> {
    fn suits(&self, seat: Unit) -> bool {
        // Both are looked at always: which seats are free is beyond branch prediction, and a wrong guess
        // takes longer than the second look.
        (self.is_free)(seat)
            & self.category.is_none_or(|category| self.layout.category_of(seat) == Some(category))
    }

    fn side_by_side(&self) -> Option<Units> {
        let quantity = self.quantity as u64;
        let mut best: Option<Block> = None;
        for (best_rank, run) in self.layout.best_runs() {
            // Ranks are all different, so that nothing in this run or behind it costs less than this.
            let least = quantity * u64::from(best_rank) + quantity * (quantity - 1) / 2;
            if best.is_some_and(|best| best.alone == 0 && best.cost < least) {
                break;
            }
            best = self.better_block(run, best);
        }
        let first = best?.first;
        Some((first..first + self.quantity as u32).map(|place| self.layout.seat_at(place)).collect())
    }

    /// How many seats side by side suit, at most. Without a branch on the way, this is much quicker than to
    /// look for blocks in runs that have none, and late in a sale most have none.
    fn longest_in(&self, run: &SeatRun) -> u32 {
        let (mut length, mut longest) = (0, 0);
        for place in run.first..run.end() {
            length = (length + 1) * u32::from(self.suits(self.layout.seat_at(place)));
            longest = longest.max(length);
        }
        longest
    }

    /// The best block of a run, or the one known so far where that is no worse.
    fn better_block(&self, run: &SeatRun, mut best: Option<Block>) -> Option<Block> {
        let quantity = self.quantity as u32;
        if run.count < quantity || self.longest_in(run) < quantity {
            return best;
        }
        let rank_at = |place: u32| u64::from(self.layout.rank(self.layout.seat_at(place)));
        let (mut length, mut cost) = (0, 0);
        for place in run.first..run.end() {
            if !self.suits(self.layout.seat_at(place)) {
                (length, cost) = (0, 0);
                continue;
            }
            length += 1;
            cost += rank_at(place);
            if length > quantity {
                cost -= rank_at(place - quantity);
            }
            // Seats left alone are counted only where that can matter.
            if length < quantity || best.is_some_and(|best| best.alone == 0 && best.cost <= cost) {
                continue;
            }
            let first = place + 1 - quantity;
            let block = Block { alone: self.left_alone(run, first), cost, first };
            if best.is_none_or(|best| block < best) {
                best = Some(block);
            }
        }
        best
    }

    /// How many free seats would have no free neighbour any more if the block beginning here were taken.
    /// Whoever takes such a seat is alone, whatever its category.
    fn left_alone(&self, run: &SeatRun, first: u32) -> u32 {
        // Wrapping below 0 leads out of every run, as it should.
        let free = |place: u32| {
            (run.first..run.end()).contains(&place) && (self.is_free)(self.layout.seat_at(place))
        };
        let end = first + self.quantity as u32;
        let before = free(first.wrapping_sub(1)) && !free(first.wrapping_sub(2));
        let behind = free(end) && !free(end + 1);
        u32::from(before) + u32::from(behind)
    }

    fn each_for_itself(&self) -> Option<Units> {
        let mut best: BinaryHeap<(u32, Unit)> = BinaryHeap::new();
        for (best_rank, run) in self.layout.best_runs() {
            if best.len() == self.quantity && best.peek().is_some_and(|(worst, _)| *worst < best_rank) {
                break;
            }
            for seat in (run.first..run.end()).map(|place| self.layout.seat_at(place)) {
                let rank = self.layout.rank(seat);
                let full = best.len() == self.quantity;
                let too_bad = full && best.peek().is_some_and(|(worst, _)| *worst < rank);
                if too_bad || !self.suits(seat) {
                    continue;
                }
                if full {
                    best.pop();
                }
                best.push((rank, seat));
            }
        }
        (best.len() == self.quantity).then(|| best.into_iter().map(|(_, seat)| seat).collect())
    }

    fn close_together(&self) -> Option<Units> {
        let free = self.free_seats();
        if free.seats.len() < self.quantity {
            return None;
        }
        self.in_one_row(&free).or_else(|| self.in_one_section(&free)).or_else(|| self.each_for_itself())
    }

    /// All seats that suit, in the order of the line, with the ends of rows and sections.
    fn free_seats(&self) -> FreeSeats {
        let mut free = FreeSeats::default();
        // Every seat is written down, and written over by the next where it does not suit: no branch here
        // either.
        free.seats.resize(self.layout.seat_count() as usize, Unit(0));
        let mut count = 0;
        for section in self.layout.runs().chunk_by(|a, b| a.section == b.section) {
            for row in section.chunk_by(|a, b| a.row == b.row) {
                for place in row.iter().flat_map(|run| run.first..run.end()) {
                    let seat = self.layout.seat_at(place);
                    free.seats[count] = seat;
                    count += usize::from(self.suits(seat));
                }
                free.row_ends.push(count);
            }
            free.section_ends.push(count);
        }
        free.seats.truncate(count);
        free
    }

    fn in_one_row(&self, free: &FreeSeats) -> Option<Units> {
        let mut best: Option<(u64, u64, &[Unit])> = None;
        let rank = |seat: Unit| u64::from(self.layout.rank(seat));
        for row in free.rows().filter(|row| row.len() >= self.quantity) {
            let last = self.quantity - 1;
            let mut cost: u64 = row[..last].iter().map(|seat| rank(*seat)).sum();
            for seats in row.windows(self.quantity) {
                cost += rank(seats[last]);
                let width = self.layout.distance(seats[0], seats[last]);
                if best.is_none_or(|(w, c, _)| (width, cost) < (w, c)) {
                    best = Some((width, cost, seats));
                }
                cost -= rank(seats[0]);
            }
        }
        best.map(|(_, _, seats)| seats.iter().copied().collect())
    }

    fn in_one_section(&self, free: &FreeSeats) -> Option<Units> {
        // All pairs would be quadratic: the fewer seats are free, the more of them are tried as the middle.
        let middles = (DISTANCES / free.seats.len()).max(1);
        let mut best: Option<(u64, u64, Units)> = None;
        let mut around: Vec<(u64, u32, Unit)> = Vec::new();
        for section in free.sections().filter(|section| section.len() >= self.quantity) {
            for middle in self.best_of(section, middles) {
                let seen =
                    |seat: &Unit| (self.layout.distance(middle, *seat), self.layout.rank(*seat), *seat);
                around.clear();
                around.extend(section.iter().map(seen));
                let (nearest, last, _) = around.select_nth_unstable(self.quantity - 1);
                let picked = || nearest.iter().chain([&*last]);
                let apart = picked().map(|(distance, _, _)| distance).sum();
                let cost = picked().map(|(_, rank, _)| u64::from(*rank)).sum();
                if best.as_ref().is_none_or(|(a, c, _)| (apart, cost) < (*a, *c)) {
                    best = Some((apart, cost, picked().map(|(_, _, seat)| *seat).collect()));
                }
            }
        }
        best.map(|(_, _, units)| units)
    }

    /// Up to `count` seats of these, the best ones.
    fn best_of(&self, seats: &[Unit], count: usize) -> Vec<Unit> {
        let mut best = seats.to_vec();
        if count < best.len() {
            best.select_nth_unstable_by_key(count, |seat| self.layout.rank(*seat));
            best.truncate(count);
        }
        best
    }
}

#[derive(Default)]
struct FreeSeats {
    seats: Vec<Unit>,
    /// Behind the last seat of each row.
    row_ends: Vec<usize>,
    /// Behind the last seat of each section.
    section_ends: Vec<usize>,
}

impl FreeSeats {
    fn rows(&self) -> impl Iterator<Item = &[Unit]> {
        self.parts(&self.row_ends)
    }

    fn sections(&self) -> impl Iterator<Item = &[Unit]> {
        self.parts(&self.section_ends)
    }

    fn parts<'a>(&'a self, ends: &'a [usize]) -> impl Iterator<Item = &'a [Unit]> {
        let mut from = 0;
        ends.iter().map(move |end| &self.seats[std::mem::replace(&mut from, *end)..*end])
    }
}

#[cfg(test)]
mod tests;
