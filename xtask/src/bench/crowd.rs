//! `cargo xtask bench crowd`: a hundred thousand buyers for a hundred tickets, through the waiting room and without one.
//!
//! Invariants: nothing is set aside for the buyers' sake: they join, poll when they are told to, are called or not, hold,
//! pay, and are told; the stock is believed only where stats, ledger and the buyers' own orders agree.

mod absent;
mod buyers;
mod order;
mod tally;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use hyper::StatusCode;
use onsale_testkit::servers::redis::Durability;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use self::buyers::{Buyer, End, Scene, Story, Way};
use self::order::{Seen, each_position_once, joined_out_of_order, overtaken};
use super::chance::Chance;
use super::connections::Connections;
use super::load;
use super::report::{self, Figure, Limit, Report};
use super::stage::Stage;
use super::stores::Stores;
use crate::workspace::Workspace;

/// In this time before the opening half of the crowd comes.
const COME_BEFORE: Duration = Duration::from_secs(20);
/// In this time after the opening the other half comes.
const COME_AFTER: Duration = Duration::from_secs(10);
/// Until the first comes.
const LEAD: Duration = Duration::from_secs(2);
/// How long after the opening everybody has to know how it ended.
const OVER_WITHIN: Duration = Duration::from_mins(8);
/// Of a hundred called, so many are not there.
const ABSENT_PERCENT: u64 = 20;
const MOST_EACH: u32 = 2;

#[derive(Args)]
pub(crate) struct CrowdArguments {
    /// How many want tickets.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    buyers: u32,
    /// How many tickets there are.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    tickets: u32,
    /// Connections that the buyers share.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u16).range(1..=9_000))]
    connections: u16,
    /// What the buyers do by chance follows from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Over a Redis and a PostgreSQL that are started for it, instead of the embedded stores.
    #[arg(long)]
    cluster: bool,
    /// Leave docs/PERFORMANCE.md as it is.
    #[arg(long)]
    no_write: bool,
}

/// Plays both crowds, prints the table, writes the document.
pub(crate) fn run(workspace: &Workspace, arguments: &CrowdArguments) -> anyhow::Result<ExitCode> {
    ensure!(arguments.buyers >= arguments.tickets * 2, "that is no crowd: fewer than two buyers a ticket");
    report::publish(workspace, None, arguments.cluster, !arguments.no_write, |folder| {
        measure(workspace, arguments, folder)
    })
}

fn measure(workspace: &Workspace, arguments: &CrowdArguments, folder: &Path) -> anyhow::Result<Report> {
    let runtime = load::runtime()?;
    println!("{} buyers, through the waiting room …", arguments.buyers);
    let room = Crowd { arguments, has_room: true }.play(&runtime, workspace, folder)?;
    println!("{} buyers, straight to the tickets …", arguments.buyers);
    let straight = Crowd { arguments, has_room: false }.play(&runtime, workspace, folder)?;
    let mut figures = room.figures(arguments, "room");
    figures.extend(room.figures_of_the_line());
    figures.extend(straight.figures(arguments, "no room"));
    println!("a line of which many never come …");
    let stores = arguments.cluster.then(|| Stores::start(Durability::EverySecond)).transpose()?;
    let settings = stores.as_ref().map(Stores::settings).unwrap_or_default();
    figures.extend(absent::measure(&runtime, settings, workspace, folder, arguments.seed)?);
    let name = if arguments.cluster { "crowd --cluster" } else { "crowd" };
    let title = if arguments.cluster { "A crowd over Redis" } else { "A crowd" };
    Ok(Report { name, title, method: method(arguments), figures })
}

fn method(arguments: &CrowdArguments) -> String {
    let stores = if arguments.cluster {
        "One onsale over one Redis with an append-only file, synced once a second, and PostgreSQL"
    } else {
        "onsale with its embedded stores"
    };
    format!(
        "{stores}, on the same cores as the crowd; each crowd has a server of its own, freshly started, with its default \
         settings but for the limit of joins from one network address. {} buyers, each with an access token of their own, \
         share {} connections of this machine: it is a crowd of people, not of sockets. Through the room: half of them come \
         in the {} s before it opens, in random order, and are ordered by the draw, the others in the {} s after it. \
         Everybody polls when they were told to and stays until they have tickets or are told that everything is sold; {} in \
         a hundred never claim their turn. Those inside look around for half a second to three before holding one or two \
         places of an area of {}, and again before they pay; one payment in a hundred is declined and tried again. Without \
         the room: all ask for tickets at the same moment, as fast as the connections take it. Then, whatever the size of the \
         crowd, a line whose people do not all come when they are called. Seed {}.",
        arguments.buyers,
        arguments.connections,
        COME_BEFORE.as_secs(),
        COME_AFTER.as_secs(),
        ABSENT_PERCENT,
        arguments.tickets,
        arguments.seed
    )
}

/// One of the two crowds.
struct Crowd<'a> {
    arguments: &'a CrowdArguments,
    has_room: bool,
}

/// What became of a crowd.
struct Outcome {
    sold: usize,
    bought: usize,
    told: usize,
    /// From the first who came to the last who knew.
    wall: Duration,
    /// From the opening to the last who bought.
    sold_out_after: Duration,
    peak_mb: f64,
    errors: u64,
    /// Every answer by what it was for.
    answers: String,
    line: Line,
}

/// What became of the line.
struct Line {
    overtaken: usize,
    out_of_order: usize,
    compared: usize,
    /// Called, as the server says.
    called: u64,
    /// Called, as buyers saw.
    noticed: usize,
    missed: usize,
    polls: u64,
    late_p99_ms: f64,
    late_most_ms: f64,
}

impl Crowd<'_> {
    fn settings(&self, opens_at: jiff::Timestamp) -> Value {
        let mut settings = json!({"hold_ttl_s": 60, "max_seats_per_buyer": MOST_EACH});
        if self.has_room {
            settings["waiting_room"] = json!({
                "mode": "on", "opens_at": opens_at.to_string(), "admit_per_second": 50, "max_inside": 200,
                "inside_for_s": 120, "claim_within_s": 10, "when_sold_out": "close",
            });
        }
        settings
    }

    fn play(&self, runtime: &Runtime, workspace: &Workspace, folder: &Path) -> anyhow::Result<Outcome> {
        let arguments = self.arguments;
        let stores = arguments.cluster.then(|| Stores::start(Durability::EverySecond)).transpose()?;
        let settings = stores.as_ref().map(Stores::settings).unwrap_or_default();
        let name = if self.has_room { "crowd-room" } else { "crowd-straight" };
        let mut stage = runtime.block_on(Stage::set_on(settings, workspace, folder, name))?;
        let tokens = stage.buyers(arguments.buyers as usize)?;
        let (stories, scene, begun, opens) = runtime.block_on(async {
            let count = arguments.connections.min(u16::try_from(tokens.len()).unwrap_or(u16::MAX));
            let connections = Connections::open(stage.server.address, count).await?;
            let begun = Instant::now() + LEAD;
            let opens = if self.has_room { begun + COME_BEFORE } else { begun };
            let opens_at = jiff::Timestamp::now() + (opens - Instant::now());
            let event = stage.create_event(&self.settings(opens_at)).await?;
            let performance = stage.create_area_of(&event, arguments.tickets as usize).await?;
            let scene = Scene::new(connections, &event, &performance, opens + OVER_WITHIN)?;
            let scene = Arc::new(scene);
            let mut tasks = JoinSet::new();
            for (token, number) in tokens.into_iter().zip(0..) {
                let way = Way::of(self.buyer(token, number, begun, opens), &scene);
                if self.has_room {
                    tasks.spawn(way.through_the_room());
                } else {
                    tasks.spawn(way.straight());
                }
            }
            let mut stories = Vec::with_capacity(tasks.len());
            while let Some(story) = tasks.join_next().await {
                stories.push(story.context("a buyer's task ended early")?);
            }
            let called = if self.has_room { called(&mut stage, &event).await? } else { 0 };
            check_stock(&mut stage, &performance, arguments.tickets, &stories).await?;
            anyhow::Ok(((stories, called), scene, begun, opens))
        })?;
        let peak_mb = stage.server.peak_mb()?;
        stage.server.stop()?;
        let (stories, called) = stories;
        let tally = scene.tally.lock();
        for example in tally.examples() {
            println!("error: {example}");
        }
        for lost in stories.iter().filter_map(|story| story.lost()).take(5) {
            println!("neither with tickets nor told: {lost}");
        }
        let seen: Vec<Seen> = stories.iter().map(|story| story.seen.clone()).collect();
        ensure!(each_position_once(&seen), "positions are missing, or were given twice");
        let (out_of_order, compared) = joined_out_of_order(&seen);
        let line = Line {
            overtaken: overtaken(&seen),
            out_of_order,
            compared,
            called,
            noticed: seen.iter().filter(|seen| seen.called.is_some()).count(),
            missed: stories.iter().filter(|story| story.missed).count(),
            polls: tally.polls(),
            late_p99_ms: tally.late_ms(99.0),
            late_most_ms: tally.late_ms(100.0),
        };
        let last = |of: &dyn Fn(&&Story) -> bool| stories.iter().filter(of).map(|story| story.ended).max();
        let last_bought = last(&|story| !story.bought().is_empty()).context("nobody has bought anything")?;
        let last_known = last(&|_| true).context("nobody came")?;
        Ok(Outcome {
            sold: stories.iter().map(|story| story.bought().len()).sum(),
            bought: stories.iter().filter(|story| !story.bought().is_empty()).count(),
            told: stories.iter().filter(|story| matches!(story.end, End::Told)).count(),
            wall: last_known.saturating_duration_since(begun),
            sold_out_after: last_bought.saturating_duration_since(opens),
            peak_mb,
            errors: tally.errors(),
            answers: tally.in_words(),
            line,
        })
    }

    fn buyer(&self, token: hyper::http::HeaderValue, number: u64, begun: Instant, opens: Instant) -> Buyer {
        let mut chance = Chance::of(self.arguments.seed, number);
        let mut within = |span: Duration| {
            let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
            Duration::from_micros(chance.below(micros))
        };
        let arrives = match (self.has_room, number % 2) {
            (false, _) => begun,
            (true, 0) => begun + within(COME_BEFORE),
            (true, _) => opens + within(COME_AFTER),
        };
        let comes = chance.below(100) >= ABSENT_PERCENT;
        let wants = 1 + chance.below(u64::from(MOST_EACH)) as u32;
        Buyer { token, arrives, comes, wants, stays: None, chance }
    }
}

/// How many have been called, as the organizer is told; positions are given and called without gaps.
async fn called(stage: &mut Stage, event: &str) -> anyhow::Result<u64> {
    let room = stage.organizer.get(&format!("/events/{event}/queue/control")).await?;
    ensure!(room["status"] == "sold_out", "the room does not know that everything is sold: {room}");
    let number = |name: &str| room[name].as_u64().with_context(|| format!("no {name} in {room}"));
    Ok(number("joined")? - number("waiting")?)
}

/// Stock, ledger and buyers agree that every ticket is sold, and once.
async fn check_stock(
    stage: &mut Stage,
    performance: &str,
    tickets: u32,
    stories: &[Story],
) -> anyhow::Result<()> {
    let stats = stage.organizer.get(&format!("/performances/{performance}/stats")).await?;
    let expected = json!({"capacity": tickets, "available": 0, "held": 0, "paying": 0, "sold": tickets,
        "blocked": 0, "drift": 0});
    ensure!(stats == expected, "the stock is {stats}");
    let path = format!("/performances/{performance}/reconcile");
    let compared = stage.organizer.post(&path, &json!({}), StatusCode::OK).await?;
    ensure!(compared["repaired"] == json!([]), "stock and ledger differ: {compared}");
    let places: Vec<u64> = stories.iter().flat_map(|story| story.bought().iter().copied()).collect();
    let distinct: BTreeSet<u64> = places.iter().copied().collect();
    ensure!(distinct.len() == places.len(), "a place is in two orders");
    ensure!(places.len() == tickets as usize, "{} places are in the buyers' orders", places.len());
    Ok(())
}

impl Story {
    fn bought(&self) -> &[u64] {
        if let End::Bought(places) = &self.end { places } else { &[] }
    }

    fn lost(&self) -> Option<&str> {
        if let End::Lost(why) = &self.end { Some(why) } else { None }
    }
}

impl Outcome {
    fn figures(&self, arguments: &CrowdArguments, with: &str) -> Vec<Figure> {
        let figure = |name: &str, value: f64, unit, limit, note: String| {
            Figure::new(&format!("{with}: {name}"), value, unit, limit, note)
        };
        let (sold, tickets) = (self.sold as f64, f64::from(arguments.tickets));
        let (told, others) = (self.told as f64, f64::from(arguments.buyers) - self.bought as f64);
        let sold_note = format!(
            "no more than there are: stock, ledger and the orders of {} buyers agree, no place twice, drift 0; the last {:.1} s \
             after the opening",
            self.bought,
            self.sold_out_after.as_secs_f64()
        );
        vec![
            figure("tickets sold", sold, "", Limit::AtLeast(tickets), sold_note),
            figure("told that it is sold out", told, "", Limit::AtLeast(others), "everybody else".to_owned()),
            figure("errors", self.errors as f64, "", Limit::AtMost(0.0), self.answers.clone()),
            figure(
                "wall time",
                self.wall.as_secs_f64(),
                " s",
                Limit::None,
                "until the last buyer knew".to_owned(),
            ),
            figure("peak memory of the server", self.peak_mb, " MB", Limit::None, String::new()),
        ]
    }

    fn figures_of_the_line(&self) -> Vec<Figure> {
        let Line { overtaken, out_of_order, compared, called, noticed, missed, .. } = self.line;
        let called_note = format!(
            "waiting although somebody behind them had been called before they asked; {called} were called, {noticed} saw it \
             before everything was sold"
        );
        let joined_note =
            format!("of {compared} who came after the opening: asked after another was answered");
        let late_note = format!("of {} polls; the last {:.0} ms", self.line.polls, self.line.late_most_ms);
        let missed_note = "polled when they were told to, and were too late to enter";
        vec![
            Figure::new("room: called out of order", overtaken as f64, "", Limit::AtMost(0.0), called_note),
            Figure::new(
                "room: joined out of order",
                out_of_order as f64,
                "",
                Limit::AtMost(0.0),
                joined_note,
            ),
            Figure::new("room: turns missed", missed as f64, "", Limit::AtMost(0.0), missed_note),
            Figure::new("room: polls sent late, p99", self.line.late_p99_ms, " ms", Limit::None, late_note),
        ]
    }
}
