//! What buyers do by chance, the same in every run.

use hyper::http::HeaderValue;

/// Chance that is the same in every run with the same seed (SplitMix64).
#[derive(Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    /// Of one person, or of one purpose.
    pub(crate) fn of(seed: u64, number: u64) -> Self {
        let mut chance = Self(seed.wrapping_mul(0xD134_2543_DE82_EF95) ^ number);
        chance.next();
        chance
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to one less than `bound`; the bias of the remainder is far below what shows.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// For an `Idempotency-Key`.
    pub(crate) fn key(&mut self) -> HeaderValue {
        HeaderValue::from(self.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_spread_and_repeats() {
        let mut counts = [0; 10];
        for number in 0..10_000 {
            counts[Chance::of(7, number).below(10) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (850..1_150).contains(count)), "{counts:?}");
        assert_eq!(Chance::of(7, 3).below(1_000_000), Chance::of(7, 3).below(1_000_000));
        assert_ne!(Chance::of(7, 3).below(1_000_000), Chance::of(8, 3).below(1_000_000));
    }
}
