//! `cargo xtask bench queue`: the waiting room, with so many in it that the seats behind it do not matter.
//!
//! Invariants: a join counts only if it was answered 201, by a buyer who had no place; afterwards there are as many
//! places as were given, and a poll is of a place that waits.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;
use clap::Args;
use hyper::StatusCode;
use hyper::http::{HeaderValue, Method, Uri};
use onsale_testkit::servers::redis::Durability;
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::api::{text, uri};
use super::buyer::Buyer;
use super::client::{Call, Connection, TICKET, call};
use super::load::{self, Calls, Measured};
use super::report::{self, Figure, Limit, Report};
use super::rounds::{Comparison, Floor, Rounds, Subject};
use super::server::Server;
use super::stage::Stage;
use super::stores::Stores;
use crate::workspace::Workspace;

/// How many places are polled, so that no cache of a few explains the figure.
const POLLED: usize = 20_000;
/// Joins are at most this share of what the floor answers: so many buyers are made for a round.
const MOST_OF_FLOOR: f64 = 0.9;

#[derive(Args)]
pub(crate) struct QueueArguments {
    /// Seconds measured in each round, after one of warm-up.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Connections of the client.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    connections: u16,
    /// Rounds of each kind; the median counts.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..))]
    repeats: u8,
    /// Places at which the memory is measured; embedded only.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1_000..=10_000_000))]
    places: u32,
    /// Over a Redis and a PostgreSQL that are started for it, instead of the embedded stores.
    #[arg(long)]
    cluster: bool,
    /// Leave docs/PERFORMANCE.md as it is.
    #[arg(long)]
    no_write: bool,
}

/// Measures, prints the table, writes the document.
pub(crate) fn run(workspace: &Workspace, arguments: &QueueArguments) -> anyhow::Result<ExitCode> {
    report::publish(workspace, None, arguments.cluster, !arguments.no_write, |folder| {
        measure(workspace, arguments, folder)
    })
}

fn measure(workspace: &Workspace, arguments: &QueueArguments, folder: &Path) -> anyhow::Result<Report> {
    let runtime = load::runtime()?;
    let stores = arguments.cluster.then(|| Stores::start(Durability::EverySecond)).transpose()?;
    let settings = stores.as_ref().map(Stores::settings).unwrap_or_default();
    let mut stage = runtime.block_on(Stage::set_on(settings, workspace, folder, "queue"))?;
    let connections = usize::from(arguments.connections);
    let measured = Duration::from_secs(arguments.seconds);
    let floor = Server::start(Command::new(std::env::current_exe()?).arg("floor"), folder, "floor")?;
    let repeats = usize::from(arguments.repeats);
    let rounds = Rounds { runtime: &runtime, connections, measured, repeats };

    println!("polls …");
    let buyers = stage.buyers(POLLED)?;
    let event = runtime.block_on(stage.create_waiting_room())?;
    let queue = uri(&format!("/events/{event}/queue"))?;
    let tickets = runtime.block_on(join_all(stage.server.address, &queue, buyers, connections))?;
    let ticket = Buyer::direct(tickets.first().context("nobody has a ticket")?.clone());
    let mut polls = Polls { queue: queue.clone(), tickets: tickets.into(), connections };
    let polls =
        rounds.compare(&mut stage, || rounds.floor(&floor, Floor::Get, Some(&ticket), &queue), &mut polls)?;

    println!("joins …");
    let mut joins = Joins { runtime: &runtime, connections, round: rounds.whole(), event: String::new() };
    let joiner = stage.buyers(1)?.pop().map(Buyer::direct);
    let joins = rounds.compare(
        &mut stage,
        || rounds.floor(&floor, Floor::Post, joiner.as_ref(), &queue),
        &mut joins,
    )?;
    stage.server.stop()?;

    let share = |name, comparison: &Comparison, limit| {
        Figure::new(name, comparison.share(), " of floor", Limit::AtLeast(limit), comparison.note())
    };
    let mut figures =
        vec![share("polls", &polls, 0.6), share("joins", &joins, if arguments.cluster { 0.3 } else { 0.4 })];
    if !arguments.cluster {
        println!("{} places …", arguments.places);
        figures.push(memory(&runtime, workspace, folder, arguments)?);
    }
    let name = if arguments.cluster { "queue --cluster" } else { "queue" };
    let title = if arguments.cluster { "Waiting room over Redis" } else { "Waiting room" };
    Ok(Report { name, title, method: method(arguments), figures })
}

fn method(arguments: &QueueArguments) -> String {
    let store = if arguments.cluster {
        "One onsale over one Redis with an append-only file, synced once a second"
    } else {
        "onsale with its embedded stores: a join is on disk before it is answered"
    };
    format!(
        "{store}, beside the floor in the same run, on the same cores as the client. {} connections; the median of {} \
         rounds of {} s, each beside the floor's rounds before and after. Polls are of {POLLED} places in turn, each with its \
         own ticket; joins are of buyers who never joined, each with an access token that was not seen before.",
        arguments.connections, arguments.repeats, arguments.seconds
    )
}

/// Bytes that the process has grown by for each place, when so many have joined over HTTP.
fn memory(
    runtime: &Runtime,
    workspace: &Workspace,
    folder: &Path,
    arguments: &QueueArguments,
) -> anyhow::Result<Figure> {
    let mut stage = runtime.block_on(Stage::set(workspace, folder, "places"))?;
    let connections = usize::from(arguments.connections);
    let buyers = stage.buyers(arguments.places as usize + POLLED)?;
    let (first, rest) = buyers.split_at(POLLED);
    // What the process needs anyway for so many connections and tokens.
    let warm = runtime.block_on(stage.create_waiting_room())?;
    let warm = uri(&format!("/events/{warm}/queue"))?;
    runtime.block_on(join_all(stage.server.address, &warm, first.to_vec(), connections))?;
    let before = stage.server.resident_mb()?;
    let event = runtime.block_on(stage.create_waiting_room())?;
    let queue = uri(&format!("/events/{event}/queue"))?;
    let begun = Instant::now();
    let tickets = runtime.block_on(join_all(stage.server.address, &queue, rest.to_vec(), connections))?;
    let took = begun.elapsed();
    ensure!(tickets.len() == arguments.places as usize, "{} tickets", tickets.len());
    let bytes = (stage.server.resident_mb()? - before) * 1e6 / f64::from(arguments.places);
    stage.server.stop()?;
    let name = "memory of a waiting visitor";
    let note = format!(
        "growth of the process from {before:.0} MB, with everything it keeps, over {} places that joined within {:.0} s",
        arguments.places,
        took.as_secs_f64()
    );
    Ok(Figure::new(name, bytes, " bytes", Limit::AtMost(200.0), note))
}

fn join(queue: &Uri, buyer: &HeaderValue) -> Call {
    call(Method::POST, queue, Some(buyer), Some(Bytes::from_static(b"{}")))
}

/// Everybody joins, over so many connections; gives their tickets as header values.
async fn join_all(
    address: std::net::SocketAddr,
    queue: &Uri,
    buyers: Vec<HeaderValue>,
    connections: usize,
) -> anyhow::Result<Vec<HeaderValue>> {
    let buyers: Arc<[HeaderValue]> = buyers.into();
    let mut tasks = JoinSet::new();
    for first in 0..connections {
        let (queue, buyers) = (queue.clone(), Arc::clone(&buyers));
        tasks.spawn(async move {
            let mut connection = Connection::open(address).await?;
            let mut tickets = Vec::new();
            for buyer in buyers.iter().skip(first).step_by(connections) {
                let (status, body) = connection.exchange(join(&queue, buyer)).await?;
                ensure!(status == StatusCode::CREATED, "{status}: {}", String::from_utf8_lossy(&body));
                let place: Value = serde_json::from_slice(&body)?;
                tickets.push(HeaderValue::from_str(text(&place, "ticket")?)?);
            }
            anyhow::Ok(tickets)
        });
    }
    let mut tickets = Vec::new();
    while let Some(some) = tasks.join_next().await {
        tickets.extend(some.context("a connection's task ended early")??);
    }
    Ok(tickets)
}

/// Polls of many places in turn.
struct Polls {
    queue: Uri,
    tickets: Arc<[HeaderValue]>,
    connections: usize,
}

impl Subject for Polls {
    fn expected(&self) -> StatusCode {
        StatusCode::OK
    }

    fn calls(&mut self, _: &mut Stage, _: f64) -> anyhow::Result<Vec<Calls>> {
        let calls = (0..self.connections).map(|connection| {
            let (queue, tickets) = (self.queue.clone(), Arc::clone(&self.tickets));
            let mut at = connection * tickets.len() / self.connections;
            Box::new(move || {
                at = (at + 1) % tickets.len();
                let mut poll = call(Method::GET, &queue, None, None);
                poll.headers_mut().insert(TICKET.clone(), tickets[at].clone());
                Some(poll)
            }) as Calls
        });
        Ok(calls.collect())
    }
}

/// Joins of new buyers, in an event of their own each round.
struct Joins<'a> {
    runtime: &'a Runtime,
    connections: usize,
    /// Of a round, with its warm-up.
    round: Duration,
    event: String,
}

impl Subject for Joins<'_> {
    fn expected(&self) -> StatusCode {
        StatusCode::CREATED
    }

    fn calls(&mut self, stage: &mut Stage, at_most: f64) -> anyhow::Result<Vec<Calls>> {
        self.event = self.runtime.block_on(stage.create_waiting_room())?;
        let queue = uri(&format!("/events/{}/queue", self.event))?;
        #[expect(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "some hundred thousand")]
        let count = (at_most * MOST_OF_FLOOR * self.round.as_secs_f64()) as usize;
        let buyers: Arc<[HeaderValue]> = stage.buyers(count)?.into();
        let each = count / self.connections;
        let calls = (0..self.connections).map(|connection| {
            let (queue, buyers) = (queue.clone(), Arc::clone(&buyers));
            let mut own = connection * each..(connection + 1) * each;
            Box::new(move || own.next().map(|buyer| join(&queue, &buyers[buyer]))) as Calls
        });
        Ok(calls.collect())
    }

    /// There are as many places as joins were answered.
    fn seen(&mut self, stage: &mut Stage, measured: &Measured) -> anyhow::Result<()> {
        let path = format!("/events/{}/queue/control", self.event);
        // What a server knows of a room is a moment old.
        std::thread::sleep(Duration::from_secs(1));
        self.runtime.block_on(stage.organizer.get(&path))?;
        std::thread::sleep(Duration::from_secs(1));
        let room = self.runtime.block_on(stage.organizer.get(&path))?;
        ensure!(room["joined"] == measured.expected, "{} joins were answered: {room}", measured.expected);
        Ok(())
    }
}
