//! Who is forgotten, and how far guests have been.

use sea_orm_migration::prelude::{DbErr, MigrationName, MigrationTrait, SchemaManager, Table, async_trait};

use super::columns::{Columns, create, index, long};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0017_personal_data"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = Columns::of(manager);
        let erasures = Table::create()
            .table("erasures")
            .col(columns.id("owner_id").primary_key())
            .col(long("asked_at"))
            .take();
        manager.create_table(erasures).await?;
        let erased_to = columns.maybe_id("guests_erased_to");
        manager.alter_table(Table::alter().table("performances").add_column(erased_to).take()).await?;
        create(manager, [index("wishes_of_owner", "wishes", ["owner_id", "id"])]).await
    }
}
