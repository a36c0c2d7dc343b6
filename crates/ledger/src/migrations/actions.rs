//! What organizers do to a sale by hand.
//!
//! Invariant: what was done to an event's sale is found from the newest on.

use sea_orm_migration::prelude::{DbErr, MigrationName, MigrationTrait, SchemaManager, Table, async_trait};

use super::columns::{Columns, create, index, long, maybe_text, text};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0015_actions"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = Columns::of(manager);
        let actions = Table::create()
            .table("actions")
            .col(columns.id("id").primary_key())
            .col(columns.id("event_id"))
            .col(columns.maybe_id("performance_id"))
            .col(columns.id("account_id"))
            .col(text("kind"))
            .col(text("detail"))
            .col(maybe_text("reason"))
            .col(long("created_at"))
            .take();
        manager.create_table(actions).await?;
        create(manager, [index("actions_event", "actions", ["event_id", "id"])]).await
    }
}
