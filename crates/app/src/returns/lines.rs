//! What a process knows of the lines for what comes back.
//!
//! Invariant: a line that somebody was seen to wait in is forgotten only after a whole round in which nobody was.

use ahash::AHashMap;
use onsale_domain::{
    ids::{PerformanceId, WishId},
    position::{Fence, Position},
};
use parking_lot::Mutex;

use crate::ports::hot::Availability;

/// What a process knows of the performances that somebody waits for.
#[derive(Default)]
pub(crate) struct ReturnLines {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// Counts the rounds.
    round: u64,
    lines: AHashMap<PerformanceId, Line>,
    cursor: Option<WishId>,
}

/// A performance that has been sold out, and that somebody waits for.
#[derive(Clone, Copy)]
struct Line {
    /// At which position of the stock what is free fits nobody who waits.
    settled_at: Option<Position>,
    /// In which round somebody was last seen to wait.
    seen_in: u64,
    /// Whether this process knows of every hold that was made for those who wait.
    all_noted: bool,
    /// How many have begun to wait here: whoever looks through the line and finds another figure has missed somebody.
    notes: u64,
}

impl ReturnLines {
    /// Somebody waits: what is free may be for them.
    pub(super) fn note(&self, performance: PerformanceId) {
        let mut known = self.known.lock();
        let seen_in = known.round;
        let before = known.lines.get(&performance);
        let (all_noted, notes) = before.map_or((false, 0), |line| (line.all_noted, line.notes));
        known.lines.insert(performance, Line { settled_at: None, seen_in, all_noted, notes: notes + 1 });
    }

    /// Begins a round.
    pub(super) fn begin(&self) -> u64 {
        let mut known = self.known.lock();
        known.round += 1;
        known.round
    }

    /// Somebody is seen to wait in this round.
    pub(super) fn see(&self, performance: PerformanceId, seen_in: u64) {
        let mut known = self.known.lock();
        let new = Line { settled_at: None, seen_in, all_noted: false, notes: 0 };
        known.lines.entry(performance).or_insert(new).seen_in = seen_in;
    }

    /// Whether something may be held for somebody who waits that was not noted.
    pub(super) fn has_unnoted(&self, performance: PerformanceId) -> bool {
        self.known.lock().lines.get(&performance).is_none_or(|line| !line.all_noted)
    }

    pub(super) fn note_all_noted(&self, performance: PerformanceId, all_noted: bool) {
        if let Some(line) = self.known.lock().lines.get_mut(&performance) {
            line.all_noted = all_noted;
        }
    }

    pub(super) fn notes(&self, performance: PerformanceId) -> u64 {
        self.known.lock().lines.get(&performance).map_or(0, |line| line.notes)
    }

    /// What is free at this position is for nobody who waits, unless somebody has begun to since there were so many.
    pub(super) fn settle(&self, performance: PerformanceId, at: Position, notes: u64) {
        let mut known = self.known.lock();
        if let Some(line) = known.lines.get_mut(&performance).filter(|line| line.notes == notes) {
            line.settled_at = Some(at);
        }
    }

    /// Forgets performances that nobody was seen to wait for in a whole round. What was noted meanwhile stays.
    pub(super) fn end(&self, round: u64) {
        self.known.lock().lines.retain(|_, line| line.seen_in >= round);
    }

    /// Whether what is free in a stock may be for those who wait.
    pub(super) fn is_spoken_for(&self, performance: PerformanceId, stock: &Availability) -> bool {
        let known = self.known.lock();
        known.lines.get(&performance).is_some_and(|line| line.settled_at != Some(stock.position))
    }

    /// Whether a hold that has just been made took what may be for those who wait: it has to be the very next change
    /// after the position at which that was looked into.
    pub(super) fn was_spoken_for(&self, performance: PerformanceId, fence: Fence) -> bool {
        let known = self.known.lock();
        let settled_at = known.lines.get(&performance).map(|line| line.settled_at);
        settled_at.is_some_and(|at| at.is_none_or(|at| at.next().fence() != fence))
    }

    pub(super) fn is_known(&self, performance: PerformanceId) -> bool {
        self.known.lock().lines.contains_key(&performance)
    }

    /// Behind which offer the next round goes on; `None`: from the first.
    pub(super) fn cursor(&self) -> Option<WishId> {
        self.known.lock().cursor
    }

    pub(super) fn go_on_behind(&self, offer: Option<WishId>) {
        self.known.lock().cursor = offer;
    }
}
