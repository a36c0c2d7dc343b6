//! Rounds of load on onsale and on the floor in turn, since no machine is equally fast from one moment to the next.
//!
//! Invariant: every round of onsale has a round of the floor right before and right after it, and is told as a share
//! of their mean; no round begins while the server still works on what an earlier one left behind.

use std::time::Duration;

use anyhow::{Context, ensure};
use hyper::StatusCode;
use hyper::http::{Method, Uri};
use tokio::runtime::Runtime;

use crate::bench::api::hold_of;
use crate::bench::buyer::Buyer;
use crate::bench::client::call;
use crate::bench::load::{self, Calls, Measured, Pace, Round};
use crate::bench::server::Server;
use crate::bench::stage::Stage;

const WARM_UP: Duration = Duration::from_secs(1);
/// How long the server may go on working after a round.
const REST_LIMIT: Duration = Duration::from_mins(2);
/// Rounds of the floor that differ by no more than this share are steady. Whether a round counts depends on the floor
/// alone, never on what onsale reached.
const STEADY: f64 = 0.2;
/// How often a round is tried, for each that is wanted.
const ATTEMPTS: usize = 4;

/// What all rounds share.
pub(crate) struct Rounds<'a> {
    pub(crate) runtime: &'a Runtime,
    pub(crate) connections: usize,
    pub(crate) measured: Duration,
    pub(crate) repeats: usize,
}

/// Which handler of the floor.
#[derive(Clone, Copy)]
pub(crate) enum Floor {
    /// Reads a request for a hold.
    Post,
    /// Answers nothing.
    Get,
    /// Answers a constant of the size of onsale's answer.
    GetBody,
}

/// The rounds of one kind of request beside those of the floor.
#[derive(Default)]
pub(crate) struct Comparison {
    pub(crate) shares: Vec<f64>,
    pub(crate) per_second: Vec<f64>,
    pub(crate) floor_per_second: Vec<f64>,
    pub(crate) p99_ms: Vec<f64>,
    /// How long the server went on working after a round.
    pub(crate) rest: Vec<Duration>,
}

impl Comparison {
    fn add(&mut self, measured: &Measured, floor_per_second: f64, rest: Duration) {
        self.shares.push(measured.per_second / floor_per_second);
        self.per_second.push(measured.per_second);
        self.floor_per_second.push(floor_per_second);
        self.p99_ms.push(measured.latency_ms(99.0));
        self.rest.push(rest);
    }

    pub(crate) fn share(&self) -> f64 {
        median(&self.shares)
    }

    /// What is behind the share.
    pub(crate) fn note(&self) -> String {
        let shares: Vec<_> = self.shares.iter().map(|share| format!("{share:.3}")).collect();
        let (ours, floor) = (median(&self.per_second) / 1e3, median(&self.floor_per_second) / 1e3);
        format!("{ours:.1} k/s, floor {floor:.1} k/s; rounds {}", shares.join(", "))
    }
}

impl Rounds<'_> {
    /// How long one round takes.
    pub(crate) fn whole(&self) -> Duration {
        WARM_UP + self.measured
    }

    /// Floor, onsale, floor, onsale, floor … `floor` says what it reaches a second; `subject` gives the requests of the
    /// next round, knowing what the floor has just reached, and sees what the round yielded.
    pub(crate) fn compare(
        &self,
        stage: &mut Stage,
        mut floor: impl FnMut() -> anyhow::Result<f64>,
        subject: &mut impl Subject,
    ) -> anyhow::Result<Comparison> {
        let mut comparison = Comparison::default();
        let mut before = floor()?;
        for attempt in 1.. {
            let calls = subject.calls(stage, before)?;
            stage.server.wait_until_it_rests(REST_LIMIT)?;
            let measured = self.load(&stage.server, Pace::Closed, subject.expected(), calls)?;
            subject.ended(stage)?;
            let rest = stage.server.wait_until_it_rests(REST_LIMIT)?;
            let after = floor()?;
            subject.seen(stage, &measured)?;
            let steady = (before - after).abs() <= STEADY * before.max(after);
            let verdict = if steady { "" } else { ", which is not steady" };
            println!("  {:>8.0}/s beside {before:.0}/s and {after:.0}/s{verdict}", measured.per_second);
            if steady {
                comparison.add(&measured, f64::midpoint(before, after), rest);
            }
            before = after;
            if comparison.shares.len() == self.repeats {
                break;
            }
            ensure!(
                attempt < ATTEMPTS * self.repeats,
                "the machine is too busy: the floor itself is not steady"
            );
        }
        Ok(comparison)
    }

    /// One round on a server; anything but the expected status is an error.
    pub(crate) fn load(
        &self,
        server: &Server,
        pace: Pace,
        expected: StatusCode,
        calls: Vec<Calls>,
    ) -> anyhow::Result<Measured> {
        let round =
            Round { address: server.address, pace, warm_up: WARM_UP, measured: self.measured, expected };
        self.runtime.block_on(load::run(round, calls))?.all_expected("the load")
    }

    /// Requests a second that the empty handler answers, of the size that onsale gets: as long a path as `like`, the
    /// same headers.
    pub(crate) fn floor(
        &self,
        server: &Server,
        floor: Floor,
        buyer: Option<&Buyer>,
        like: &Uri,
    ) -> anyhow::Result<f64> {
        let (method, path, expected) = match floor {
            Floor::Post => (Method::POST, "/floor?", StatusCode::CREATED),
            Floor::Get => (Method::GET, "/floor?", StatusCode::OK),
            Floor::GetBody => (Method::GET, "/floor/body?", StatusCode::OK),
        };
        let path: Uri =
            format!("{path:p<width$}", width = like.path().len()).parse().context("not a path")?;
        let body = matches!(floor, Floor::Post).then(|| hold_of(12_345));
        let calls = (0..self.connections).map(|_| {
            let (method, path, buyer, body) = (method.clone(), path.clone(), buyer.cloned(), body.clone());
            Box::new(move || {
                Some(match &buyer {
                    Some(buyer) => buyer.ask(method.clone(), &path, body.clone()),
                    None => call(method.clone(), &path, None, body.clone()),
                })
            }) as Calls
        });
        Ok(self.load(server, Pace::Closed, expected, calls.collect())?.per_second)
    }
}

/// What is compared with the floor.
pub(crate) trait Subject {
    /// The status every answer has to have.
    fn expected(&self) -> StatusCode;

    /// The requests of the next round, one sequence for each connection. `at_most` a second is what the floor does.
    fn calls(&mut self, stage: &mut Stage, at_most: f64) -> anyhow::Result<Vec<Calls>>;

    /// The load of a round has just ended; the server may still be at work behind the answers.
    fn ended(&mut self, _stage: &mut Stage) -> anyhow::Result<()> {
        Ok(())
    }

    /// Looks at the outcome of a round.
    fn seen(&mut self, _stage: &mut Stage, _measured: &Measured) -> anyhow::Result<()> {
        Ok(())
    }
}

/// The middle one, or the mean of the two in the middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        count => f64::midpoint(sorted[(count - 1) / 2], sorted[count / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_in_the_middle() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median(&[]).is_nan());
    }
}
