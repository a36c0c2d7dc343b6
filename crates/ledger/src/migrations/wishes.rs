//! What people in line would take of what comes back, and which performances have been sold out for it.
//!
//! Invariant: a buyer has one wish in an event, by the unique index `wishes_owner`; those who wait in a performance are
//! found in the order in which they are served.

use sea_orm_migration::prelude::{
    ConditionalStatement, DbErr, Expr, ExprTrait, MigrationName, MigrationTrait, SchemaManager, Table,
    async_trait,
};

use super::columns::{Columns, create, flag, index, long, maybe_long, maybe_text, number, text};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0012_wishes"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = Columns::of(manager);
        let wishes = Table::create()
            .table("wishes")
            .col(columns.id("id").primary_key())
            .col(columns.id("event_id"))
            .col(columns.id("owner_id"))
            .col(number("position"))
            .col(columns.id("performance_id"))
            .col(number("quantity"))
            .col(maybe_text("category"))
            .col(maybe_long("area"))
            .col(flag("together"))
            .col(maybe_text("address"))
            .col(maybe_text("language"))
            .col(maybe_text("time_zone"))
            .col(text("status"))
            .col(number("attempt"))
            .col(columns.maybe_id("reservation_id"))
            .col(maybe_long("offered_until"))
            .col(long("created_at"))
            .col(long("updated_at"))
            .take();
        manager.create_table(wishes).await?;
        let lines = Table::create()
            .table("return_lines")
            .col(columns.id("performance_id").primary_key())
            .col(maybe_long("begun_at"))
            .take();
        manager.create_table(lines).await?;
        let held = columns.maybe_id("reservation_id");
        manager.alter_table(Table::alter().table("deliveries").add_column(held).take()).await?;
        create(
            manager,
            [
                index("wishes_owner", "wishes", ["event_id", "owner_id"]).unique().take(),
                index("wishes_waiting", "wishes", ["performance_id", "position", "id"])
                    .and_where(Expr::col("status").eq("waiting"))
                    .take(),
                index("wishes_offered", "wishes", ["id"]).and_where(Expr::col("status").eq("offered")).take(),
            ],
        )
        .await
    }
}
