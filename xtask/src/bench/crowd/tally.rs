//! What a crowd was answered, and how late its requests were.
//!
//! Invariant: every answer is counted under what it was for; what nobody should be answered is an error.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use hyper::StatusCode;

use crate::bench::load::microseconds;

/// What a request was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Join,
    Poll,
    Enter,
    Hold,
    Confirm,
    Leave,
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Poll => "poll",
            Self::Enter => "enter",
            Self::Hold => "hold",
            Self::Confirm => "confirm",
            Self::Leave => "leave",
        }
    }

    /// Whether this is an answer that somebody may get in an orderly sale.
    fn may_be(self, status: StatusCode, code: &str) -> bool {
        status.is_success()
            || matches!(
                (self, code),
                (Self::Join | Self::Enter | Self::Hold, "sold_out")
                    | (Self::Enter, "not_your_turn" | "turn_missed")
                    | (Self::Confirm, "payment_declined")
            )
    }
}

/// How many examples of errors are kept to be shown.
const KEPT_EXAMPLES: usize = 5;

/// Counts, of one crowd.
pub(super) struct Tally {
    /// By step, status and code; status 0 is none.
    answers: BTreeMap<(Step, u16, String), u64>,
    errors: u64,
    examples: Vec<String>,
    /// Microseconds from when a poll was due to when it was sent.
    late_us: Histogram<u64>,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self { answers: BTreeMap::new(), errors: 0, examples: Vec::new(), late_us: microseconds() }
    }

    pub(super) fn answered(&mut self, step: Step, status: StatusCode, code: &str) {
        *self.answers.entry((step, status.as_u16(), code.to_owned())).or_default() += 1;
        if !step.may_be(status, code) {
            self.error(format!("{}: {status} {code}", step.name()));
        }
    }

    pub(super) fn failed(&mut self, step: Step, cause: &anyhow::Error) {
        *self.answers.entry((step, 0, "no answer".to_owned())).or_default() += 1;
        self.error(format!("{}: {cause:#}", step.name()));
    }

    /// Something that nobody should see.
    pub(super) fn error(&mut self, what: String) {
        self.errors += 1;
        if self.examples.len() < KEPT_EXAMPLES {
            self.examples.push(what);
        }
    }

    pub(super) fn late(&mut self, by: Duration) {
        self.late_us.saturating_record(u64::try_from(by.as_micros()).unwrap_or(u64::MAX));
    }

    pub(super) fn errors(&self) -> u64 {
        self.errors
    }

    pub(super) fn examples(&self) -> &[String] {
        &self.examples
    }

    /// Milliseconds by which polls were late, at a percentile.
    pub(super) fn late_ms(&self, percentile: f64) -> f64 {
        self.late_us.value_at_percentile(percentile) as f64 / 1e3
    }

    pub(super) fn polls(&self) -> u64 {
        self.late_us.len()
    }

    /// Everything that was answered, in words.
    pub(super) fn in_words(&self) -> String {
        let one = |((step, status, code), count): (&(Step, u16, String), &u64)| {
            let code = if code.is_empty() { String::new() } else { format!(" {code}") };
            format!("{count} × {} {status}{code}", step.name())
        };
        self.answers.iter().map(one).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_should_be_answered_is_an_error() {
        let mut tally = Tally::new();
        tally.answered(Step::Join, StatusCode::CREATED, "");
        tally.answered(Step::Hold, StatusCode::CONFLICT, "sold_out");
        tally.answered(Step::Hold, StatusCode::CONFLICT, "sold_out");
        assert_eq!(tally.errors(), 0);
        tally.answered(Step::Poll, StatusCode::CONFLICT, "sold_out");
        tally.answered(Step::Join, StatusCode::SERVICE_UNAVAILABLE, "unavailable");
        tally.failed(Step::Poll, &anyhow::anyhow!("the connection was closed"));
        assert_eq!((tally.errors(), tally.examples().len()), (3, 3));
        let words = tally.in_words();
        assert!(words.contains("2 × hold 409 sold_out") && words.contains("1 × join 201,"), "{words}");
    }
}
