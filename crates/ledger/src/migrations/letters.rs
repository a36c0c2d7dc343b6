//! What refund a letter is about has a column of its own; before, its body was the refund's id as text.
//!
//! Invariant: a letter about a refund stays one about it.

use sea_orm_migration::{
    prelude::{DbErr, MigrationName, MigrationTrait, SchemaManager, Table, async_trait},
    sea_orm::{ConnectionTrait, DbBackend},
};

use super::columns::Columns;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0014_letters"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let refund = Columns::of(manager).maybe_id("refund_id");
        manager.alter_table(Table::alter().table("deliveries").add_column(refund).take()).await?;
        let id = match manager.get_database_backend() {
            DbBackend::Sqlite => "unhex(replace(body, '-', ''))",
            _ => "CAST(body AS uuid)",
        };
        let told = format!(
            "UPDATE deliveries SET refund_id = {id}, body = NULL \
             WHERE kind = 'refund' AND order_id IS NOT NULL AND body IS NOT NULL"
        );
        manager.get_connection().execute_unprepared(&told).await.map(drop)
    }
}
