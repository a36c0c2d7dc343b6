//! `cargo xtask bench holds --cluster`: the same path over a Redis and a PostgreSQL of the benchmark's own.
//!
//! Invariants: a hold counts only if it was answered 201, is held afterwards, and has come to be one row in PostgreSQL;
//! whatever onsale is compared with runs on the same servers in the same run, right before and right after it.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use hyper::StatusCode;
use onsale_testkit::servers::redis::Durability;
use tokio::runtime::Runtime;

use super::scripted::Scripted;
use super::seats::{self, Offer};
use super::subjects::{self, Holds, Same, accept_half};
use super::{HoldsArguments, Measured};
use crate::bench::api::uri;
use crate::bench::buyer::{Buyer, limited};
use crate::bench::load::{self, Calls, Pace};
use crate::bench::report::{Figure, Limit, Report};
use crate::bench::rounds::{Comparison, Floor, Rounds, Subject, median};
use crate::bench::server::Server;
use crate::bench::stage::Stage;
use crate::bench::stores::Stores;
use crate::processes::wait_until;
use crate::workspace::Workspace;

/// Rounds on a Redis that syncs before every answer.
const ALWAYS_REPEATS: usize = 2;
/// How long the drain, and a rewrite of the append-only file, may go on after a round.
const REST_LIMIT: Duration = Duration::from_mins(2);

/// Measures on a Redis that syncs once a second, and again on one that always does.
pub(super) fn measure(
    workspace: &Workspace,
    arguments: &HoldsArguments,
    folder: &Path,
) -> anyhow::Result<Report> {
    let runtime = load::runtime()?;
    println!("on a Redis with appendfsync everysec");
    let usual = Pass { runtime: &runtime, workspace, arguments, folder, repeats: arguments.repeats.into() };
    let mut figures = usual.under_load(Durability::EverySecond)?.figures(true);
    println!("on a Redis with appendfsync always");
    let always = Pass { repeats: ALWAYS_REPEATS, ..usual };
    figures.extend(always.under_load(Durability::Always)?.figures(false));
    Ok(Report {
        name: "holds --cluster",
        title: "Holds over Redis and PostgreSQL",
        method: method(arguments),
        figures,
    })
}

fn method(arguments: &HoldsArguments) -> String {
    format!(
        "One onsale over one Redis with an append-only file and one PostgreSQL that syncs, all of them, the client and \
         the floor on the same cores. Rounds and shares are those of the section on the embedded stores: {} connections, \
         the median of {} rounds of {} s, between two rounds of the floor. What Redis itself does is told by \
         `redis-benchmark` before and after a round: the very script that holds, unpipelined, over as many connections, \
         on a copy of the stock that no onsale knows of; it can only make up random names, not seats, so it holds places \
         of an area, and onsale is asked for the same beside it. The drain is timed from the last answer of a round \
         until PostgreSQL has every reservation of it. The last lines are two rounds of everything on a Redis that syncs \
         before every answer.",
        arguments.connections, arguments.repeats, arguments.seconds
    )
}

/// What all rounds on one pair of servers share.
#[derive(Clone, Copy)]
struct Pass<'a> {
    runtime: &'a Runtime,
    workspace: &'a Workspace,
    arguments: &'a HoldsArguments,
    folder: &'a Path,
    repeats: usize,
}

impl Pass<'_> {
    fn under_load(&self, durability: Durability) -> anyhow::Result<UnderLoad> {
        let stores = Stores::start(durability)?;
        let settings = stores.settings().into_iter().chain(limited()).collect();
        let setting = Stage::set_on(settings, self.workspace, self.folder, "cluster");
        let mut stage = self.runtime.block_on(setting)?;
        let connections = usize::from(self.arguments.connections);
        let buyers = subjects::buyers(&stage)?;
        let (buyers, late) = buyers.split_at(seats::BUYERS);
        let hall = self.runtime.block_on(accept_half(&mut stage, buyers, &late[0]))?;
        let reservations = uri(&format!("/performances/{hall}/reservations"))?;

        let floor = Server::start(Command::new(std::env::current_exe()?).arg("floor"), self.folder, "floor")?;
        let measured = Duration::from_secs(self.arguments.seconds);
        let (runtime, repeats) = (self.runtime, self.repeats);
        let rounds = Rounds { runtime, connections, measured, repeats };
        println!("holds …");
        let holds = Holds::new(runtime, connections, buyers, Offer::Seats, rounds.whole());
        let mut accepted = Drained { holds, stores: &stores, per_second: Vec::new(), held: 0 };
        let holds = rounds.compare(
            &mut stage,
            || rounds.floor(&floor, Floor::Post, Some(&late[0]), &reservations),
            &mut accepted,
        )?;
        let drained_per_second = accepted.per_second;
        println!("refusals …");
        let mut refused = Same::refusals(&reservations, connections, late);
        let refusals = rounds.compare(
            &mut stage,
            || rounds.floor(&floor, Floor::Post, Some(&late[0]), &reservations),
            &mut refused,
        )?;
        println!("places beside the script alone …");
        let at_most = median(&holds.floor_per_second);
        let alone = self.beside_the_script(&stores, &mut stage, &rounds, buyers, at_most)?;
        stage.server.stop()?;
        Ok(UnderLoad { durability, holds, refusals, alone, drained_per_second })
    }

    /// The script, onsale, the script, onsale, the script …
    fn beside_the_script(
        &self,
        stores: &Stores,
        stage: &mut Stage,
        rounds: &Rounds,
        buyers: &[Buyer],
        at_most: f64,
    ) -> anyhow::Result<Beside> {
        let area = self.runtime.block_on(stage.create_area(seats::SEATS_EACH))?;
        // The first look brings it into Redis.
        self.runtime.block_on(stage.organizer.get(&format!("/performances/{area}/availability")))?;
        let mut script = Scripted::of(self.workspace, &stores.redis, &area, rounds.connections)?;
        let holds = Holds::new(self.runtime, rounds.connections, buyers, Offer::Places, rounds.whole());
        let mut places = Drained { holds, stores, per_second: Vec::new(), held: 0 };
        let mut beside = Beside::default();
        let mut before = script.per_second()?;
        for _ in 0..self.repeats {
            let calls = places.calls(stage, at_most)?;
            stage.server.wait_until_it_rests(REST_LIMIT)?;
            let measured = rounds.load(&stage.server, Pace::Closed, places.expected(), calls)?;
            places.ended(stage)?;
            stage.server.wait_until_it_rests(REST_LIMIT)?;
            places.seen(stage, &measured)?;
            let after = script.per_second()?;
            println!("  {:>8.0}/s beside {before:.0}/s and {after:.0}/s", measured.per_second);
            let script = f64::midpoint(before, after);
            beside.shares.push(measured.per_second / script);
            beside.per_second.push(measured.per_second);
            beside.script_per_second.push(script);
            before = after;
        }
        Ok(beside)
    }
}

/// Holds that are followed until PostgreSQL has them.
struct Drained<'a> {
    holds: Holds<'a>,
    stores: &'a Stores,
    /// Reservations a second, for each round.
    per_second: Vec<f64>,
    /// How many the round under way left to the drain.
    held: u64,
}

impl Subject for Drained<'_> {
    fn expected(&self) -> StatusCode {
        self.holds.expected()
    }

    fn calls(&mut self, stage: &mut Stage, at_most: f64) -> anyhow::Result<Vec<Calls>> {
        self.holds.calls(stage, at_most)
    }

    fn ended(&mut self, _: &mut Stage) -> anyhow::Result<()> {
        let ended = Instant::now();
        let left = self.stores.backlog(self.holds.performances())?;
        let done = wait_until(REST_LIMIT, || {
            Ok((self.stores.backlog(self.holds.performances())? == 0).then(|| ended.elapsed()))
        })?;
        let took = done.with_context(|| format!("the drain did not come to an end with {left} changes"))?;
        self.held = left;
        self.per_second.push(left as f64 / took.as_secs_f64());
        println!("  {left} reservations were drained within {:.2} s", took.as_secs_f64());
        self.stores.wait_for_rewrite()
    }

    /// Every hold that was accepted is a row, and each is one.
    fn seen(&mut self, stage: &mut Stage, measured: &Measured) -> anyhow::Result<()> {
        self.holds.seen(stage, measured)?;
        let performances = self.holds.performances().join("', '");
        let rows = format!(
            "SELECT count(*), count(DISTINCT (performance_id, units)) FROM reservations \
             WHERE performance_id IN ('{performances}')"
        );
        let rows = self.stores.postgres.sql(&rows)?;
        let expected = measured.expected;
        ensure!(rows == format!("{expected}|{expected}"), "{expected} holds were accepted, rows: {rows}");
        Ok(())
    }
}

/// Places through onsale beside the script alone.
#[derive(Default)]
struct Beside {
    shares: Vec<f64>,
    per_second: Vec<f64>,
    script_per_second: Vec<f64>,
}

/// What was measured on one pair of servers.
struct UnderLoad {
    durability: Durability,
    holds: Comparison,
    refusals: Comparison,
    alone: Beside,
    drained_per_second: Vec<f64>,
}

impl UnderLoad {
    fn figures(&self, limited: bool) -> Vec<Figure> {
        let named = |name: &str| match self.durability {
            Durability::Always => format!("{name}, appendfsync always"),
            Durability::EverySecond | Durability::None => name.to_owned(),
        };
        let at_least = |limit| if limited { Limit::AtLeast(limit) } else { Limit::None };
        let share = |name, comparison: &Comparison, limit| {
            Figure::new(&named(name), comparison.share(), " of floor", at_least(limit), comparison.note())
        };
        let alone = &self.alone;
        let beside_note = format!(
            "{:.1} k/s, redis-benchmark {:.1} k/s; rounds {}",
            median(&alone.per_second) / 1e3,
            median(&alone.script_per_second) / 1e3,
            listed(&alone.shares, 3)
        );
        let drained_note = format!("rounds {}", listed(&self.drained_per_second, 0));
        vec![
            share("accepted holds", &self.holds, 0.25),
            share("refused holds", &self.refusals, 0.4),
            Figure::new(
                &named("accepted places, beside the script alone"),
                median(&alone.shares),
                " of redis-benchmark",
                at_least(0.5),
                beside_note,
            ),
            Figure::new(
                &named("reservations drained into PostgreSQL"),
                median(&self.drained_per_second),
                " a second",
                at_least(20_000.0),
                drained_note,
            ),
            Figure::new(
                &named("p99, closed loop"),
                median(&self.holds.p99_ms),
                " ms",
                Limit::None,
                "as fast as it goes",
            ),
        ]
    }
}

fn listed(values: &[f64], decimals: usize) -> String {
    let values: Vec<_> = values.iter().map(|value| format!("{value:.decimals$}")).collect();
    values.join(", ")
}
