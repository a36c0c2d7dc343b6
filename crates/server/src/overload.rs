//! Overload: when more is asked for than can be done, the rest is refused at once, so that what is accepted is done in time.
//!
//! Three delays are measured: how late a task is woken that should be every few milliseconds, which is how late every request
//! is before anybody has looked at it; how long a turn at the ledger is waited for, which is what every request waits that
//! asks it; and for how long those have waited there who are about to pay. A delay that passes is a burst and is left alone;
//! one that stands for a whole window is a queue that grows (after CoDel, RFC 8289, which drops packets by the shortest delay
//! of an interval). Then a share of the requests is refused that can wait, more with every window in which the delay still
//! stands, and less again once it has gone: of all of them where the process is late, or where people wait to pay and the
//! ledger works with the processors of this process; of those that ask the ledger where that is late.
//!
//! Invariants: whoever is about to pay, or is let in, or looks at what goes wrong, is refused last: only where the bound on
//! everything is reached, and who is about to pay also where those before them have waited for too long. What is refused has
//! cost no store anything.

use std::{
    sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    time::Duration,
};

use axum::http::{Method, Uri};
use onsale_app::{
    App,
    ports::ledger::{Access, PAYERS_WAIT_AT_MOST},
};
use tokio::time::Instant;

/// How often the delay is measured.
const PROBE_EVERY: Duration = Duration::from_millis(5);

/// A delay that has not been shorter for so long, and so many times, stands. A process that was not let run at all for a
/// while is late once, and then not any more.
const WINDOW: Duration = Duration::from_millis(100);
const PROBES: u32 = 5;

/// A standing delay that is too long. Not felt by itself: but every step of a request waits for so long, and where a thread
/// of the ledger is one of them, there are a dozen.
const TOO_LATE: Duration = Duration::from_millis(10);

/// The same for turns at the ledger, where each who waits has some steps before them. Who writes waits for the disk as well,
/// which has its moments.
const TURN_EVERY: Duration = Duration::from_millis(20);
const READS_TOO_LATE: Duration = Duration::from_millis(200);
const WRITES_TOO_LATE: Duration = Duration::from_millis(500);
const PAYERS_TOO_LATE: Duration = Duration::from_millis(200);

/// A delay so many times too long is answered with much more.
const FAR_TOO_LATE: u32 = 4;

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
    /// Of all that can wait, because the process is late.
    process: Share,
    /// The same, because people wait to pay.
    payers: Share,
    /// Of what of that reads from the ledger, or writes to it, because that is late.
    reads: Share,
    writes: Share,
    /// Whether nobody gets to pay just now: the ledger would put them off, after their hold was touched twice.
    nobody_pays: AtomicBool,
    /// Spreads those that are refused over all.
    turn: AtomicU32,
}

/// The share that is refused where something is late.
#[derive(Default)]
struct Share {
    /// Of a thousand requests.
    refused: AtomicU32,
    /// For how many windows the delay has been too long.
    stood: AtomicU32,
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
        if self.nobody_pays.load(Ordering::Relaxed) && pays(uri.path()) {
            return None;
        }
        let refused = self.refused(method, uri.path());
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

    /// How many of a thousand requests such as this are refused, if they can wait.
    fn refused(&self, method: &Method, path: &str) -> u32 {
        let refused = self.process.now().max(self.payers.now());
        let (reads, writes) = (self.reads.now(), self.writes.now());
        if refused >= reads.max(writes) {
            return refused;
        }
        match asks_ledger(method, path) {
            Some(Access::Read) => refused.max(reads),
            Some(Access::Write) => refused.max(writes),
            None => refused,
        }
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

    /// Measures until it is dropped. `is_ledger_here`: the ledger works with the processors of this process.
    pub(crate) async fn watch(&self, app: &App, is_ledger_here: bool) {
        tokio::join!(
            self.watch_process(),
            Self::watch_turns(&self.reads, "ledger_reads", READS_TOO_LATE, || {
                app.turn_at_the_ledger(Access::Read)
            }),
            Self::watch_turns(&self.writes, "ledger_writes", WRITES_TOO_LATE, || {
                app.turn_at_the_ledger(Access::Write)
            }),
            self.watch_payers(app, is_ledger_here),
        );
    }

    /// How late the process is.
    async fn watch_process(&self) {
        let delay = metrics::gauge!("onsale_standing_delay_seconds", "of" => "process");
        loop {
            let window = Instant::now() + WINDOW;
            let (mut shortest, mut probes) = (Duration::MAX, 0);
            while probes < PROBES || Instant::now() < window {
                probes += 1;
                let due = Instant::now() + PROBE_EVERY;
                tokio::time::sleep_until(due).await;
                shortest = shortest.min(due.elapsed());
            }
            delay.set(shortest.as_secs_f64());
            self.process.heard("process", shortest, TOO_LATE);
        }
    }

    /// How long turns at the ledger are waited for; one that is not granted has taken its time all the same.
    async fn watch_turns<F: Future>(
        share: &Share,
        of: &'static str,
        too_late: Duration,
        turn: impl Fn() -> F,
    ) {
        let delay = metrics::gauge!("onsale_standing_delay_seconds", "of" => of);
        loop {
            let shortest = shortest_turn(too_late, &turn).await;
            delay.set(shortest.as_secs_f64());
            share.heard(of, shortest, too_late);
        }
    }

    /// For how long people wait to pay.
    async fn watch_payers(&self, app: &App, is_ledger_here: bool) {
        let delay = metrics::gauge!("onsale_standing_delay_seconds", "of" => "payers");
        loop {
            let window = Instant::now() + WINDOW;
            let mut shortest = Duration::MAX;
            while Instant::now() < window {
                tokio::time::sleep(TURN_EVERY).await;
                let waited = app.payers_waiting_for().await.unwrap_or_default();
                self.nobody_pays.store(waited >= PAYERS_WAIT_AT_MOST, Ordering::Relaxed);
                shortest = shortest.min(waited);
            }
            delay.set(shortest.as_secs_f64());
            if is_ledger_here {
                self.payers.heard("payers", shortest, PAYERS_TOO_LATE);
            }
        }
    }
}

/// The shortest of the turns of a window. No longer is one waited for than half as long again as is too late: it is known by
/// then.
async fn shortest_turn<F: Future>(too_late: Duration, turn: &impl Fn() -> F) -> Duration {
    let window = Instant::now() + WINDOW;
    let mut shortest = Duration::MAX;
    while Instant::now() < window {
        let asked = Instant::now();
        let _ = tokio::time::timeout(too_late * 3 / 2, turn()).await;
        shortest = shortest.min(asked.elapsed());
        tokio::time::sleep(TURN_EVERY).await;
    }
    shortest
}

impl Share {
    /// Of a thousand requests.
    fn now(&self) -> u32 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Goes by the shortest delay of a window.
    fn heard(&self, what: &str, shortest: Duration, too_late: Duration) {
        let refused = self.now();
        let stood =
            if shortest < too_late { 0 } else { self.stood.load(Ordering::Relaxed).saturating_add(1) };
        self.stood.store(stood, Ordering::Relaxed);
        let next = match stood {
            0 => refused.saturating_sub(LESS),
            _ if shortest >= FAR_TOO_LATE * too_late => refused + MUCH_MORE,
            1 => refused,
            _ => refused + MORE,
        };
        let next = next.min(MOST_REFUSED);
        self.refused.store(next, Ordering::Relaxed);
        if refused == 0 && next > 0 {
            let late_ms = u64::try_from(shortest.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(late = what, late_ms, "more is asked than can be done; refusing some");
        } else if refused > 0 && next == 0 {
            tracing::info!(late = what, "all that is asked is done again");
        }
    }
}

fn pays(path: &str) -> bool {
    path.ends_with("/confirm")
}

/// What is refused last: paying and what brings it to an end, letting in those whose turn it is, the door, and the hands
/// and eyes of whoever runs the sale.
fn comes_first(method: &Method, path: &str) -> bool {
    let Some(path) = path.strip_prefix("/api/v1/") else {
        return path.starts_with("/health") || path == "/metrics";
    };
    pays(path)
        || path.ends_with("/resume")
        || path.ends_with("/queue/enter")
        || path.ends_with("/queue/control")
        || path.ends_with("/check-in")
        || path.ends_with("/sale")
        || path.ends_with("/blocks")
        || path.ends_with("/holds/extend")
        || path.starts_with("webhooks/")
        || (method == Method::GET && path.starts_with("orders/") && !path.ends_with("/tickets.pdf"))
        || path.starts_with("queue/reports")
        || (method == Method::DELETE && path.starts_with("reservations/"))
}

/// What waits for the ledger, of all that can wait, and what it does there: lists of what somebody has, accounts, and the
/// work of organizers.
pub(crate) fn asks_ledger(method: &Method, path: &str) -> Option<Access> {
    let path = path.strip_prefix("/api/v1/")?;
    let mut parts = path.split('/');
    let (first, list) = (parts.next().unwrap_or_default(), parts.nth(1));
    let asks = match first {
        "auth" => path != "auth/guest",
        "me" | "orders" | "seating-plans" | "unsettled-payments" | "webhook-deliveries"
        | "webhook-endpoints" => true,
        "events" => match list {
            None | Some("performances") => method != Method::GET,
            Some("queue") => path.ends_with("/wish"),
            Some(_) => true,
        },
        _ => false,
    };
    asks.then_some(if method == Method::GET { Access::Read } else { Access::Write })
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
        let heard = |ms| overload.process.heard("process", Duration::from_millis(ms), TOO_LATE);
        heard(9);
        assert_eq!(share(&overload, HOLD), 1_000);
        for (stood, let_through) in [(11, 1_000), (9, 1_000), (11, 1_000), (11, 900)] {
            heard(stood);
            assert_eq!(share(&overload, HOLD), let_through);
        }
        heard(1_000);
        assert_eq!((share(&overload, HOLD), share(&overload, PAY)), (650, 1_000));
        for _ in 0..20 {
            heard(1_000);
        }
        assert_eq!((share(&overload, HOLD), share(&overload, PAY)), (50, 1_000));
        // Two seconds later all is as before.
        for _ in 0..19 {
            heard(1);
        }
        assert_eq!(share(&overload, HOLD), 1_000);
    }

    #[test]
    fn for_the_sake_of_the_ledger_only_what_asks_it_is_refused() {
        let overload = Overload::default();
        for _ in 0..10 {
            overload.reads.heard("ledger_reads", Duration::from_secs(2), READS_TOO_LATE);
        }
        let asked =
            |method: &Method, path: &str| (0..1_000).filter(|_| asked(&overload, method, path)).count();
        for path in [
            "me/orders",
            "events/1/orders",
            "events/1/orders.csv",
            "webhook-endpoints",
            "orders/1/tickets.pdf",
        ] {
            assert_eq!(asked(&Method::GET, &format!("/api/v1/{path}")), 50, "{path}");
        }
        assert_eq!(asked(&Method::POST, "/api/v1/orders/1/refund"), 1_000, "it waits for others");
        for _ in 0..10 {
            overload.writes.heard("ledger_writes", Duration::from_secs(3), WRITES_TOO_LATE);
        }
        for path in
            ["events", "events/1/performances", "auth/login", "orders/1/refund", "events/1/queue/wish"]
        {
            assert_eq!(asked(&Method::POST, &format!("/api/v1/{path}")), 50, "{path}");
        }
        for path in [
            "events",
            "events/1",
            "events/1/performances",
            "performances/1/seats",
            "events/1/queue",
            "orders/1",
        ] {
            assert_eq!(asked(&Method::GET, &format!("/api/v1/{path}")), 1_000, "{path}");
        }
        assert_eq!(asked(&Method::POST, HOLD), 1_000);
        assert_eq!(asked(&Method::POST, PAY), 1_000);
        assert_eq!(asked(&Method::POST, "/api/v1/auth/guest"), 1_000);
        // What is refused more often anyway is not refused twice.
        overload.process.heard("process", Duration::from_secs(1), TOO_LATE);
        assert_eq!(asked(&Method::POST, HOLD), 750);
        assert_eq!(asked(&Method::GET, "/api/v1/me/orders"), 50);
        for _ in 0..10 {
            overload.payers.heard("payers", Duration::from_secs(2), PAYERS_TOO_LATE);
        }
        assert_eq!((share(&overload, HOLD), share(&overload, PAY)), (50, 1_000), "who is there pays first");
    }

    #[tokio::test(start_paused = true)]
    async fn the_shortest_turn_of_a_window_counts_and_none_is_waited_for_for_long() {
        let waits = |ms: [u64; 3]| {
            let next = AtomicU32::new(0);
            move || {
                let turn = next.fetch_add(1, Ordering::Relaxed) as usize;
                tokio::time::sleep(Duration::from_millis(ms[turn.min(2)]))
            }
        };
        for (ms, shortest) in [([1, 300, 300], 1), ([50, 30, 70], 30), ([5_000, 5_000, 5_000], 300)] {
            let begun = Instant::now();
            assert_eq!(shortest_turn(READS_TOO_LATE, &waits(ms)).await.as_millis(), shortest);
            assert!(begun.elapsed() < Duration::from_millis(450));
        }
    }

    #[test]
    fn who_would_be_put_off_by_the_ledger_knows_it_at_the_door() {
        let overload = Overload::default();
        overload.nobody_pays.store(true, Ordering::Relaxed);
        assert_eq!((share(&overload, PAY), share(&overload, HOLD)), (0, 1_000));
        assert_eq!(overload.under_way(), 0);
        overload.nobody_pays.store(false, Ordering::Relaxed);
        assert_eq!(share(&overload, PAY), 1_000);
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
