//! Events, seating plans and performances.
//!
//! Invariant: the number of a performance is never given twice, also after it is deleted.

use sea_orm_migration::prelude::{
    DbErr, ForeignKey, MigrationName, MigrationTrait, SchemaManager, Table, async_trait,
};

use super::columns::{Columns, create, index, key, long, maybe_long, maybe_text, number, text};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0002_catalogue"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = Columns::of(manager);
        let events = Table::create()
            .table("events")
            .col(columns.id("id").primary_key())
            .col(columns.id("organizer_id"))
            .col(text("title"))
            .col(maybe_text("description"))
            .col(text("settings"))
            .col(long("created_at"))
            .take();
        manager.create_table(events).await?;
        let seating_plans = Table::create()
            .table("seating_plans")
            .col(columns.id("id").primary_key())
            .col(columns.id("owner_id"))
            .col(text("name"))
            .col(number("seat_count"))
            .col(number("area_count"))
            .col(text("plan"))
            .col(long("created_at"))
            .take();
        manager.create_table(seating_plans).await?;
        let grid_plans = Table::create()
            .table("grid_plans")
            .col(number("rows"))
            .col(number("columns"))
            .col(columns.id("plan_id"))
            .primary_key(&mut key(["rows", "columns"]))
            .foreign_key(ForeignKey::create().from("grid_plans", "plan_id").to("seating_plans", "id"))
            .take();
        manager.create_table(grid_plans).await?;
        let performances = Table::create()
            .table("performances")
            .col(long("number").auto_increment().primary_key())
            .col(columns.id("id").unique_key())
            .col(columns.id("event_id"))
            .col(long("starts_at"))
            .col(columns.id("plan_id"))
            .col(number("seat_count"))
            .col(number("capacity"))
            .col(text("areas"))
            .col(text("prices"))
            .col(maybe_long("sale_opens_at"))
            .col(maybe_long("sale_closes_at"))
            .col(long("epoch"))
            .col(long("created_at"))
            .foreign_key(ForeignKey::create().from("performances", "event_id").to("events", "id"))
            .foreign_key(ForeignKey::create().from("performances", "plan_id").to("seating_plans", "id"))
            .take();
        manager.create_table(performances).await?;
        create(manager, [index("performances_event", "performances", ["event_id", "id"])]).await
    }
}
