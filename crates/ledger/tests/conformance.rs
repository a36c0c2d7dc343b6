//! The SQL ledger against the contract of its ports, on SQLite: in a file, as it runs in earnest.

use std::sync::Arc;

use onsale_app::ports::ledger::Ledger;
use onsale_ledger::{LedgerSettings, SqlLedger};
use tempfile::TempDir;

async fn sqlite_file() -> (Arc<dyn Ledger>, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("sqlite://{}", folder.path().join("ledger.db").display());
    let ledger = SqlLedger::open(&url, LedgerSettings::default()).await.expect("the ledger opens");
    ledger.migrate().await.expect("the tables are made");
    (Arc::new(ledger), folder)
}

onsale_testkit::ledger_conformance!(sqlite_file);
