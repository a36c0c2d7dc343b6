//! The tables, made step by step, one file for each noun.
//!
//! Invariants: a migration that has been released is never changed, only followed by another; each is one
//! transaction; a database that knows a migration this version does not know is left alone.

use onsale_app::ports::StoreError;
use sea_orm::{DatabaseConnection, DbErr};
use sea_orm_migration::{MigrationStatus, MigrationTrait, MigratorTrait, SchemaManager};

use crate::connection::store_error;

mod accounts;
mod catalogue;
mod columns;
mod idempotency;
mod orders;
mod reservations;
mod wallets;

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
        ]
    }
}

pub(crate) async fn migrate(db: &DatabaseConnection) -> Result<(), MigrateError> {
    refuse_newer(db).await?;
    Ok(Migrator::up(db, None).await.map_err(store_error)?)
}

pub(crate) async fn status(db: &DatabaseConnection) -> Result<Vec<MigrationState>, MigrateError> {
    refuse_newer(db).await?;
    let known = Migrator::get_migration_with_status_read_only(db).await.map_err(store_error)?;
    let states = known.into_iter().map(|migration| MigrationState {
        name: migration.name().to_owned(),
        applied: migration.status() == MigrationStatus::Applied,
    });
    Ok(states.collect())
}

async fn refuse_newer(db: &DatabaseConnection) -> Result<(), MigrateError> {
    let known: Vec<String> =
        Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect();
    match applied(db).await.map_err(store_error)?.into_iter().find(|name| !known.contains(name)) {
        Some(name) => Err(MigrateError::Newer { name }),
        None => Ok(()),
    }
}

/// The names of the applied migrations, in order; none where there is no table of them yet.
async fn applied(db: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    if !SchemaManager::new(db).has_table("seaql_migrations").await? {
        return Ok(Vec::new());
    }
    let rows = Migrator::get_migration_models(db).await?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}
