//! Wallets: balances, the entries behind them, and how each order stands.
//!
//! Invariant: a balance is never below zero; a movement has its two entries once.

use sea_orm_migration::prelude::{
    DbErr, Expr, ExprTrait, MigrationName, MigrationTrait, SchemaManager, Table, async_trait,
};

use super::columns::{Columns, create, currency, index, key, long, maybe_currency, text};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0005_wallets"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = Columns::of(manager);
        let wallets = Table::create()
            .table("wallets")
            .col(columns.id("account_id"))
            .col(currency())
            .col(long("balance"))
            .primary_key(&mut key(["account_id", "currency"]))
            .check(Expr::col("balance").gte(0))
            .take();
        manager.create_table(wallets).await?;
        let wallet_entries = Table::create()
            .table("wallet_entries")
            .col(columns.id("movement_id"))
            .col(text("kind"))
            .col(text("side"))
            .col(columns.id("account_id"))
            .col(long("amount"))
            .col(currency())
            .col(long("created_at"))
            .primary_key(&mut key(["movement_id", "kind", "side"]))
            .take();
        manager.create_table(wallet_entries).await?;
        let wallet_charges = Table::create()
            .table("wallet_charges")
            .col(columns.id("order_id").primary_key())
            .col(text("status"))
            .col(columns.maybe_id("account_id"))
            .col(long("amount"))
            .col(maybe_currency())
            .col(long("updated_at"))
            .take();
        manager.create_table(wallet_charges).await?;
        create(manager, [index("wallet_entries_account", "wallet_entries", ["account_id", "currency"])]).await
    }
}
