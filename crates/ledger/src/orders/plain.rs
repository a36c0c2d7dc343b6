//! Many orders begun or paid at once, in as many statements as one takes.
//!
//! Invariants: only for a transaction that nobody else writes beside, so that what was read in it stays true to its end;
//! an order is left out where anything is in its way, or another of the same many would be, and then nothing is written
//! of it.

use std::collections::{HashMap, HashSet};

use onsale_app::ports::ledger::{Order, SettleOrder};
use onsale_domain::orders::OrderStatus;
use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{CaseStatement, Expr, ExprTrait, IntoColumnRef},
};
use uuid::Uuid;

use super::{
    Begin, Met, Pay, claim_rows,
    rows::{self, PaymentStatus},
};
use crate::{
    deliveries,
    entity::{orders, payments, performances},
    failures::Failure,
    idempotency::{self, Kind},
    inserts::insert_all,
};

/// Begins those that can be; gives which.
pub(super) async fn begin(db: &DatabaseTransaction, these: &[&Begin]) -> Result<Vec<bool>, Failure> {
    let are_begun = nothing_in_the_way(db, these).await?;
    let begun: Vec<&Begin> =
        these.iter().zip(&are_begun).filter(|(_, is_begun)| **is_begun).map(|(begin, _)| *begin).collect();
    let as_rows = begun.iter().map(|begin| rows::order(&begin.order)).collect::<Result<Vec<_>, _>>()?;
    insert_all(db, as_rows).await?;
    let mut units = Vec::new();
    for begin in &begun {
        units.extend(rows::units(&begin.order)?);
    }
    let wanted = units.len() as u64;
    if claim_rows(db, units).await? != wanted {
        return Err(Failure::Contended("a unit is claimed by another order".into()));
    }
    insert_all(db, begun.iter().map(|begin| rows::payment(&begin.order)).collect()).await?;
    let keys = begun.iter().filter_map(|begin| Some((begin.key?, begin.order.id.0, begin.order.created_at)));
    idempotency::point_all(db, keys.collect(), Kind::Order).await?;
    Ok(are_begun)
}

/// Which of these orders are new, for something that is performed, and neither replace another attempt nor meet another
/// of these.
async fn nothing_in_the_way(db: &DatabaseTransaction, these: &[&Begin]) -> Result<Vec<bool>, Failure> {
    let orders: HashSet<Uuid> = orders::Entity::find()
        .select_only()
        .column(orders::Column::Id)
        .filter(orders::Column::Id.is_in(these.iter().map(|begin| begin.order.id.0)))
        .into_tuple()
        .all(db)
        .await?
        .into_iter()
        .collect();
    let reservations: HashSet<Uuid> = orders::Entity::find()
        .select_only()
        .column(orders::Column::ReservationId)
        .filter(orders::Column::ReservationId.is_in(these.iter().map(|begin| begin.order.reservation.0)))
        .filter(orders::Column::Status.eq(OrderStatus::Paying.as_str()))
        .into_tuple()
        .all(db)
        .await?
        .into_iter()
        .collect();
    let wanted: HashSet<Uuid> = these.iter().map(|begin| begin.order.performance.0).collect();
    let performances: HashSet<Uuid> = performances::Entity::find()
        .select_only()
        .column(performances::Column::Id)
        .filter(performances::Column::Id.is_in(wanted))
        .into_tuple()
        .all(db)
        .await?
        .into_iter()
        .collect();
    let mut met = Met { orders, reservations, ..Met::default() };
    Ok(these
        .iter()
        .map(|begin| met.is_alone(begin) && performances.contains(&begin.order.performance.0))
        .collect())
}

/// Pays those that can be; gives what became of them.
pub(super) async fn pay(
    db: &DatabaseTransaction,
    these: &[&Pay],
) -> Result<Vec<Option<SettleOrder>>, Failure> {
    let ids = these.iter().map(|pay| pay.id.0);
    let found = orders::Entity::find().filter(orders::Column::Id.is_in(ids)).all(db).await?;
    let found = rows::assemble(db, found).await?;
    let mut open: HashMap<_, Order> = found
        .into_iter()
        .filter(|order| order.status == OrderStatus::Paying)
        .map(|order| (order.id, order))
        .collect();
    // The second of two for one order finds it taken.
    let taken: Vec<Option<Order>> = these.iter().map(|pay| open.remove(&pay.id)).collect();
    let paid: Vec<(&Pay, &Order)> =
        these.iter().zip(&taken).filter_map(|(pay, order)| Some((*pay, order.as_ref()?))).collect();
    if !paid.is_empty() {
        write_paid(db, &paid).await?;
    }
    let settled = |(pay, order): (&&Pay, Option<Order>)| {
        let (status, reference) = (OrderStatus::Paid, Some(pay.reference.clone()));
        order.map(|order| SettleOrder::Done(Box::new(Order { status, reference, ..order })))
    };
    Ok(these.iter().zip(taken).map(settled).collect())
}

async fn write_paid(db: &DatabaseTransaction, paid: &[(&Pay, &Order)]) -> Result<(), Failure> {
    let ids = || paid.iter().map(|(pay, _)| pay.id.0);
    orders::Entity::update_many()
        .col_expr(orders::Column::Status, Expr::value(OrderStatus::Paid.as_str()))
        .col_expr(
            orders::Column::SettledAt,
            each(paid, orders::Column::Id, |pay| Expr::value(pay.at.as_millis())),
        )
        .filter(orders::Column::Id.is_in(ids()))
        .exec(db)
        .await?;
    payments::Entity::update_many()
        .col_expr(payments::Column::Status, Expr::value(PaymentStatus::Captured.as_str()))
        .col_expr(
            payments::Column::UpdatedAt,
            each(paid, payments::Column::OrderId, |pay| Expr::value(pay.at.as_millis())),
        )
        .col_expr(
            payments::Column::Reference,
            each(paid, payments::Column::OrderId, |pay| Expr::value(&pay.reference)),
        )
        .filter(payments::Column::OrderId.is_in(ids()))
        .exec(db)
        .await?;
    let told: Vec<_> = paid.iter().map(|(pay, order)| (*order, pay.at)).collect();
    deliveries::tell_all(db, &told, OrderStatus::Paid).await
}

/// What a column is to be in the row of each order.
fn each<C>(paid: &[(&Pay, &Order)], id: C, value: impl Fn(&Pay) -> Expr) -> Expr
where
    C: IntoColumnRef + Copy,
{
    let cases = paid
        .iter()
        .fold(CaseStatement::new(), |cases, (pay, _)| cases.case(Expr::col(id).eq(pay.id.0), value(pay)));
    cases.into()
}
