//! What the stores are like, for `doctor`: asked without making anything, and without taking anything from a server that
//! runs on them.

use std::time::{Duration, Instant};

use onsale_app::ports::StoreError;
use onsale_hot::redis;
pub(crate) use onsale_hot::redis::Examined as Redis;

use super::connect_ledger;
use crate::settings::Settings;

/// A ledger, seen from outside.
pub(crate) struct Ledger {
    pub(crate) examined: onsale_ledger::Examined,
    /// The migrations that it does not have yet.
    pub(crate) missing: Vec<String>,
    /// How long a short question took, the fastest of a few.
    pub(crate) asked_in: Duration,
}

/// How often a question is asked to time it.
const ASKED: u32 = 5;

/// Looks at the ledger. Where there is none in the folder yet, none is made.
pub(crate) async fn ledger(settings: &Settings) -> anyhow::Result<Option<Ledger>> {
    if settings.database_url.is_none() && !settings.data_dir.join(super::LEDGER).is_file() {
        return Ok(None);
    }
    let ledger = connect_ledger(settings).await?;
    let examined = ledger.examine().await?;
    let states = ledger.migration_status().await?;
    let missing = states.into_iter().filter(|state| !state.applied).map(|state| state.name).collect();
    let mut asked_in = Duration::MAX;
    for _ in 0..ASKED {
        let begun = Instant::now();
        onsale_app::ports::ledger::LedgerHealth::ping(ledger.as_ref()).await?;
        asked_in = asked_in.min(begun.elapsed());
    }
    ledger.close().await;
    Ok(Some(Ledger { examined, missing, asked_in }))
}

/// Looks at Redis.
pub(crate) async fn hot(url: &str) -> Result<Redis, StoreError> {
    redis::examine(url).await
}
