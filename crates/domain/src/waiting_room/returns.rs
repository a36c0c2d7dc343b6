//! How much of what is held comes back: learned from how the stock moves.
//!
//! Invariant: it never expects more to come back than is held, and nothing before it has seen something come back.

use super::Stock;
use crate::units::Counts;

/// So many observations count for a whole; older ones weigh half from then on.
const MEMORY: f64 = 1_000.0;

/// What is expected to come back is learned slowly: as if so many units had been bought before.
const DOUBT: f64 = 20.0;

/// Watches the stock of one event.
///
/// From one look to the next, what was sold is what the sold units are more, and what came back what the free units
/// are more. Where in between some came back and others were taken only the difference is seen, so this learns too little
/// rather than too much.
#[derive(Clone, Debug, Default)]
pub struct Returns {
    last: Option<Counts>,
    sold: f64,
    returned: f64,
}

impl Returns {
    /// Takes note of how the stock is now; gives it with what is expected to come back.
    pub fn seen(&mut self, counts: Counts) -> Stock {
        if let Some(last) = self.last.replace(counts).filter(|last| last.total() == counts.total()) {
            self.sold += f64::from(counts.sold.saturating_sub(last.sold));
            // What an organizer gives free was not held before.
            let unblocked = last.blocked.saturating_sub(counts.blocked);
            let refunded = last.sold.saturating_sub(counts.sold);
            let freed = counts.available.saturating_sub(last.available);
            self.returned += f64::from(freed.saturating_sub(unblocked + refunded));
            if self.sold + self.returned > MEMORY {
                self.sold /= 2.0;
                self.returned /= 2.0;
            }
        }
        let taken = counts.held + counts.paying;
        let share = self.returned / (self.sold + self.returned + DOUBT);
        #[expect(clippy::cast_sign_loss, reason = "a share of a count")]
        let returning = (f64::from(taken) * share) as u32;
        Stock { available: counts.available, taken, returning }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(available: u32, held: u32, sold: u32) -> Counts {
        Counts { available, held, sold, ..Counts::default() }
    }

    #[test]
    fn nothing_is_expected_back_until_something_came_back() {
        let mut returns = Returns::default();
        for n in 0..100 {
            let stock = returns.seen(counts(900 - 5 * n, 100, 5 * n));
            assert_eq!((stock.available, stock.taken, stock.returning), (900 - 5 * n, 100, 0));
        }
    }

    #[test]
    fn a_share_that_comes_back_is_learned() {
        let mut returns = Returns::default();
        let (mut available, mut sold) = (0, 0);
        returns.seen(counts(available, 1_000, sold));
        let mut expected = 0;
        for _ in 0..90 {
            // Of ten that were held, three come back and seven are paid.
            available += 3;
            sold += 7;
            expected = returns.seen(counts(available, 1_000 - available - sold, sold)).returning;
        }
        let held = 1_000 - available - sold;
        assert!((held / 4..=held * 3 / 10).contains(&expected), "{expected} of {held}");
    }

    #[test]
    fn seats_given_free_by_hand_are_no_returns() {
        let mut returns = Returns::default();
        returns.seen(Counts { held: 50, blocked: 100, ..Counts::default() });
        let stock = returns.seen(Counts { available: 100, held: 50, ..Counts::default() });
        assert_eq!(stock.returning, 0);
        // Refunded and put back on sale.
        returns.seen(Counts { held: 50, sold: 100, ..Counts::default() });
        assert_eq!(returns.seen(Counts { available: 100, held: 50, ..Counts::default() }).returning, 0);
    }
}
