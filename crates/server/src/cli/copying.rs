//! `onsale backup` and `onsale restore`: the folder of an embedded installation, copied while it sells, and put back.

use std::path::PathBuf;

use clap::Args;

use super::{print, say};
use crate::{settings::Settings, wire::copying};

const BACKUP_HELP: &str = "\
Accounts, events, what is sold and paid, and the secret are in the copy, as of one
moment; a server may go on selling. What is held is in it as far as it was written
down, which is some milliseconds behind. People in a waiting room are not: they join
again. A copy lets whoever has it in as anybody: keep it like the folder itself.";

const RESTORE_HELP: &str = "\
The folder has to be empty. What was sold after the copy was taken is not in it and
would be sold again: restore the newest copy, and compare with the payment provider
by `onsale verify ledger --ask-providers` before the sale goes on.";

#[derive(Args)]
#[command(after_long_help = BACKUP_HELP)]
pub(super) struct Backup {
    /// Folder for the copy; has to be empty or not there yet
    to: PathBuf,
    /// Folder of the embedded stores [default: ./data]
    #[arg(long)]
    pub(super) data_dir: Option<String>,
}

#[derive(Args)]
#[command(after_long_help = RESTORE_HELP)]
pub(super) struct Restore {
    /// Folder with the copy
    from: PathBuf,
    /// Folder of the embedded stores, empty or not there yet [default: ./data]
    #[arg(long)]
    pub(super) data_dir: Option<String>,
}

pub(super) async fn backup(settings: Settings, command: Backup) -> anyhow::Result<()> {
    let note = copying::take(&settings, &command.to).await?;
    print(&serde_json::to_string(&note)?);
    say(&format!("onsale: copied to {} and checked", command.to.display()));
    Ok(())
}

pub(super) async fn restore(settings: Settings, command: Restore) -> anyhow::Result<()> {
    let note = copying::restore(&settings, &command.from).await?;
    print(&serde_json::to_string(&note)?);
    say(&format!("onsale: {} is as it was at {}", settings.data_dir.display(), note.taken_at));
    Ok(())
}
