//! A server with a sale on it: halls, a waiting room, buyers, viewers, and the connections that all of them come over.
//!
//! Invariant: limits are on, and the client is the proxy that the server trusts: each buyer has the limits of one
//! address and of one person, as in life.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use hyper::StatusCode;
use hyper::http::{HeaderValue, Method};
use onsale_testkit::servers::redis::Durability;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::SoakArguments;
use super::drive::Drive;
use super::sale::{Beginning, Hall, Sale, join};
use super::viewers::Viewers;
use crate::bench::api::{text, uri};
use crate::bench::buyer::{Buyer, limited};
use crate::bench::client::{Connection, call};
use crate::bench::connections::Connections;
use crate::bench::stage::{Stage, Stores as Settings};
use crate::bench::stores::Stores;
use crate::workspace::Workspace;

/// So many that something is left of each after ten minutes at ten thousand requests a second.
const HALLS: usize = 8;
const ROWS: usize = 100;
const COLUMNS: usize = 100;
const PLACES: usize = 20_000;
/// The shortest there is: what is not bought comes back soon, so that the stock lasts.
const HOLD_TTL_S: u32 = 10;
const MOST_EACH: u32 = 8;
/// Who is there at the beginning.
const BUYERS: usize = 20_000;
/// Of them wait in the waiting room of another event.
const WAITING: usize = 1_000;
/// An organizer's token is good for a quarter of an hour.
const LOG_IN_EVERY: Duration = Duration::from_mins(5);
/// How long after the last request all holds have lapsed; those whose payment was declined stay for a minute.
const QUIET_LIMIT: Duration = Duration::from_mins(3);

/// The server, and who is there.
pub(super) struct Scene<'a> {
    runtime: &'a Runtime,
    pub(super) stage: Stage,
    pub(super) drive: Arc<Drive>,
    pub(super) viewers: Viewers,
    metrics: Connection,
    logged_in: Instant,
    /// Behind the server; they end with it.
    _stores: Option<Stores>,
}

/// What is left when it is quiet.
pub(super) struct Books {
    /// Units by which states and capacity differ, in the server's own figures.
    pub(super) drift: f64,
    /// Units that were sold, and which of them no buyer knows of.
    pub(super) sold: i64,
    pub(super) unknown: i64,
    /// Units for which stock and ledger differ.
    pub(super) repaired: usize,
    /// Whether `onsale verify ledger` found nothing, and what it said.
    pub(super) verified: (bool, String),
    /// Until every hold had lapsed and the ledger had all of it.
    pub(super) quiet_after: Duration,
}

impl<'a> Scene<'a> {
    pub(super) fn set(
        runtime: &'a Runtime,
        workspace: &Workspace,
        arguments: &SoakArguments,
        folder: &Path,
        name: &'static str,
    ) -> anyhow::Result<Self> {
        let stores = arguments.cluster.then(|| Stores::start(Durability::EverySecond)).transpose()?;
        let mut settings: Settings = stores.as_ref().map(Stores::settings).unwrap_or_default();
        settings.extend(limited());
        let mut stage = runtime.block_on(Stage::set_on(settings, workspace, folder, name))?;
        let tokens = stage.buyers(BUYERS)?;
        let (drive, viewers, metrics) = runtime.block_on(async {
            let on_sale = json!({"hold_ttl_s": HOLD_TTL_S, "max_seats_per_buyer": MOST_EACH});
            let event = stage.create_event(&on_sale).await?;
            let mut halls = Vec::with_capacity(HALLS);
            for _ in 0..HALLS {
                let id = stage.create_hall_of(&event, ROWS, COLUMNS, PLACES).await?;
                halls.push(Hall::new(id, (ROWS * COLUMNS) as u64)?);
            }
            let buyers = Buyer::all_forwarded(tokens)?;
            let room = uri(&format!("/events/{}/queue", stage.create_waiting_room().await?))?;
            let mut tickets = Vec::with_capacity(WAITING);
            for buyer in &buyers[..WAITING] {
                let place = stage.organizer.json("a join", join(buyer, &room), StatusCode::CREATED).await?;
                tickets.push(HeaderValue::from_str(text(&place, "ticket")?)?);
            }
            let viewers = Viewers::open(stage.server.address, &halls, usize::from(arguments.viewers)).await?;
            let organizer = stage.log_in_again().await?;
            let seed = arguments.seed;
            let sale = Sale::begin(Beginning { event, room, halls, buyers, tickets, organizer, seed })?;
            let connections = Connections::open(stage.server.address, arguments.connections).await?;
            let drive = Drive { sale, connections, handle: tokio::runtime::Handle::current() };
            let metrics = Connection::open(stage.server.address).await?;
            anyhow::Ok((Arc::new(drive), viewers, metrics))
        })?;
        Ok(Self { runtime, stage, drive, viewers, metrics, logged_in: Instant::now(), _stores: stores })
    }

    /// What has to be done now and then while the load goes on.
    pub(super) fn keep_up(&mut self) -> anyhow::Result<()> {
        if self.logged_in.elapsed() >= LOG_IN_EVERY {
            let token = self.runtime.block_on(self.stage.log_in_again())?;
            self.drive.sale.organizer_is(token);
            self.logged_in = Instant::now();
        }
        Ok(())
    }

    /// The sum of what the server tells under a name.
    pub(super) fn metric(&mut self, name: &str) -> anyhow::Result<f64> {
        let asked = call(Method::GET, &"/metrics".parse()?, None, None);
        let address = self.stage.server.address;
        let (status, body) = self.runtime.block_on(async {
            if self.metrics.is_old() {
                self.metrics = Connection::open(address).await?;
            }
            self.metrics.exchange(asked).await
        })?;
        ensure!(status == StatusCode::OK, "/metrics: {status}");
        sum_of(&String::from_utf8_lossy(&body), name).with_context(|| format!("no {name} in /metrics"))
    }

    /// Waits until nothing is held any more and the ledger has everything, and compares the books.
    pub(super) fn close(&mut self) -> anyhow::Result<Books> {
        let begun = Instant::now();
        loop {
            let (held, lag) =
                (self.stats("held")? + self.stats("paying")?, self.metric("onsale_drain_lag_changes")?);
            if held == 0 && lag < 1.0 {
                break;
            }
            ensure!(
                begun.elapsed() < QUIET_LIMIT,
                "{held} units are held and {lag} changes wait, without load"
            );
            std::thread::sleep(Duration::from_secs(1));
        }
        let quiet_after = begun.elapsed();
        let mut repaired = 0;
        for hall in &self.drive.sale.halls {
            let path = format!("/performances/{}/reconcile", hall.id);
            let compared =
                self.runtime.block_on(self.stage.organizer.post(&path, &json!({}), StatusCode::OK))?;
            repaired += compared["repaired"].as_array().map_or(usize::MAX, Vec::len);
        }
        let sold = self.stats("sold")?;
        let drift = self.stats("drift")?.unsigned_abs() as f64
            + self.metric("onsale_conservation_drift_units")?.abs();
        let verified = self.stage.verify_ledger()?;
        let unknown = sold - self.drive.sale.bought();
        Ok(Books { drift, sold, unknown, repaired, verified, quiet_after })
    }

    /// The sum of a figure over all halls.
    fn stats(&mut self, name: &str) -> anyhow::Result<i64> {
        let mut sum = 0;
        for hall in &self.drive.sale.halls {
            let path = format!("/performances/{}/stats", hall.id);
            let stats: Value = self.runtime.block_on(self.stage.organizer.get(&path))?;
            sum += stats[name].as_i64().with_context(|| format!("no {name} in {stats}"))?;
        }
        Ok(sum)
    }
}

/// The sum of all samples of a name, whatever their labels.
fn sum_of(metrics: &str, name: &str) -> Option<f64> {
    let values = metrics.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let value = if rest.starts_with('{') { rest.rsplit_once("} ")?.1 } else { rest.strip_prefix(' ')? };
        value.trim().parse::<f64>().ok()
    });
    values.fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
}

#[cfg(test)]
mod tests {
    use super::sum_of;

    #[test]
    fn samples_of_a_name_are_added_up() {
        let metrics =
            "# TYPE shed counter\nshed_total 3\nlimited{limit=\"hold\"} 4\nlimited{limit=\"a } b\"} 5\n";
        assert_eq!(sum_of(metrics, "shed_total"), Some(3.0));
        assert_eq!(sum_of(metrics, "limited"), Some(9.0));
        assert_eq!(sum_of(metrics, "shed"), None);
    }
}
