//! Orders of a performance are read in the order of their ids, page by page.
//!
//! Invariant: the index that is replaced is the beginning of the one that replaces it.

use sea_orm_migration::{
    prelude::{DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait},
    sea_query::Index,
};

use super::columns::{create, index};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0011_books"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, [index("orders_of_performance", "orders", ["performance_id", "id"])]).await?;
        manager.drop_index(Index::drop().name("orders_performance").table("orders").to_owned()).await
    }
}
