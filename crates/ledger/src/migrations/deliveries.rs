//! Deliveries to the outside, the endpoints of organizers, and which performances are sold out.
//!
//! Invariant: a waiting delivery is found by its lane and time without looking at those that are settled.

use sea_orm_migration::prelude::{
    ConditionalStatement, DbErr, Expr, ExprTrait, MigrationName, MigrationTrait, SchemaManager, Table,
    async_trait,
};

use super::columns::{Columns, create, digest, index, long, maybe_long, maybe_text, number, text};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0010_deliveries"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [maybe_text("letter_language"), maybe_text("letter_time_zone")] {
            manager.alter_table(Table::alter().table("orders").add_column(column).take()).await?;
        }
        let columns = Columns::of(manager);
        let deliveries = Table::create()
            .table("deliveries")
            .col(columns.id("id").primary_key())
            .col(columns.id("lane"))
            .col(text("kind"))
            .col(columns.maybe_id("order_id"))
            .col(columns.maybe_id("organizer_id"))
            .col(maybe_text("address"))
            .col(maybe_text("language"))
            .col(maybe_text("time_zone"))
            .col(maybe_text("body"))
            .col(text("status"))
            .col(number("attempts"))
            .col(long("due_at"))
            .col(columns.maybe_id("lease"))
            .col(long("begun_at"))
            .col(long("created_at"))
            .col(maybe_long("settled_at"))
            .col(maybe_text("last_error"))
            .take();
        manager.create_table(deliveries).await?;
        let endpoints = Table::create()
            .table("webhook_endpoints")
            .col(columns.id("id").primary_key())
            .col(columns.id("organizer_id"))
            .col(text("url"))
            .col(text("kinds"))
            .col(digest("secret"))
            .col(long("created_at"))
            .take();
        manager.create_table(endpoints).await?;
        let sold_out = Table::create()
            .table("sold_out_performances")
            .col(columns.id("performance_id").primary_key())
            .col(long("since"))
            .take();
        manager.create_table(sold_out).await?;
        create(
            manager,
            [
                index("deliveries_due", "deliveries", ["lane", "due_at"])
                    .and_where(Expr::col("status").eq("waiting"))
                    .take(),
                index("deliveries_order", "deliveries", ["order_id", "id"]),
                index("deliveries_organizer", "deliveries", ["organizer_id", "id"]),
                index("deliveries_settled", "deliveries", ["status", "settled_at"]),
                index("webhook_endpoints_organizer", "webhook_endpoints", ["organizer_id", "id"]),
            ],
        )
        .await
    }
}
