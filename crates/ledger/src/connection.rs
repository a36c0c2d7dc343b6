//! Connections, transactions and errors: the one place that knows which dialect it is.
//!
//! SQLite: one writer, because the database has one write lock and a queue in front of it is fairer than a race
//! for it, and a few readers that see the last committed state (WAL) and cannot write. In memory there is one
//! connection for both.
//!
//! Invariant: a command takes one connection at a time, so that waiting for the second can never be a deadlock;
//! every wait for a connection ends.

use std::time::Duration;

use onsale_app::ports::StoreError;
use sea_orm::{
    AccessMode, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction,
    DbBackend, DbErr, IsolationLevel, RuntimeErr, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
    sea_query::ColumnType,
    sqlx::{
        self,
        error::ErrorKind,
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
    },
};

/// How many values one statement may bind: SQLite's default, the smallest of the dialects.
pub(crate) const MAX_BINDS: usize = 32_766;

/// How long SQLite waits for a lock that another process holds (a backup, say).
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the write-ahead log gets before a commit copies it into the file, in pages of 4 KiB. A batch of the
/// drain alone dirties more than SQLite's 1,000 where buyers come in no order, and every one would copy: three
/// times slower (examples/record.rs).
const CHECKPOINT_AFTER_PAGES: &str = "4000";

/// How much of the file the writer keeps in memory: 32 MiB, in SQLite's notation.
const WRITER_CACHE: &str = "-32768";

/// SQLite's codes for a file that is damaged or is no database.
const DAMAGED: [&str; 4] = ["11", "26", "267", "523"];

/// How the ledger uses its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerSettings {
    /// How long a command waits for a connection before it answers `Unavailable`, milliseconds.
    pub acquire_timeout_ms: u64,
    /// How many may read at once.
    pub max_readers: u32,
}

impl Default for LedgerSettings {
    fn default() -> Self {
        Self { acquire_timeout_ms: 3_000, max_readers: 4 }
    }
}

/// The connections of one database.
#[derive(Debug)]
pub(crate) struct Connections {
    writer: DatabaseConnection,
    readers: DatabaseConnection,
}

impl Connections {
    /// Connects; the writer first, since it makes the file.
    pub(crate) async fn open(url: &str, settings: LedgerSettings) -> Result<Self, StoreError> {
        let connect = async |options| Database::connect(options).await.map_err(store_error);
        if is_in_memory(url) {
            let only = connect(pool(url, settings, 1, |sqlite| sqlite)).await?;
            return Ok(Self { readers: only.clone(), writer: only });
        }
        let writer = connect(pool(url, settings, 1, |sqlite| {
            sqlite
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .pragma("wal_autocheckpoint", CHECKPOINT_AFTER_PAGES)
                .pragma("cache_size", WRITER_CACHE)
        }));
        let writer = writer.await?;
        let readers =
            pool(url, settings, settings.max_readers.max(1), |sqlite| sqlite.pragma("query_only", "ON"));
        Ok(Self { writer, readers: connect(readers).await? })
    }

    /// For single reads.
    pub(crate) fn reader(&self) -> &DatabaseConnection {
        &self.readers
    }

    /// For migrations; commands write in [`Connections::begin_write`].
    pub(crate) fn writer(&self) -> &DatabaseConnection {
        &self.writer
    }

    /// Begins a transaction that writes. SQLite takes its write lock here rather than at the first write, where
    /// it could be refused.
    pub(crate) async fn begin_write(&self) -> Result<DatabaseTransaction, StoreError> {
        let immediate = Some(SqliteTransactionMode::Immediate);
        let options =
            TransactionOptions { sqlite_transaction_mode: immediate, ..TransactionOptions::default() };
        self.writer.begin_with_options(options).await.map_err(store_error)
    }

    /// Begins a transaction in which all reads see the same state.
    pub(crate) async fn begin_read(&self) -> Result<DatabaseTransaction, StoreError> {
        let options = match self.readers.get_database_backend() {
            // A deferred transaction reads one state by itself, and SQLite knows no levels.
            DbBackend::Sqlite => TransactionOptions::default(),
            _ => TransactionOptions {
                isolation_level: Some(IsolationLevel::RepeatableRead),
                access_mode: Some(AccessMode::ReadOnly),
                sqlite_transaction_mode: None,
            },
        };
        self.readers.begin_with_options(options).await.map_err(store_error)
    }

    /// A round trip.
    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        self.readers
            .query_one_raw(sea_orm::Statement::from_string(self.readers.get_database_backend(), "SELECT 1"))
            .await
            .map(drop)
            .map_err(store_error)
    }

    /// Closes all of them; readers first, so that the writer is the last and empties the WAL.
    pub(crate) async fn close(&self) {
        for pool in [&self.readers, &self.writer] {
            if let Err(error) = pool.close_by_ref().await {
                tracing::debug!(%error, "closing the ledger");
            }
        }
    }
}

/// The column type that holds a UUID: 16 bytes, in the order of the text form.
pub(crate) fn uuid_type(backend: DbBackend) -> ColumnType {
    match backend {
        DbBackend::Sqlite => ColumnType::Blob,
        _ => ColumnType::Uuid,
    }
}

/// What a failure of the database means to the caller. A constraint that nobody provided for, and values that
/// cannot be read back, are damage; everything else may pass.
pub(crate) fn store_error(error: DbErr) -> StoreError {
    if is_damage(&error) { StoreError::corrupt(error) } else { StoreError::unavailable(error) }
}

fn is_damage(error: &DbErr) -> bool {
    match error {
        DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error)) => {
            match &**error {
                sqlx::Error::Database(error) => {
                    !matches!(error.kind(), ErrorKind::Other)
                        || error.code().is_some_and(|code| DAMAGED.contains(&code.as_ref()))
                }
                sqlx::Error::ColumnDecode { .. }
                | sqlx::Error::Decode(_)
                | sqlx::Error::ColumnNotFound(_) => true,
                _ => false,
            }
        }
        DbErr::Type(_) | DbErr::Json(_) | DbErr::TryIntoErr { .. } | DbErr::ConvertFromU64(_) => true,
        _ => false,
    }
}

fn is_in_memory(url: &str) -> bool {
    url.contains(":memory:") || url.contains("mode=memory")
}

fn pool(
    url: &str,
    settings: LedgerSettings,
    size: u32,
    sqlite: impl Fn(SqliteConnectOptions) -> SqliteConnectOptions + Send + Sync + 'static,
) -> ConnectOptions {
    let wait = Duration::from_millis(settings.acquire_timeout_ms);
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(size)
        .min_connections(1)
        .acquire_timeout(wait)
        // A connection to a file does not go stale, and one to memory is the memory.
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>)
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |options| sqlite(options.foreign_keys(true).busy_timeout(BUSY_TIMEOUT)));
    options
}
