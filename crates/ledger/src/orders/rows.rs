//! Orders as rows, and back.
//!
//! Invariant: an order is put together from its row, its units and its payment as of one transaction.

use std::collections::{BTreeMap, BTreeSet};

use onsale_app::ports::{
    StoreError,
    ledger::{BuyerDetails, Order, OrderUnit, UnitRefund, Writing},
};
use onsale_domain::{
    ids::{AccountId, OrderId, PerformanceId, RefundId, ReservationId},
    orders::{OrderStatus, RefundStatus},
    position::Fence,
    time::Timestamp,
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use crate::{
    columns::{large, money, signed, unit, unit_column},
    entity::{order_units, orders, payments, refunds},
    failures::Failure,
};

/// Where the payment of an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PaymentStatus {
    /// Not known to be over.
    Open,
    /// The money is taken.
    Captured,
    /// Came to nothing.
    Void,
    /// The money was given back.
    Refunded,
}

impl PaymentStatus {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Captured => "captured",
            Self::Void => "void",
            Self::Refunded => "refunded",
        }
    }
}

/// A new order, paying.
pub(crate) fn order(order: &Order) -> Result<orders::ActiveModel, StoreError> {
    Ok(orders::ActiveModel {
        id: Set(order.id.0),
        reservation_id: Set(Some(order.reservation.0)),
        performance_id: Set(Some(order.performance.0)),
        owner_id: Set(Some(order.owner.0)),
        fence: Set(signed(order.fence.0)?),
        status: Set(OrderStatus::Paying.as_str().to_owned()),
        total: Set(order.total.amount),
        currency: Set(order.total.currency.to_string()),
        buyer_name: Set(order.buyer.name.clone()),
        buyer_phone: Set(order.buyer.phone.clone()),
        buyer_email: Set(order.buyer.email.clone()),
        letter_language: Set(order.buyer.letters.as_ref().map(|writing| writing.language.clone())),
        letter_time_zone: Set(order.buyer.letters.as_ref().map(|writing| writing.time_zone.clone())),
        failure: Set(None),
        sequence: Set(signed(order.sequence)?),
        created_at: Set(order.created_at.as_millis()),
        settled_at: Set(None),
        refunded_at: Set(None),
    })
}

/// The row that keeps an order from being begun.
pub(crate) fn never_begun(id: OrderId, at: Timestamp) -> orders::ActiveModel {
    orders::ActiveModel {
        id: Set(id.0),
        reservation_id: Set(None),
        performance_id: Set(None),
        owner_id: Set(None),
        fence: Set(0),
        status: Set(OrderStatus::Failed.as_str().to_owned()),
        total: Set(0),
        // ISO 4217: no currency is involved.
        currency: Set("XXX".to_owned()),
        buyer_name: Set(String::new()),
        buyer_phone: Set(None),
        buyer_email: Set(None),
        letter_language: Set(None),
        letter_time_zone: Set(None),
        failure: Set(Some("never begun".to_owned())),
        sequence: Set(0),
        created_at: Set(at.as_millis()),
        settled_at: Set(Some(at.as_millis())),
        refunded_at: Set(None),
    }
}

/// The units of a new order, claimed, in the order of their numbers: whoever wants some of the same waits at the
/// first of them, and nobody waits for somebody who waits.
pub(crate) fn units(order: &Order) -> Result<Vec<order_units::ActiveModel>, StoreError> {
    let row = |wanted: &OrderUnit| {
        Ok(order_units::ActiveModel {
            order_id: Set(order.id.0),
            unit: Set(unit_column(wanted.unit)?),
            performance_id: Set(order.performance.0),
            price: Set(wanted.price.amount),
            currency: Set(wanted.price.currency.to_string()),
            ticket_code: Set(wanted.ticket_code.clone()),
            live: Set(true),
            checked_in_at: Set(None),
            checked_in_by: Set(None),
            refund_id: Set(None),
        })
    };
    let mut units: Vec<&OrderUnit> = order.units.iter().collect();
    units.sort_unstable_by_key(|wanted| wanted.unit);
    units.into_iter().map(row).collect()
}

/// The payment of a new order, open.
pub(crate) fn payment(order: &Order) -> payments::ActiveModel {
    payments::ActiveModel {
        order_id: Set(order.id.0),
        method: Set(order.method.clone()),
        reference: Set(None),
        status: Set(PaymentStatus::Open.as_str().to_owned()),
        amount: Set(order.total.amount),
        currency: Set(order.total.currency.to_string()),
        updated_at: Set(order.created_at.as_millis()),
    }
}

/// Where an order stands.
pub(crate) fn status(row: &orders::Model) -> Result<OrderStatus, StoreError> {
    OrderStatus::parse(&row.status)
        .ok_or_else(|| StoreError::corrupt(format!("order status {:?}", row.status)))
}

/// An order that was begun, locked until the transaction ends.
pub(crate) async fn find_for_update(
    db: &impl ConnectionTrait,
    id: OrderId,
) -> Result<Option<Order>, Failure> {
    let row = orders::Entity::find_by_id(id.0).lock_exclusive().all(db).await?;
    Ok(assemble(db, row).await?.pop())
}

/// Puts orders together, in the order of their rows; those that were never begun are left out.
pub(crate) async fn assemble(
    db: &impl ConnectionTrait,
    rows: Vec<orders::Model>,
) -> Result<Vec<Order>, Failure> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let payments =
        payments::Entity::find().filter(payments::Column::OrderId.is_in(ids.iter().copied())).all(db).await?;
    let mut payments: BTreeMap<Uuid, payments::Model> =
        payments.into_iter().map(|row| (row.order_id, row)).collect();
    let units = order_units::Entity::find()
        .filter(order_units::Column::OrderId.is_in(ids))
        .order_by_asc(order_units::Column::Unit)
        .all(db)
        .await?;
    let statuses = refund_statuses(db, &units).await?;
    let mut units_of: BTreeMap<Uuid, Vec<OrderUnit>> = BTreeMap::new();
    for row in units {
        let refund = row.refund_id.map(|id| refunded(id, &statuses, row.live)).transpose()?;
        let bought = bought(row.unit, row.price, &row.currency, row.ticket_code)?;
        units_of.entry(row.order_id).or_default().push(OrderUnit { refund, ..bought });
    }
    let mut orders = Vec::with_capacity(rows.len());
    for row in rows {
        let payment = payments.remove(&row.id).map(|payment| (payment.method, payment.reference));
        let units = units_of.remove(&row.id).unwrap_or_default();
        orders.extend(put_together(&row, payment, units)?);
    }
    Ok(orders)
}

/// Where the refunds stand that these units are in. Nobody is asked where there are none, as nearly always.
async fn refund_statuses(
    db: &impl ConnectionTrait,
    units: &[order_units::Model],
) -> Result<BTreeMap<Uuid, RefundStatus>, Failure> {
    let ids: BTreeSet<Uuid> = units.iter().filter_map(|unit| unit.refund_id).collect();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let found: Vec<(Uuid, String)> = refunds::Entity::find()
        .select_only()
        .columns([refunds::Column::Id, refunds::Column::Status])
        .filter(refunds::Column::Id.is_in(ids))
        .into_tuple()
        .all(db)
        .await?;
    Ok(found
        .into_iter()
        .map(|(id, status)| Ok((id, refund_status(&status)?)))
        .collect::<Result<_, StoreError>>()?)
}

/// Where a refund stands.
pub(crate) fn refund_status(name: &str) -> Result<RefundStatus, StoreError> {
    RefundStatus::parse(name).ok_or_else(|| StoreError::corrupt(format!("refund status {name:?}")))
}

fn refunded(
    id: Uuid,
    statuses: &BTreeMap<Uuid, RefundStatus>,
    is_live: bool,
) -> Result<UnitRefund, StoreError> {
    let status = statuses.get(&id).copied();
    let status = status.ok_or_else(|| StoreError::corrupt(format!("refund {id} is not there")))?;
    Ok(UnitRefund { id: RefundId(id), status, is_released: !is_live })
}

/// One unit of an order, in no refund.
pub(crate) fn bought(
    number: i32,
    price: i64,
    currency: &str,
    ticket_code: String,
) -> Result<OrderUnit, StoreError> {
    Ok(OrderUnit { unit: unit(number)?, price: money(price, currency)?, ticket_code, refund: None })
}

/// An order of its row, its payment (method and reference) and its units; `None` where it was never begun.
pub(crate) fn put_together(
    row: &orders::Model,
    payment: Option<(String, Option<String>)>,
    units: Vec<OrderUnit>,
) -> Result<Option<Order>, StoreError> {
    let (Some(reservation), Some(performance), Some(owner)) =
        (row.reservation_id, row.performance_id, row.owner_id)
    else {
        return Ok(None);
    };
    let status = status(row)?;
    let without = || StoreError::corrupt(format!("order {} without a payment", row.id));
    let (method, reference) = payment.ok_or_else(without)?;
    Ok(Some(Order {
        id: OrderId(row.id),
        reservation: ReservationId(reservation),
        performance: PerformanceId(performance),
        owner: AccountId(owner),
        fence: Fence(large(row.fence)?),
        status,
        units,
        total: money(row.total, &row.currency)?,
        buyer: buyer(row),
        method,
        reference,
        sequence: large(row.sequence)?,
        created_at: Timestamp(row.created_at),
    }))
}

/// Whom an order is for, and how they are written to.
pub(crate) fn buyer(row: &orders::Model) -> BuyerDetails {
    let (language, time_zone) = (row.letter_language.clone(), row.letter_time_zone.clone());
    BuyerDetails {
        name: row.buyer_name.clone(),
        phone: row.buyer_phone.clone(),
        email: row.buyer_email.clone(),
        letters: language.zip(time_zone).map(|(language, time_zone)| Writing { language, time_zone }),
    }
}
