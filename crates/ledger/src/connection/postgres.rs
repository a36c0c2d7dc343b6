//! PostgreSQL: one pool of connections for everything.
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
        self, ConnectOptions, Connection,
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

/// How long nothing is taken for granted after a command was left without an answer.
const SUSPECT_FOR: Duration = Duration::from_secs(10);

/// Opens the pool, and the first connection, which says whether the address is right.
pub(super) async fn connect(
    url: &str,
    settings: LedgerSettings,
    suspicion: &Suspicion,
) -> Result<DatabaseConnection, Failure> {
    let statement_timeout = settings.statement_timeout_ms;
    let options = PgConnectOptions::from_str(url)?
        .application_name("onsale")
        .options([
            ("statement_timeout", statement_timeout.to_string()),
            // Longer than any command waits for its own next step.
            ("idle_in_transaction_session_timeout", (2 * statement_timeout).to_string()),
        ])
        .disable_statement_logging();
    let suspicion = suspicion.clone();
    let pool = PgPoolOptions::new()
        .max_connections(settings.max_connections.max(2))
        .min_connections(1)
        .acquire_timeout(Duration::from_millis(settings.acquire_timeout_ms))
        .max_lifetime(MAX_LIFETIME)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for < ASK_AFTER_IDLE {
                    return Ok(true);
                }
                shows_life(connection).await
            })
        })
        .after_release(move |connection, _| {
            let suspect = suspicion.is_there();
            Box::pin(async move { if suspect { shows_life(connection).await } else { Ok(true) } })
        })
        .connect_with(options)
        .await?;
    Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pool))
}

/// Whether a connection answers in time. An error makes the pool drop it without a farewell, which could hang too.
async fn shows_life(connection: &mut sqlx::PgConnection) -> Result<bool, sqlx::Error> {
    match tokio::time::timeout(SIGN_OF_LIFE_WITHIN, connection.ping()).await {
        Ok(answer) => answer.map(|()| true),
        Err(_) => Err(sqlx::Error::PoolTimedOut),
    }
}

/// Whether some command was left without an answer lately. The pool asks every connection that comes back whether
/// it is still one, for as long as the answer takes; after this it does not wait so long.
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

/// A command under way: over its limit, or abandoned by its caller, it makes its connection suspect.
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
