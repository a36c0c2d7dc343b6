//! Load on a server: so many connections, each with one request under way at most.
//!
//! Closed loop: each connection asks again as soon as it was answered; that tells how much the server can do. Open
//! loop: requests are due at times fixed beforehand, whatever the server does, and their latency counts from when
//! they were due; only that tells how long a buyer waits, since a server that stalls cannot slow the arrivals down.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use hdrhistogram::Histogram;
use hyper::StatusCode;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::client::{Call, Checked, Connection};

/// The requests of one connection, one after the other; `None` when it has no more.
pub(crate) type Calls = Box<dyn FnMut() -> Option<Call> + Send>;

/// How often the pacer of the open loop looks which requests are due. Their latency counts from when they were due,
/// so this can only make figures worse, by this much.
pub(crate) const PACER_STEP: Duration = Duration::from_micros(250);
/// How long before the first request everything is connected, so that all connections start together.
const LEAD: Duration = Duration::from_millis(50);
/// The longest latency that is told from longer ones.
const LONGEST_US: u64 = 60_000_000;
/// How many of the requests answered in an unexpected way are kept to be shown.
const KEPT_EXAMPLES: usize = 3;

#[derive(Clone, Copy)]
pub(crate) enum Pace {
    Closed,
    /// Requests a second, over all connections.
    Open(f64),
}

/// One round of load.
#[derive(Clone, Copy)]
pub(crate) struct Round {
    pub(crate) address: SocketAddr,
    pub(crate) pace: Pace,
    /// Not counted.
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
    pub(crate) expected: StatusCode,
}

/// What a round yielded.
pub(crate) struct Measured {
    /// Expected answers a second, in the measured time.
    pub(crate) per_second: f64,
    /// Microseconds, of the requests in the measured time.
    pub(crate) latency_us: Histogram<u64>,
    /// Expected answers altogether, with the warm-up.
    pub(crate) expected: u64,
    /// How many were answered otherwise, by status.
    pub(crate) unexpected: BTreeMap<u16, u64>,
    /// A few of those answers.
    pub(crate) examples: Vec<String>,
}

impl Measured {
    /// Milliseconds at a percentile.
    pub(crate) fn latency_ms(&self, percentile: f64) -> f64 {
        self.latency_us.value_at_percentile(percentile) as f64 / 1e3
    }

    /// Fails if any answer was not the expected one.
    pub(crate) fn all_expected(self, what: &str) -> anyhow::Result<Self> {
        ensure!(
            self.unexpected.is_empty(),
            "{what}: unexpected answers {:?}: {:?}",
            self.unexpected,
            self.examples
        );
        Ok(self)
    }
}

/// The times of a round.
#[derive(Clone, Copy)]
struct Window {
    start: Instant,
    counted_from: Instant,
    end: Instant,
}

/// The runtime the client lives in, with a thread for each core: with one thread the client would be the limit, and
/// what the server costs beyond the floor would partly vanish in the other core's idle time.
pub(crate) fn runtime() -> anyhow::Result<Runtime> {
    Builder::new_multi_thread().enable_all().build().context("cannot start the client")
}

/// Puts the load of one round on a server, one connection for each element of `calls`.
pub(crate) async fn run(round: Round, calls: Vec<Calls>) -> anyhow::Result<Measured> {
    let mut connections = Vec::with_capacity(calls.len());
    for calls in calls {
        connections.push((Connection::open(round.address).await?, calls));
    }
    let start = Instant::now() + LEAD;
    let counted_from = start + round.warm_up;
    let window = Window { start, counted_from, end: counted_from + round.measured };
    let mut tasks = JoinSet::new();
    match round.pace {
        Pace::Closed => {
            for (connection, calls) in connections {
                tasks.spawn(closed_loop(connection, calls, window, round.expected));
            }
        }
        Pace::Open(per_second) => {
            let mut schedules = Vec::with_capacity(connections.len());
            for (connection, calls) in connections {
                let (schedule, due) = mpsc::unbounded_channel();
                schedules.push(schedule);
                tasks.spawn(open_loop(connection, calls, due, window, round.expected));
            }
            std::thread::spawn(move || pace(&schedules, per_second, window));
        }
    }
    let mut tallies = Vec::new();
    while let Some(tally) = tasks.join_next().await {
        tallies.push(tally.context("a connection's task ended early")??);
    }
    Ok(sum(&tallies, round.measured))
}

/// What one connection saw.
#[derive(Default)]
struct Tally {
    /// One for each expected answer in the measured time. A list, because 64 histograms would fight for the cache.
    latencies_us: Vec<u32>,
    expected: u64,
    unexpected: BTreeMap<u16, u64>,
    examples: Vec<String>,
}

impl Tally {
    fn count(&mut self, checked: Checked, latency: Duration, in_window: bool) {
        match checked {
            Checked::Expected => {
                self.expected += 1;
                if in_window {
                    self.latencies_us.push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
                }
            }
            Checked::Unexpected(status, body) => {
                *self.unexpected.entry(status.as_u16()).or_default() += 1;
                if self.examples.len() < KEPT_EXAMPLES {
                    self.examples.push(body);
                }
            }
        }
    }
}

async fn closed_loop(
    mut connection: Connection,
    mut calls: Calls,
    window: Window,
    expected: StatusCode,
) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    tokio::time::sleep_until(window.start.into()).await;
    let mut sent = Instant::now();
    while sent < window.end {
        let call = calls().context("a connection ran out of requests")?;
        let checked = connection.check(call, expected).await?;
        let answered = Instant::now();
        let in_window = answered >= window.counted_from && answered < window.end;
        tally.count(checked, answered - sent, in_window);
        sent = answered;
    }
    Ok(tally)
}

async fn open_loop(
    mut connection: Connection,
    mut calls: Calls,
    mut due: mpsc::UnboundedReceiver<Instant>,
    window: Window,
    expected: StatusCode,
) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    while let Some(due) = due.recv().await {
        let call = calls().context("a connection ran out of requests")?;
        let checked = connection.check(call, expected).await?;
        tally.count(checked, due.elapsed(), due >= window.counted_from);
    }
    Ok(tally)
}

/// Hands each request to its connection when it is due, the connections in turn. A thread of its own, since tokio's
/// timers are no finer than a millisecond.
fn pace(schedules: &[mpsc::UnboundedSender<Instant>], per_second: f64, window: Window) {
    for number in 0_u64.. {
        let due = window.start + Duration::from_secs_f64(number as f64 / per_second);
        if due >= window.end {
            return;
        }
        while Instant::now() < due {
            std::thread::sleep(PACER_STEP);
        }
        let connection = number as usize % schedules.len();
        // A connection that failed reports that itself.
        let _ = schedules[connection].send(due);
    }
}

/// An empty histogram of microseconds. One without a longest begins with two milliseconds, and would count whatever is
/// longer as that.
pub(crate) fn microseconds() -> Histogram<u64> {
    Histogram::new_with_max(LONGEST_US, 3).expect("three digits of a minute are allowed")
}

fn sum(tallies: &[Tally], measured: Duration) -> Measured {
    let mut latency_us = microseconds();
    let mut unexpected = BTreeMap::new();
    for tally in tallies {
        for latency in &tally.latencies_us {
            latency_us.saturating_record(u64::from(*latency));
        }
        for (status, count) in &tally.unexpected {
            *unexpected.entry(*status).or_default() += count;
        }
    }
    Measured {
        per_second: latency_us.len() as f64 / measured.as_secs_f64(),
        latency_us,
        expected: tallies.iter().map(|tally| tally.expected).sum(),
        unexpected,
        examples: tallies
            .iter()
            .flat_map(|tally| tally.examples.iter().cloned())
            .take(KEPT_EXAMPLES)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::microseconds;

    #[test]
    fn latencies_of_any_length_are_told_apart() {
        let mut latencies = microseconds();
        for latency in [1, 2_047, 150_000, 30_000_000] {
            latencies.saturating_record(latency);
        }
        let longest = latencies.value_at_percentile(100.0);
        assert!(longest.abs_diff(30_000_000) < 30_000, "{longest}");
    }
}
