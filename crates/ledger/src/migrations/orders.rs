//! Orders, their claims on units, and their payments.
//!
//! Invariant: a unit has one live claim at most (promise G1), by the unique index `order_units_claim`.

use sea_orm_migration::prelude::{
    ConditionalStatement, DbErr, Expr, ForeignKey, MigrationName, MigrationTrait, SchemaManager, Table,
    async_trait,
};

use super::columns::{
    Columns, create, currency, flag, index, key, long, maybe_long, maybe_text, number, text,
};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0004_orders"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = Columns::of(manager);
        let orders = Table::create()
            .table("orders")
            .col(columns.id("id").primary_key())
            .col(columns.maybe_id("reservation_id"))
            .col(columns.maybe_id("performance_id"))
            .col(columns.maybe_id("owner_id"))
            .col(long("fence"))
            .col(text("status"))
            .col(long("total"))
            .col(currency())
            .col(text("buyer_name"))
            .col(maybe_text("buyer_phone"))
            .col(maybe_text("buyer_email"))
            .col(maybe_text("failure"))
            .col(long("sequence"))
            .col(long("created_at"))
            .col(maybe_long("settled_at"))
            .col(maybe_long("refunded_at"))
            .take();
        manager.create_table(orders).await?;
        let order_units = Table::create()
            .table("order_units")
            .col(columns.id("order_id"))
            .col(number("unit"))
            .col(columns.id("performance_id"))
            .col(long("price"))
            .col(currency())
            .col(text("ticket_code").unique_key())
            .col(flag("live"))
            .primary_key(&mut key(["order_id", "unit"]))
            .foreign_key(ForeignKey::create().from("order_units", "order_id").to("orders", "id"))
            .take();
        manager.create_table(order_units).await?;
        let payments = Table::create()
            .table("payments")
            .col(columns.id("order_id").primary_key())
            .col(text("method"))
            .col(maybe_text("reference"))
            .col(text("status"))
            .col(long("amount"))
            .col(currency())
            .col(long("updated_at"))
            .foreign_key(ForeignKey::create().from("payments", "order_id").to("orders", "id"))
            .take();
        manager.create_table(payments).await?;
        create(
            manager,
            [
                index("order_units_claim", "order_units", ["performance_id", "unit"])
                    .unique()
                    .and_where(Expr::col("live"))
                    .take(),
                index("orders_owner", "orders", ["owner_id", "id"]),
                index("orders_reservation", "orders", ["reservation_id"]),
                index("orders_performance", "orders", ["performance_id"]),
                index("orders_open", "orders", ["status", "created_at"]),
            ],
        )
        .await
    }
}
