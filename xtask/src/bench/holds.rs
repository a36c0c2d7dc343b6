//! `cargo xtask bench holds`: the path every buyer takes, up to the hold.
//!
//! Invariant: an accepted hold counts only if it was answered 201 and is there afterwards; any other answer than the
//! expected one ends the benchmark.

mod cluster;
mod scripted;
mod seats;
mod subjects;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use hyper::StatusCode;
use hyper::http::Method;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use self::seats::Offer;
use self::subjects::{Holds, Same, accept_half};
use super::api::{text, uri};
use super::buyer::limited;
use super::client::call;
use super::load::{self, Measured, Pace};
use super::report::{self, Figure, Limit, Report};
use super::rounds::{Comparison, Floor, Rounds, Subject, median};
use super::server::Server;
use super::stage::Stage;
use crate::workspace::Workspace;

/// At this share of what the server can do, latency is measured.
const OPEN_LOOP_SHARE: f64 = 0.5;
const CREATIONS: usize = 5;
const IMPORTED_PLAN: &str = "crates/domain/plans/arena-10000.json";

#[derive(Args)]
pub(crate) struct HoldsArguments {
    /// Seconds measured in each round, after one of warm-up.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Connections of the client.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    connections: u16,
    /// Rounds of each kind; the median counts.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..))]
    repeats: u8,
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

/// Measures, prints the table, writes the document.
pub(crate) fn run(workspace: &Workspace, arguments: &HoldsArguments) -> anyhow::Result<ExitCode> {
    report::publish(workspace, arguments.data.as_deref(), arguments.cluster, !arguments.no_write, |folder| {
        if arguments.cluster {
            cluster::measure(workspace, arguments, folder)
        } else {
            measure(workspace, arguments, folder)
        }
    })
}

fn measure(workspace: &Workspace, arguments: &HoldsArguments, folder: &Path) -> anyhow::Result<Report> {
    let runtime = load::runtime()?;
    println!("memory …");
    let memory = memory(&runtime, workspace, folder)?;
    let mut stage = runtime.block_on(Stage::set_on(limited(), workspace, folder, "selling"))?;
    println!("creation …");
    let (grid, imported) = runtime.block_on(creation(&mut stage, workspace))?;
    let mut figures = under_load(&runtime, arguments, folder, &mut stage)?.figures();
    stage.server.stop()?;
    figures.extend([
        Figure::new("resident memory, 100,000 seats", memory, " MB", Limit::AtMost(150.0), "freshly started"),
        Figure::new(
            "creating 10,000 seats, rows × columns",
            grid,
            " ms",
            Limit::AtMost(100.0),
            "median of 5",
        ),
        Figure::new(
            "creating 10,000 seats, imported plan",
            imported,
            " ms",
            Limit::AtMost(100.0),
            "median of 5",
        ),
    ]);
    Ok(Report { name: "holds", title: "Holds", method: method(arguments), figures })
}

fn method(arguments: &HoldsArguments) -> String {
    format!(
        "onsale with its embedded stores (a hold is on disk before it is answered) and its limits on, the client a proxy that \
         it trusts, beside an axum server whose \
         handlers do nothing, in the same run, on the same cores as the client. {} connections; each figure is the \
         median of {} rounds of {} s, and a share is that of the mean of the floor's rounds before and after; where \
         those two differ by more than a fifth, the machine was busy with something else, and the round is repeated. \
         The open loop sends at fixed times, whatever the server does, and counts from when a request was due.",
        arguments.connections, arguments.repeats, arguments.seconds
    )
}

/// Resident memory in MB of a server that has just been started on one performance of 100,000 seats.
fn memory(runtime: &Runtime, workspace: &Workspace, folder: &Path) -> anyhow::Result<f64> {
    let stage = runtime.block_on(async {
        let mut stage = Stage::set(workspace, folder, "memory").await?;
        let performance = stage.create_performance(json!({"rows": 250, "columns": 400})).await?;
        let mut stage = stage.restart().await?;
        let availability = stage.organizer.get(&format!("/performances/{performance}/availability")).await?;
        ensure!(availability["seat_count"] == 100_000, "not 100,000 seats: {}", availability["seat_count"]);
        anyhow::Ok(stage)
    })?;
    let resident = stage.server.resident_mb()?;
    stage.server.stop()?;
    Ok(resident)
}

/// Milliseconds to create a performance of 10,000 seats, as a grid and on an imported plan.
async fn creation(stage: &mut Stage, workspace: &Workspace) -> anyhow::Result<(f64, f64)> {
    let path = workspace.root.join(IMPORTED_PLAN);
    let plan = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let plan: Value = serde_json::from_slice(&plan)?;
    let imported = stage.organizer.post("/seating-plans", &plan, StatusCode::CREATED).await?;
    ensure!(imported["seat_count"] == 10_000, "not 10,000 seats: {imported}");
    let mut medians = [0.0; 2];
    let plans = [json!({"rows": 100, "columns": 100}), json!({"plan_id": text(&imported, "id")?})];
    for (plan, median_ms) in plans.into_iter().zip(&mut medians) {
        let mut times_ms = Vec::with_capacity(CREATIONS);
        for _ in 0..CREATIONS {
            let start = Instant::now();
            stage.create_performance(plan.clone()).await?;
            times_ms.push(start.elapsed().as_secs_f64() * 1e3);
        }
        *median_ms = median(&times_ms);
    }
    Ok(medians.into())
}

/// What was measured with many connections.
struct UnderLoad {
    holds: Comparison,
    refusals: Comparison,
    reads: Comparison,
    /// Beside a floor that answers as many bytes.
    sized_reads: Comparison,
    /// Of an answer of availability.
    body_bytes: usize,
    /// Holds at fixed times.
    waits: Measured,
    /// How many of those a second.
    rate: f64,
}

fn under_load(
    runtime: &Runtime,
    arguments: &HoldsArguments,
    folder: &Path,
    stage: &mut Stage,
) -> anyhow::Result<UnderLoad> {
    let connections = usize::from(arguments.connections);
    let buyers = subjects::buyers(stage)?;
    let (buyers, late) = buyers.split_at(seats::BUYERS);
    let hall = runtime.block_on(accept_half(stage, buyers, &late[0]))?;
    let availability = uri(&format!("/performances/{hall}/availability"))?;
    let reservations = uri(&format!("/performances/{hall}/reservations"))?;
    let body_bytes =
        runtime.block_on(stage.organizer.size_of(call(Method::GET, &availability, None, None)))?;

    let mut command = Command::new(std::env::current_exe()?);
    command.args(["floor", "--body-bytes", &body_bytes.to_string()]);
    let floor = Server::start(&mut command, folder, "floor")?;
    let measured = Duration::from_secs(arguments.seconds);
    let repeats = usize::from(arguments.repeats);
    let rounds = Rounds { runtime, connections, measured, repeats };

    println!("holds …");
    let mut accepted = Holds::new(runtime, connections, buyers, Offer::Seats, rounds.whole());
    let holds = rounds.compare(
        stage,
        || rounds.floor(&floor, Floor::Post, Some(&late[0]), &reservations),
        &mut accepted,
    )?;
    println!("refusals …");
    let mut refused = Same::refusals(&reservations, connections, late);
    let refusals = rounds.compare(
        stage,
        || rounds.floor(&floor, Floor::Post, Some(&late[0]), &reservations),
        &mut refused,
    )?;
    println!("availability …");
    let mut read = Same::reads(&availability, connections);
    let reads = rounds.compare(stage, || rounds.floor(&floor, Floor::Get, None, &availability), &mut read)?;
    println!("availability beside a floor that answers {body_bytes} bytes …");
    let once = Rounds { repeats: 1, ..rounds };
    let sized_reads =
        once.compare(stage, || once.floor(&floor, Floor::GetBody, None, &availability), &mut read)?;
    let rate = median(&holds.per_second) * OPEN_LOOP_SHARE;
    println!("holds at fixed times, {rate:.0}/s …");
    let calls = accepted.calls(stage, rate)?;
    let waits = rounds.load(&stage.server, Pace::Open(rate), StatusCode::CREATED, calls)?;
    accepted.seen(stage, &waits)?;
    Ok(UnderLoad { holds, refusals, reads, sized_reads, body_bytes, waits, rate })
}

impl UnderLoad {
    fn figures(&self) -> Vec<Figure> {
        let share = |name, comparison: &Comparison, limit| {
            Figure::new(name, comparison.share(), " of floor", limit, comparison.note())
        };
        let at = |percentile| self.waits.latency_ms(percentile);
        let waits_note = format!(
            "open loop, {:.1} k/s; p50 {:.2} ms, p99.9 {:.2} ms",
            self.rate / 1e3,
            at(50.0),
            at(99.9)
        );
        let rest_s: Vec<_> = self.holds.rest.iter().map(Duration::as_secs_f64).collect();
        let closed = "as fast as it goes";
        let sized = format!("availability, floor answers {} bytes", self.body_bytes);
        vec![
            share("accepted holds", &self.holds, Limit::AtLeast(0.45)),
            share("refused holds", &self.refusals, Limit::AtLeast(0.6)),
            share("availability of 10,000 seats", &self.reads, Limit::AtLeast(0.6)),
            share(&sized, &self.sized_reads, Limit::None),
            Figure::new("p99 of accepted holds", at(99.0), " ms", Limit::AtMost(10.0), waits_note),
            Figure::new("p99, closed loop", median(&self.holds.p99_ms), " ms", Limit::None, closed),
            Figure::new("work left after a round of holds", median(&rest_s), " s", Limit::None, ""),
        ]
    }
}
