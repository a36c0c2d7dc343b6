//! Refunds, each with the units it is of; before, an order was refunded as a whole and there was no record beside its
//! state.
//!
//! Invariants: a unit is in one refund at most (it has one column for it); what was refunded before has a refund of the
//! order's own id, and so has what a wallet had given back of an order that is not refunded yet.

use sea_orm_migration::{
    prelude::{
        ConditionalStatement, DbErr, Expr, ExprTrait, ForeignKey, MigrationName, MigrationTrait,
        SchemaManager, Table, async_trait,
    },
    sea_orm::ConnectionTrait,
    sea_query::ColumnDef,
};

use super::columns::{Columns, create, currency, flag, index, long, text};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0010_refunds"
    }
}

/// What was refunded before has come to its end.
const BEFORE: &str = "
INSERT INTO refunds (id, order_id, amount, currency, keep_claim, status, created_at, updated_at)
SELECT o.id, o.id, o.total, o.currency,
       EXISTS (SELECT 1 FROM order_units u WHERE u.order_id = o.id AND u.live), 'done',
       COALESCE(o.refunded_at, o.created_at), COALESCE(o.refunded_at, o.created_at)
FROM orders o WHERE o.status = 'refunded'";

/// Given back by a wallet, and the process ended before it was written down: the reconciler goes on with it.
const HALF: &str = "
INSERT INTO refunds (id, order_id, amount, currency, keep_claim, status, created_at, updated_at)
SELECT o.id, o.id, o.total, o.currency, FALSE, 'open', w.updated_at, w.updated_at
FROM orders o JOIN wallet_charges w ON w.order_id = o.id
WHERE w.status = 'given_back' AND o.status = 'paid'";

/// Their units.
const UNITS: &str = "UPDATE order_units SET refund_id = order_id WHERE order_id IN (SELECT id FROM refunds)";

/// What wallets have given back.
const WALLETS: &str = "
UPDATE wallet_charges SET given_back = amount, status = 'charged' WHERE status = 'given_back'";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = Columns::of(manager);
        let refunds = Table::create()
            .table("refunds")
            .col(columns.id("id").primary_key())
            .col(columns.id("order_id"))
            .col(long("amount"))
            .col(currency())
            .col(flag("keep_claim"))
            .col(text("status"))
            .col(long("created_at"))
            .col(long("updated_at"))
            .foreign_key(ForeignKey::create().from("refunds", "order_id").to("orders", "id"))
            .take();
        manager.create_table(refunds).await?;
        let added: [(&str, ColumnDef); 2] = [
            ("order_units", columns.maybe_id("refund_id")),
            ("wallet_charges", long("given_back").default(0).take()),
        ];
        for (table, column) in added {
            manager.alter_table(Table::alter().table(table).add_column(column).take()).await?;
        }
        let open = index("refunds_open", "refunds", ["created_at", "id"])
            .and_where(Expr::col("status").ne("done"))
            .take();
        create(manager, [index("refunds_order", "refunds", ["order_id"]), open]).await?;
        for statement in [BEFORE, HALF, UNITS, WALLETS] {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
