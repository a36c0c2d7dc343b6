//! What a phase of load was answered, second by second.
//!
//! Invariant: every request that was due is in exactly one count: done, shed, wrong, or not sent.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use hyper::StatusCode;

use super::mix::{Class, Kind};
use super::ramp::Step;
use crate::bench::load::microseconds;

/// How many examples of errors are kept to be shown.
const KEPT_EXAMPLES: usize = 5;

/// When something was due, sent and answered.
#[derive(Clone, Copy)]
pub(super) struct Times {
    pub(super) due: Instant,
    pub(super) sent: Instant,
    pub(super) answered: Instant,
}

/// One second, by when its requests were due.
#[derive(Default)]
pub(super) struct Second {
    /// Microseconds from when what was done was due.
    pub(super) done_us: Vec<u32>,
    /// Whatever was not done.
    pub(super) others: u32,
}

impl Second {
    /// Milliseconds, as exact as it was measured; none where nothing was done.
    pub(super) fn p99_ms(&self) -> Option<f64> {
        let mut sorted = self.done_us.clone();
        sorted.sort_unstable();
        let at = (sorted.len() * 99).div_ceil(100).checked_sub(1)?;
        Some(f64::from(sorted[at]) / 1e3)
    }
}

/// Counts and times of one phase.
pub(super) struct Tally {
    begun: Instant,
    counted_from: Instant,
    pub(super) seconds: Vec<Second>,
    /// By kind, status and code.
    answers: BTreeMap<(Kind, u16, String), u64>,
    /// Microseconds from when it was due until it was done.
    pub(super) done_us: Histogram<u64>,
    /// The same, by kind.
    done_by_kind_us: BTreeMap<Kind, Histogram<u64>>,
    /// From sending to the refusal, and from when it was due.
    pub(super) shed_us: Histogram<u64>,
    /// From sending, by kind.
    shed_by_kind_us: BTreeMap<Kind, Histogram<u64>>,
    pub(super) shed_from_due_us: Histogram<u64>,
    /// From when something was due until it was sent.
    pub(super) late_us: Histogram<u64>,
    pub(super) unsent: u64,
    pub(super) unavailable: u64,
    pub(super) errors: u64,
    pub(super) unanswered: u64,
    examples: Vec<String>,
}

impl Tally {
    /// Of a phase that begins then, of which the first `warm_up` does not count.
    pub(super) fn new(begun: Instant, warm_up: Duration) -> Self {
        Self {
            begun,
            counted_from: begun + warm_up,
            seconds: Vec::new(),
            answers: BTreeMap::new(),
            done_us: microseconds(),
            done_by_kind_us: BTreeMap::new(),
            shed_us: microseconds(),
            shed_by_kind_us: BTreeMap::new(),
            shed_from_due_us: microseconds(),
            late_us: microseconds(),
            unsent: 0,
            unavailable: 0,
            errors: 0,
            unanswered: 0,
            examples: Vec::new(),
        }
    }

    pub(super) fn answered(&mut self, kind: Kind, times: Times, status: StatusCode, code: &str) {
        let Some(second) = self.second(times.due) else { return };
        let class = kind.class(status, code);
        let done_us = micros(times.answered - times.due);
        match class {
            Class::Done => second.done_us.push(u32::try_from(done_us).unwrap_or(u32::MAX)),
            Class::Shed | Class::Error => second.others += 1,
        }
        *self.answers.entry((kind, status.as_u16(), code.to_owned())).or_default() += 1;
        self.late_us.saturating_record(micros(times.sent - times.due));
        match class {
            Class::Done => {
                self.done_us.saturating_record(done_us);
                self.done_by_kind_us.entry(kind).or_insert_with(microseconds).saturating_record(done_us);
            }
            Class::Shed => {
                let shed_us = micros(times.answered - times.sent);
                self.shed_us.saturating_record(shed_us);
                self.shed_by_kind_us.entry(kind).or_insert_with(microseconds).saturating_record(shed_us);
                self.shed_from_due_us.saturating_record(done_us);
                self.unavailable += u64::from(status == StatusCode::SERVICE_UNAVAILABLE);
            }
            Class::Error => self.error(format!("{}: {status} {code}", kind.name())),
        }
    }

    /// No answer came, for a reason of the connection.
    pub(super) fn failed(&mut self, kind: Option<Kind>, due: Instant, cause: &anyhow::Error) {
        let Some(second) = self.second(due) else { return };
        second.others += 1;
        self.unanswered += 1;
        self.error(format!("{}: {cause:#}", kind.map_or("no request", Kind::name)));
    }

    /// Every connection was waiting for an answer.
    pub(super) fn unsent(&mut self, due: Instant) {
        if let Some(second) = self.second(due) {
            second.others += 1;
            self.unsent += 1;
        }
    }

    fn second(&mut self, due: Instant) -> Option<&mut Second> {
        if due < self.counted_from {
            return None;
        }
        let at = (due - self.begun).as_secs() as usize;
        if self.seconds.len() <= at {
            self.seconds.resize_with(at + 1, Second::default);
        }
        Some(&mut self.seconds[at])
    }

    fn error(&mut self, what: String) {
        self.errors += 1;
        if self.examples.len() < KEPT_EXAMPLES {
            self.examples.push(what);
        }
    }

    pub(super) fn examples(&self) -> &[String] {
        &self.examples
    }

    pub(super) fn done(&self) -> u64 {
        self.done_us.len()
    }

    pub(super) fn shed(&self) -> u64 {
        self.shed_us.len()
    }

    /// How many requests were due.
    pub(super) fn due(&self) -> u64 {
        self.done() + self.shed() + self.errors + self.unsent
    }

    /// How many of a kind were answered with success.
    pub(super) fn succeeded(&self, of: impl Fn(Kind) -> bool) -> u64 {
        let counts = self.answers.iter().filter(|((kind, status, _), _)| of(*kind) && status / 100 == 2);
        counts.map(|(_, count)| count).sum()
    }

    /// As a step of the ramp.
    pub(super) fn step(&self) -> Step {
        let due = self.due().max(1);
        Step { p99_ms: ms(&self.done_us, 99.0), failed: (due - self.done()) as f64 / due as f64 }
    }

    /// How long what was done took, and what was shed, a line for each kind.
    pub(super) fn by_kind(&self) -> String {
        let line = |what: &str, kind: &Kind, us: &Histogram<u64>| {
            let (p50, p99) = (ms(us, 50.0), ms(us, 99.0));
            format!("  {what} {:<14} {:>9} p50 {p50:>8.2} ms p99 {p99:>8.2} ms", kind.name(), us.len())
        };
        let done = self.done_by_kind_us.iter().map(|(kind, us)| line("done", kind, us));
        let shed = self.shed_by_kind_us.iter().map(|(kind, us)| line("shed", kind, us));
        done.chain(shed).collect::<Vec<_>>().join("\n")
    }

    /// Every answer, by kind.
    pub(super) fn in_words(&self) -> String {
        let one = |((kind, status, code), count): (&(Kind, u16, String), &u64)| {
            let code = if code.is_empty() { String::new() } else { format!(" {code}") };
            format!("{count} × {} {status}{code}", kind.name())
        };
        self.answers.iter().map(one).collect::<Vec<_>>().join(", ")
    }
}

/// Milliseconds at a percentile; 0 where there is none.
pub(super) fn ms(histogram: &Histogram<u64>, percentile: f64) -> f64 {
    histogram.value_at_percentile(percentile) as f64 / 1e3
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// After how many seconds it was as usual again: the first second in which everything was done, and within twice the
/// usual p99. `None`: in none of them.
pub(super) fn back_after(seconds: &[Second], usual_p99_ms: f64) -> Option<usize> {
    let is_usual = |second: &Second| {
        second.others == 0 && second.p99_ms().is_some_and(|p99_ms| p99_ms <= 2.0 * usual_p99_ms)
    };
    seconds.iter().position(is_usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(ms: u32, others: u32) -> Second {
        Second { done_us: vec![ms * 1_000; 200], others }
    }

    #[test]
    fn it_is_as_usual_when_everything_is_done_in_time() {
        let seconds = [second(900, 50), second(15, 3), second(21, 0), second(19, 0), second(5, 0)];
        assert_eq!(back_after(&seconds, 10.0), Some(3));
        assert_eq!(back_after(&seconds, 11.0), Some(2));
        assert_eq!(back_after(&seconds, 2.0), None);
        assert_eq!(back_after(&[Second::default()], 10.0), None, "a second in which nothing was done");
    }

    #[test]
    fn the_worst_hundredth_of_a_second_counts() {
        let mut second = second(5, 0);
        second.done_us[..2].fill(80_000);
        assert_eq!(back_after(std::slice::from_ref(&second), 5.0), Some(0));
        second.done_us[..3].fill(80_000);
        assert_eq!(back_after(&[second], 5.0), None);
    }

    #[test]
    fn every_request_is_in_one_count() {
        let begun = Instant::now();
        let mut tally = Tally::new(begun, Duration::from_secs(1));
        let at = |ms| begun + Duration::from_millis(ms);
        let times = |due, sent, answered| Times { due: at(due), sent: at(sent), answered: at(answered) };
        tally.answered(Kind::Poll, times(999, 999, 999), StatusCode::OK, "");
        tally.answered(Kind::HoldSeats, times(1_000, 1_010, 1_300), StatusCode::CONFLICT, "seat_taken");
        tally.answered(Kind::HoldSeats, times(1_500, 1_510, 1_515), StatusCode::SERVICE_UNAVAILABLE, "");
        tally.answered(Kind::Poll, times(2_000, 2_000, 2_010), StatusCode::INTERNAL_SERVER_ERROR, "internal");
        tally.failed(Some(Kind::Poll), at(2_100), &anyhow::anyhow!("the connection was closed"));
        tally.unsent(at(2_200));
        assert_eq!((tally.due(), tally.done(), tally.shed()), (5, 1, 1), "without the warm-up");
        assert_eq!((tally.errors, tally.unanswered, tally.unsent), (2, 1, 1));
        assert!((ms(&tally.done_us, 100.0) - 300.0).abs() < 1.0, "from when it was due");
        assert!((ms(&tally.shed_us, 100.0) - 5.0).abs() < 0.1, "from when it was sent");
        assert!((ms(&tally.shed_from_due_us, 100.0) - 15.0).abs() < 0.1);
        assert_eq!(tally.seconds.iter().map(|second| second.others).collect::<Vec<_>>(), [0, 1, 3]);
        assert!((tally.step().failed - 0.8).abs() < 1e-9);
        assert!(tally.in_words().contains("1 × hold seats 409 seat_taken"), "{}", tally.in_words());
    }
}
