//! The stock of a performance as the ledger knows it.
//!
//! Invariant: no unit is claimed twice in an image. Orders win over holds, holds over blocks, and of two holds
//! the later one.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use futures_util::{StreamExt, TryStreamExt};
use onsale_app::ports::{StoreError, ledger::RecordedStatus};
use onsale_domain::{
    ids::{AccountId, OrderId, PerformanceId, ReservationId},
    inventory::{Image, Sale},
    orders::OrderStatus,
    position::Fence,
    reservations::{Hold, HoldStatus},
    seating::Layout,
    time::Timestamp,
    units::{Unit, Units},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use super::keys;
use crate::{
    columns::{self, from_json, large, small},
    entity::{blocked_units, order_units, orders, reservations},
    failures::Failure,
};

/// An order with a claim.
struct Claim {
    order: OrderId,
    reservation: ReservationId,
    owner: AccountId,
    fence: Fence,
    status: OrderStatus,
    begun_at: Timestamp,
    units: Units,
}

impl Claim {
    fn into_sale(self) -> Sale {
        Sale { order: self.order, owner: self.owner, units: self.units }
    }
}

/// What is sold, by order.
pub(super) async fn sales(
    db: &DatabaseTransaction,
    performance: PerformanceId,
) -> Result<Vec<Sale>, Failure> {
    let claims = claims(db, performance).await?.into_iter();
    Ok(claims.filter(|claim| claim.status != OrderStatus::Paying).map(Claim::into_sale).collect())
}

/// Puts the image together from one state of the database.
pub(super) async fn image(
    db: &DatabaseTransaction,
    performance: PerformanceId,
    layout: Layout,
    epoch: u32,
    now: Timestamp,
) -> Result<Image, Failure> {
    let mut image = Image::untouched(layout, epoch);
    let claims = claims(db, performance).await?;
    let mut claimed: HashSet<Unit> = claims.iter().flat_map(|claim| claim.units.iter().copied()).collect();
    let (paying, sold): (Vec<Claim>, Vec<Claim>) =
        claims.into_iter().partition(|claim| claim.status == OrderStatus::Paying);
    image.sales = sold.into_iter().map(Claim::into_sale).collect();

    let held = held(db, performance, now).await?;
    let recorded = recorded(db, &paying).await?;
    let spoken_for: BTreeSet<ReservationId> = paying.iter().map(|claim| claim.reservation).collect();
    for claim in paying {
        image.holds.push(paying_hold(recorded.get(&claim.reservation.0), claim)?);
    }
    for hold in held {
        if !spoken_for.contains(&hold.id) && hold.units.iter().all(|unit| !claimed.contains(unit)) {
            claimed.extend(&hold.units);
            image.holds.push(hold);
        }
    }
    image.holds.sort_unstable_by_key(|hold| hold.id);
    image.keys = keys::all(db, performance, now).await?;
    let blocked = blocked(db, performance).await?;
    image.blocked = blocked.into_iter().filter(|unit| !claimed.contains(unit)).collect();
    Ok(image)
}

/// The orders with a claim, in the order of their ids.
///
/// Row by row: a hall of a hundred thousand units would stand in memory a second time otherwise, at ten times its size.
async fn claims(db: &DatabaseTransaction, performance: PerformanceId) -> Result<Vec<Claim>, Failure> {
    let mut live_units = order_units::Entity::find()
        .select_only()
        .columns([order_units::Column::OrderId, order_units::Column::Unit])
        .filter(order_units::Column::PerformanceId.eq(performance.0))
        .filter(Expr::col(order_units::Column::Live))
        .order_by_asc(order_units::Column::Unit)
        .into_tuple::<(Uuid, i32)>()
        .stream(db)
        .await?;
    let mut units_of: BTreeMap<Uuid, Units> = BTreeMap::new();
    while let Some((order, unit)) = live_units.try_next().await? {
        units_of.entry(order).or_default().push(columns::unit(unit)?);
    }
    drop(live_units);
    let with_claim = order_units::Entity::find()
        .select_only()
        .column(order_units::Column::OrderId)
        .filter(order_units::Column::PerformanceId.eq(performance.0))
        .filter(Expr::col(order_units::Column::Live))
        .into_query();
    let rows = orders::Entity::find()
        .filter(orders::Column::Id.in_subquery(with_claim))
        .order_by_asc(orders::Column::Id)
        .stream(db)
        .await?;
    rows.map(|row| Ok(claim(&row?, &mut units_of)?)).try_collect().await
}

fn claim(row: &orders::Model, units_of: &mut BTreeMap<Uuid, Units>) -> Result<Claim, StoreError> {
    let status = OrderStatus::parse(&row.status).filter(|status| *status != OrderStatus::Failed);
    let (Some(status), Some(reservation), Some(owner)) = (status, row.reservation_id, row.owner_id) else {
        return Err(StoreError::corrupt(format!("order {} has a claim and is {:?}", row.id, row.status)));
    };
    Ok(Claim {
        order: OrderId(row.id),
        reservation: ReservationId(reservation),
        owner: AccountId(owner),
        fence: Fence(large(row.fence)?),
        status,
        begun_at: Timestamp(row.created_at),
        units: units_of.remove(&row.id).unwrap_or_default(),
    })
}

/// What is recorded of the reservations that these orders pay for.
async fn recorded(
    db: &impl ConnectionTrait,
    paying: &[Claim],
) -> Result<BTreeMap<Uuid, reservations::Model>, Failure> {
    let ids: Vec<Uuid> = paying.iter().map(|claim| claim.reservation.0).collect();
    let mut rows = BTreeMap::new();
    for some in super::upserts::chunks(&ids) {
        let found = reservations::Entity::find()
            .filter(reservations::Column::Id.is_in(some.iter().copied()))
            .all(db)
            .await?;
        rows.extend(found.into_iter().map(|row| (row.id, row)));
    }
    Ok(rows)
}

fn paying_hold(recorded: Option<&reservations::Model>, claim: Claim) -> Result<Hold, StoreError> {
    Ok(Hold {
        id: claim.reservation,
        owner: claim.owner,
        units: claim.units,
        made_at: recorded.map_or(claim.begun_at, |row| Timestamp(row.made_at)),
        expires_at: recorded.map_or(claim.begun_at, |row| Timestamp(row.expires_at)),
        fence: claim.fence,
        extensions_used: recorded.map_or(Ok(0), |row| small(row.extensions_used))?,
        status: HoldStatus::Paying { order: claim.order, since: claim.begun_at },
    })
}

/// The reservations that are not over at `now`, the latest first. One that was paying when it was last heard of
/// counts as held: had its payment come to a claim, an order would speak for it. One that was paid for is over,
/// also when the drain has not said so yet.
async fn held(
    db: &impl ConnectionTrait,
    performance: PerformanceId,
    now: Timestamp,
) -> Result<Vec<Hold>, Failure> {
    let live = [RecordedStatus::Held, RecordedStatus::Paying].map(RecordedStatus::as_str);
    let were_paid = [OrderStatus::Paid, OrderStatus::Refunded].map(OrderStatus::as_str);
    let paid_for = orders::Entity::find()
        .select_only()
        .column(orders::Column::ReservationId)
        .filter(
            Expr::col((orders::Entity, orders::Column::ReservationId))
                .equals((reservations::Entity, reservations::Column::Id)),
        )
        .filter(orders::Column::Status.is_in(were_paid))
        .into_query();
    let rows = reservations::Entity::find()
        .filter(reservations::Column::PerformanceId.eq(performance.0))
        .filter(reservations::Column::ExpiresAt.gt(now.as_millis()))
        .filter(reservations::Column::Status.is_in(live))
        .filter(Expr::exists(paid_for).not())
        .order_by_desc(reservations::Column::Fence)
        .all(db)
        .await?;
    let hold = |row: reservations::Model| {
        Ok(Hold {
            id: ReservationId(row.id),
            owner: AccountId(row.owner_id),
            units: from_json(&row.units)?,
            made_at: Timestamp(row.made_at),
            expires_at: Timestamp(row.expires_at),
            fence: Fence(large(row.fence)?),
            extensions_used: small(row.extensions_used)?,
            status: HoldStatus::Held,
        })
    };
    rows.into_iter().map(hold).collect()
}

async fn blocked(db: &impl ConnectionTrait, performance: PerformanceId) -> Result<Vec<Unit>, Failure> {
    let units: Vec<i32> = blocked_units::Entity::find()
        .select_only()
        .column(blocked_units::Column::Unit)
        .filter(blocked_units::Column::PerformanceId.eq(performance.0))
        .filter(blocked_units::Column::Blocked.eq(true))
        .order_by_asc(blocked_units::Column::Unit)
        .into_tuple()
        .all(db)
        .await?;
    Ok(units.into_iter().map(columns::unit).collect::<Result<_, _>>()?)
}
