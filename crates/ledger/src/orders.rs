//! Orders, their claims on units and their payments.
//!
//! Invariants: a unit is in one live claim at most (the index `order_units_claim`); an order moves as
//! [`OrderStatus::may_become`] says and no other way, and its claims and its payment move in the same
//! transaction; an order that was failed before it was begun has a row, which keeps it from being begun.

use std::collections::HashSet;

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    ledger::{BeginOrder, Order, OrderFilter, Orders, OwnedKey, Page, PageRequest, SettleOrder},
};
use onsale_domain::{
    ids::{AccountId, EventId, OrderId, PerformanceId, ReservationId},
    orders::OrderStatus,
    reservations::RequestKey,
    time::Timestamp,
    units::{Unit, Units},
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, Func, LikeExpr, LockType, OnConflict},
    sqlx::PgPool,
};
use uuid::Uuid;

use crate::{
    SqlLedger, columns,
    connection::{Command, has_many_writers},
    deliveries,
    entity::{order_units, orders, payments, performances},
    events::performances_of,
    failures::Failure,
    idempotency::{self, Kind},
    inserts::{insert_new, insert_unless},
    pages,
};

mod plain;
mod postgres;
pub(crate) mod rows;

use rows::PaymentStatus;

#[async_trait]
impl Orders for SqlLedger {
    async fn begin_order(&self, order: &Order, key: Option<OwnedKey>) -> Result<BeginOrder, StoreError> {
        self.begins.write(&self.db, Begin { order: order.clone(), key }).await
    }

    async fn name_payment(
        &self,
        id: OrderId,
        reference: &str,
        at: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write_first().await?;
                payments::Entity::update_many()
                    .col_expr(payments::Column::Reference, Expr::value(reference))
                    .col_expr(payments::Column::UpdatedAt, Expr::value(at.as_millis()))
                    .filter(payments::Column::OrderId.eq(id.0))
                    .filter(payments::Column::Reference.is_null())
                    .exec(&txn)
                    .await?;
                let named = payments::Entity::find_by_id(id.0).one(&txn).await?;
                txn.commit().await?;
                Ok(named.and_then(|payment| payment.reference))
            })
            .await
    }

    async fn pay_order(
        &self,
        id: OrderId,
        reference: &str,
        at: Timestamp,
    ) -> Result<SettleOrder, StoreError> {
        self.pays.write(&self.db, Pay { id, reference: reference.to_owned(), at }).await
    }

    async fn fail_order(&self, id: OrderId, reason: &str, at: Timestamp) -> Result<SettleOrder, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write_first().await?;
                let Some(order) = rows::find_for_update(&txn, id).await? else {
                    return Ok(SettleOrder::NotFound);
                };
                if !order.status.may_become(OrderStatus::Failed) {
                    return Ok(as_it_stands(order, OrderStatus::Failed));
                }
                fail(&txn, id, reason, at).await?;
                deliveries::tell(&txn, &order, OrderStatus::Failed, at).await?;
                txn.commit().await?;
                Ok(SettleOrder::Done(Box::new(Order { status: OrderStatus::Failed, ..order })))
            })
            .await
    }

    async fn void_order(&self, id: OrderId, at: Timestamp) -> Result<Option<OrderStatus>, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write_first().await?;
                if insert_new(&txn, rows::never_begun(id, at)).await? {
                    txn.commit().await?;
                    return Ok(None);
                }
                let known = orders::Entity::find_by_id(id.0).one(&txn).await?;
                Ok(known.as_ref().map(rows::status).transpose()?)
            })
            .await
    }

    async fn order(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_read().await?;
                let row = orders::Entity::find_by_id(id.0).all(&txn).await?;
                Ok(rows::assemble(&txn, row).await?.pop())
            })
            .await
    }

    async fn order_by_key(&self, key: OwnedKey) -> Result<Option<(RequestKey, OrderId)>, StoreError> {
        self.db
            .command(|| async move {
                let found = idempotency::order_under(self.db.reader(), key).await?;
                Ok(found.map(|(used_for, order)| (used_for, OrderId(order))))
            })
            .await
    }

    async fn orders_of(&self, owner: AccountId, request: PageRequest) -> Result<Page<Order>, StoreError> {
        self.db
            .command(|| async move {
                let were_paid = [OrderStatus::Paid, OrderStatus::Refunded].map(OrderStatus::as_str);
                let txn = self.db.begin_read().await?;
                let found = orders::Entity::find()
                    .filter(orders::Column::OwnerId.eq(owner.0))
                    .filter(orders::Column::Status.is_in(were_paid))
                    .apply_if(request.after, |query, after| query.filter(orders::Column::Id.lt(after)))
                    .order_by_desc(orders::Column::Id)
                    .limit(pages::rows(request))
                    .all(&txn)
                    .await?;
                Ok(pages::page(rows::assemble(&txn, found).await?, request, |order| order.id.0))
            })
            .await
    }

    async fn find_orders(
        &self,
        event: EventId,
        filter: &OrderFilter,
        request: PageRequest,
    ) -> Result<Page<Order>, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_read().await?;
                let found = orders::Entity::find()
                    .filter(orders::Column::PerformanceId.in_subquery(performances_of(event)))
                    .apply_if(filter.status, |query, status: OrderStatus| {
                        query.filter(orders::Column::Status.eq(status.as_str()))
                    })
                    .apply_if(filter.text.as_deref(), |query, text| query.filter(mentions(text)))
                    .apply_if(request.after, |query, after| query.filter(orders::Column::Id.lt(after)))
                    .order_by_desc(orders::Column::Id)
                    .limit(pages::rows(request))
                    .all(&txn)
                    .await?;
                Ok(pages::page(rows::assemble(&txn, found).await?, request, |order| order.id.0))
            })
            .await
    }

    async fn open_orders(
        &self,
        before: Timestamp,
        after: Option<(Timestamp, OrderId)>,
        limit: u32,
    ) -> Result<Vec<Order>, StoreError> {
        self.db
            .command(|| async move {
                let comes_after = |(at, id): (Timestamp, OrderId)| {
                    let (begun, at) = (orders::Column::CreatedAt, at.as_millis());
                    let twin = Condition::all().add(begun.eq(at)).add(orders::Column::Id.gt(id.0));
                    Condition::any().add(begun.gt(at)).add(twin)
                };
                let txn = self.db.begin_read().await?;
                let found = orders::Entity::find()
                    .filter(orders::Column::Status.eq(OrderStatus::Paying.as_str()))
                    .filter(orders::Column::CreatedAt.lt(before.as_millis()))
                    .apply_if(after.map(comes_after), QueryFilter::filter)
                    .order_by_asc(orders::Column::CreatedAt)
                    .order_by_asc(orders::Column::Id)
                    .limit(u64::from(limit))
                    .all(&txn)
                    .await?;
                rows::assemble(&txn, found).await
            })
            .await
    }
}

/// Orders that a text is about: part of who bought, or the whole of an order's id or a ticket's code.
fn mentions(text: &str) -> Condition {
    let literal: String = text
        .to_lowercase()
        .chars()
        .flat_map(|c| matches!(c, '%' | '_' | '\\').then_some('\\').into_iter().chain([c]))
        .collect();
    let part = |column: orders::Column| {
        let pattern = LikeExpr::new(format!("%{literal}%")).escape('\\');
        Expr::expr(Func::lower(Expr::col(column))).like(pattern)
    };
    let with_ticket = order_units::Entity::find()
        .select_only()
        .column(order_units::Column::OrderId)
        .filter(order_units::Column::TicketCode.eq(text.to_uppercase()))
        .into_query();
    let id = text.parse::<Uuid>().ok();
    Condition::any()
        .add(part(orders::Column::BuyerName))
        .add(part(orders::Column::BuyerEmail))
        .add(part(orders::Column::BuyerPhone))
        .add(orders::Column::Id.in_subquery(with_ticket))
        .add_option(id.map(|id| orders::Column::Id.eq(id)))
}

/// Records an order as paying and claims its units.
#[derive(Clone)]
pub(crate) struct Begin {
    order: Order,
    key: Option<OwnedKey>,
}

impl Command for Begin {
    type Outcome = BeginOrder;
    const CAN_BE_PUT_OFF: bool = true;

    async fn carry_out(&self, db: &DatabaseTransaction) -> Result<BeginOrder, Failure> {
        let order = &self.order;
        one_attempt_at_a_time(db, order.reservation).await?;
        if !insert_new(db, rows::order(order)?).await? {
            let known = orders::Entity::find_by_id(order.id.0).one(db).await?;
            let known = known.ok_or_else(|| Failure::corrupt("an order that is there and is not"))?;
            return Ok(BeginOrder::Exists(rows::status(&known)?));
        }
        still_performed(db, order).await?;
        fail_earlier_attempts(db, order).await?;
        if !claim(db, order).await? {
            return Ok(BeginOrder::UnitTaken(taken(db, order).await?));
        }
        payments::Entity::insert(rows::payment(order)).exec_without_returning(db).await?;
        idempotency::point(db, self.key, Kind::Order, order.id.0, order.created_at).await?;
        Ok(BeginOrder::Begun)
    }

    fn is_to_stay(outcome: &BeginOrder) -> bool {
        *outcome == BeginOrder::Begun
    }

    async fn carry_out_plain(
        these: &[&Self],
        db: &DatabaseTransaction,
    ) -> Result<Vec<Option<BeginOrder>>, Failure> {
        Ok(in_words(plain::begin(db, these).await?))
    }

    async fn carry_out_beside(these: &[&Self], pool: &PgPool) -> Result<Vec<Option<BeginOrder>>, Failure> {
        Ok(in_words(postgres::begin(pool, these).await?))
    }
}

fn in_words(are_begun: Vec<bool>) -> Vec<Option<BeginOrder>> {
    are_begun.into_iter().map(|is_begun| is_begun.then_some(BeginOrder::Begun)).collect()
}

/// Orders that are to be begun together: whether one meets another of them is found out in the order of their coming.
#[derive(Default)]
struct Met {
    orders: HashSet<Uuid>,
    reservations: HashSet<Uuid>,
    units: HashSet<(PerformanceId, Unit)>,
    keys: HashSet<(AccountId, [u8; 16])>,
}

impl Met {
    /// Whether this one wants nothing that one before wanted. All of it is noted, so that none of two that meet goes
    /// unnoticed.
    fn is_alone(&mut self, begin: &Begin) -> bool {
        let order = &begin.order;
        let new = self.orders.insert(order.id.0) & self.reservations.insert(order.reservation.0);
        let wanted = order.units.iter().map(|wanted| (order.performance, wanted.unit));
        let own = wanted.fold(true, |own, unit| self.units.insert(unit) & own);
        let key = begin.key.is_none_or(|key| self.keys.insert((key.owner, key.key.key)));
        new & own & key
    }
}

/// PAYING → PAID.
#[derive(Clone)]
pub(crate) struct Pay {
    id: OrderId,
    reference: String,
    at: Timestamp,
}

impl Command for Pay {
    type Outcome = SettleOrder;
    /// The money has been taken.
    const CAN_BE_PUT_OFF: bool = false;

    async fn carry_out(&self, db: &DatabaseTransaction) -> Result<SettleOrder, Failure> {
        let Some(order) = rows::find_for_update(db, self.id).await? else {
            return Ok(SettleOrder::NotFound);
        };
        if !order.status.may_become(OrderStatus::Paid) {
            return Ok(as_it_stands(order, OrderStatus::Paid));
        }
        let when = [(orders::Column::SettledAt, self.at.as_millis().into())];
        move_order(db, self.id, OrderStatus::Paid, &when).await?;
        let reference = (payments::Column::Reference, Expr::value(&self.reference));
        move_payment(db, self.id, PaymentStatus::Captured, self.at, Some(reference)).await?;
        deliveries::tell(db, &order, OrderStatus::Paid, self.at).await?;
        let (status, reference) = (OrderStatus::Paid, Some(self.reference.clone()));
        Ok(SettleOrder::Done(Box::new(Order { status, reference, ..order })))
    }

    fn is_to_stay(outcome: &SettleOrder) -> bool {
        matches!(outcome, SettleOrder::Done(_))
    }

    async fn carry_out_plain(
        these: &[&Self],
        db: &DatabaseTransaction,
    ) -> Result<Vec<Option<SettleOrder>>, Failure> {
        plain::pay(db, these).await
    }

    async fn carry_out_beside(these: &[&Self], pool: &PgPool) -> Result<Vec<Option<SettleOrder>>, Failure> {
        postgres::pay(pool, these).await
    }
}

/// The answer where an order cannot move to `wanted`: it is there already, or settled the other way.
fn as_it_stands(order: Order, wanted: OrderStatus) -> SettleOrder {
    if order.status == wanted {
        SettleOrder::Done(Box::new(order))
    } else {
        SettleOrder::Otherwise(order.status)
    }
}

/// Lets attempts of one reservation past one after the other: neither would see what the other has not committed,
/// and both would take the other's claim for somebody else's.
async fn one_attempt_at_a_time(db: &impl ConnectionTrait, reservation: ReservationId) -> Result<(), Failure> {
    if has_many_writers(db) {
        // The random half of the id. Should it ever be another's too, they wait for each other for nothing.
        let lock = reservation.0.as_u64_pair().1.cast_signed();
        db.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({lock})")).await?;
    }
    Ok(())
}

/// Makes sure that an order is for something: its event may have been deleted since the hold was made. The row
/// stays until the order is recorded; the weakest lock that keeps it, because every order of a sale takes it.
async fn still_performed(db: &impl ConnectionTrait, order: &Order) -> Result<(), Failure> {
    let number: Option<i64> = performances::Entity::find()
        .select_only()
        .column(performances::Column::Number)
        .filter(performances::Column::Id.eq(order.performance.0))
        .lock(LockType::KeyShare)
        .into_tuple()
        .one(db)
        .await?;
    let none =
        || Failure::corrupt(format!("an order for a performance that is not there: {}", order.performance));
    number.map(drop).ok_or_else(none)
}

/// Fails whatever attempts the reservation of a new order has under way.
async fn fail_earlier_attempts(db: &impl ConnectionTrait, order: &Order) -> Result<(), Failure> {
    for id in attempts_under_way(db, order).await? {
        fail(db, OrderId(id), "replaced by a later attempt", order.created_at).await?;
        if let Some(replaced) = rows::find_for_update(db, OrderId(id)).await? {
            deliveries::tell(db, &replaced, OrderStatus::Failed, order.created_at).await?;
        }
    }
    Ok(())
}

/// The other attempts of the same reservation, locked.
async fn attempts_under_way(db: &impl ConnectionTrait, order: &Order) -> Result<Vec<Uuid>, Failure> {
    let earlier = orders::Entity::find()
        .select_only()
        .column(orders::Column::Id)
        .filter(orders::Column::ReservationId.eq(order.reservation.0))
        .filter(orders::Column::Status.eq(OrderStatus::Paying.as_str()))
        .filter(orders::Column::Id.ne(order.id.0))
        .lock_exclusive()
        .into_tuple()
        .all(db)
        .await?;
    Ok(earlier)
}

/// Claims the units of an order; `false` where another order has some of them.
async fn claim(db: &impl ConnectionTrait, order: &Order) -> Result<bool, Failure> {
    Ok(claim_rows(db, rows::units(order)?).await? == order.units.len() as u64)
}

/// Claims units; gives how many of them no other order has.
async fn claim_rows(
    db: &impl ConnectionTrait,
    wanted: Vec<order_units::ActiveModel>,
) -> Result<u64, Failure> {
    let unless_claimed = OnConflict::columns([order_units::Column::PerformanceId, order_units::Column::Unit])
        .target_and_where(Expr::col(order_units::Column::Live))
        .do_nothing()
        .to_owned();
    insert_unless(db, wanted, &unless_claimed).await
}

/// The units of an order that other orders have claimed.
async fn taken(db: &impl ConnectionTrait, order: &Order) -> Result<Units, Failure> {
    let wanted =
        order.units.iter().map(|wanted| columns::unit_column(wanted.unit)).collect::<Result<Vec<_>, _>>()?;
    let claimed: Vec<i32> = order_units::Entity::find()
        .select_only()
        .column(order_units::Column::Unit)
        .filter(order_units::Column::PerformanceId.eq(order.performance.0))
        .filter(order_units::Column::Unit.is_in(wanted))
        .filter(Expr::col(order_units::Column::Live))
        .filter(order_units::Column::OrderId.ne(order.id.0))
        .order_by_asc(order_units::Column::Unit)
        .into_tuple()
        .all(db)
        .await?;
    // The other claim has ended since it stood in the way, or is an attempt of the same reservation, which this one
    // is to replace and could not see before.
    if claimed.is_empty() || !attempts_under_way(db, order).await?.is_empty() {
        return Err(Failure::Contended("another claim on the same units has just changed".into()));
    }
    Ok(claimed.into_iter().map(columns::unit).collect::<Result<_, _>>()?)
}

/// PAYING → FAILED, with all that belongs to it.
async fn fail(db: &impl ConnectionTrait, id: OrderId, reason: &str, at: Timestamp) -> Result<(), Failure> {
    let why = [(orders::Column::Failure, reason.into()), (orders::Column::SettledAt, at.as_millis().into())];
    move_order(db, id, OrderStatus::Failed, &why).await?;
    move_payment(db, id, PaymentStatus::Void, at, None).await?;
    end_claim(db, id).await
}

pub(crate) async fn move_order(
    db: &impl ConnectionTrait,
    id: OrderId,
    status: OrderStatus,
    with: &[(orders::Column, sea_orm::Value)],
) -> Result<(), Failure> {
    let mut update = orders::Entity::update_many()
        .col_expr(orders::Column::Status, Expr::value(status.as_str()))
        .filter(orders::Column::Id.eq(id.0));
    for (column, value) in with {
        update = update.col_expr(*column, Expr::value(value.clone()));
    }
    update.exec(db).await.map(drop).map_err(Failure::from)
}

pub(crate) async fn move_payment(
    db: &impl ConnectionTrait,
    id: OrderId,
    status: PaymentStatus,
    at: Timestamp,
    with: Option<(payments::Column, Expr)>,
) -> Result<(), Failure> {
    payments::Entity::update_many()
        .col_expr(payments::Column::Status, Expr::value(status.as_str()))
        .col_expr(payments::Column::UpdatedAt, Expr::value(at.as_millis()))
        .apply_if(with, |update, (column, value)| update.col_expr(column, value))
        .filter(payments::Column::OrderId.eq(id.0))
        .exec(db)
        .await
        .map(drop)
        .map_err(Failure::from)
}

async fn end_claim(db: &impl ConnectionTrait, id: OrderId) -> Result<(), Failure> {
    order_units::Entity::update_many()
        .col_expr(order_units::Column::Live, Expr::value(false))
        .filter(order_units::Column::OrderId.eq(id.0))
        .exec(db)
        .await
        .map(drop)
        .map_err(Failure::from)
}
