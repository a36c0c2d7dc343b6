//! Reservations and blocked units, as the drain writes them.
//!
//! Invariant: no foreign keys: what the hot store has decided must be written down whatever became of the performance since.

use sea_orm_migration::prelude::{DbErr, MigrationName, MigrationTrait, SchemaManager, Table, async_trait};

use super::columns::{Columns, create, flag, index, key, long, number, text};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0003_reservations"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = Columns::of(manager);
        let reservations = Table::create()
            .table("reservations")
            .col(columns.id("id").primary_key())
            .col(columns.id("performance_id"))
            .col(columns.id("owner_id"))
            .col(text("units"))
            .col(text("status"))
            .col(long("made_at"))
            .col(long("expires_at"))
            .col(long("fence"))
            .col(number("extensions_used"))
            .col(columns.maybe_id("order_id"))
            .col(long("sequence"))
            .col(long("position"))
            .take();
        manager.create_table(reservations).await?;
        let blocked_units = Table::create()
            .table("blocked_units")
            .col(columns.id("performance_id"))
            .col(number("unit"))
            .col(flag("blocked"))
            .col(long("position"))
            .primary_key(&mut key(["performance_id", "unit"]))
            .take();
        manager.create_table(blocked_units).await?;
        create(
            manager,
            [
                // Of the owner alone: buyers come in no order, so every hold dirties a page of this index, and the
                // narrower it is the fewer pages it has. What one owner has is sorted when it is read.
                index("reservations_owner", "reservations", ["owner_id"]),
                // Serves the loading of a performance: what has not lapsed yet lies at the end.
                index("reservations_performance", "reservations", ["performance_id", "expires_at"]),
            ],
        )
        .await
    }
}
