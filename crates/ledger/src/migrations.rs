//! The tables, made step by step, one file for each noun.
//!
//! Invariants: a migration that has been released is never changed, only followed by another; each is one
//! transaction; a database that knows a migration this version does not know is left alone.

use onsale_app::ports::StoreError;
use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::{
    IntoSchemaManagerConnection, MigrationStatus, MigrationTrait, MigratorTrait, SchemaManager,
};

use crate::{connection::Connections, failures::Failure};

mod accounts;
mod actions;
mod arrivals;
mod attempts;
mod books;
mod catalogue;
mod check_ins;
mod columns;
mod deliveries;
mod hold_keys;
mod idempotency;
mod letters;
mod login_addresses;
mod orders;
mod personal_data;
mod refunds;
mod reservations;
mod wallets;
mod wishes;

/// What PostgreSQL knows the lock of migrations by: any number, the same in every version.
const MIGRATION_LOCK: i64 = 0x6f6e_7361_6c65_0001;

/// How long to wait for another process that is migrating.
const LOCK_WITHIN_MS: u64 = 120_000;

/// Why the tables could not be brought to this version.
#[derive(Clone, Debug, thiserror::Error)]
pub enum MigrateError {
    /// A newer version of onsale has worked on this database; this one would not understand it.
    #[error(
        "the database was migrated by a newer version of onsale: it has `{name}`, which this version does not know"
    )]
    Newer {
        /// The first migration that is not known here.
        name: String,
    },
    /// The database has trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A migration, and whether the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationState {
    /// Its name.
    pub name: String,
    /// Whether it has been applied.
    pub applied: bool,
}

/// All of them, in order.
struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(accounts::Migration),
            Box::new(catalogue::Migration),
            Box::new(reservations::Migration),
            Box::new(orders::Migration),
            Box::new(wallets::Migration),
            Box::new(idempotency::Migration),
            Box::new(arrivals::Migration),
            Box::new(check_ins::Migration),
            Box::new(deliveries::Migration),
            Box::new(refunds::Migration),
            Box::new(books::Migration),
            Box::new(wishes::Migration),
            Box::new(attempts::Migration),
            Box::new(letters::Migration),
            Box::new(actions::Migration),
            Box::new(login_addresses::Migration),
            Box::new(personal_data::Migration),
            Box::new(hold_keys::Migration),
        ]
    }
}

pub(crate) async fn migrate(db: &Connections) -> Result<(), MigrateError> {
    if db.postgres().is_none() {
        return up(db.writer()).await;
    }
    // Its DDL is transactional: several processes that start at once migrate one after the other, and each finds
    // what the one before has made, or nothing of what it could not finish.
    let txn = db.begin_write().await.map_err(store_error)?;
    for setting in [
        format!("SET LOCAL statement_timeout = {LOCK_WITHIN_MS}"),
        format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"),
        // An index on a table that has grown large takes its time.
        "SET LOCAL statement_timeout = 0".to_owned(),
        "SET LOCAL idle_in_transaction_session_timeout = 0".to_owned(),
    ] {
        txn.execute_unprepared(&setting).await.map_err(store_error)?;
    }
    up(&txn).await?;
    Ok(txn.commit().await.map_err(store_error)?)
}

pub(crate) async fn status(db: &Connections) -> Result<Vec<MigrationState>, MigrateError> {
    let db = db.writer();
    refuse_newer(db).await?;
    let known = Migrator::get_migration_with_status_read_only(db).await.map_err(store_error)?;
    let states = known.into_iter().map(|migration| MigrationState {
        name: migration.name().to_owned(),
        applied: migration.status() == MigrationStatus::Applied,
    });
    Ok(states.collect())
}

async fn up<'c>(db: impl IntoSchemaManagerConnection<'c> + Copy) -> Result<(), MigrateError> {
    refuse_newer(db).await?;
    Ok(Migrator::up(db, None).await.map_err(store_error)?)
}

/// The tables as an earlier version has left them.
#[cfg(test)]
pub(crate) async fn up_to(db: &Connections, steps: u32) -> Result<(), MigrateError> {
    Ok(Migrator::up(db.writer(), Some(steps)).await.map_err(store_error)?)
}

async fn refuse_newer<'c>(db: impl IntoSchemaManagerConnection<'c> + Copy) -> Result<(), MigrateError> {
    let known: Vec<String> =
        Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect();
    match applied(db).await.map_err(store_error)?.into_iter().find(|name| !known.contains(name)) {
        Some(name) => Err(MigrateError::Newer { name }),
        None => Ok(()),
    }
}

/// The names of the applied migrations, in order; none where there is no table of them yet.
async fn applied<'c>(db: impl IntoSchemaManagerConnection<'c> + Copy) -> Result<Vec<String>, DbErr> {
    let manager = SchemaManager::new(db);
    if !manager.has_table("seaql_migrations").await? {
        return Ok(Vec::new());
    }
    let rows = Migrator::get_migration_models(manager.get_connection()).await?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}

fn store_error(error: impl Into<Failure>) -> StoreError {
    error.into().into()
}
