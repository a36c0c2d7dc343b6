//! Where log-ins came from, as digests; and that an account's are found without reading all.
//!
//! Invariant: a log-in of before has no address.

use sea_orm_migration::prelude::{
    ColumnDef, DbErr, MigrationName, MigrationTrait, SchemaManager, Table, async_trait,
};

use super::columns::{create, index};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0016_login_addresses"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let address = ColumnDef::new("address").blob().take();
        manager.alter_table(Table::alter().table("logins").add_column(address).take()).await?;
        create(manager, [index("logins_account", "logins", ["account_id", "address"])]).await
    }
}
