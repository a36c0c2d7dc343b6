//! The SQL ledger against the contract of its ports, on both dialects.

use std::sync::Arc;

use onsale_app::ports::ledger::Ledger;
use onsale_ledger::{LedgerSettings, SqlLedger};

/// On SQLite: in a file, as it runs in earnest.
mod sqlite {
    use tempfile::TempDir;

    use super::*;

    async fn make() -> (Arc<dyn Ledger>, TempDir) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite://{}", folder.path().join("ledger.db").display());
        (migrated(&url).await, folder)
    }

    onsale_testkit::ledger_conformance!(make);
}

/// On a PostgreSQL server of its own.
mod postgres {
    use onsale_testkit::servers::{or_passed_over, postgres::Postgres};

    use super::*;

    async fn make() -> Option<(Arc<dyn Ledger>, Postgres)> {
        let server = or_passed_over(Postgres::start(), "postgres")?;
        Some((migrated(&server.url()).await, server))
    }

    onsale_testkit::ledger_conformance!(make);
}

async fn migrated(url: &str) -> Arc<dyn Ledger> {
    let ledger = SqlLedger::open(url, LedgerSettings::default()).await.expect("the ledger opens");
    ledger.migrate().await.expect("the tables are made");
    Arc::new(ledger)
}
