//! SQLite: one writer, because the database has one write lock and a queue in front of it is fairer than a race
//! for it, and a few readers that see the last committed state (WAL) and cannot write. In memory there is one
//! connection for both.
//!
//! Invariant: a commit is on disk (`synchronous=FULL`), and foreign keys hold.

use std::time::Duration;

use sea_orm::{
    ConnectOptions, Database, DatabaseConnection,
    sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::LedgerSettings;
use crate::failures::Failure;

/// How long SQLite waits for a lock that another process holds (a backup, say).
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the write-ahead log gets before a commit copies it into the file, in pages of 4 KiB. A batch of the
/// drain alone dirties more than SQLite's 1,000 where buyers come in no order, and every one would copy: three
/// times slower (examples/record.rs).
const CHECKPOINT_AFTER_PAGES: &str = "4000";

/// How much of the file the writer keeps in memory: 32 MiB, in SQLite's notation.
const WRITER_CACHE: &str = "-32768";

/// The same for each reader: half a megabyte. What they read is in the system's memory anyway.
const READER_CACHE: &str = "-512";

/// The writer and the readers; the writer first, since it makes the file.
pub(super) async fn connect(
    url: &str,
    settings: LedgerSettings,
) -> Result<(DatabaseConnection, DatabaseConnection), Failure> {
    if is_in_memory(url) {
        let only = Database::connect(pool(url, settings, 1, |sqlite| sqlite)).await?;
        return Ok((only.clone(), only));
    }
    let writer = Database::connect(pool(url, settings, 1, |sqlite| {
        sqlite
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("wal_autocheckpoint", CHECKPOINT_AFTER_PAGES)
            .pragma("cache_size", WRITER_CACHE)
    }));
    let writer = writer.await?;
    let readers = pool(url, settings, settings.max_readers.max(1), |sqlite| {
        sqlite.pragma("query_only", "ON").pragma("cache_size", READER_CACHE)
    });
    Ok((writer, Database::connect(readers).await?))
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
