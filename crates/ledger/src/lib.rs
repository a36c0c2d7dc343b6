//! The ledger in SQL: accounts, catalogue, orders and payments, through one set of queries for every dialect.
//!
//! Invariants: every command is one transaction; a unit is claimed by one order at a time because a unique index
//! says so, not because the code is careful.
//!
//! Two dialects, SQLite and PostgreSQL. How to connect and to begin is in `connection`, which errors mean what in
//! `failures`. The few statements that are hot and can be said better in PostgreSQL are in files of that name
//! (`orders/postgres`, `reservations/postgres`, `wallets/postgres`), each with its reason and behind the same port;
//! whatever they cannot settle is left to the queries that both share.
//!
//! SQLite has one writer; PostgreSQL has as many as there are connections, each statement seeing what is committed
//! (READ COMMITTED). So nothing here looks first and acts on it later, unless what was looked at is locked, or the
//! statement that acts has the condition in it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    ledger::{Access, LedgerHealth},
};

mod accounts;
mod actions;
mod books;
mod columns;
mod connection;
mod copying;
mod deliveries;
mod endpoints;
mod entity;
mod events;
mod examining;
mod failures;
mod idempotency;
mod inserts;
mod logins;
mod migrations;
mod moving;
mod orders;
mod pages;
mod performances;
mod personal_data;
mod refunds;
mod reservations;
mod seating_plans;
mod tickets;
mod wallets;
mod wishes;

#[cfg(test)]
mod tests;

pub use connection::LedgerSettings;
pub use examining::Examined;
pub use migrations::{MigrateError, MigrationState};
pub use moving::{Arrival, MoveError, Tally};

use connection::{Connections, Line};
use orders::{Begin, Pay};

/// The ledger in a SQL database.
#[derive(Debug)]
pub struct SqlLedger {
    db: Arc<Connections>,
    /// Those whose commands go into one transaction with others.
    begins: Arc<Line<Begin>>,
    pays: Arc<Line<Pay>>,
}

impl SqlLedger {
    /// Opens the database of a URL such as `sqlite:///var/lib/onsale/ledger.db` or
    /// `postgres://onsale:secret@db.example.com/onsale?sslmode=verify-full`; a SQLite file that is not there is
    /// made. Its tables are [`SqlLedger::migrate`]'s affair.
    pub async fn open(url: &str, settings: LedgerSettings) -> Result<Self, StoreError> {
        Ok(Self {
            db: Arc::new(Connections::open(url, settings).await?),
            begins: Arc::default(),
            pays: Arc::default(),
        })
    }

    /// A ledger that ends with the process, its tables in place: for tests.
    pub async fn in_memory() -> Result<Self, StoreError> {
        let ledger = Self::open("sqlite::memory:", LedgerSettings::default()).await?;
        ledger.migrate().await.map_err(StoreError::unavailable)?;
        Ok(ledger)
    }

    /// Brings the tables to this version; does nothing where they are. Refuses a database that a newer version
    /// has touched.
    pub async fn migrate(&self) -> Result<(), MigrateError> {
        migrations::migrate(&self.db).await
    }

    /// Every migration that this version knows, in order, and whether the database has it. Changes nothing.
    pub async fn migration_status(&self) -> Result<Vec<MigrationState>, MigrateError> {
        migrations::status(&self.db).await
    }

    /// Closes every connection after what is under way; commands after it are refused.
    pub async fn close(&self) {
        self.db.close().await;
    }
}

#[async_trait]
impl LedgerHealth for SqlLedger {
    async fn ping(&self) -> Result<(), StoreError> {
        self.db.ping().await
    }

    async fn turn(&self, to: Access) -> Result<(), StoreError> {
        self.db.turn(to).await
    }

    async fn payers_waiting_for(&self) -> Result<Duration, StoreError> {
        Ok(self.begins.waiting_for().max(self.pays.waiting_for()))
    }
}
