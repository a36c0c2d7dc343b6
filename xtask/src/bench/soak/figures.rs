//! What a soak and an overload came to, against what they have to keep to.
//!
//! Invariant: a refusal is judged by what the server took for it, from sending; accepted work by what the buyer waited,
//! from when it was due.

use std::time::Duration;

use super::mix::Kind;
use super::tally::ms;
use super::watch::Courses;
use super::{Books, OVERLOAD_SHARE, RECOVERY, SOAK_SHARE, SoakArguments, Tally};
use crate::bench::report::{Figure, Limit, Report};

/// The lengths that the limits are meant for, minutes.
const WHOLE: (f64, f64) = (10.0, 2.0);

/// What the soak came to.
pub(super) struct Soaked {
    pub(super) rate: f64,
    pub(super) tally: Tally,
    pub(super) courses: Courses,
    pub(super) server_cores: f64,
    pub(super) client_cores: f64,
    /// That viewers were sent.
    pub(super) frames: u64,
    pub(super) lost_viewers: u64,
    /// The most changes that the ledger did not have yet.
    pub(super) most_lag: f64,
    pub(super) peak_mb: f64,
}

/// What the overload came to.
pub(super) struct Overloaded {
    pub(super) rate: f64,
    pub(super) tally: Tally,
    pub(super) recovered: Tally,
    pub(super) server_cores: f64,
    pub(super) client_cores: f64,
    pub(super) lost_viewers: u64,
    /// Seconds until all was as usual; `None`: it was not.
    pub(super) back_after: Option<usize>,
    /// 503 that buyers were answered and the server did not count as shed.
    pub(super) other_unavailable: f64,
}

pub(super) fn report(
    arguments: &SoakArguments,
    maximum: f64,
    soaked: &Soaked,
    overloaded: &Overloaded,
    books: &Books,
) -> Report {
    let measured = if arguments.maximum.is_some() { "given" } else { "the last step that was in time" };
    let mut figures = vec![Figure::new("maximum", maximum, " requests/s", Limit::None, measured)];
    figures.extend(soaked.figures());
    figures.extend(overloaded.figures());
    figures.extend(books.figures());
    let name = if arguments.cluster { "soak --cluster" } else { "soak" };
    let title =
        if arguments.cluster { "A soak and an overload over Redis" } else { "A soak and an overload" };
    Report { name, title, method: method(arguments), figures }
}

fn method(arguments: &SoakArguments) -> String {
    let is_short = arguments.minutes < WHOLE.0 || arguments.overload_minutes < WHOLE.1;
    let short = if is_short {
        format!(
            "**A short run**: the limits are meant for {} minutes of soak and {} of overload, the defaults of the command. ",
            WHOLE.0, WHOLE.1
        )
    } else {
        String::new()
    };
    let stores = if arguments.cluster {
        "One onsale over one Redis with an append-only file, synced once a second, and PostgreSQL"
    } else {
        "onsale with its embedded stores"
    };
    format!(
        "{short}{stores}, limits on, on the same cores as the client, which is a proxy that it trusts: {} connections, each buyer \
         with a network address of their own. Requests are due at fixed times, whatever the server does, and latency counts \
         from when they were due. Of a thousand 290 hold (popular seats first, some the best there are, some places of an \
         area), 231 read availability, plan or all seats, 109 the event and its performances, 80 become guests, 88 poll a \
         waiting room, 80 release, 40 read and 20 extend a hold, 10 pay for one (one payment in a hundred is declined), 2 are \
         refunds by the organizer, 30 list one's own; {} viewers watch throughout. Holds lapse after 10 s, so that as much is \
         held at the end as at the beginning. What grows by nature is the ledger, on disk; in memory the orders that were \
         sold and not refunded, and the idempotency keys of accepted holds, which are known for a day. Who is \
         refused asks for something else; the rate does not fall. The maximum is found on a server of its own, in steps of \
         6 s: the last at which done work keeps p99 ≤ 250 ms and no more than 1 % is refused for the load's sake, in two \
         tries. Then {:.1} minutes at {:.0} % of it on a fresh server: memory and descriptors are compared by medians, those of \
         the third minute with those of the last (of a short run, the third tenth). Then {:.1} minutes at {:.0} %, and back \
         without a pause; as usual is the first second in which all that was due was done, with a p99 of at most twice that \
         of the soak. Done is what was answered 2xx, or refused for a reason of the sale such as a seat that is taken; shed \
         is 429 and 503, which counts from when the request was written, because what the client is late by is not the \
         server's; not sent is what was due while every connection was waiting. Then everything lapses, and stock, ledger, \
         books and what the buyers know have to agree. Seed {}.",
        arguments.connections,
        arguments.viewers,
        arguments.minutes,
        100.0 * SOAK_SHARE,
        arguments.overload_minutes,
        100.0 * OVERLOAD_SHARE,
        arguments.seed
    )
}

fn none(name: &str, value: f64, note: impl Into<String>) -> Figure {
    Figure::new(name, value, "", Limit::AtMost(0.0), note)
}

fn processors(name: &str, server: f64, client: f64, late: f64) -> Figure {
    let note = format!("the client {client:.2}; it sent 99 % within {late:.1} ms of when it was due");
    Figure::new(name, server, " cores", Limit::None, note)
}

impl Soaked {
    fn figures(&self) -> Vec<Figure> {
        let (tally, courses) = (&self.tally, &self.courses);
        let at = |percentile| ms(&tally.done_us, percentile);
        let failed = tally.errors + tally.shed() + tally.unsent + self.lost_viewers;
        let errors_note = format!(
            "{} wrong, {} shed, {} not sent, {} viewers lost; {}",
            tally.errors,
            tally.shed(),
            tally.unsent,
            self.lost_viewers,
            tally.in_words()
        );
        let waited = format!("{:.0}/s; p50 {:.2} ms, p99.9 {:.1} ms", self.rate, at(50.0), at(99.9));
        let (resident, proportional) = (courses.resident_mb, courses.proportional_mb);
        let holds = tally.succeeded(|kind| matches!(kind, Kind::HoldSeats | Kind::HoldBest | Kind::HoldArea));
        let apart = courses.apart.div_duration_f64(Duration::from_secs(tally.seconds.len() as u64));
        let each = (resident.after - resident.before) * 1e6 / (holds as f64 * apart).max(1.0);
        let tenths: Vec<String> = courses.tenths.iter().map(|megabytes| format!("{megabytes:.0}")).collect();
        let memory_note = format!(
            "resident from {:.1} to {:.1} MB within {:.1} minutes (proportional {:.1} to {:.1}, peak {:.1}): {each:.0} bytes for each \
             of the holds accepted meanwhile; by tenths of the time {}",
            resident.before,
            resident.after,
            courses.apart.as_secs_f64() / 60.0,
            proportional.before,
            proportional.after,
            self.peak_mb,
            tenths.join(", ")
        );
        let descriptors = courses.descriptors;
        let open = format!("{:.0} at first, {:.0} at the end", descriptors.before, descriptors.after);
        let late = ms(&tally.late_us, 99.0);
        let lag = format!("changes; {} frames to viewers", self.frames);
        vec![
            none("soak: errors", failed as f64, errors_note),
            Figure::new("soak: p99 of what was done", at(99.0), " ms", Limit::None, waited),
            Figure::new(
                "soak: growth of memory",
                100.0 * resident.growth(),
                " %",
                Limit::AtMost(5.0),
                memory_note,
            ),
            none("soak: descriptors gained", (descriptors.after - descriptors.before).max(0.0), open),
            processors("soak: processor time of the server", self.server_cores, self.client_cores, late),
            Figure::new("soak: the ledger behind, at most", self.most_lag, "", Limit::None, lag),
        ]
    }
}

impl Overloaded {
    fn figures(&self) -> Vec<Figure> {
        let tally = &self.tally;
        let seconds = tally.seconds.len().max(1) as f64;
        let share = |count: u64| 100.0 * count as f64 / tally.due().max(1) as f64;
        let done_note = format!(
            "from when it was due; {:.0}/s due, {:.0}/s done ({:.1} %), p50 {:.1} ms, most {:.0} ms",
            self.rate,
            tally.done() as f64 / seconds,
            share(tally.done()),
            ms(&tally.done_us, 50.0),
            ms(&tally.done_us, 100.0)
        );
        let shed_note = format!(
            "from sending; {:.1} % of what was due; p50 {:.1} ms; from when it was due p99 {:.1} ms",
            share(tally.shed()),
            ms(&tally.shed_us, 50.0),
            ms(&tally.shed_from_due_us, 99.0)
        );
        let wrong = self.tally.errors + self.recovered.errors + self.lost_viewers;
        let wrong_note = format!(
            "of them {} without an answer, {} viewers lost; {}",
            tally.unanswered + self.recovered.unanswered,
            self.lost_viewers,
            tally.in_words()
        );
        let back = self.back_after.map_or_else(|| RECOVERY.as_secs_f64(), |seconds| seconds as f64);
        let back_note = match self.back_after {
            Some(_) => format!("then p99 {:.1} ms over {} s", self.recovered_p99_ms(), RECOVERY.as_secs()),
            None => format!("not within {} s: {}", RECOVERY.as_secs(), self.recovery_in_words()),
        };
        let unsent =
            "of what was due: every connection was waiting for an answer, as a queue in front of it would be";
        vec![
            Figure::new(
                "overload: p99 of what was done",
                ms(&tally.done_us, 99.0),
                " ms",
                Limit::AtMost(1_000.0),
                done_note,
            ),
            Figure::new(
                "overload: p99 of what was shed",
                ms(&tally.shed_us, 99.0),
                " ms",
                Limit::AtMost(100.0),
                shed_note,
            ),
            Figure::new(
                "overload: the slowest that was shed",
                ms(&tally.shed_us, 100.0),
                " ms",
                Limit::AtMost(100.0),
                "from sending",
            ),
            Figure::new("overload: not sent", share(tally.unsent), " %", Limit::None, unsent),
            none("overload: errors", wrong as f64, wrong_note),
            none(
                "overload: 503 for other reasons",
                self.other_unavailable.max(0.0),
                "than that there was too much, by the server's own count",
            ),
            processors(
                "overload: processor time of the server",
                self.server_cores,
                self.client_cores,
                ms(&tally.late_us, 99.0),
            ),
            Figure::new("overload: as usual again after", back, " s", Limit::AtMost(5.0), back_note),
        ]
    }

    /// What each second came to.
    fn recovery_in_words(&self) -> String {
        let seconds = self.recovered.seconds.iter().map(|second| match (second.p99_ms(), second.others) {
            (Some(p99), 0) => format!("{p99:.0} ms"),
            (Some(p99), others) => format!("{p99:.0} ms and {others} not done"),
            (None, others) => format!("{others} not done"),
        });
        seconds.collect::<Vec<_>>().join(", ")
    }

    fn recovered_p99_ms(&self) -> f64 {
        ms(&self.recovered.done_us, 99.0)
    }
}

impl Books {
    fn figures(&self) -> Vec<Figure> {
        let quiet = format!("{:.0} s after the last request", self.quiet_after.as_secs_f64());
        let unknown = self.unknown.unsigned_abs() as f64;
        let agree = if self.verified.0 { 0.0 } else { 1.0 };
        vec![
            none("books: drift of units", self.drift, quiet),
            none("books: units repaired", self.repaired as f64, "stock and ledger compared"),
            none("books: units sold otherwise than buyers know", unknown, format!("{} are sold", self.sold)),
            none("books: `onsale verify ledger`", agree, "0: it found nothing"),
        ]
    }
}
