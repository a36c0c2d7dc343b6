//! Idempotency keys.
//!
//! Invariant: a key of an owner points at one thing at a time.

use sea_orm_migration::prelude::{DbErr, MigrationName, MigrationTrait, SchemaManager, Table, async_trait};

use super::columns::{Columns, create, digest, index, key, long, text};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0006_idempotency"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = Columns::of(manager);
        let idempotency_keys = Table::create()
            .table("idempotency_keys")
            .col(columns.id("owner_id"))
            .col(digest("key_digest"))
            .col(digest("request_digest"))
            .col(text("kind"))
            .col(columns.id("thing_id"))
            .col(long("created_at"))
            .primary_key(&mut key(["owner_id", "key_digest"]))
            .take();
        manager.create_table(idempotency_keys).await?;
        create(manager, [index("idempotency_keys_age", "idempotency_keys", ["created_at"])]).await
    }
}
