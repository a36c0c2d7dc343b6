//! What is written down, for whoever checks it.
//!
//! Invariant: nothing is made, nothing is brought to this version, and nothing is changed.

use std::{fs, sync::Arc};

use anyhow::{Context, anyhow, ensure};
use onsale_app::{
    history::History,
    ports::{StoreError, clock::Clock, ledger::Ledger, payments::PaymentProvider},
};
use onsale_hot::memory::journal::{self, JournalReader, sqlite};
use onsale_ledger::SqlLedger;

use super::{JOURNAL, LEDGER, LOCK, SteadyClock, connect_ledger, lock_folder, providers};
use crate::settings::Settings;

/// The ledger as it is, and the ways to pay, for whoever only reads: nothing is made, nothing brought to this version.
pub(crate) async fn ledger(
    settings: &Settings,
) -> anyhow::Result<(Arc<SqlLedger>, Vec<Arc<dyn PaymentProvider>>)> {
    if settings.database_url.is_none() && !settings.data_dir.join(LEDGER).is_file() {
        return Err(anyhow!("setting data_dir: there is no ledger in {}", settings.data_dir.display()));
    }
    let ledger = connect_ledger(settings).await?;
    let states = ledger.migration_status().await.context("the ledger cannot be read by this version")?;
    if let Some(missing) = states.iter().find(|state| !state.applied) {
        let name = &missing.name;
        return Err(anyhow!(
            "the ledger is of an earlier version, without `{name}`; `onsale migrate` brings it to this one"
        ));
    }
    let clock: Arc<dyn Clock> = Arc::new(SteadyClock::new());
    let shared: Arc<dyn Ledger> = Arc::clone(&ledger) as Arc<dyn Ledger>;
    let providers = providers(&settings.payments, &shared, &clock)?;
    Ok((ledger, providers))
}

/// A journal, and what keeps servers off it meanwhile.
pub(crate) struct HeldJournal {
    reader: Box<dyn JournalReader>,
    _folder: fs::File,
}

impl HeldJournal {
    /// Goes through all of it.
    pub(crate) fn history(&mut self) -> Result<History, StoreError> {
        journal::history(self.reader.as_mut())
    }
}

/// The journal of the embedded stock, while no server writes to it.
pub(crate) fn journal(settings: &Settings) -> anyhow::Result<HeldJournal> {
    ensure!(
        settings.redis_url.is_none(),
        "setting redis_url: there is a journal only where the stock is in the data folder"
    );
    let folder = &settings.data_dir;
    let path = folder.join(JOURNAL);
    ensure!(path.is_file(), "setting data_dir: there is no journal in {}", folder.display());
    let held = lock_folder(folder, LOCK)
        .map_err(|_| anyhow!("a server writes to the journal in {}; stop it first", folder.display()))?;
    Ok(HeldJournal { reader: sqlite::reader(&path)?, _folder: held })
}
