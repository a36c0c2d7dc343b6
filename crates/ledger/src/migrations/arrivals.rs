//! Moves of a whole ledger into this database.
//!
//! Invariant: one that is not finished is seen by everybody who opens the database.

use sea_orm_migration::prelude::{DbErr, MigrationName, MigrationTrait, SchemaManager, Table, async_trait};

use super::columns::{Columns, key, long, maybe_long};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0007_arrivals"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let arrivals = Table::create()
            .table("arrivals")
            .col(Columns::of(manager).id("id"))
            .col(long("begun_at"))
            .col(maybe_long("finished_at"))
            .primary_key(&mut key(["id"]))
            .take();
        manager.create_table(arrivals).await
    }
}
