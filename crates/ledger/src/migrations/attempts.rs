//! The attempts of a reservation that are under way are found by both at once. With an index of each alone, a database
//! that has no statistics yet may look through all orders that are or were under way, and PostgreSQL keeps that plan.
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
        "m0013_attempts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, [index("orders_attempts", "orders", ["reservation_id", "status"])]).await?;
        manager.drop_index(Index::drop().name("orders_reservation").table("orders").to_owned()).await
    }
}
