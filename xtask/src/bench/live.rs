//! `cargo xtask bench live`: how soon everybody who watches a performance sees that a seat is held.
//!
//! The clock of a hold starts when its request is sent and stops when a viewer has the frame that names the seat, so
//! the commit and the gathering of changes into frames are in the figure. Beside it, in the same run and with the same
//! client, a bare broadcast: a handler that passes each body it is sent to every WebSocket there is. Invariant: a
//! figure counts only if every viewer has seen every hold.

mod viewers;

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;
use clap::Args;
use hyper::StatusCode;
use hyper::http::{HeaderValue, Method, Uri};
use serde_json::json;
use tokio::runtime::Runtime;

use self::viewers::{Sent, Viewers};
use super::api::{hold_of, uri};
use super::client::{Connection, call};
use super::load;
use super::report::{self, Figure, Limit, Report};
use super::server::Server;
use super::stage::Stage;
use crate::workspace::Workspace;

const ROWS: usize = 100;
const COLUMNS: usize = 100;
const SEATS: usize = ROWS * COLUMNS;
/// Connections that the holds come over: enough that a slow answer does not delay the next hold.
const BUYERS: usize = 64;
/// How long the last hold may take to reach the last viewer.
const SETTLE_LIMIT: Duration = Duration::from_secs(20);
/// In this time all viewers come back after they have been cut off.
const STORM: Duration = Duration::from_secs(10);

#[derive(Args)]
pub(crate) struct LiveArguments {
    /// WebSockets that watch.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=25_000))]
    viewers: u32,
    /// Holds a second, at fixed times.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    holds: u16,
    /// Seconds of holding.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u8).range(1..=45))]
    seconds: u8,
    /// Leave docs/PERFORMANCE.md as it is.
    #[arg(long)]
    no_write: bool,
}

impl LiveArguments {
    fn holds_in_all(&self) -> usize {
        usize::from(self.holds) * usize::from(self.seconds)
    }
}

/// Measures, prints the table, writes the document.
pub(crate) fn run(workspace: &Workspace, arguments: &LiveArguments) -> anyhow::Result<ExitCode> {
    ensure!(
        arguments.holds_in_all() <= SEATS,
        "{} holds do not fit into {SEATS} seats: give fewer --holds or --seconds",
        arguments.holds_in_all()
    );
    report::publish(workspace, None, false, !arguments.no_write, |folder| {
        measure(workspace, arguments, folder)
    })
}

/// What the viewers of one server went through.
struct Seen {
    /// Milliseconds from sending a hold to a viewer having it.
    p50_ms: f64,
    p99_ms: f64,
    worst_ms: f64,
    /// Memory of the server for each open connection, in KB (10³ bytes).
    memory_kb: f64,
}

fn measure(workspace: &Workspace, arguments: &LiveArguments, folder: &Path) -> anyhow::Result<Report> {
    let runtime = load::runtime()?;
    let mut command = Command::new(std::env::current_exe()?);
    let floor = Server::start(command.arg("floor"), folder, "floor")?;
    println!("broadcast floor …");
    let bare = Scene {
        server: &floor,
        watch: "/floor/live".parse()?,
        publish: "/floor/publish".parse()?,
        expected: StatusCode::NO_CONTENT,
        buyers: Vec::new(),
    };
    let (bare, viewers) = bare.play(&runtime, arguments)?;
    drop(viewers);
    drop(floor);

    println!("onsale …");
    let mut stage = runtime.block_on(Stage::set(workspace, folder, "live"))?;
    let plan = json!({"rows": ROWS, "columns": COLUMNS});
    let performance = runtime.block_on(stage.create_performance(plan))?;
    let scene = Scene {
        server: &stage.server,
        watch: uri(&format!("/performances/{performance}/live"))?,
        publish: uri(&format!("/performances/{performance}/reservations"))?,
        expected: StatusCode::CREATED,
        buyers: stage.buyers(arguments.holds_in_all())?,
    };
    let (seen, viewers) = scene.play(&runtime, arguments)?;
    println!("all come back within {} s …", STORM.as_secs());
    let storm = runtime.block_on(viewers.cut_off_and_return(STORM))?;
    stage.server.stop()?;
    let note = format!("worst {:.0} ms", seen.worst_ms);
    let figures = vec![
        Figure::new("a hold seen by a viewer, median", seen.p50_ms, " ms", Limit::AtMost(150.0), note),
        Figure::new("a hold seen by a viewer, p99", seen.p99_ms, " ms", Limit::AtMost(500.0), ""),
        Figure::new(
            "bare broadcast, median",
            bare.p50_ms,
            " ms",
            Limit::None,
            format!("p99 {:.0} ms, worst {:.0} ms", bare.p99_ms, bare.worst_ms),
        ),
        Figure::new(
            "memory of an open WebSocket",
            seen.memory_kb,
            " KB",
            Limit::AtMost(20.0),
            format!("bare broadcast {:.1} KB", bare.memory_kb),
        ),
        Figure::new(
            "coming back, p99",
            storm.p99_ms,
            " ms",
            Limit::None,
            format!("{} connections cut off at once, back within {} s", storm.returned, STORM.as_secs()),
        ),
    ];
    Ok(Report { name: "live", title: "Live", method: method(arguments), figures })
}

fn method(arguments: &LiveArguments) -> String {
    format!(
        "{} WebSockets watch a performance of {SEATS} seats on one process while {} holds a second are made at fixed \
         times for {} s; viewers, buyers and server share the machine. A hold counts from the sending of its request \
         until a viewer has the frame that names the seat, and every viewer has to see every hold. The bare broadcast \
         sends each body it is given to every WebSocket at once, for the same viewers at the same times.",
        arguments.viewers, arguments.holds, arguments.seconds
    )
}

/// A server that is watched, and how something is made to happen on it.
struct Scene<'a> {
    server: &'a Server,
    watch: Uri,
    publish: Uri,
    /// The status of what happened.
    expected: StatusCode,
    /// One for each hold; none where nobody asks who it is.
    buyers: Vec<HeaderValue>,
}

impl Scene<'_> {
    fn play(self, runtime: &Runtime, arguments: &LiveArguments) -> anyhow::Result<(Seen, Viewers)> {
        let before = self.server.resident_mb()?;
        let sent = Arc::new(Sent::new(SEATS));
        let address = self.server.address;
        let count = arguments.viewers as usize;
        let viewers = runtime.block_on(Viewers::open(address, &self.watch, count, Arc::clone(&sent)))?;
        let memory_kb = (self.server.resident_mb()? - before) * 1e3 / count as f64;
        let holds = arguments.holds_in_all();
        runtime.block_on(self.hold(address, arguments, &sent))?;
        runtime.block_on(viewers.wait_until_seen(holds, SETTLE_LIMIT))?;
        let latencies = sent.latencies();
        let at = |percentile| latencies.value_at_percentile(percentile) as f64;
        let seen = Seen { p50_ms: at(50.0), p99_ms: at(99.0), worst_ms: latencies.max() as f64, memory_kb };
        println!("  {} WebSockets, {holds} holds: median {:.0} ms", count, seen.p50_ms);
        Ok((seen, viewers))
    }

    /// Makes the holds, each when it is due.
    async fn hold(
        self,
        address: SocketAddr,
        arguments: &LiveArguments,
        sent: &Arc<Sent>,
    ) -> anyhow::Result<()> {
        let mut connections = Vec::with_capacity(BUYERS);
        for _ in 0..BUYERS {
            connections.push(Connection::open(address).await?);
        }
        let begun = Instant::now();
        let mut buyers = self.buyers.into_iter();
        let requests: Vec<_> = (1..=arguments.holds_in_all()).map(|seat| (seat, buyers.next())).collect();
        let interval = Duration::from_secs(1) / u32::from(arguments.holds);
        let mut tasks = tokio::task::JoinSet::new();
        for (number, mut connection) in connections.into_iter().enumerate() {
            let mine: Vec<_> = requests.iter().skip(number).step_by(BUYERS).cloned().collect();
            let (publish, expected, sent) = (self.publish.clone(), self.expected, Arc::clone(sent));
            tasks.spawn(async move {
                for (seat, buyer) in mine {
                    tokio::time::sleep_until((begun + interval * seat as u32).into()).await;
                    let body: Bytes = hold_of(seat);
                    let call = call(Method::POST, &publish, buyer.as_ref(), Some(body));
                    sent.now(seat);
                    let (status, body) = connection.exchange(call).await?;
                    ensure!(status == expected, "{status}: {}", String::from_utf8_lossy(&body));
                }
                anyhow::Ok(())
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.context("a buyer's task ended early")??;
        }
        Ok(())
    }
}
