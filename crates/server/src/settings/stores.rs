//! Settings of the stores that are elsewhere: where they are, and how much one process asks of PostgreSQL.
//!
//! Invariant: an address that is refused is told without what may be a password in it.

use serde::Deserialize;

use super::{BadSetting, bad, redacted, within};

/// How one process uses PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DatabaseLimits {
    pub(crate) max_connections: u32,
    pub(crate) acquire_timeout_ms: u64,
    pub(crate) statement_timeout_ms: u64,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawDatabase {
    max_connections: Option<String>,
    acquire_timeout_ms: Option<String>,
    statement_timeout_ms: Option<String>,
}

impl RawDatabase {
    pub(super) fn checked(self) -> Result<DatabaseLimits, BadSetting> {
        Ok(DatabaseLimits {
            max_connections: within("database.max_connections", self.max_connections, 16, 2..=1_000)?,
            acquire_timeout_ms: within(
                "database.acquire_timeout_ms",
                self.acquire_timeout_ms,
                3_000,
                50..=60_000,
            )?,
            statement_timeout_ms: within(
                "database.statement_timeout_ms",
                self.statement_timeout_ms,
                5_000,
                100..=600_000,
            )?,
        })
    }
}

pub(super) fn check_database_url(url: &str) -> Result<(), BadSetting> {
    if is_postgres(url) {
        return Ok(());
    }
    let allowed = "postgres://user:password@host/name, or leaving it out for SQLite in data_dir";
    Err(bad("database_url", redacted(url), allowed))
}

pub(super) fn check_redis_url(url: &str) -> Result<(), BadSetting> {
    let Err(trouble) = crate::wire::check_redis_url(url) else { return Ok(()) };
    let allowed = format!(
        "redis://host, rediss://host, redis+cluster://host,host or redis+sentinel://host,host/master ({trouble})"
    );
    Err(bad("redis_url", redacted(url), &allowed))
}

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}
