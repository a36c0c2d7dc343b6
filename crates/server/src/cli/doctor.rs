//! `onsale doctor`: looks at everything that a sale stands on, before it begins, and says in words what to change.
//!
//! Invariants: nothing is changed, but for a file that is written and removed to time the disk; a server that runs on the
//! same stores does not notice; every check ends within its time.

use std::{
    cmp::Reverse,
    fs,
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

use clap::Args;
use onsale_domain::time::Timestamp;
use serde_json::json;

use super::{Folder, print, say};
use crate::{
    settings::{Role, Settings, redacted},
    wire::{examining, marks},
};

mod certificate;

#[derive(Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    pub(super) folder: Folder,
    /// Redis, where the settings do not say so
    #[arg(long)]
    pub(super) redis_url: Option<String>,
    /// One JSON object a line on standard output instead of words
    #[arg(long)]
    json: bool,
}

/// How long one check may take.
const WITHIN: Duration = Duration::from_secs(15);

/// Clocks that differ by more end holds early or late.
const CLOCKS_DIFFER_MS: u64 = 500;
const CLOCKS_ARE_WRONG_MS: u64 = 5_000;

/// A viewer is a descriptor; these are enough for a large sale on one machine.
const DESCRIPTORS: u64 = 65_536;
const TOO_FEW_DESCRIPTORS: u64 = 1_023;

/// How often the disk is asked to keep something.
const SYNCS: usize = 40;

/// What one durable hold may cost, and what a sale can be run on at all.
const SYNC_IS_SLOW: Duration = Duration::from_millis(5);
const SYNC_IS_BAD: Duration = Duration::from_millis(50);

/// What should be left on a disk.
const FREE_BYTES: u64 = 2 << 30;
const FREE_AT_ALL_BYTES: u64 = 200 << 20;

/// A store that takes longer for the shortest question is too far away.
const STORE_IS_FAR: Duration = Duration::from_millis(3);

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Fine,
    /// It works, and could be better.
    Advice,
    /// A sale should not be begun on this.
    Wrong,
}

/// What was found.
struct Finding {
    check: &'static str,
    state: State,
    says: String,
}

/// What has been found so far.
#[derive(Default)]
struct Report(Vec<Finding>);

impl Report {
    fn add(&mut self, check: &'static str, state: State, says: impl Into<String>) {
        self.0.push(Finding { check, state, says: says.into() });
    }

    fn fine(&mut self, check: &'static str, says: impl Into<String>) {
        self.add(check, State::Fine, says);
    }

    fn advice(&mut self, check: &'static str, says: impl Into<String>) {
        self.add(check, State::Advice, says);
    }

    fn wrong(&mut self, check: &'static str, says: impl Into<String>) {
        self.add(check, State::Wrong, says);
    }

    /// Fine below one bound, wrong from another on.
    fn graded<T: PartialOrd>(&mut self, check: &'static str, value: &T, bounds: &[T; 2], says: String) {
        let state = if *value >= bounds[1] {
            State::Wrong
        } else if *value >= bounds[0] {
            State::Advice
        } else {
            State::Fine
        };
        self.add(check, state, says);
    }
}

/// Fails where something is wrong.
pub(super) async fn run(settings: Settings, command: Doctor) -> anyhow::Result<()> {
    let mut report = Report::default();
    setup(&settings, &mut report);
    certificate::look_at(&settings, &mut report);
    descriptors(&mut report);
    folder(&settings, &mut report);
    stores(&settings, &mut report).await;
    let worst = report.0.iter().map(|finding| finding.state).max().unwrap_or(State::Fine);
    for Finding { check, state, says } in &report.0 {
        if command.json {
            let state = match state {
                State::Fine => "fine",
                State::Advice => "advice",
                State::Wrong => "wrong",
            };
            print(&json!({"check": check, "state": state, "says": says}).to_string());
        } else {
            let sign = match state {
                State::Fine => "fine  ",
                State::Advice => "better",
                State::Wrong => "WRONG ",
            };
            say(&format!("{sign}  {check}: {says}"));
        }
    }
    let wrong = report.0.iter().filter(|finding| finding.state == State::Wrong).count();
    anyhow::ensure!(
        worst < State::Wrong,
        "{wrong} of {} checks say that this is not ready for a sale",
        report.0.len()
    );
    Ok(())
}

/// What the settings come to together.
fn setup(settings: &Settings, report: &mut Report) {
    const CHECK: &str = "settings";
    let form = match (&settings.redis_url, &settings.role) {
        (None, Role::All) => "one machine, stores in its folder".to_owned(),
        (Some(_), Role::All) => "one of several processes over shared stores".to_owned(),
        (_, Role::Queue) => "the waiting room alone".to_owned(),
        (_, Role::Sales { queue_url }) => {
            format!("the sale alone, its waiting room at {}", redacted(queue_url))
        }
    };
    report.fine(CHECK, form);
    if !settings.limits_enabled {
        report.advice(CHECK, "limits.enabled is false: one client can ask for everything; set it to true");
    }
    if settings.payments.simulated_enabled {
        let words = "simulated payments are taken: anybody can buy without money; before a real sale set \
                     payments.stripe.* and payments.simulated.enabled = false";
        report.advice(CHECK, words);
    }
    if settings.mail.is_none() {
        report.advice(CHECK, "mail.host is not set: buyers get no e-mail with their tickets");
    }
    if settings.trusted_proxies.is_empty() {
        let words = "trusted_proxies is empty: right where clients connect directly; behind a proxy everybody would share the \
                     limits of its one address";
        let state = if settings.listen.ip().is_loopback() { State::Advice } else { State::Fine };
        report.add(CHECK, state, words);
    }
    if settings.tls.is_none() && settings.trusted_proxies.is_empty() && !settings.listen.ip().is_loopback() {
        let words = "listen takes plain HTTP from everywhere, and no proxy is named: everything that is sent can be read on the \
                     way; set tls.certificate and tls.key, or put a proxy in front and name it in trusted_proxies";
        report.advice(CHECK, words);
    }
    if settings.redis_url.is_some() && !settings.redis_strict {
        report.advice(
            CHECK,
            "redis_strict is false: a Redis that may lose holds is warned of and used; set it to true",
        );
    }
}

fn descriptors(report: &mut Report) {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let (now, most) = (limit.current.unwrap_or(u64::MAX), limit.maximum.unwrap_or(u64::MAX));
    if now >= DESCRIPTORS {
        return report.fine("file limit", format!("{now} files and connections at once"));
    }
    let words = format!(
        "{now} files and connections at once, which is as many people who watch; `ulimit -n {}` or LimitNOFILE= in the unit",
        most.clamp(now, 1 << 20).max(DESCRIPTORS)
    );
    // The fewer, the worse.
    report.graded("file limit", &Reverse(now), &[Reverse(DESCRIPTORS), Reverse(TOO_FEW_DESCRIPTORS)], words);
}

/// The folder: who may read it, what is left on its disk, and how long that takes to keep something.
fn folder(settings: &Settings, report: &mut Report) {
    let folder = &settings.data_dir;
    if settings.redis_url.is_some() && settings.database_url.is_some() {
        return;
    }
    if let Err(error) = marks::refuse_moved(folder) {
        report.wrong("folder", error.to_string());
    }
    if !folder.is_dir() {
        let words = format!("{} is not there yet; the first start makes it", folder.display());
        return report.advice("folder", words);
    }
    permissions(folder, report);
    space(folder, report);
    match timed_syncs(folder) {
        Ok((median, worst)) => {
            let words = format!(
                "keeping 4 KiB takes {} ms (the slowest of {SYNCS}: {} ms); that is what a durable hold waits for",
                tenths(median),
                tenths(worst)
            );
            report.graded("disk", &median, &[SYNC_IS_SLOW, SYNC_IS_BAD], words);
        }
        Err(error) => report.wrong("disk", format!("{} cannot be written: {error}", folder.display())),
    }
}

/// The bits that say who may do what with a file.
#[cfg(unix)]
fn mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).map(|found| found.permissions().mode() & 0o777).ok()
}

#[cfg(unix)]
fn permissions(folder: &Path, report: &mut Report) {
    let secret = folder.join("secret");
    match mode(&secret) {
        Some(mode) if mode & 0o077 != 0 => {
            let words =
                "others may read it, and sign tokens as anybody; `chmod 600`, and change it if they may have";
            report.wrong("folder", format!("{}: {words}", secret.display()));
        }
        _ => report.fine("folder", format!("{}: the secret is its owner's alone", folder.display())),
    }
    if mode(folder).is_some_and(|mode| mode & 0o007 != 0) {
        let words = format!("{}: everybody on this machine may look inside; `chmod 700`", folder.display());
        report.advice("folder", words);
    }
}

#[cfg(not(unix))]
fn permissions(_: &Path, _: &mut Report) {}

fn space(folder: &Path, report: &mut Report) {
    match rustix::fs::statvfs(folder) {
        Ok(disk) => {
            let free = disk.f_bavail * disk.f_frsize;
            let words = format!("{} MiB are free for ledger and journal, which only grow", free >> 20);
            report.graded("disk", &Reverse(free), &[Reverse(FREE_BYTES), Reverse(FREE_AT_ALL_BYTES)], words);
        }
        Err(error) => report.advice("disk", format!("what is left on it is not known: {error}")),
    }
}

/// Median and longest time of writing a page and having it kept.
fn timed_syncs(folder: &Path) -> std::io::Result<(Duration, Duration)> {
    let path = folder.join(format!(".doctor-{}", std::process::id()));
    let timed = (|| {
        let mut file = fs::File::create(&path)?;
        let page = [0_u8; 4_096];
        let mut times = Vec::with_capacity(SYNCS);
        for _ in 0..SYNCS {
            let begun = Instant::now();
            file.write_all(&page)?;
            file.sync_data()?;
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        Ok((times[SYNCS / 2], times[SYNCS - 1]))
    })();
    // It is of no use to anybody, also where it could not be filled.
    let _ = fs::remove_file(&path);
    timed
}

async fn stores(settings: &Settings, report: &mut Report) {
    match tokio::time::timeout(WITHIN, examining::ledger(settings)).await {
        Ok(Ok(Some(ledger))) => look_at_ledger(settings, &ledger, report),
        Ok(Ok(None)) => report.fine("ledger", "there is none yet; the first start makes it"),
        Ok(Err(error)) => report.wrong("ledger", format!("{error:#}")),
        Err(_) => report.wrong("ledger", "it did not answer in time"),
    }
    let Some(url) = &settings.redis_url else { return };
    match tokio::time::timeout(WITHIN, examining::hot(url)).await {
        Ok(Ok(redis)) => look_at_redis(&redis, report),
        Ok(Err(error)) => report.wrong("redis", format!("{}: {error}", redacted(url))),
        Err(_) => report.wrong("redis", format!("{} did not answer in time", redacted(url))),
    }
}

fn look_at_ledger(settings: &Settings, ledger: &examining::Ledger, report: &mut Report) {
    const CHECK: &str = "ledger";
    let examining::Ledger { examined, missing, asked_in } = ledger;
    report.fine(CHECK, format!("{}, answers in {} ms", examined.name, tenths(*asked_in)));
    for flaw in &examined.flaws {
        report.wrong(CHECK, *flaw);
    }
    if let Some(first) = missing.first() {
        let words = format!(
            "{} migrations are missing, from {first} on; the next start or `onsale migrate` brings it to this version, after \
             which earlier versions do not start on it",
            missing.len()
        );
        report.advice(CHECK, words);
    }
    if let Some(most) = examined.most_connections {
        let ours = settings.database.max_connections;
        let words =
            format!("it takes {most} connections from everybody, each process of ours opens up to {ours}");
        let state = if most < ours + 5 { State::Wrong } else { State::Fine };
        report.add(CHECK, state, words);
    }
    if let Some(now) = examined.now {
        far(CHECK, *asked_in, report);
        clock(CHECK, now, report);
    }
}

fn look_at_redis(redis: &examining::Redis, report: &mut Report) {
    const CHECK: &str = "redis";
    let versions = redis.versions.join(", ");
    let state = if redis.is_new_enough { State::Fine } else { State::Wrong };
    let words = format!("version {versions} (7.0 is the oldest), answers in {} ms", tenths(redis.asked_in));
    report.add(CHECK, state, words);
    for flaw in &redis.flaws {
        report.wrong(CHECK, *flaw);
    }
    far(CHECK, redis.asked_in, report);
    clock(CHECK, redis.now, report);
}

fn far(check: &'static str, asked_in: Duration, report: &mut Report) {
    if asked_in >= STORE_IS_FAR {
        report.advice(check, format!("{} ms for the shortest question: move it nearer", tenths(asked_in)));
    }
}

/// Compares a store's clock with this machine's.
fn clock(check: &'static str, theirs: Timestamp, report: &mut Report) {
    let ours = Timestamp(jiff::Timestamp::now().as_millisecond());
    let differ_ms = theirs.since_ms(ours).max(ours.since_ms(theirs));
    let words = format!(
        "its clock and this one differ by {differ_ms} ms{}",
        if differ_ms >= CLOCKS_DIFFER_MS {
            "; holds end by the one and are shown by the other: run NTP on both"
        } else {
            ""
        }
    );
    report.graded(check, &differ_ms, &[CLOCKS_DIFFER_MS, CLOCKS_ARE_WRONG_MS], words);
}

fn tenths(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(report: &Report) -> Vec<State> {
        report.0.iter().map(|finding| finding.state).collect()
    }

    #[test]
    fn clocks_are_compared_both_ways() {
        let mut report = Report::default();
        let now = Timestamp(jiff::Timestamp::now().as_millisecond());
        for (theirs, state) in [
            (now, State::Fine),
            (now.plus_ms(2_000), State::Advice),
            (now.minus_ms(2_000), State::Advice),
            (now.plus_ms(60_000), State::Wrong),
            (now.minus_ms(60_000), State::Wrong),
        ] {
            clock("redis", theirs, &mut report);
            assert_eq!(states(&report).last(), Some(&state), "{theirs:?}");
        }
    }

    #[test]
    fn a_disk_is_timed_and_nothing_stays_on_it() {
        let folder = tempfile::tempdir().unwrap();
        let (median, worst) = timed_syncs(folder.path()).unwrap();
        assert!(median > Duration::ZERO && median <= worst);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(timed_syncs(&folder.path().join("missing")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_that_others_may_read_is_wrong() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        fs::write(&secret, "x").unwrap();
        for (mode, state) in [(0o600, State::Fine), (0o640, State::Wrong), (0o604, State::Wrong)] {
            fs::set_permissions(&secret, fs::Permissions::from_mode(mode)).unwrap();
            let mut report = Report::default();
            permissions(folder.path(), &mut report);
            assert_eq!(states(&report).first(), Some(&state), "{mode:o}");
        }
    }
}
