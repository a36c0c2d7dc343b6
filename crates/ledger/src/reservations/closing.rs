//! Closing the epochs of a performance that came before the one its stock is in.
//!
//! Invariant: what is written has the first position of the new epoch; so whatever is still written of the old ones
//! afterwards passes it over, and whatever happened in the new one comes after it.

use std::collections::{BTreeMap, BTreeSet};

use onsale_app::ports::{StoreError, ledger::RecordedStatus};
use onsale_domain::{
    ids::{PerformanceId, ReservationId},
    orders::OrderStatus,
    position::Position,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use uuid::Uuid;

use super::{known, upserts};
use crate::{
    columns::{signed, to_json, unit},
    entity::{order_units, orders, reservations},
    failures::Failure,
};

/// The rows that change.
pub(super) async fn closed(
    db: &impl ConnectionTrait,
    performance: PerformanceId,
    epoch: u32,
    live: &BTreeSet<ReservationId>,
) -> Result<Vec<reservations::Model>, Failure> {
    let position = signed(Position { epoch, offset: 0 }.fence().0)?;
    let open = [RecordedStatus::Held, RecordedStatus::Paying].map(RecordedStatus::as_str);
    let mut rows: BTreeMap<Uuid, reservations::Model> = reservations::Entity::find()
        .filter(reservations::Column::PerformanceId.eq(performance.0))
        .filter(reservations::Column::Status.is_in(open))
        .filter(reservations::Column::Position.lt(position))
        .order_by_asc(reservations::Column::Id)
        .lock_exclusive()
        .all(db)
        .await?
        .into_iter()
        .map(|row| (row.id, row))
        .collect();
    for row in rows.values_mut() {
        RecordedStatus::Expired.as_str().clone_into(&mut row.status);
        row.order_id = None;
    }
    rows.retain(|id, _| !live.contains(&ReservationId(*id)));

    let bought = bought(db, performance).await?;
    let missing: Vec<Uuid> = bought.keys().filter(|id| !rows.contains_key(*id)).copied().collect();
    rows.extend(known(db, missing).await?.into_iter().map(|row| (row.id, row)));
    let unknown: Vec<&orders::Model> =
        bought.iter().filter(|(id, _)| !rows.contains_key(*id)).map(|(_, order)| order).collect();
    for row in never_recorded(db, performance, unknown).await? {
        rows.insert(row.id, row);
    }
    for (reservation, order) in &bought {
        if let Some(row) = rows.get_mut(reservation) {
            RecordedStatus::Confirmed.as_str().clone_into(&mut row.status);
            row.order_id = Some(order.id);
        }
    }
    rows.retain(|_, row| row.position < position);
    Ok(rows.into_values().map(|row| reservations::Model { position, ..row }).collect())
}

/// The orders that were paid although their reservations are not confirmed, by reservation.
async fn bought(
    db: &impl ConnectionTrait,
    performance: PerformanceId,
) -> Result<BTreeMap<Uuid, orders::Model>, Failure> {
    let confirmed = reservations::Entity::find()
        .select_only()
        .column(reservations::Column::Id)
        .filter(reservations::Column::PerformanceId.eq(performance.0))
        .filter(reservations::Column::Status.eq(RecordedStatus::Confirmed.as_str()))
        .into_query();
    let found = orders::Entity::find()
        .filter(orders::Column::PerformanceId.eq(performance.0))
        .filter(
            orders::Column::Status.is_in([OrderStatus::Paid, OrderStatus::Refunded].map(OrderStatus::as_str)),
        )
        .filter(orders::Column::ReservationId.not_in_subquery(confirmed))
        .all(db)
        .await?;
    Ok(found.into_iter().filter_map(|order| Some((order.reservation_id?, order))).collect())
}

/// Rows for reservations of which nothing was written down but their orders.
async fn never_recorded(
    db: &impl ConnectionTrait,
    performance: PerformanceId,
    orders: Vec<&orders::Model>,
) -> Result<Vec<reservations::Model>, Failure> {
    let ids: Vec<Uuid> = orders.iter().map(|order| order.id).collect();
    let mut units: BTreeMap<Uuid, Vec<i32>> = BTreeMap::new();
    for some in upserts::chunks(&ids) {
        let found: Vec<(Uuid, i32)> = order_units::Entity::find()
            .select_only()
            .columns([order_units::Column::OrderId, order_units::Column::Unit])
            .filter(order_units::Column::OrderId.is_in(some.iter().copied()))
            .order_by_asc(order_units::Column::Unit)
            .into_tuple()
            .all(db)
            .await?;
        for (order, unit) in found {
            units.entry(order).or_default().push(unit);
        }
    }
    let mut rows = Vec::with_capacity(orders.len());
    for order in orders {
        let (Some(id), Some(owner_id)) = (order.reservation_id, order.owner_id) else { continue };
        let numbers = units.remove(&order.id).unwrap_or_default();
        let numbers = numbers.into_iter().map(unit).collect::<Result<Vec<_>, StoreError>>()?;
        rows.push(reservations::Model {
            id,
            performance_id: performance.0,
            owner_id,
            units: to_json(&numbers)?,
            status: RecordedStatus::Confirmed.as_str().to_owned(),
            made_at: order.created_at,
            expires_at: order.created_at,
            fence: order.fence,
            extensions_used: 0,
            order_id: Some(order.id),
            sequence: order.sequence,
            position: order.fence,
            key_digest: None,
            request_digest: None,
        });
    }
    Ok(rows)
}
