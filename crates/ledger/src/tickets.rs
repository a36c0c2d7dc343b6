//! Tickets: units of orders, and who was let in with them.
//!
//! Invariant: a ticket is used by the one statement that looks whether it may be, so of any number of scans at once one
//! lets in; a scan and a refund of the same ticket have an order, and the later one sees the earlier.

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    ledger::{Attendance, CheckIn, CheckInOutcome, Ticket, Tickets},
};
use onsale_domain::{
    ids::{AccountId, OrderId, PerformanceId},
    orders::OrderStatus,
    time::Timestamp,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait, Query},
};

use crate::{
    SqlLedger, columns,
    entity::{order_units, orders},
    failures::Failure,
};

#[async_trait]
impl Tickets for SqlLedger {
    async fn ticket(&self, code: &str) -> Result<Option<Ticket>, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_read().await?;
                find(&txn, code).await
            })
            .await
    }

    async fn check_in(&self, code: &str, check_in: CheckIn) -> Result<CheckInOutcome, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write().await?;
                let used = order_units::Entity::update_many()
                    .col_expr(order_units::Column::CheckedInAt, Expr::value(check_in.at.as_millis()))
                    .col_expr(order_units::Column::CheckedInBy, Expr::value(check_in.by.0))
                    .filter(order_units::Column::TicketCode.eq(code))
                    .filter(order_units::Column::CheckedInAt.is_null())
                    .filter(order_units::Column::RefundId.is_null())
                    .filter(is_paid())
                    .exec(&txn)
                    .await?;
                let Some(ticket) = find(&txn, code).await? else {
                    return Ok(CheckInOutcome::NotFound);
                };
                if used.rows_affected > 0 {
                    txn.commit().await?;
                    return Ok(CheckInOutcome::CheckedIn(ticket));
                }
                if !ticket.is_good() {
                    return Ok(CheckInOutcome::Void(ticket));
                }
                if ticket.checked_in.is_none() {
                    // Paid, or its use taken back, between the two statements.
                    return Err(Failure::Contended("the ticket has just changed".into()));
                }
                Ok(CheckInOutcome::AlreadyUsed(ticket))
            })
            .await
    }

    async fn undo_check_in(&self, code: &str) -> Result<bool, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write().await?;
                let undone = order_units::Entity::update_many()
                    .col_expr(order_units::Column::CheckedInAt, Expr::value(None::<i64>))
                    .col_expr(order_units::Column::CheckedInBy, Expr::value(None::<uuid::Uuid>))
                    .filter(order_units::Column::TicketCode.eq(code))
                    .exec(&txn)
                    .await?;
                txn.commit().await?;
                Ok(undone.rows_affected > 0)
            })
            .await
    }

    async fn attendance(&self, performance: PerformanceId) -> Result<Attendance, StoreError> {
        self.db
            .command(|| async move {
                // Good tickets are claims that live, which is what the index has, and in no refund.
                let good = Condition::all()
                    .add(order_units::Column::PerformanceId.eq(performance.0))
                    .add(Expr::col((order_units::Entity, order_units::Column::Live)))
                    .add(order_units::Column::RefundId.is_null())
                    .add(is_paid());
                let counted: Option<(i64, i64)> = order_units::Entity::find()
                    .select_only()
                    .column_as(order_units::Column::Unit.count(), "sold")
                    .column_as(order_units::Column::CheckedInAt.count(), "checked_in")
                    .filter(good)
                    .into_tuple()
                    .one(self.db.reader())
                    .await?;
                let (sold, checked_in) = counted.unwrap_or_default();
                Ok(Attendance { sold: columns::large(sold)?, checked_in: columns::large(checked_in)? })
            })
            .await
    }
}

/// The order of a unit is paid.
fn is_paid() -> Expr {
    let paid = Query::select()
        .expr(Expr::val(1))
        .from(orders::Entity)
        .and_where(
            Expr::col((orders::Entity, orders::Column::Id))
                .equals((order_units::Entity, order_units::Column::OrderId)),
        )
        .and_where(Expr::col((orders::Entity, orders::Column::Status)).eq(OrderStatus::Paid.as_str()))
        .take();
    Expr::exists(paid)
}

async fn find(db: &impl ConnectionTrait, code: &str) -> Result<Option<Ticket>, Failure> {
    let found = order_units::Entity::find().filter(order_units::Column::TicketCode.eq(code)).one(db).await?;
    let Some(unit) = found else { return Ok(None) };
    let order = orders::Entity::find_by_id(unit.order_id).one(db).await?;
    let order = order.ok_or_else(|| Failure::corrupt(format!("order {} is not there", unit.order_id)))?;
    let owner = order.owner_id.ok_or_else(|| Failure::corrupt("a ticket of nobody"))?;
    let status = OrderStatus::parse(&order.status);
    Ok(Some(Ticket {
        code: unit.ticket_code,
        order: OrderId(unit.order_id),
        order_status: status.ok_or_else(|| Failure::corrupt(format!("order status {:?}", order.status)))?,
        owner: AccountId(owner),
        buyer_name: order.buyer_name,
        performance: PerformanceId(unit.performance_id),
        unit: columns::unit(unit.unit)?,
        price: columns::money(unit.price, &unit.currency)?,
        is_refunded: unit.refund_id.is_some(),
        checked_in: unit
            .checked_in_at
            .zip(unit.checked_in_by)
            .map(|(at, by)| CheckIn { at: Timestamp(at), by: AccountId(by) }),
    }))
}
