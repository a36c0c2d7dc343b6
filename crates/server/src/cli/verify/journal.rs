//! `onsale verify journal`: the history of an embedded stock read again, and held against its checkpoints and the ledger.
//!
//! Invariant: as for the ledger, whose orders and money are checked with it.

use clap::Args;

use super::ledger::STATEMENT_WITHIN_MS;
use crate::{
    cli::{
        Folder, print,
        verify::{counted, report},
    },
    settings::Settings,
    wire::verifying,
};

#[derive(Args)]
pub(in crate::cli) struct Journal {
    #[command(flatten)]
    pub(in crate::cli) folder: Folder,
}

/// Goes through the journal and says what there is, and what does not agree.
pub(in crate::cli) async fn run(mut settings: Settings) -> anyhow::Result<()> {
    settings.database.statement_timeout_ms = settings.database.statement_timeout_ms.max(STATEMENT_WITHIN_MS);
    let mut journal = verifying::journal(&settings)?;
    let (ledger, _) = verifying::ledger(&settings).await?;
    let mut history = journal.history()?;
    let compared = history.compare(ledger.as_ref()).await;
    ledger.close().await;
    compared?;
    print(&format!(
        "counted: {}, {}, {}, {} in the ledger",
        counted(history.changes, "change"),
        counted(history.performances() as u64, "performance"),
        counted(history.rooms() as u64, "waiting room"),
        counted(history.compared, "reservation")
    ));
    report(&history.findings)
}
