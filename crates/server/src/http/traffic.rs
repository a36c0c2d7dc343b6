//! What this process was asked in the last seconds, and how fast it answered.
//!
//! Invariant: noting a request takes no lock and no memory. In return a few that come while a second begins may be missed.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use onsale_app::errors::Reason;

/// How many whole seconds a figure is about.
pub(crate) const WINDOW_S: u64 = 10;

/// Seconds that are kept: those of the window, the one that goes on, and one to spare.
const SLOTS: usize = WINDOW_S as usize + 2;

/// Parts of a doubling of the time: a time is known to an eighth.
const PARTS: u32 = 8;

/// From 1 µs to 67 s.
const DOUBLINGS: u32 = 26;

const BUCKETS: usize = (PARTS * DOUBLINGS) as usize;

/// One second.
struct Slot {
    second: AtomicU64,
    requests: AtomicU32,
    errors: AtomicU32,
    times: [AtomicU32; BUCKETS],
    refusals: [AtomicU32; Reason::ALL.len()],
}

impl Slot {
    fn new() -> Self {
        Self {
            second: AtomicU64::new(u64::MAX),
            requests: AtomicU32::new(0),
            errors: AtomicU32::new(0),
            times: [const { AtomicU32::new(0) }; BUCKETS],
            refusals: [const { AtomicU32::new(0) }; Reason::ALL.len()],
        }
    }

    fn clear(&self) {
        let all = self.times.iter().chain(&self.refusals).chain([&self.requests, &self.errors]);
        all.for_each(|count| count.store(0, Ordering::Relaxed));
    }
}

/// The requests of the last seconds.
pub(crate) struct Traffic {
    begun: Instant,
    slots: [Slot; SLOTS],
}

/// What they came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Figures {
    pub(crate) requests_per_s: f64,
    /// The share that was answered with a fault of this server, from 0 to 1.
    pub(crate) error_rate: f64,
    /// Times from a request's head to its answer's head; 0 where there was no request.
    pub(crate) p50: Duration,
    pub(crate) p95: Duration,
    pub(crate) p99: Duration,
    /// How many were refused, by code.
    pub(crate) refusals: BTreeMap<&'static str, u32>,
}

impl Traffic {
    pub(crate) fn new(begun: Instant) -> Self {
        Self { begun, slots: std::array::from_fn(|_| Slot::new()) }
    }

    /// Notes a request that is answered now.
    pub(crate) fn note(&self, took: Duration, refusal: Option<Reason>, is_error: bool) {
        self.note_at(self.begun.elapsed().as_secs(), took, refusal, is_error);
    }

    /// What came in the last whole seconds.
    pub(crate) fn figures(&self) -> Figures {
        self.figures_at(self.begun.elapsed().as_secs())
    }

    fn note_at(&self, second: u64, took: Duration, refusal: Option<Reason>, is_error: bool) {
        let slot = &self.slots[(second % SLOTS as u64) as usize];
        if slot.second.swap(second, Ordering::Relaxed) != second {
            slot.clear();
        }
        slot.requests.fetch_add(1, Ordering::Relaxed);
        slot.times[bucket(took)].fetch_add(1, Ordering::Relaxed);
        if let Some(refusal) = refusal {
            slot.refusals[refusal as usize].fetch_add(1, Ordering::Relaxed);
        }
        if is_error {
            slot.errors.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn figures_at(&self, now: u64) -> Figures {
        let window = now.saturating_sub(WINDOW_S)..now;
        let slots = || self.slots.iter().filter(|slot| window.contains(&slot.second.load(Ordering::Relaxed)));
        let sum = |of: &dyn Fn(&Slot) -> u32| slots().map(|slot| u64::from(of(slot))).sum::<u64>();
        let requests = sum(&|slot| slot.requests.load(Ordering::Relaxed));
        if requests == 0 {
            return Figures::default();
        }
        let errors = sum(&|slot| slot.errors.load(Ordering::Relaxed));
        let times: Vec<u64> =
            (0..BUCKETS).map(|at| sum(&|slot| slot.times[at].load(Ordering::Relaxed))).collect();
        let refusals = Reason::ALL.iter().filter_map(|reason| {
            let count = sum(&|slot| slot.refusals[*reason as usize].load(Ordering::Relaxed));
            (count > 0).then(|| (reason.code(), u32::try_from(count).unwrap_or(u32::MAX)))
        });
        Figures {
            requests_per_s: requests as f64 / window.clone().count().max(1) as f64,
            error_rate: errors as f64 / requests as f64,
            p50: quantile(&times, 0.50),
            p95: quantile(&times, 0.95),
            p99: quantile(&times, 0.99),
            refusals: refusals.collect(),
        }
    }
}

/// Where a time is counted: by its doublings of 1 µs and the eighth of the last one.
fn bucket(took: Duration) -> usize {
    let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX).max(1);
    let doublings = micros.ilog2();
    let part = ((u64::from(micros) * u64::from(PARTS)) >> doublings) as u32 - PARTS;
    ((doublings * PARTS + part) as usize).min(BUCKETS - 1)
}

/// The longest time that is counted there.
fn upper_bound(bucket: usize) -> Duration {
    let (doublings, part) = (bucket as u32 / PARTS, bucket as u32 % PARTS);
    Duration::from_nanos((1_000_u64 << doublings) * u64::from(PARTS + part + 1) / u64::from(PARTS))
}

fn quantile(times: &[u64], share: f64) -> Duration {
    let all: u64 = times.iter().sum();
    #[expect(clippy::cast_sign_loss, reason = "a share of a count is no less than 0")]
    let wanted = ((all as f64 * share).ceil() as u64).max(1);
    let mut seen = 0;
    let reaches = |count: &u64| {
        seen += count;
        seen >= wanted
    };
    times.iter().position(reaches).map_or(Duration::ZERO, upper_bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traffic() -> Traffic {
        Traffic::new(Instant::now())
    }

    #[test]
    fn a_time_is_known_to_an_eighth() {
        for micros in [1_u64, 2, 3, 7, 8, 9, 100, 1_000, 12_345, 999_999, 30_000_000] {
            let took = Duration::from_micros(micros);
            let bound = upper_bound(bucket(took));
            assert!(bound >= took && bound <= took * 9 / 8 + Duration::from_micros(1), "{took:?}: {bound:?}");
        }
        assert_eq!(bucket(Duration::ZERO), 0);
        assert_eq!(bucket(Duration::from_secs(10_000)), BUCKETS - 1);
    }

    #[test]
    fn figures_are_about_the_last_whole_seconds() {
        let traffic = traffic();
        assert_eq!(traffic.figures_at(0), Figures::default());
        traffic.note_at(100, Duration::from_millis(500), None, true);
        // The second that goes on is not told of, and a second is forgotten when it is as old as the window.
        assert_eq!(traffic.figures_at(100), Figures::default());
        assert!(traffic.figures_at(101).error_rate > 0.99);
        assert!(traffic.figures_at(110).error_rate > 0.99);
        assert_eq!(traffic.figures_at(111), Figures::default());
        // What came before in the same slot is not counted again.
        traffic.note_at(100 + SLOTS as u64, Duration::from_millis(1), None, false);
        let figures = traffic.figures_at(101 + SLOTS as u64);
        assert_eq!((figures.requests_per_s, figures.error_rate), (0.1, 0.0));
    }

    #[test]
    fn quantiles_and_refusals() {
        let traffic = traffic();
        for n in 1..=100 {
            let refusal = (n % 4 == 0).then_some(Reason::SeatTaken);
            traffic.note_at(5 + n % 2, Duration::from_millis(n), refusal, n > 98);
        }
        let figures = traffic.figures_at(15);
        let near = |time: Duration, ms: u64| {
            let ms = Duration::from_millis(ms);
            assert!(time >= ms && time <= ms * 9 / 8, "{time:?} is not near {ms:?}");
        };
        near(figures.p50, 50);
        near(figures.p95, 95);
        near(figures.p99, 99);
        assert_eq!((figures.requests_per_s, figures.error_rate), (10.0, 0.02));
        assert_eq!(figures.refusals, BTreeMap::from([("seat_taken", 25)]));
    }
}
