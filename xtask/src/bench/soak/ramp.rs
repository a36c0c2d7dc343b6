//! How much the server can do: steps of load, each a little more, until it is too much.
//!
//! Invariant: a rate is too much only if it was so twice; one stall of the disk is not what a server can do.

use anyhow::{Result, bail};

/// Accepted work that takes longer than this is not in time.
const MOST_P99_MS: f64 = 250.0;
/// A share of requests that may be refused for the load's sake, be answered wrongly, or find no connection.
const MOST_FAILED: f64 = 0.01;
/// From one step to the next.
const STEP: f64 = 1.25;
/// The maximum is known once the least that was too much is within this of the most that was not.
const KNOWN_TO: f64 = 1.08;
/// A machine that cannot do so many requests a second is not one to measure on.
const LEAST: f64 = 50.0;

/// What a step came to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) p99_ms: f64,
    /// Share of the requests that were due.
    pub(super) failed: f64,
}

impl Step {
    pub(super) fn is_good(self) -> bool {
        self.p99_ms <= MOST_P99_MS && self.failed <= MOST_FAILED
    }
}

/// The search.
pub(super) struct Ramp {
    next: f64,
    is_second_try: bool,
    /// The most that was not too much.
    good: Option<f64>,
    /// The least that was.
    bad: Option<f64>,
}

impl Ramp {
    /// Begins with so many requests a second.
    pub(super) fn from(first: f64) -> Self {
        Self { next: first, is_second_try: false, good: None, bad: None }
    }

    /// The rate of the next step.
    pub(super) fn rate(&self) -> f64 {
        self.next
    }

    /// Takes in what came of it; gives the maximum once it is known.
    pub(super) fn heard(&mut self, step: Step) -> Result<Option<f64>> {
        if step.is_good() {
            self.good = Some(self.next);
        } else if self.is_second_try {
            self.bad = Some(self.next);
        } else {
            self.is_second_try = true;
            return Ok(None);
        }
        self.is_second_try = false;
        self.next = match (self.good, self.bad) {
            (Some(good), Some(bad)) if bad / good <= KNOWN_TO => return Ok(Some(good)),
            (Some(good), Some(bad)) => (good * bad).sqrt(),
            (Some(good), None) => good * STEP,
            (None, _) => self.next / 2.0,
        };
        if self.next < LEAST {
            bail!("not even {:.0} requests a second are answered in time", self.next * 2.0);
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Step = Step { p99_ms: 20.0, failed: 0.0 };
    const SLOW: Step = Step { p99_ms: 251.0, failed: 0.0 };
    const SHED: Step = Step { p99_ms: 20.0, failed: 0.02 };

    /// Searches on a server that can do so much; gives the maximum and the rates that were tried.
    fn search(first: f64, capacity: f64, bad: Step) -> (f64, Vec<f64>) {
        let mut ramp = Ramp::from(first);
        let mut tried = Vec::new();
        loop {
            tried.push(ramp.rate());
            let step = if ramp.rate() <= capacity { GOOD } else { bad };
            if let Some(found) = ramp.heard(step).unwrap() {
                return (found, tried);
            }
            assert!(tried.len() < 50, "{tried:?}");
        }
    }

    #[test]
    fn finds_what_the_server_can_do() {
        for capacity in [80.0, 900.0, 5_000.0, 12_345.0] {
            for bad in [SLOW, SHED] {
                let (found, tried) = search(1_000.0, capacity, bad);
                assert!(found <= capacity && found > capacity / KNOWN_TO, "{found} of {capacity}: {tried:?}");
            }
        }
    }

    #[test]
    fn one_stall_is_not_the_limit() {
        let mut ramp = Ramp::from(1_000.0);
        assert!(ramp.heard(SLOW).unwrap().is_none());
        assert!((ramp.rate() - 1_000.0).abs() < 0.1, "tried again");
        assert!(ramp.heard(GOOD).unwrap().is_none());
        assert!((ramp.rate() - 1_250.0).abs() < 0.1);
        assert!(ramp.heard(SHED).unwrap().is_none());
        assert!(ramp.heard(SHED).unwrap().is_none());
        assert!(ramp.rate() < 1_250.0, "too much twice");
    }

    #[test]
    fn a_server_that_can_do_nothing_ends_the_search() {
        let mut ramp = Ramp::from(100.0);
        let ended = (0..10).find_map(|_| ramp.heard(SLOW).err());
        assert!(ended.unwrap().to_string().contains("not even"));
    }
}
