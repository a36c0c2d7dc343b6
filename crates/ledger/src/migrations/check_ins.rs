//! Tickets remember when they were used, and who let their bearer in.
//!
//! Invariant: both are there or neither.

use sea_orm_migration::{
    prelude::{DbErr, MigrationName, MigrationTrait, SchemaManager, Table, async_trait},
    sea_query::ColumnDef,
};

use super::columns::{Columns, maybe_long};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0008_check_ins"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // One at a time, which is what SQLite can; neither rewrites the table.
        let columns: [ColumnDef; 2] =
            [maybe_long("checked_in_at"), Columns::of(manager).maybe_id("checked_in_by")];
        for column in columns {
            manager.alter_table(Table::alter().table("order_units").add_column(column).take()).await?;
        }
        Ok(())
    }
}
