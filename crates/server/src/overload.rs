//! Overload: when more is asked for than can be done, the rest is refused at once, so that what is accepted is done in time.
//!
//! A task that should be woken every few milliseconds measures how late it is: as late as every request is before anybody
//! has looked at it. A delay that passes is a burst and is left alone; one that stands for a whole window is a queue that
//! grows (after CoDel, RFC 8289, which drops packets by the shortest delay of an interval). Then a share of the requests is
//! refused, more with every window in which the delay still stands, and less again once it has gone.
//!
//! Invariants: whoever is about to pay, or is let in, or looks at what goes wrong, is refused last: only where the bound on
//! everything is reached. What is refused has cost no store anything.

use std::{
    sync::atomic::{AtomicU32, AtomicUsize, Ordering},
    time::Duration,
};

use axum::http::{Method, Uri};
use tokio::time::Instant;

/// How often the delay is measured.
const PROBE_EVERY: Duration = Duration::from_millis(5);

/// A delay that has not been shorter for so long, and so many times, stands. A process that was not let run at all for a
/// while is late once, and then not any more.
const WINDOW: Duration = Duration::from_millis(100);
const PROBES: u32 = 5;

/// A standing delay that is too long.
const TOO_LATE: Duration = Duration::from_millis(40);

/// How much more is refused after a window in which the delay stood, and how much less after one in which it did not, of a
/// thousand.
const MORE: u32 = 100;
const MUCH_MORE: u32 = 250;
const LESS: u32 = 50;

/// Some are always let through, so that it shows when they can be.
const MOST_REFUSED: u32 = 950;

/// How many requests may be under way: those that can wait, and all.
const ORDINARY_UNDER_WAY: usize = 8_000;
const MOST_UNDER_WAY: usize = 16_000;

/// How much is asked, and what share of it is refused.
#[derive(Default)]
pub(crate) struct Overload {
    under_way: AtomicUsize,
    /// Of a thousand ordinary requests.
    refused: AtomicU32,
    /// For how many windows the delay has been too long.
    stood: AtomicU32,
    /// Spreads those that are refused over all.
    turn: AtomicU32,
}

/// A request that was let through, until it is dropped.
pub(crate) struct UnderWay<'a>(&'a Overload);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Overload {
    /// Lets a request through; `None`: not now.
    pub(crate) fn admit(&self, method: &Method, uri: &Uri) -> Option<UnderWay<'_>> {
        let before = self.under_way.fetch_add(1, Ordering::Relaxed);
        let under_way = UnderWay(self);
        let refused = self.refused.load(Ordering::Relaxed);
        if refused == 0 && before < ORDINARY_UNDER_WAY {
            return Some(under_way);
        }
        if before >= MOST_UNDER_WAY {
            return None;
        }
        if comes_first(method, uri.path()) {
            return Some(under_way);
        }
        (before < ORDINARY_UNDER_WAY && self.next_turn() >= refused).then_some(under_way)
    }

    /// How many requests are under way.
    pub(crate) fn under_way(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }

    /// A number below 1,000, each as often as any other, and neighbours far apart.
    fn next_turn(&self) -> u32 {
        // 617 is near the golden section of 1,000 and has no divisor with it.
        self.turn.fetch_add(1, Ordering::Relaxed).wrapping_mul(617) % 1_000
    }

    /// Goes by the shortest delay of a window.
    fn heard(&self, shortest: Duration) {
        let refused = self.refused.load(Ordering::Relaxed);
        let stood =
            if shortest < TOO_LATE { 0 } else { self.stood.load(Ordering::Relaxed).saturating_add(1) };
        self.stood.store(stood, Ordering::Relaxed);
        let next = match stood {
            0 => refused.saturating_sub(LESS),
            _ if shortest >= 4 * TOO_LATE => refused + MUCH_MORE,
            1 => refused,
            _ => refused + MORE,
        };
        let next = next.min(MOST_REFUSED);
        self.refused.store(next, Ordering::Relaxed);
        if refused == 0 && next > 0 {
            let late_ms = u64::try_from(shortest.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(late_ms, "more is asked than can be done; refusing some");
        } else if refused > 0 && next == 0 {
            tracing::info!("all that is asked is done again");
        }
    }

    /// Measures until it is dropped.
    pub(crate) async fn watch(&self) {
        loop {
            let window = Instant::now() + WINDOW;
            let (mut shortest, mut probes) = (Duration::MAX, 0);
            while probes < PROBES || Instant::now() < window {
                probes += 1;
                let due = Instant::now() + PROBE_EVERY;
                tokio::time::sleep_until(due).await;
                shortest = shortest.min(due.elapsed());
            }
            self.heard(shortest);
        }
    }
}

/// What is refused last: paying and what brings it to an end, letting in those whose turn it is, the door, and the hands
/// and eyes of whoever runs the sale.
fn comes_first(method: &Method, path: &str) -> bool {
    let Some(path) = path.strip_prefix("/api/v1/") else {
        return path.starts_with("/health") || path == "/metrics";
    };
    path.ends_with("/confirm")
        || path.ends_with("/resume")
        || path.ends_with("/queue/enter")
        || path.ends_with("/queue/control")
        || path.ends_with("/check-in")
        || path.ends_with("/sale")
        || path.ends_with("/blocks")
        || path.ends_with("/holds/extend")
        || path.starts_with("webhooks/")
        || path.starts_with("orders/")
        || path.starts_with("queue/reports")
        || (method == Method::DELETE && path.starts_with("reservations/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(overload: &Overload, method: &Method, path: &str) -> bool {
        overload.admit(method, &path.parse().unwrap()).is_some()
    }

    fn share(overload: &Overload, path: &str) -> usize {
        (0..1_000).filter(|_| asked(overload, &Method::POST, path)).count()
    }

    const HOLD: &str = "/api/v1/performances/1/reservations";
    const PAY: &str = "/api/v1/reservations/1/confirm";

    #[test]
    fn a_burst_is_left_alone_and_a_queue_is_not() {
        let overload = Overload::default();
        overload.heard(Duration::from_millis(39));
        assert_eq!(share(&overload, HOLD), 1_000);
        for (stood, let_through) in [(41, 1_000), (39, 1_000), (41, 1_000), (41, 900)] {
            overload.heard(Duration::from_millis(stood));
            assert_eq!(share(&overload, HOLD), let_through);
        }
        overload.heard(Duration::from_secs(1));
        assert_eq!((share(&overload, HOLD), share(&overload, PAY)), (650, 1_000));
        for _ in 0..20 {
            overload.heard(Duration::from_secs(1));
        }
        assert_eq!((share(&overload, HOLD), share(&overload, PAY)), (50, 1_000));
        // Two seconds later all is as before.
        for _ in 0..19 {
            overload.heard(Duration::from_millis(1));
        }
        assert_eq!(share(&overload, HOLD), 1_000);
    }

    #[test]
    fn what_is_under_way_is_bounded() {
        let overload = Overload::default();
        let (hold, pay): (Uri, Uri) = (HOLD.parse().unwrap(), PAY.parse().unwrap());
        let admit = |uri| overload.admit(&Method::POST, uri);
        let waiting: Vec<_> = (0..ORDINARY_UNDER_WAY).map(|_| admit(&hold).unwrap()).collect();
        assert!(admit(&hold).is_none());
        let paying: Vec<_> = (0..MOST_UNDER_WAY - ORDINARY_UNDER_WAY).map(|_| admit(&pay).unwrap()).collect();
        assert!(admit(&pay).is_none());
        assert_eq!(overload.under_way(), MOST_UNDER_WAY);
        drop((waiting, paying));
        assert_eq!(overload.under_way(), 0, "also those that were refused");
        assert!(admit(&hold).is_some());
    }

    #[test]
    fn those_who_pay_enter_or_look_come_first() {
        let first = |method: &Method, path: &str| comes_first(method, path);
        for path in
            ["/health/ready", "/metrics", PAY, "/api/v1/webhooks/stripe", "/api/v1/events/1/queue/enter"]
        {
            assert!(first(&Method::POST, path), "{path}");
        }
        for path in
            ["/", "/assets/index.js", HOLD, "/api/v1/events", "/api/v1/reservations/1", "/healthy/confirm"]
        {
            assert!(!first(&Method::GET, path) || path.starts_with("/health"), "{path}");
        }
        assert!(first(&Method::DELETE, "/api/v1/reservations/1"));
    }
}
