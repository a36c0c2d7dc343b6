//! Both ends of a move: an installation in a folder, and the stores that it goes to.
//!
//! Invariant: whoever has the source is the only one who does; a target with anything in it that this move has not
//! brought is refused before anything is changed in it.

use std::{collections::BTreeSet, fs, path::PathBuf, sync::Arc};

use anyhow::{Context, bail};
use onsale_app::{
    App,
    moving::StockCount,
    ports::{clock::Clock, ledger::Ledger},
};
use onsale_domain::{ids::PerformanceId, time::Timestamp};
use onsale_hot::{
    memory::{MemoryStore, journal::sqlite::SqliteJournal},
    redis::{RedisSettings, RedisStore},
};
use onsale_ledger::SqlLedger;
pub(crate) use onsale_ledger::Tally;
use uuid::Uuid;

use super::{LOCK, QUEUE_LOCK, SteadyClock, connect_ledger, end_process, lock_folder, ports, rooms};
use crate::settings::{Settings, redacted};

/// A statement of a move may take so long: it goes over whole tables, and nobody waits for it but one.
const STATEMENT_TIMEOUT_MS: u64 = 600_000;

/// Where everything comes from.
pub(crate) struct Source {
    pub(crate) app: App,
    store: MemoryStore,
    ledger: Arc<SqlLedger>,
    /// Keep servers off the folder, also one that has the waiting room alone.
    _locks: [fs::File; 2],
}

impl Source {
    /// Opens the installation in the folder of these settings; refuses where there is none, or a server runs on it.
    pub(crate) async fn open(settings: &Settings) -> anyhow::Result<Self> {
        refuse_nothing(settings)?;
        let settings = settings.embedded();
        let locks = [lock_folder(&settings.data_dir, LOCK)?, lock_folder(&settings.data_dir, QUEUE_LOCK)?];
        let ledger = connect_ledger(&settings).await?;
        ledger.migrate().await.context("the ledger cannot be brought to this version")?;
        let clock: Arc<dyn Clock> = Arc::new(SteadyClock::new());
        let journal = SqliteJournal::open(&settings.data_dir.join(super::JOURNAL))?;
        let store = MemoryStore::open(Box::new(journal), Arc::clone(&clock), Box::new(end_process))
            .context("the journal cannot be replayed")?;
        let as_port: Arc<dyn Ledger> = Arc::clone(&ledger) as _;
        let door = rooms(Arc::new(store.clone()), &as_port, &clock);
        let app = App::new(ports(&settings, Arc::new(store.clone()), as_port, door, clock)?);
        Ok(Self { app, store, ledger, _locks: locks })
    }

    /// Settles what is being paid, lets lapse what is due, and brings the ledger up to date. Gives how many payments
    /// were open, and since when nothing moves any more.
    pub(crate) async fn come_to_rest(&self) -> anyhow::Result<(usize, Timestamp)> {
        let settled = self.app.settle_all().await?;
        let since = self.app.clock().now();
        self.store.expire_due();
        // Behind everything that is on its way to the journal.
        self.store.checkpoint().await;
        self.app.drain_rest().await?;
        let left = self.app.drain_lag().await?.changes;
        if left > 0 {
            bail!("{left} changes have not reached the ledger");
        }
        Ok((settled, since))
    }

    /// Performances that the journal has and the ledger does not: their events were deleted. With sales they cannot
    /// have been, so then the two are not of one installation.
    pub(crate) async fn without_event(&self, known: &[PerformanceId]) -> anyhow::Result<usize> {
        let known: BTreeSet<&PerformanceId> = known.iter().collect();
        let unknown: Vec<PerformanceId> =
            self.store.performances().into_iter().filter(|p| !known.contains(p)).collect();
        for p in &unknown {
            if !self.app.stock_as_it_is(*p).await?.sales.is_empty() {
                bail!(
                    "the journal has sold seats of performance {p}, and the ledger beside it does not know it"
                );
            }
        }
        Ok(unknown.len())
    }

    /// Events and how many places in their waiting rooms have not ended.
    pub(crate) fn waiting(&self) -> Vec<(String, usize)> {
        let rooms = self.store.places().into_iter();
        rooms.filter(|(_, places)| *places > 0).map(|(event, places)| (event.to_string(), places)).collect()
    }

    /// What the ledger has.
    pub(crate) async fn tallies(&self) -> anyhow::Result<Vec<Tally>> {
        Ok(self.ledger.tallies().await?)
    }

    /// Closes it in order.
    pub(crate) async fn close(self) {
        self.app.shut_down().await;
        self.ledger.close().await;
    }
}

/// What there is, without opening it to change it.
pub(crate) struct Glance {
    /// The ledger's tables; `None`: they are of an earlier version.
    pub(crate) tables: Option<Vec<Tally>>,
    /// Each performance; `None`: a server runs on the folder, or the ledger is of an earlier version.
    pub(crate) stock: Option<Vec<(PerformanceId, StockCount)>>,
    /// Payments under way.
    pub(crate) open_payments: usize,
    /// Events with places in their waiting rooms.
    pub(crate) waiting: Vec<(String, usize)>,
}

/// Looks at the source for a dry run.
pub(crate) async fn glance(settings: &Settings) -> anyhow::Result<Glance> {
    refuse_nothing(settings)?;
    let ledger = connect_ledger(&settings.embedded()).await?;
    let is_current = ledger.migration_status().await?.iter().all(|migration| migration.applied);
    let mut glance = Glance { tables: None, stock: None, open_payments: 0, waiting: Vec::new() };
    if !is_current {
        return Ok(glance);
    }
    glance.tables = Some(ledger.tallies().await?);
    ledger.close().await;
    if lock_folder(&settings.data_dir, LOCK).is_err() {
        return Ok(glance);
    }
    let source = Source::open(settings).await?;
    let mut stock = Vec::new();
    for p in source.app.every_performance().await? {
        let count = StockCount::of(&source.app.stock_as_it_is(p).await?);
        stock.push((p, count.with_context(|| format!("two claims in performance {p} overlap"))?));
    }
    glance.stock = Some(stock);
    glance.open_payments = source.app.payments_under_way().await?;
    glance.waiting = source.waiting();
    Ok(glance)
}

fn refuse_nothing(settings: &Settings) -> anyhow::Result<()> {
    let path: PathBuf = settings.data_dir.join("ledger.db");
    if path.exists() {
        return Ok(());
    }
    bail!(
        "setting data_dir: there is nothing to move, {} is not there. A server whose ledger is in PostgreSQL already \
         needs no move: once it was stopped in order, start with redis_url, and the stock is loaded from the ledger",
        path.display()
    )
}

/// Where everything goes.
pub(crate) struct Target {
    pub(crate) app: App,
    store: RedisStore,
    ledger: Arc<SqlLedger>,
    /// Where, for people.
    database: String,
    redis: String,
}

impl Target {
    /// Connects to the stores of these settings; changes nothing there.
    pub(crate) async fn open(settings: &Settings) -> anyhow::Result<Self> {
        let mut settings = settings.clone();
        settings.database.statement_timeout_ms =
            settings.database.statement_timeout_ms.max(STATEMENT_TIMEOUT_MS);
        let ledger = connect_ledger(&settings).await?;
        let url = settings.redis_url.clone().unwrap_or_default();
        let redis = RedisSettings { url: url.clone(), strict: settings.redis_strict, clock: None };
        let store = RedisStore::open(redis)
            .await
            .with_context(|| format!("setting redis_url: {} cannot be used", redacted(&url)))?;
        let clock: Arc<dyn Clock> = Arc::new(SteadyClock::new());
        let as_port: Arc<dyn Ledger> = Arc::clone(&ledger) as _;
        let door = rooms(Arc::new(store.clone()), &as_port, &clock);
        let app = App::new(ports(&settings, Arc::new(store.clone()), as_port, door, clock)?);
        let database = redacted(settings.database_url.as_deref().unwrap_or_default());
        Ok(Self { app, store, ledger, database, redis: redacted(&url) })
    }

    /// Refuses a target that has anything which the move of this name has not brought.
    pub(crate) async fn refuse_used(&self, id: Option<Uuid>) -> anyhow::Result<()> {
        let Self { database, redis, .. } = self;
        let there = self.ledger.migration_status().await?;
        let (migrated, pending) = there.iter().partition::<Vec<_>, _>(|migration| migration.applied);
        if !migrated.is_empty() && !pending.is_empty() {
            bail!(
                "setting database_url: {database} has a ledger of an earlier version; an empty database is needed"
            );
        }
        if !migrated.is_empty() {
            let arrival = self.ledger.arrival().await?.filter(|arrival| arrival.finished_at.is_none());
            match arrival {
                Some(arrival) if Some(arrival.id) == id => {}
                Some(_) => bail!(
                    "setting database_url: the move of another folder into {database} has not come to its end"
                ),
                None => {
                    if let Some(table) = self.ledger.first_with_rows().await? {
                        bail!("setting database_url: {database} is not empty, its table {table} has rows");
                    }
                }
            }
        }
        match self.store.arrival().await? {
            Some(there) if Some(there) == id => Ok(()),
            Some(_) => {
                bail!("setting redis_url: the move of another folder into {redis} has not come to its end")
            }
            None if self.store.is_empty().await? => Ok(()),
            None => bail!("setting redis_url: {redis} is not empty, it has performances"),
        }
    }

    /// Brings the ledger, after whatever this move has left here before was taken away.
    pub(crate) async fn bring_ledger(&self, source: &Source, id: Uuid) -> anyhow::Result<()> {
        if self.store.begin_arrival(id).await?.is_some() {
            bail!("setting redis_url: another move into {} has just begun", self.redis);
        }
        self.store.empty().await?;
        self.ledger.migrate().await.context("the tables cannot be made")?;
        source.ledger.move_into(&self.ledger, id, self.app.clock().now()).await?;
        Ok(())
    }

    /// What the ledger has.
    pub(crate) async fn tallies(&self) -> anyhow::Result<Vec<Tally>> {
        Ok(self.ledger.tallies().await?)
    }

    /// Whether the move of this name has brought the ledger here, to its end or not.
    pub(crate) async fn has_ledger_of(&self, id: Uuid) -> anyhow::Result<bool> {
        let is_migrated = self.ledger.migration_status().await?.iter().all(|migration| migration.applied);
        Ok(is_migrated && self.ledger.arrival().await?.is_some_and(|arrival| arrival.id == id))
    }

    /// May be served from now on.
    pub(crate) async fn open_for_sale(&self, id: Uuid) -> anyhow::Result<()> {
        self.ledger.finish_arrival(id, self.app.clock().now()).await?;
        Ok(self.store.end_arrival(id).await?)
    }
}
