//! Copies of an SQLite ledger, and whether its file is sound.

use std::path::Path;

use onsale_app::ports::StoreError;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::SqlLedger;

impl SqlLedger {
    /// Copies an SQLite ledger as it is at one moment into a file that is not there yet, while others write to it: without
    /// what was deleted, and with all that was committed.
    pub async fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        let path = path.to_str().ok_or_else(|| StoreError::unavailable("the path is not UTF-8"))?;
        let copy = || Statement::from_sql_and_values(DbBackend::Sqlite, "VACUUM INTO ?", [path.into()]);
        self.db.command(|| async { Ok(self.db.writer().execute_raw(copy()).await.map(drop)?) }).await
    }

    /// What is wrong with the file of an SQLite ledger; `None`: nothing.
    pub async fn damage(&self) -> Result<Option<String>, StoreError> {
        let said = self.text("PRAGMA integrity_check(1)").await?;
        Ok((said != "ok").then_some(said))
    }
}
