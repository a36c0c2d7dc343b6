//! PostgreSQL: one pool of connections for nearly everything, and a small one for what many buyers write together.
//!
//! Invariants: no connection that has gone silent keeps its place in the pool for good; a session whose process
//! has stopped in the middle of a transaction does not keep its locks for good.

use std::{
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use sea_orm::{
    DatabaseConnection, SqlxPostgresConnector,
    sqlx::{
        self, ConnectOptions, Connection, PgPool,
        postgres::{PgConnectOptions, PgPoolOptions},
    },
};

use super::LedgerSettings;
use crate::failures::Failure;

/// A connection that was idle for so long is asked whether it is still one before a command gets it: in a rush that
/// would be a round trip a command, for nothing.
const ASK_AFTER_IDLE: Duration = Duration::from_secs(1);

/// How long a connection may take to show that it is still one.
const SIGN_OF_LIFE_WITHIN: Duration = Duration::from_secs(1);

/// A connection lives no longer than this, so that the load finds its way to a new replica or address.
const MAX_LIFETIME: Duration = Duration::from_mins(30);

/// How long nothing is taken for granted after a command was left without an answer, or its connection was lost.
const SUSPECT_FOR: Duration = Duration::from_secs(10);

/// Which share of the connections is for what is written together, and how many are enough: as many as write at once.
const TOGETHER: u32 = 4;

/// What is written together finds its rows by their indexes and no other way. Its plans are made when a sale begins, for
/// tables that are all but empty and of which nothing is known yet, and are kept: without this PostgreSQL would read
/// such a table from one end to the other, also when there are a million rows in it.
const BY_INDEX: [(&str, &str); 3] =
    [("enable_seqscan", "off"), ("enable_hashjoin", "off"), ("enable_mergejoin", "off")];

/// The connections to one database.
pub(super) struct Pools {
    /// For all but that.
    pub(super) all: DatabaseConnection,
    /// For what is written together.
    pub(super) together: PgPool,
}

/// Opens the pools, and the first connections, which say whether the address is right.
pub(super) async fn connect(
    url: &str,
    settings: LedgerSettings,
    suspicion: &Suspicion,
) -> Result<Pools, Failure> {
    let statement_timeout = settings.statement_timeout_ms;
    let options = PgConnectOptions::from_str(url)?
        .application_name("onsale")
        .options([
            ("statement_timeout", statement_timeout.to_string()),
            // Longer than any command waits for its own next step.
            ("idle_in_transaction_session_timeout", (2 * statement_timeout).to_string()),
        ])
        .disable_statement_logging();
    let together = (settings.max_connections / TOGETHER).clamp(1, TOGETHER);
    let others = settings.max_connections.saturating_sub(together).max(1);
    let by_index = options.clone().options(BY_INDEX);
    let all = pool(options, settings, others, suspicion).await?;
    let together = pool(by_index, settings, together, suspicion).await?;
    Ok(Pools { all: SqlxPostgresConnector::from_sqlx_postgres_pool(all), together })
}

async fn pool(
    options: PgConnectOptions,
    settings: LedgerSettings,
    size: u32,
    suspicion: &Suspicion,
) -> Result<PgPool, sqlx::Error> {
    let (before, after) = (suspicion.clone(), suspicion.clone());
    PgPoolOptions::new()
        .max_connections(size)
        .min_connections(1)
        .acquire_timeout(Duration::from_millis(settings.acquire_timeout_ms))
        .max_lifetime(MAX_LIFETIME)
        .test_before_acquire(false)
        .before_acquire(move |connection, meta| {
            // After a short outage those are dead that were in use just before it.
            let suspect = meta.idle_for >= ASK_AFTER_IDLE || before.is_there();
            Box::pin(async move { if suspect { shows_life(connection).await } else { Ok(true) } })
        })
        .after_release(move |connection, _| {
            let suspect = after.is_there();
            Box::pin(async move { if suspect { shows_life(connection).await } else { Ok(true) } })
        })
        .connect_with(options)
        .await
}

/// Whether a connection answers in time. An error makes the pool drop it without a farewell, which could hang too.
async fn shows_life(connection: &mut sqlx::PgConnection) -> Result<bool, sqlx::Error> {
    match tokio::time::timeout(SIGN_OF_LIFE_WITHIN, connection.ping()).await {
        Ok(answer) => answer.map(|()| true),
        Err(_) => Err(sqlx::Error::PoolTimedOut),
    }
}

/// Whether some command was left without an answer lately, or lost its connection. The pool then asks every connection that
/// it gives out or gets back whether it is still one.
#[derive(Clone, Debug)]
pub(super) struct Suspicion {
    since_start: Instant,
    /// Milliseconds since the start.
    until_ms: Arc<AtomicU64>,
}

impl Default for Suspicion {
    fn default() -> Self {
        Self { since_start: Instant::now(), until_ms: Arc::default() }
    }
}

impl Suspicion {
    /// Suspects from the moment this is dropped, unless it is relaxed before.
    pub(super) fn watch(&self) -> Watch<'_> {
        Watch { suspicion: self, relaxed: false }
    }

    fn is_there(&self) -> bool {
        self.now_ms() < self.until_ms.load(Ordering::Relaxed)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.since_start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// A command under way: over its limit, without its connection, or abandoned by its caller, it makes all of them suspect.
pub(super) struct Watch<'a> {
    suspicion: &'a Suspicion,
    relaxed: bool,
}

impl Watch<'_> {
    /// The command was answered.
    pub(super) fn relax(mut self) {
        self.relaxed = true;
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if !self.relaxed {
            let until = self.suspicion.now_ms() + u64::try_from(SUSPECT_FOR.as_millis()).unwrap_or(u64::MAX);
            self.suspicion.until_ms.fetch_max(until, Ordering::Relaxed);
        }
    }
}
