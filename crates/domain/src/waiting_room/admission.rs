//! How many may be called: rate, room and stock, and what has been learned about those who do not come.
//!
//! Invariant: nothing here decides who, only how many; learning is a fold over what happened, so that a replay
//! knows what the first run knew.

use serde::{Deserialize, Serialize};

use super::Stock;
use crate::time::Timestamp;

/// Parts of the time to claim that are told apart.
const PARTS: usize = 16;

/// At so many observations all are halved: what is older counts less.
const MEMORY: u32 = 1_000;

/// What a buyer takes until some have bought, in thousandths of a unit.
const UNITS_AT_FIRST_MILLI: u32 = 2_000;

/// `max_inside` may be exceeded by so many hundredths, by people who claim in time.
const OVER_PERCENT: u64 = 2;

/// What has been learned about the people of a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Learned {
    /// How many came, by how much of their time had passed.
    came: [u32; PARTS],
    /// How many did not.
    missed: u32,
    /// How many of those inside bought.
    bought: u32,
    /// How many of those inside did not.
    empty: u32,
    /// What a buyer takes, in thousandths of a unit.
    units_milli: u32,
}

impl Default for Learned {
    fn default() -> Self {
        Self { came: [0; PARTS], missed: 0, bought: 0, empty: 0, units_milli: UNITS_AT_FIRST_MILLI }
    }
}

fn part(since: Timestamp, until: Timestamp, at: Timestamp) -> usize {
    let whole = until.since_ms(since).max(1);
    (at.since_ms(since).min(whole - 1) * PARTS as u64 / whole) as usize
}

impl Learned {
    /// Somebody claimed the turn in time.
    pub fn note_came(&mut self, since: Timestamp, until: Timestamp, at: Timestamp) {
        self.came[part(since, until, at)] += 1;
        self.fade();
    }

    /// Somebody did not claim the turn.
    pub fn note_missed(&mut self) {
        self.missed += 1;
        self.fade();
    }

    fn fade(&mut self) {
        if self.came.iter().sum::<u32>() + self.missed >= MEMORY {
            self.came.iter_mut().for_each(|count| *count /= 2);
            self.missed /= 2;
        }
    }

    /// Somebody inside is done, with so many units or none.
    pub fn note_done(&mut self, units: u32) {
        if units == 0 {
            self.empty += 1;
        } else {
            self.bought += 1;
            // The mean of about the last sixteen buyers. The steps of a unit are a thousandth, so nothing is lost.
            let taken = u64::from(units.min(1_000)) * 1_000;
            self.units_milli = ((u64::from(self.units_milli) * 15 + taken + 8) / 16) as u32;
        }
        if self.bought + self.empty >= MEMORY {
            self.bought /= 2;
            self.empty /= 2;
        }
    }

    /// How likely it is that somebody who was called and has not come by now still comes. 1 while nothing is known.
    pub fn still_comes(&self, since: Timestamp, until: Timestamp, now: Timestamp) -> f64 {
        self.comes_after(part(since, until, now))
    }

    /// How likely it is that somebody who is called comes.
    pub fn comes(&self) -> f64 {
        self.comes_after(0)
    }

    fn comes_after(&self, part: usize) -> f64 {
        let later = f64::from(self.came[part..].iter().sum::<u32>() + 1);
        later / (later + f64::from(self.missed))
    }

    /// How long it takes those who come, as a part of the time they have.
    fn delay(&self) -> f64 {
        let count: u32 = self.came.iter().sum();
        let sum: f64 =
            (0..).zip(self.came).map(|(part, came)| (f64::from(part) + 0.5) * f64::from(came)).sum();
        if count == 0 { 0.0 } else { sum / f64::from(count) / PARTS as f64 }
    }

    /// What a buyer takes, in units.
    pub fn units(&self) -> f64 {
        f64::from(self.units_milli.max(1)) / 1_000.0
    }

    /// How likely it is that somebody inside buys. 1 while nothing is known.
    pub fn buys(&self) -> f64 {
        f64::from(self.bought + 1) / f64::from(self.bought + self.empty + 1)
    }
}

/// A token bucket that holds one second's worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    milli: u64,
    at: Option<Timestamp>,
}

impl Bucket {
    /// Lets time pass; gives how many whole tokens there are. The first call starts it, empty. A clock that goes
    /// back adds nothing and takes nothing.
    pub fn fill(&mut self, per_second: u32, now: Timestamp) -> u32 {
        let passed = self.at.map_or(0, |at| now.since_ms(at));
        let most = u64::from(per_second) * 1_000;
        self.milli = passed.saturating_mul(u64::from(per_second)).saturating_add(self.milli).min(most);
        self.at = Some(now);
        (self.milli / 1_000) as u32
    }

    /// Takes tokens that [`Bucket::fill`] has shown.
    pub fn take(&mut self, tokens: u32) {
        self.milli = self.milli.saturating_sub(u64::from(tokens) * 1_000);
    }
}

/// Events per second, of about the last half minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    weight: f64,
    began: Option<Timestamp>,
    at: Timestamp,
}

impl Pace {
    const OVER_MS: f64 = 30_000.0;

    /// So many happened.
    pub fn note(&mut self, count: u32, at: Timestamp) {
        self.weight = self.weight * (-(at.since_ms(self.at) as f64) / Self::OVER_MS).exp() + f64::from(count);
        self.began = self.began.or(Some(at));
        self.at = at;
    }

    /// How many per second, as if there had been nothing before what is known: of a few at once at the beginning
    /// nothing follows.
    pub fn at_least_per_second(&self, now: Timestamp) -> f64 {
        let faded = self.weight * (-(now.since_ms(self.at) as f64) / Self::OVER_MS).exp();
        faded / Self::OVER_MS * 1_000.0
    }

    /// How many per second. Of a short history, its mean.
    pub fn per_second(&self, now: Timestamp) -> f64 {
        let Some(began) = self.began else { return 0.0 };
        let faded = self.weight * (-(now.since_ms(self.at) as f64) / Self::OVER_MS).exp();
        // What a steady pace would have gathered since the beginning, at one a millisecond.
        let gathered =
            Self::OVER_MS * (1.0 - (-(now.since_ms(began).max(1_000) as f64) / Self::OVER_MS).exp());
        faded / gathered * 1_000.0
    }
}

/// How full it is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Fullness {
    /// People inside.
    pub inside: u32,
    /// People at the door.
    pub at_door: u32,
    /// How many of those called are expected to come.
    pub expected: f64,
    /// The variance of that.
    pub variance: f64,
    /// How many leave per second.
    pub leaving: f64,
    /// How long a called person may take.
    pub claim_within_ms: u64,
}

impl Fullness {
    /// Counts one who is called and comes with this probability.
    pub fn expect(&mut self, comes: f64) {
        self.expected += comes;
        self.variance += comes * (1.0 - comes);
    }

    /// The most that may ever be inside.
    pub fn most(max_inside: u32) -> u32 {
        let over = u64::from(max_inside) * OVER_PERCENT / 100;
        u32::try_from(u64::from(max_inside) + over).unwrap_or(u32::MAX)
    }

    /// How many more people may come in before it is full, as far as can be foreseen.
    pub fn room(&self, max_inside: u32, learned: &Learned) -> f64 {
        let delay_s = learned.delay() * self.claim_within_ms as f64 / 1_000.0;
        // Nobody leaves who is not there, and what leaves makes room for those expected, not for more.
        let leave = (self.leaving * delay_s).min(self.expected).min(f64::from(self.inside));
        let spread = (self.variance + leave).sqrt();
        f64::from(max_inside) - f64::from(self.inside + self.at_door) - self.expected + leave - spread
    }

    /// How many more people there is something left for.
    pub fn served_by(&self, stock: Stock, learned: &Learned) -> f64 {
        let has_something = (f64::from(stock.taken) / learned.units()).min(f64::from(self.inside));
        let seekers = f64::from(self.inside + self.at_door) - has_something + self.expected;
        let left_for = f64::from(stock.available.saturating_add(stock.returning)) / learned.units();
        // The last unit is for somebody, whatever people take on average.
        let left_for = if stock.available > 0 { left_for.max(1.0) } else { left_for };
        left_for - seekers
    }
}

/// How many to call: what all limits allow, in people called rather than in people expected to come.
pub fn allowance(
    fullness: &Fullness,
    learned: &Learned,
    max_inside: u32,
    stock: Option<Stock>,
    tokens: u32,
) -> u32 {
    let room = fullness.room(max_inside, learned);
    let served = stock.map_or(f64::INFINITY, |stock| fullness.served_by(stock, learned));
    let people = room.min(served);
    // An empty room with something to sell is never kept empty by a margin.
    let idle = fullness.inside + fullness.at_door == 0 && fullness.expected < 0.5 && max_inside > 0;
    let wanted = if idle && served >= 1.0 { people.max(1.0) } else { people };
    let called = (wanted / learned.comes() + 1e-9).floor().clamp(0.0, f64::from(u32::MAX));
    tokens.min(to_u32(called))
}

#[expect(clippy::cast_sign_loss, reason = "clamped to what fits")]
fn to_u32(value: f64) -> u32 {
    value.clamp(0.0, f64::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_a_second_and_starts_empty() {
        let mut bucket = Bucket::default();
        assert_eq!(bucket.fill(50, Timestamp(1_000)), 0);
        assert_eq!(bucket.fill(50, Timestamp(1_100)), 5);
        bucket.take(5);
        assert_eq!(bucket.fill(50, Timestamp(1_119)), 0);
        assert_eq!(bucket.fill(50, Timestamp(1_120)), 1);
        assert_eq!(bucket.fill(50, Timestamp(999_000)), 50);
        assert_eq!(bucket.fill(50, Timestamp(0)), 50, "a clock that goes back changes nothing");
        bucket.take(50);
        assert_eq!(bucket.fill(50, Timestamp(100)), 5, "and is followed from there");
        // Slow ones too: one in ten seconds is not a setting, one a second is.
        assert_eq!(Bucket::default().fill(1, Timestamp(5)), 0);
    }

    #[test]
    fn until_something_is_known_everybody_is_expected() {
        let mut learned = Learned::default();
        assert!((learned.comes() - 1.0).abs() < 1e-9);
        let (since, until) = (Timestamp(0), Timestamp(60_000));
        for _ in 0..60 {
            learned.note_came(since, until, Timestamp(5_000));
        }
        for _ in 0..40 {
            learned.note_missed();
        }
        assert!((learned.comes() - 0.6).abs() < 0.01, "{}", learned.comes());
        assert!(
            learned.still_comes(since, until, Timestamp(30_000)) < 0.03,
            "who has not come by then does not"
        );
        assert!((learned.delay() - 5.0 / 60.0).abs() < 0.03);
    }

    #[test]
    fn what_is_learned_fades() {
        let mut learned = Learned::default();
        for _ in 0..10_000 {
            learned.note_missed();
        }
        for _ in 0..2_000 {
            learned.note_came(Timestamp(0), Timestamp(1_000), Timestamp(1));
        }
        assert!(learned.comes() > 0.8, "{}", learned.comes());
        for _ in 0..200 {
            learned.note_done(1);
        }
        assert!((learned.units() - 1.0).abs() < 0.02, "{}", learned.units());
        for _ in 0..200 {
            learned.note_done(4);
        }
        assert!((learned.units() - 4.0).abs() < 0.02, "{}", learned.units());
        assert!((learned.buys() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn no_more_are_called_than_there_is_something_left_for() {
        let learned = Learned::default();
        let call = |inside, available, taken, returning| {
            let fullness = Fullness { inside, ..Fullness::default() };
            allowance(&fullness, &learned, 500, Some(Stock { available, taken, returning }), 1_000)
        };
        assert_eq!(call(0, 100, 0, 0), 50, "two each");
        assert_eq!(call(30, 100, 0, 0), 20);
        assert_eq!(call(30, 40, 60, 0), 20, "who has something does not seek");
        assert_eq!(call(50, 0, 100, 0), 0);
        assert_eq!(call(50, 0, 100, 20), 10, "what is expected back");
        assert_eq!(call(0, 1, 0, 0), 1, "the last one");
        assert_eq!(call(0, 0, 0, 0), 0);
        assert_eq!(call(0, 100_000, 0, 0), 500);
    }

    #[test]
    fn a_pace_is_known_early_and_follows() {
        let mut pace = Pace::default();
        for second in 0..5 {
            pace.note(10, Timestamp(second * 1_000));
        }
        let early = pace.per_second(Timestamp(5_000));
        assert!((8.0..12.0).contains(&early), "{early}");
        for second in 5..200 {
            pace.note(30, Timestamp(second * 1_000));
        }
        let later = pace.per_second(Timestamp(200_000));
        assert!((28.0..32.0).contains(&later), "{later}");
        assert!(pace.per_second(Timestamp(400_000)) < 0.1, "it dies away");
    }

    #[test]
    fn two_in_a_hundred_more_at_most() {
        assert_eq!([0, 1, 49, 50, 500, 1_000_000].map(Fullness::most), [0, 1, 49, 51, 510, 1_020_000]);
    }
}
