//! Connections, transactions and time: which dialect it is, and how a command is run on it.
//!
//! Invariants: a command takes one connection at a time, so that waiting for the second can never be a deadlock;
//! every wait for a connection ends, and over a network every command does; a command that another transaction was
//! in the way of is tried again, a bounded number of times.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use onsale_app::ports::{StoreError, ledger::Access};
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, IsolationLevel,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait, sea_query::ColumnType,
    sqlx::PgPool,
};
use tokio::sync::{Mutex, MutexGuard};

use crate::failures::Failure;

mod postgres;
mod sqlite;
mod together;

use postgres::Suspicion;
pub(crate) use together::{Command, Line};

/// How many values one statement may bind: SQLite's default, the smallest of the dialects.
pub(crate) const MAX_BINDS: usize = 32_766;

/// How often a command is tried that others get in the way of. Locks are taken in one order everywhere, so even a
/// second attempt is rare.
const ATTEMPTS: u32 = 5;

/// What a command may take beside getting its connection and the longest of its statements.
const SLACK: Duration = Duration::from_millis(500);

/// How long the database may take to say that it is there: whoever asks that wants to know it soon.
const PING_WITHIN: Duration = Duration::from_secs(1);

/// So many wait at most for the one writer, of those who would rather know at once that it takes its time.
const SOON: usize = 64;

/// How many write what has come together at once, of each kind: while one waits for the disk, the next is carried out.
const TURNS: usize = 2;

/// How the ledger uses its database.
#[derive(Clone, Copy, Debug)]
pub struct LedgerSettings {
    /// How long a command waits for a connection before it answers `Unavailable`, milliseconds.
    pub acquire_timeout_ms: u64,
    /// SQLite: how many may read at once. More than there are processors: where those are busy, a read mostly waits for one.
    pub max_readers: u32,
    /// PostgreSQL: how many connections this process opens at most.
    pub max_connections: u32,
    /// PostgreSQL: how long one statement may take, waiting for locks included, milliseconds.
    pub statement_timeout_ms: u64,
    /// Is told of each command on the task that asked for it, when it has ended: when it began, and whether it failed.
    pub tell: fn(Instant, bool),
}

impl Default for LedgerSettings {
    fn default() -> Self {
        Self {
            acquire_timeout_ms: 3_000,
            max_readers: 16,
            max_connections: 16,
            statement_timeout_ms: 5_000,
            tell: |_, _| {},
        }
    }
}

/// The connections of one database.
#[derive(Debug)]
pub(crate) struct Connections {
    writer: DatabaseConnection,
    readers: DatabaseConnection,
    network: Option<Network>,
    /// How many wait for their turn to write.
    waiting: AtomicUsize,
    /// Where all share one writer.
    others: Option<Others>,
    acquire_limit: Duration,
    tell: fn(Instant, bool),
}

/// What a database at the other end of a network needs beside.
#[derive(Debug)]
struct Network {
    command_limit: Duration,
    suspicion: Suspicion,
    /// For what is written together.
    together: PgPool,
}

impl Network {
    fn silence(&self) -> StoreError {
        let waited = self.command_limit.as_millis();
        StoreError::unavailable(format!("the database did not answer within {waited} ms"))
    }
}

/// Those who write what nobody pays just now.
#[derive(Debug, Default)]
struct Others {
    /// Held by whoever is next.
    turn: Mutex<()>,
    waiting: AtomicUsize,
}

/// Somebody who waits, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn count(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connections {
    /// Connects.
    pub(crate) async fn open(url: &str, settings: LedgerSettings) -> Result<Self, StoreError> {
        Ok(Self::connect(url, settings).await?)
    }

    async fn connect(url: &str, settings: LedgerSettings) -> Result<Self, Failure> {
        if is_postgres(url) {
            let suspicion = Suspicion::default();
            let postgres::Pools { all, together } = postgres::connect(url, settings, &suspicion).await?;
            let command_limit =
                Duration::from_millis(settings.acquire_timeout_ms + settings.statement_timeout_ms) + SLACK;
            let network = Some(Network { command_limit, suspicion, together });
            return Ok(Self::of(all.clone(), all, network, settings));
        }
        let (writer, readers) = sqlite::connect(url, settings).await?;
        Ok(Self::of(writer, readers, None, settings))
    }

    fn of(
        writer: DatabaseConnection,
        readers: DatabaseConnection,
        network: Option<Network>,
        settings: LedgerSettings,
    ) -> Self {
        Self {
            writer,
            readers,
            waiting: AtomicUsize::new(0),
            others: network.is_none().then(Others::default),
            acquire_limit: Duration::from_millis(settings.acquire_timeout_ms),
            network,
            tell: settings.tell,
        }
    }

    /// For single reads.
    pub(crate) fn reader(&self) -> &DatabaseConnection {
        &self.readers
    }

    /// For migrations; commands write in [`Connections::begin_write`].
    pub(crate) fn writer(&self) -> &DatabaseConnection {
        &self.writer
    }

    /// PostgreSQL's connections, for the statements that are written for it alone; `None` on SQLite.
    pub(crate) fn postgres(&self) -> Option<&PgPool> {
        (self.writer.get_database_backend() == DbBackend::Postgres)
            .then(|| self.writer.get_postgres_connection_pool())
    }

    /// Counts a command and its time.
    async fn measured<T>(
        &self,
        command: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let begun = Instant::now();
        let answer = command.await;
        metrics::histogram!("onsale_ledger_seconds").record(begun.elapsed().as_secs_f64());
        if answer.is_err() {
            metrics::counter!("onsale_ledger_errors_total").increment(1);
        }
        (self.tell)(begun, answer.is_err());
        answer
    }

    /// Runs a command: again where another transaction was in its way, and over a network no longer than its limit.
    pub(crate) async fn command<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        // Boxed: commands are large, and timing them would make each twice as large.
        self.measured(Box::pin(self.watched(attempt))).await
    }

    async fn watched<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let Some(network) = &self.network else { return attempts(attempt).await };
        let mut command = std::pin::pin!(attempts(attempt));
        // Behind the command, so that suspicion is there when its connection is given back.
        let watch = network.suspicion.watch();
        let answer = tokio::time::timeout(network.command_limit, command.as_mut()).await;
        if !matches!(answer, Err(_) | Ok(Err(StoreError::Unavailable(_)))) {
            watch.relax();
        }
        answer.unwrap_or_else(|_| Err(network.silence()))
    }

    /// How many may write what has come together.
    fn turns(&self) -> usize {
        if self.network.is_some() { TURNS } else { 1 }
    }

    /// Waits for an answer, over a network no longer than one command may take.
    async fn in_time<T>(&self, answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let Some(network) = &self.network else { return self.measured(answer).await };
        let in_time = tokio::time::timeout(network.command_limit, answer);
        self.measured(async { in_time.await.unwrap_or_else(|_| Err(network.silence())) }).await
    }

    /// Begins a transaction that writes. SQLite takes its write lock here rather than at the first write, where
    /// it could be refused; PostgreSQL locks rows as it comes to them, each statement seeing what is committed.
    pub(crate) async fn begin_write(&self) -> Result<DatabaseTransaction, Failure> {
        let _waiting = Waiting::count(&self.waiting);
        let _turn = self.turn_of_others().await?;
        self.begin_write_first().await
    }

    /// The same for whoever loses nothing by coming again: does not wait behind many.
    pub(crate) async fn begin_write_soon(&self) -> Result<DatabaseTransaction, Failure> {
        if self.others.as_ref().is_some_and(|others| others.waiting.load(Ordering::Relaxed) >= SOON) {
            return Err(put_off());
        }
        self.begin_write().await
    }

    /// Waits until whoever asks is the next of those who do not pay.
    async fn turn_of_others(&self) -> Result<Option<MutexGuard<'_, ()>>, Failure> {
        let Some(others) = &self.others else { return Ok(None) };
        let _waiting = Waiting::count(&others.waiting);
        let turn = tokio::time::timeout(self.acquire_limit, others.turn.lock()).await;
        turn.map(Some).map_err(|_| Failure::unavailable("too many wait for the writer"))
    }

    /// The same for what buyers pay, and for what they are given back once that has begun: of all others that wait no more
    /// than one goes before it.
    pub(crate) async fn begin_write_first(&self) -> Result<DatabaseTransaction, Failure> {
        let immediate = Some(SqliteTransactionMode::Immediate);
        let options =
            TransactionOptions { sqlite_transaction_mode: immediate, ..TransactionOptions::default() };
        let _waiting = Waiting::count(&self.waiting);
        Ok(self.writer.begin_with_options(options).await?)
    }

    /// Whether all who write share one connection: those of SQLite.
    pub(crate) fn shares_a_writer(&self) -> bool {
        self.others.is_some()
    }

    /// Whether somebody waits for a connection to write.
    pub(crate) fn is_writer_awaited(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Begins a transaction in which all reads see the same state.
    pub(crate) async fn begin_read(&self) -> Result<DatabaseTransaction, Failure> {
        let options = match self.readers.get_database_backend() {
            // A deferred transaction reads one state by itself, and SQLite knows no levels.
            DbBackend::Sqlite => TransactionOptions::default(),
            _ => TransactionOptions {
                isolation_level: Some(IsolationLevel::RepeatableRead),
                access_mode: Some(AccessMode::ReadOnly),
                sqlite_transaction_mode: None,
            },
        };
        Ok(self.readers.begin_with_options(options).await?)
    }

    /// A round trip.
    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        let select = Statement::from_string(self.readers.get_database_backend(), "SELECT 1");
        let ping = self.command(|| async { Ok(self.readers.query_one_raw(select.clone()).await.map(drop)?) });
        if self.network.is_none() {
            return ping.await;
        }
        let silence = || StoreError::unavailable("the database does not answer");
        tokio::time::timeout(PING_WITHIN, ping).await.unwrap_or_else(|_| Err(silence()))
    }

    /// Waits for a connection, as commands that cannot be told from others do.
    pub(crate) async fn turn(&self, to: Access) -> Result<(), StoreError> {
        let turn = async {
            if let Some(pool) = self.postgres() {
                return pool.acquire().await.map(drop).map_err(Failure::from);
            }
            if to == Access::Read {
                let reader = self.readers.get_sqlite_connection_pool().acquire().await;
                return reader.map(drop).map_err(Failure::from);
            }
            let _turn = self.turn_of_others().await?;
            self.writer.get_sqlite_connection_pool().acquire().await.map(drop).map_err(Failure::from)
        };
        Ok(turn.await?)
    }

    /// Closes all of them; readers first, so that SQLite's writer is the last and empties the WAL.
    pub(crate) async fn close(&self) {
        for pool in [&self.readers, &self.writer] {
            if let Err(error) = pool.close_by_ref().await {
                tracing::debug!(%error, "closing the ledger");
            }
        }
        if let Some(network) = &self.network {
            network.together.close().await;
        }
    }
}

/// Said at once to whoever loses nothing by coming again.
fn put_off() -> Failure {
    metrics::counter!("onsale_shed_total").increment(1);
    Failure::unavailable("too many wait for the database")
}

async fn attempts<T, F>(attempt: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, Failure>>,
{
    for _ in 1..ATTEMPTS {
        match attempt().await {
            Err(Failure::Contended(cause)) => tracing::debug!(cause, "once more"),
            other => return Ok(other?),
        }
    }
    Ok(attempt().await?)
}

/// Whether a transaction may have to wait for others, or be ended in their favour. SQLite lets one write at a time.
pub(crate) fn has_many_writers(db: &impl ConnectionTrait) -> bool {
    db.get_database_backend() != DbBackend::Sqlite
}

/// The column type that holds a UUID: 16 bytes, in the order of the text form.
pub(crate) fn uuid_type(backend: DbBackend) -> ColumnType {
    match backend {
        DbBackend::Sqlite => ColumnType::Blob,
        _ => ColumnType::Uuid,
    }
}

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}
