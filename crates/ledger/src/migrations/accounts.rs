//! Accounts, log-ins and their refresh tokens.
//!
//! Invariant: an e-mail address and an identity of a gateway belong to one account each.

use sea_orm_migration::prelude::{
    DbErr, ForeignKey, ForeignKeyAction, MigrationName, MigrationTrait, SchemaManager, Table, async_trait,
};

use super::columns::{Columns, create, digest, flag, index, long, maybe_long, maybe_text, text};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0001_accounts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = Columns::of(manager);
        let accounts = Table::create()
            .table("accounts")
            .col(columns.id("id").primary_key())
            .col(maybe_text("email"))
            .col(text("name"))
            .col(maybe_text("password_hash"))
            .col(maybe_text("external_id"))
            .col(text("role"))
            .col(long("created_at"))
            .take();
        manager.create_table(accounts).await?;
        let logins = Table::create()
            .table("logins")
            .col(columns.id("id").primary_key())
            .col(columns.id("account_id"))
            .col(flag("ended"))
            .take();
        manager.create_table(logins).await?;
        let refresh_tokens = Table::create()
            .table("refresh_tokens")
            .col(digest("digest").primary_key())
            .col(columns.id("login_id"))
            .col(long("expires_at"))
            .col(maybe_long("used_at"))
            .foreign_key(
                ForeignKey::create()
                    .from("refresh_tokens", "login_id")
                    .to("logins", "id")
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .take();
        manager.create_table(refresh_tokens).await?;
        create(
            manager,
            [
                index("accounts_email", "accounts", ["email"]).unique().take(),
                index("accounts_external_id", "accounts", ["external_id"]).unique().take(),
                index("refresh_tokens_login", "refresh_tokens", ["login_id"]),
                index("refresh_tokens_expiry", "refresh_tokens", ["expires_at"]),
            ],
        )
        .await
    }
}
