//! `cargo xtask bench soak`: a sale for ten minutes at 70 % of what the server can do, then at three times that.
//!
//! Invariants: requests are due at fixed times, whatever the server does; limits are on; what is judged is what buyers
//! were answered and what the process is from outside; and in the end the books have to agree.

mod drive;
mod figures;
mod mix;
mod ramp;
mod sale;
mod scene;
mod tally;
mod viewers;
mod watch;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tokio::runtime::Runtime;

use self::figures::{Overloaded, Soaked};
use self::ramp::Ramp;
use self::scene::{Books, Scene};
use self::tally::{Tally, back_after, ms};
use self::watch::Watch;
use super::load;
use super::report::{self, Report};
use super::server::own_processor_time;
use crate::workspace::Workspace;

/// The soak goes on at this share of the maximum.
const SOAK_SHARE: f64 = 0.7;
/// And this is too much.
const OVERLOAD_SHARE: f64 = 3.0;
/// How long it is looked at whether all is as usual again.
const RECOVERY: Duration = Duration::from_secs(20);
/// A step of the ramp, of which the first part does not count.
const STEP: Duration = Duration::from_secs(6);
const STEP_WARM_UP: Duration = Duration::from_secs(1);
/// After a step that was too much, until its holds have lapsed.
const STEP_REST: Duration = Duration::from_secs(12);
const FIRST_RATE: f64 = 1_000.0;

#[derive(Args)]
pub(crate) struct SoakArguments {
    /// How long the soak goes on.
    #[arg(long, default_value_t = 10.0, value_parser = minutes)]
    minutes: f64,
    /// How long the overload goes on.
    #[arg(long, default_value_t = 2.0, value_parser = minutes)]
    overload_minutes: f64,
    /// Requests a second that count as the maximum, instead of measuring it.
    #[arg(long, value_parser = clap::value_parser!(u32).range(100..=200_000))]
    maximum: Option<u32>,
    /// Connections of the proxy that the buyers come through.
    #[arg(long, default_value_t = 3_000, value_parser = clap::value_parser!(u16).range(16..=9_000))]
    connections: u16,
    /// Who watches the seats throughout.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u16).range(0..=5_000))]
    viewers: u16,
    /// What the buyers do by chance follows from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// An existing or new folder for the stores, on a disk [default: bench-data in the target folder].
    #[arg(long)]
    data: Option<PathBuf>,
    /// Over a Redis and a PostgreSQL that are started for it, instead of the embedded stores.
    #[arg(long)]
    cluster: bool,
    /// Leave docs/PERFORMANCE.md as it is.
    #[arg(long)]
    no_write: bool,
}

/// From ten seconds to a day.
fn minutes(text: &str) -> Result<f64, String> {
    let minutes: f64 = text.parse().map_err(|_| "is a number of minutes".to_owned())?;
    let allowed = 1.0 / 6.0..=1_440.0;
    if allowed.contains(&minutes) { Ok(minutes) } else { Err("is from 0.17 to 1440".to_owned()) }
}

/// Measures, prints the table, writes the document.
pub(crate) fn run(workspace: &Workspace, arguments: &SoakArguments) -> anyhow::Result<ExitCode> {
    report::publish(workspace, arguments.data.as_deref(), arguments.cluster, !arguments.no_write, |folder| {
        measure(workspace, arguments, folder)
    })
}

fn measure(workspace: &Workspace, arguments: &SoakArguments, folder: &Path) -> anyhow::Result<Report> {
    let runtime = load::runtime()?;
    let maximum = match arguments.maximum {
        Some(given) => f64::from(given),
        None => maximum(&runtime, workspace, arguments, folder)?,
    };
    // Of its own, freshly started: memory that the search for the maximum took would hide what the soak takes.
    let mut scene = Scene::set(&runtime, workspace, arguments, folder, "soak")?;
    let soaked = soak(&mut scene, arguments, maximum)?;
    let overloaded = overload(&mut scene, arguments, maximum, ms(&soaked.tally.done_us, 99.0))?;
    println!("until it is quiet …");
    let books = scene.close()?;
    for (what, tally) in [("soak", &soaked.tally), ("overload", &overloaded.tally)] {
        println!("{what}, by what it was:\n{}", tally.by_kind());
    }
    let Scene { stage, .. } = scene;
    stage.server.stop()?;
    for example in soaked.tally.examples().iter().chain(overloaded.tally.examples()) {
        println!("error: {example}");
    }
    if !books.verified.0 {
        println!("{}", books.verified.1);
    }
    Ok(figures::report(arguments, maximum, &soaked, &overloaded, &books))
}

/// Steps of load until it is too much.
fn maximum(
    runtime: &Runtime,
    workspace: &Workspace,
    arguments: &SoakArguments,
    folder: &Path,
) -> anyhow::Result<f64> {
    let mut scene = Scene::set(runtime, workspace, arguments, folder, "soak-maximum")?;
    println!("the maximum …");
    let mut ramp = Ramp::from(FIRST_RATE);
    loop {
        let rate = ramp.rate();
        let tally = scene.drive.begin(rate, STEP, STEP_WARM_UP).finish()?;
        scene.keep_up()?;
        let step = tally.step();
        let verdict = if step.is_good() { "in time" } else { "too much" };
        println!(
            "  {rate:.0}/s: p99 {:.1} ms, {:.2} % not done ({} shed, {} not sent, {} errors): {verdict}",
            step.p99_ms,
            100.0 * step.failed,
            tally.shed(),
            tally.unsent,
            tally.errors
        );
        for example in tally.examples() {
            println!("  error: {example}");
        }
        if let Some(maximum) = ramp.heard(step)? {
            let Scene { stage, .. } = scene;
            stage.server.stop()?;
            return Ok(maximum);
        }
        if !step.is_good() {
            std::thread::sleep(STEP_REST);
        }
    }
}

/// Processor time.
#[derive(Clone, Copy)]
struct Used {
    server: Duration,
    client: Duration,
}

impl Used {
    fn so_far(scene: &Scene) -> anyhow::Result<Self> {
        Ok(Self { server: scene.stage.server.processor_time()?, client: own_processor_time()? })
    }

    fn since(self, before: Self) -> Self {
        Self {
            server: self.server.saturating_sub(before.server),
            client: self.client.saturating_sub(before.client),
        }
    }
}

fn soak(scene: &mut Scene, arguments: &SoakArguments, maximum: f64) -> anyhow::Result<Soaked> {
    let rate = maximum * SOAK_SHARE;
    let length = Duration::from_secs_f64(arguments.minutes * 60.0);
    println!("{rate:.0} requests a second for {:.1} minutes …", arguments.minutes);
    let frames = scene.viewers.frames();
    let before = Used::so_far(scene)?;
    let phase = scene.drive.begin(rate, length, Duration::ZERO);
    let mut lags = Vec::new();
    let watch = Watch::over(scene, phase.begun, length, |scene| {
        scene.keep_up()?;
        lags.push(scene.metric("onsale_drain_lag_changes")?);
        Ok(())
    })?;
    let used = Used::so_far(scene)?.since(before);
    let tally = phase.finish()?;
    Ok(Soaked {
        rate,
        tally,
        courses: watch.courses()?,
        server_cores: used.server.div_duration_f64(length),
        client_cores: used.client.div_duration_f64(length),
        frames: scene.viewers.frames() - frames,
        lost_viewers: scene.viewers.lost(),
        most_lag: lags.into_iter().fold(0.0, f64::max),
        peak_mb: scene.stage.server.peak_mb()?,
    })
}

fn overload(
    scene: &mut Scene,
    arguments: &SoakArguments,
    maximum: f64,
    usual_p99_ms: f64,
) -> anyhow::Result<Overloaded> {
    let rate = maximum * OVERLOAD_SHARE;
    let length = Duration::from_secs_f64(arguments.overload_minutes * 60.0);
    println!("{rate:.0} requests a second for {:.1} minutes …", arguments.overload_minutes);
    let lost = scene.viewers.lost();
    let shed_before = scene.metric("onsale_shed_total")?;
    let before = Used::so_far(scene)?;
    let phase = scene.drive.begin(rate, length, Duration::ZERO);
    std::thread::sleep(length.saturating_sub(phase.begun.elapsed()));
    let used = Used::so_far(scene)?.since(before);
    // Without a pause: those of before are still waiting for their answers.
    let recovery = scene.drive.begin(maximum * SOAK_SHARE, RECOVERY, Duration::ZERO);
    let tally = phase.finish()?;
    let recovered = recovery.finish()?;
    let shed = scene.metric("onsale_shed_total")? - shed_before;
    Ok(Overloaded {
        rate,
        server_cores: used.server.div_duration_f64(length),
        client_cores: used.client.div_duration_f64(length),
        lost_viewers: scene.viewers.lost() - lost,
        back_after: back_after(&recovered.seconds, usual_p99_ms),
        other_unavailable: (tally.unavailable + recovered.unavailable) as f64 - shed,
        tally,
        recovered,
    })
}
