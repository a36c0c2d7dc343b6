//! Refunds, recorded before the provider is asked.
//!
//! Invariants: whoever changes a refund of an order, or its units, holds the order's row; so two refunds of one order are
//! recorded one after the other, and the second leaves out what the first has. A unit names its refund, and has one.

use std::collections::BTreeMap;

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    ledger::{BeginRefund, NewRefund, Order, OrderUnit, Refund, RefundOf, Refunds},
};
use onsale_domain::{
    ids::{OrderId, RefundId},
    orders::{OrderStatus, RefundStatus},
    time::Timestamp,
    units::{Unit, Units},
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, sea_query::Expr,
};
use uuid::Uuid;

use crate::{
    SqlLedger,
    columns::{money, unit, unit_column},
    deliveries,
    entity::{order_units, orders, refunds},
    failures::Failure,
    orders::{move_order, move_payment, rows},
};

#[async_trait]
impl Refunds for SqlLedger {
    async fn begin_refund(&self, new: &NewRefund) -> Result<BeginRefund, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write_soon().await?;
                let Some(order) = rows::find_for_update(&txn, new.order).await? else {
                    return Ok(BeginRefund::NotFound);
                };
                let is_late = new.of == RefundOf::LateCharge;
                match order.status {
                    OrderStatus::Paid | OrderStatus::Refunded if !is_late => {}
                    OrderStatus::Failed if is_late => {}
                    status => return Ok(BeginRefund::Otherwise(status)),
                }
                let asked = match &new.of {
                    RefundOf::Units(units) => units.clone(),
                    RefundOf::Everything | RefundOf::LateCharge => {
                        order.units.iter().map(|unit| unit.unit).collect()
                    }
                };
                let is_there = |unit: &Unit| order.units.iter().any(|known| known.unit == *unit);
                let strange: Units = asked.iter().copied().filter(|unit| !is_there(unit)).collect();
                if !strange.is_empty() {
                    return Ok(BeginRefund::NotInOrder(strange));
                }
                record(&txn, new, &order, &asked).await?;
                let order = rows::find_for_update(&txn, new.order).await?;
                let order = order.ok_or_else(|| Failure::corrupt("an order that is there and is not"))?;
                let mut open = of_order(&txn, new.order).await?;
                open.retain(|refund| {
                    refund.status != RefundStatus::Done
                        && refund.units.iter().any(|unit| asked.contains(unit))
                });
                txn.commit().await?;
                Ok(BeginRefund::Recorded { order: Box::new(order), open })
            })
            .await
    }

    async fn finish_refund(&self, id: RefundId, at: Timestamp) -> Result<Option<Refund>, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write_first().await?;
                let Some((order, refund)) = find_for_update(&txn, id).await? else { return Ok(None) };
                if refund.status != RefundStatus::Open {
                    return Ok(Some(refund));
                }
                let status = if refund.keep_claim { RefundStatus::Done } else { RefundStatus::Returned };
                move_refund(&txn, id, status, at).await?;
                if !refund.keep_claim {
                    end_claims(&txn, &refund, &refund.units).await?;
                }
                let is_open = |unit: &OrderUnit| {
                    unit.refund.is_none_or(|known| known.id != id && !known.status.is_money_back())
                };
                if !order.units.iter().any(is_open) {
                    if order.status.may_become(OrderStatus::Refunded) {
                        let when = [(orders::Column::RefundedAt, at.as_millis().into())];
                        move_order(&txn, order.id, OrderStatus::Refunded, &when).await?;
                    }
                    move_payment(&txn, order.id, rows::PaymentStatus::Refunded, at, None).await?;
                }
                let refund = of_order(&txn, order.id).await?.into_iter().find(|refund| refund.id == id);
                // Whose payment came to nothing has been told that, and has nothing that becomes void.
                if let Some(refund) = refund.as_ref().filter(|_| order.status != OrderStatus::Failed) {
                    let now = rows::find_for_update(&txn, order.id).await?;
                    let now = now.ok_or_else(|| Failure::corrupt("an order that is there and is not"))?;
                    deliveries::tell_of_refund(&txn, &now, refund, at).await?;
                }
                txn.commit().await?;
                Ok(refund)
            })
            .await
    }

    async fn release_refunded(
        &self,
        order: OrderId,
        units: &Units,
        at: Timestamp,
    ) -> Result<Vec<Refund>, StoreError> {
        self.db
            .command(|| async move {
                let known = of_order(self.db.reader(), order).await?;
                if known.iter().all(|refund| kept_of(refund, units).is_empty()) {
                    return Ok(Vec::new());
                }
                let txn = self.db.begin_write_first().await?;
                if rows::find_for_update(&txn, order).await?.is_none() {
                    return Ok(Vec::new());
                }
                let mut released = Vec::new();
                for refund in of_order(&txn, order).await? {
                    let kept = kept_of(&refund, units);
                    if !kept.is_empty() {
                        end_claims(&txn, &refund, &kept).await?;
                        move_refund(&txn, refund.id, RefundStatus::Returned, at).await?;
                        released.push(refund.id);
                    }
                }
                let mut refunds = of_order(&txn, order).await?;
                refunds.retain(|refund| released.contains(&refund.id));
                txn.commit().await?;
                Ok(refunds)
            })
            .await
    }

    async fn close_refund(&self, id: RefundId, released: &Units, at: Timestamp) -> Result<(), StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write_first().await?;
                let Some((_, refund)) = find_for_update(&txn, id).await? else { return Ok(()) };
                if refund.status == RefundStatus::Returned && refund.released.len() == released.len() {
                    move_refund(&txn, id, RefundStatus::Done, at).await?;
                    txn.commit().await?;
                }
                Ok(())
            })
            .await
    }

    async fn open_refunds(
        &self,
        before: Timestamp,
        after: Option<(Timestamp, RefundId)>,
        limit: u32,
    ) -> Result<Vec<Refund>, StoreError> {
        self.db
            .command(|| async move {
                let comes_after = |(at, id): (Timestamp, RefundId)| {
                    let (begun, at) = (refunds::Column::CreatedAt, at.as_millis());
                    let twin = Condition::all().add(begun.eq(at)).add(refunds::Column::Id.gt(id.0));
                    Condition::any().add(begun.gt(at)).add(twin)
                };
                let txn = self.db.begin_read().await?;
                let found = refunds::Entity::find()
                    .filter(refunds::Column::Status.ne(RefundStatus::Done.as_str()))
                    .filter(refunds::Column::CreatedAt.lt(before.as_millis()))
                    .apply_if(after.map(comes_after), QueryFilter::filter)
                    .order_by_asc(refunds::Column::CreatedAt)
                    .order_by_asc(refunds::Column::Id)
                    .limit(u64::from(limit))
                    .all(&txn)
                    .await?;
                assemble(&txn, found).await
            })
            .await
    }
}

/// Which of these units are still claimed, although their money is back.
fn kept_of(refund: &Refund, units: &Units) -> Units {
    let is_kept = |unit: &&Unit| units.contains(unit) && !refund.released.contains(unit);
    let is_back = refund.status.is_money_back();
    refund.units.iter().filter(|unit| is_back && is_kept(unit)).copied().collect()
}

/// Records a refund of those of the units that are in none; nothing where there is none left.
async fn record(
    db: &impl ConnectionTrait,
    new: &NewRefund,
    order: &Order,
    asked: &Units,
) -> Result<(), Failure> {
    let fresh = order.units.iter().filter(|unit| unit.refund.is_none() && asked.contains(&unit.unit));
    let units = fresh.clone().map(|unit| unit_column(unit.unit)).collect::<Result<Vec<_>, _>>()?;
    if units.is_empty() {
        return Ok(());
    }
    let refund = refunds::ActiveModel {
        id: Set(new.id.0),
        order_id: Set(order.id.0),
        amount: Set(fresh.map(|unit| unit.price.amount).sum()),
        currency: Set(order.total.currency.to_string()),
        keep_claim: Set(new.keep_claim),
        status: Set(RefundStatus::Open.as_str().to_owned()),
        created_at: Set(new.at.as_millis()),
        updated_at: Set(new.at.as_millis()),
    };
    refunds::Entity::insert(refund).exec_without_returning(db).await?;
    let wanted = units.len() as u64;
    let marked = order_units::Entity::update_many()
        .col_expr(order_units::Column::RefundId, Expr::value(new.id.0))
        .filter(order_units::Column::OrderId.eq(order.id.0))
        .filter(order_units::Column::Unit.is_in(units))
        .filter(order_units::Column::RefundId.is_null())
        .exec(db)
        .await?;
    if marked.rows_affected == wanted {
        Ok(())
    } else {
        Err(Failure::corrupt(format!("units of order {} are in another refund", order.id)))
    }
}

/// A refund and its order, both as they are until the transaction ends.
async fn find_for_update(
    db: &impl ConnectionTrait,
    id: RefundId,
) -> Result<Option<(Order, Refund)>, Failure> {
    let order: Option<Uuid> = refunds::Entity::find_by_id(id.0)
        .select_only()
        .column(refunds::Column::OrderId)
        .into_tuple()
        .one(db)
        .await?;
    let Some(order) = order else { return Ok(None) };
    let without = || Failure::corrupt(format!("refund {id} of an order that is not there"));
    let order = rows::find_for_update(db, OrderId(order)).await?.ok_or_else(without)?;
    let refund = of_order(db, order.id).await?.into_iter().find(|refund| refund.id == id);
    Ok(refund.map(|refund| (order, refund)))
}

/// The refunds of an order, oldest first.
async fn of_order(db: &impl ConnectionTrait, id: OrderId) -> Result<Vec<Refund>, Failure> {
    let found = refunds::Entity::find()
        .filter(refunds::Column::OrderId.eq(id.0))
        .order_by_asc(refunds::Column::CreatedAt)
        .order_by_asc(refunds::Column::Id)
        .all(db)
        .await?;
    assemble(db, found).await
}

/// Puts refunds together with their units, in the order of their rows.
async fn assemble(db: &impl ConnectionTrait, rows: Vec<refunds::Model>) -> Result<Vec<Refund>, Failure> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    // By their orders, which is what the key of the table begins with.
    let units: Vec<(Uuid, i32, bool)> = order_units::Entity::find()
        .select_only()
        .columns([order_units::Column::RefundId, order_units::Column::Unit, order_units::Column::Live])
        .filter(order_units::Column::OrderId.is_in(rows.iter().map(|row| row.order_id)))
        .filter(order_units::Column::RefundId.is_not_null())
        .order_by_asc(order_units::Column::Unit)
        .into_tuple()
        .all(db)
        .await?;
    let mut units_of: BTreeMap<Uuid, (Units, Units)> = BTreeMap::new();
    for (refund, number, is_live) in units {
        let (units, released) = units_of.entry(refund).or_default();
        units.push(unit(number)?);
        if !is_live {
            released.push(unit(number)?);
        }
    }
    let refund = |row: refunds::Model| {
        let (units, released) = units_of.remove(&row.id).unwrap_or_default();
        Ok(Refund {
            id: RefundId(row.id),
            order: OrderId(row.order_id),
            amount: money(row.amount, &row.currency)?,
            units,
            released,
            keep_claim: row.keep_claim,
            status: rows::refund_status(&row.status)?,
            created_at: Timestamp(row.created_at),
        })
    };
    Ok(rows.into_iter().map(refund).collect::<Result<_, StoreError>>()?)
}

async fn move_refund(
    db: &impl ConnectionTrait,
    id: RefundId,
    status: RefundStatus,
    at: Timestamp,
) -> Result<(), Failure> {
    refunds::Entity::update_many()
        .col_expr(refunds::Column::Status, Expr::value(status.as_str()))
        .col_expr(refunds::Column::UpdatedAt, Expr::value(at.as_millis()))
        .filter(refunds::Column::Id.eq(id.0))
        .exec(db)
        .await
        .map(drop)
        .map_err(Failure::from)
}

/// By the order, which is what the key of the table begins with.
async fn end_claims(db: &impl ConnectionTrait, refund: &Refund, units: &Units) -> Result<(), Failure> {
    let units = units.iter().map(|unit| unit_column(*unit)).collect::<Result<Vec<_>, _>>()?;
    order_units::Entity::update_many()
        .col_expr(order_units::Column::Live, Expr::value(false))
        .filter(order_units::Column::OrderId.eq(refund.order.0))
        .filter(order_units::Column::RefundId.eq(refund.id.0))
        .filter(order_units::Column::Unit.is_in(units))
        .exec(db)
        .await
        .map(drop)
        .map_err(Failure::from)
}
