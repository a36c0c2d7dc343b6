//! `cargo xtask bench confirms`: from a hold to an order that is paid, beside what a confirm writes into the ledger.
//!
//! Invariant: a confirm counts only if it was answered 201, and afterwards so many places are sold and orders paid; the
//! transactions beside it are those that no confirm can do without: the claim before the charge, the payment after it.

mod transactions;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use clap::Args;
use hyper::StatusCode;
use hyper::http::{HeaderValue, Method, Uri};
use onsale_testkit::servers::redis::Durability;
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use self::transactions::Transactions;
use super::api::{text, uri};
use super::client::{Connection, call};
use super::load::{self, Calls, Measured};
use super::report::{self, Figure, Limit, Report};
use super::rounds::{Rounds, Subject, median};
use super::stage::Stage;
use super::stores::Stores;
use crate::workspace::Workspace;

/// How many places a buyer holds, one by one.
const HOLDS_PER_BUYER: usize = 50;
/// Connections do not advance evenly, and what is written together may be faster than what the floor writes one by one.
const RESERVE: f64 = 4.0;
const CONFIRMATION: &[u8] = br#"{"payment":{"method":"simulated"},"buyer":{"name":"Kim Min-ji"}}"#;

#[derive(Args)]
pub(crate) struct ConfirmsArguments {
    /// Seconds measured in each round, after one of warm-up.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Connections of the client, and sessions of PostgreSQL beside it.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=90))]
    connections: u16,
    /// Rounds; the median counts.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..))]
    repeats: u8,
    /// Over a Redis and a PostgreSQL that are started for it, instead of the embedded stores.
    #[arg(long)]
    cluster: bool,
    /// Leave docs/PERFORMANCE.md as it is.
    #[arg(long)]
    no_write: bool,
}

/// Measures, prints the table, writes the document.
pub(crate) fn run(workspace: &Workspace, arguments: &ConfirmsArguments) -> anyhow::Result<ExitCode> {
    report::publish(workspace, None, arguments.cluster, !arguments.no_write, |folder| {
        measure(workspace, arguments, folder)
    })
}

fn measure(workspace: &Workspace, arguments: &ConfirmsArguments, folder: &Path) -> anyhow::Result<Report> {
    let runtime = load::runtime()?;
    let stores = arguments.cluster.then(|| Stores::start(Durability::EverySecond)).transpose()?;
    let mut settings = stores.as_ref().map(Stores::settings).unwrap_or_default();
    settings.push(("ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE", "0".to_owned()));
    let mut stage = runtime.block_on(Stage::set_on(settings, workspace, folder, "confirms"))?;
    let connections = usize::from(arguments.connections);
    let measured = Duration::from_secs(arguments.seconds);
    let rounds = Rounds { runtime: &runtime, connections, measured, repeats: arguments.repeats.into() };

    println!("confirms …");
    let performance = runtime.block_on(stage.create_area(1))?;
    let mut transactions = match &stores {
        Some(stores) => Transactions::postgres(&stores.postgres, &performance, connections),
        None => Transactions::sqlite(&folder.join("confirms/ledger.db"), &performance)?,
    };
    let mut confirms = Confirms { runtime: &runtime, connections, round: rounds.whole(), performance };
    let confirms = rounds.compare(&mut stage, || transactions.per_second(measured), &mut confirms)?;
    stage.server.stop()?;
    let p99 = median(&confirms.p99_ms);
    let figures = vec![
        Figure::new(
            "confirms",
            confirms.share(),
            " of the transactions",
            Limit::AtLeast(0.5),
            confirms.note(),
        ),
        Figure::new("p99, closed loop", p99, " ms", Limit::None, "as fast as it goes"),
    ];
    let name = if arguments.cluster { "confirms --cluster" } else { "confirms" };
    let title = if arguments.cluster { "Confirms over Redis and PostgreSQL" } else { "Confirms" };
    Ok(Report { name, title, method: method(arguments), figures })
}

fn method(arguments: &ConfirmsArguments) -> String {
    let (store, beside) = if arguments.cluster {
        (
            "One onsale over one Redis with an append-only file, synced once a second, and one PostgreSQL that syncs",
            "by `pgbench` over as many sessions, each a prepared statement",
        )
    } else {
        (
            "onsale with its embedded stores, on disk before it answers",
            "on one connection, prepared statements",
        )
    };
    format!(
        "{store}: orders of one place, paid through the simulated provider, which takes no time and declines nothing. {} \
         connections; the median of {} rounds of {} s. Beside it, before and after each round, what a confirm writes into \
         the same tables of the same database, and nothing else: a transaction with the order, its claim and its payment, \
         and a transaction that marks them paid, {beside}. On the same cores.",
        arguments.connections, arguments.repeats, arguments.seconds
    )
}

/// Confirms of places that are held, in a performance of their own each round.
struct Confirms<'a> {
    runtime: &'a Runtime,
    connections: usize,
    /// Of a round, with its warm-up.
    round: Duration,
    performance: String,
}

/// A hold to be confirmed, and whose it is.
type Held = (Uri, HeaderValue);

impl Subject for Confirms<'_> {
    fn expected(&self) -> StatusCode {
        StatusCode::CREATED
    }

    fn calls(&mut self, stage: &mut Stage, at_most: f64) -> anyhow::Result<Vec<Calls>> {
        #[expect(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "some ten thousand")]
        let count = (at_most * self.round.as_secs_f64() * RESERVE) as usize;
        let buyers: Arc<[HeaderValue]> = stage.buyers(count.div_ceil(HOLDS_PER_BUYER))?.into();
        self.performance = self.runtime.block_on(stage.create_area(buyers.len() * HOLDS_PER_BUYER))?;
        let path = uri(&format!("/performances/{}/reservations", self.performance))?;
        let held = hold_all(stage.server.address, &path, &buyers, self.connections);
        let held = self.runtime.block_on(held)?;
        Ok(held
            .into_iter()
            .map(|held| {
                let mut held = held.into_iter();
                Box::new(move || {
                    let (path, buyer) = held.next()?;
                    Some(call(Method::POST, &path, Some(&buyer), Some(Bytes::from_static(CONFIRMATION))))
                }) as Calls
            })
            .collect())
    }

    /// As many places are sold as confirms were answered.
    fn seen(&mut self, stage: &mut Stage, measured: &Measured) -> anyhow::Result<()> {
        let path = format!("/performances/{}/stats", self.performance);
        let stats = self.runtime.block_on(stage.organizer.get(&path))?;
        ensure!(
            stats["sold"] == measured.expected && stats["paying"] == 0 && stats["drift"] == 0,
            "{} confirms were answered: {stats}",
            measured.expected
        );
        Ok(())
    }
}

/// Every buyer holds as many single places as one may; gives them by connection.
async fn hold_all(
    address: std::net::SocketAddr,
    path: &Uri,
    buyers: &Arc<[HeaderValue]>,
    connections: usize,
) -> anyhow::Result<Vec<Vec<Held>>> {
    let mut tasks = JoinSet::new();
    for first in 0..connections {
        let (path, buyers) = (path.clone(), Arc::clone(buyers));
        tasks.spawn(async move {
            let mut connection = Connection::open(address).await?;
            let mut held = Vec::new();
            for number in (first..buyers.len() * HOLDS_PER_BUYER).step_by(connections) {
                let buyer = &buyers[number / HOLDS_PER_BUYER];
                let body = Bytes::from_static(br#"{"area_id":1,"quantity":1}"#);
                let hold = call(Method::POST, &path, Some(buyer), Some(body));
                let (status, body) = connection.exchange(hold).await?;
                ensure!(status == StatusCode::CREATED, "{status}: {}", String::from_utf8_lossy(&body));
                let reservation: Value = serde_json::from_slice(&body)?;
                let confirm = uri(&format!("/reservations/{}/confirm", text(&reservation, "id")?))?;
                held.push((confirm, buyer.clone()));
            }
            anyhow::Ok(held)
        });
    }
    let mut held = Vec::new();
    while let Some(some) = tasks.join_next().await {
        held.push(some.context("a connection's task ended early")??);
    }
    Ok(held)
}
