//! The idempotency keys that holds were made under, on their reservations: the hot store need not know them for a day.

use sea_orm_migration::prelude::{DbErr, MigrationName, MigrationTrait, SchemaManager, Table, async_trait};

use super::columns::maybe_digest;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0018_hold_keys"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["key_digest", "request_digest"] {
            let table = Table::alter().table("reservations").add_column(maybe_digest(name)).take();
            manager.alter_table(table).await?;
        }
        Ok(())
    }
}
