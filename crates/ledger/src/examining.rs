//! What a database is like, for whoever runs it.

use onsale_app::ports::StoreError;
use onsale_domain::time::Timestamp;
use sea_orm::{ConnectionTrait, Statement};

use crate::SqlLedger;

/// What a database says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// What it is, and of which version.
    pub name: String,
    /// Its time, where it has one of its own.
    pub now: Option<Timestamp>,
    /// How many connections it takes from everybody, where there is such a bound.
    pub most_connections: Option<u32>,
    /// Why it might lose what it has committed.
    pub flaws: Vec<&'static str>,
}

impl SqlLedger {
    /// Asks the database what it is like. Changes nothing.
    pub async fn examine(&self) -> Result<Examined, StoreError> {
        if self.db.postgres().is_none() {
            let name = format!("SQLite {}", self.text("SELECT sqlite_version()").await?);
            return Ok(Examined { name, now: None, most_connections: None, flaws: Vec::new() });
        }
        let version = self.text("SHOW server_version").await?;
        let now =
            self.text("SELECT CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS text)").await?;
        let mut flaws = Vec::new();
        if self.text("SHOW fsync").await? == "off" {
            flaws.push("fsync is off: a power cut may damage it; set `fsync = on`");
        }
        if self.text("SHOW synchronous_commit").await? == "off" {
            flaws.push("synchronous_commit is off: a power cut loses paid orders; set it to `on`");
        }
        if self.text("SHOW full_page_writes").await? == "off" {
            flaws.push("full_page_writes is off: a power cut may damage it; set `full_page_writes = on`");
        }
        Ok(Examined {
            name: format!("PostgreSQL {version}"),
            now: now.parse().ok().map(Timestamp),
            most_connections: self.text("SHOW max_connections").await?.parse().ok(),
            flaws,
        })
    }

    /// The one text that a query gives.
    pub(crate) async fn text(&self, query: &'static str) -> Result<String, StoreError> {
        let select = || Statement::from_string(self.db.reader().get_database_backend(), query);
        let row = self.db.command(|| async { Ok(self.db.reader().query_one_raw(select()).await?) }).await?;
        let row = row.ok_or_else(|| StoreError::corrupt(format!("no answer to {query}")))?;
        row.try_get_by_index(0).map_err(StoreError::corrupt)
    }
}
