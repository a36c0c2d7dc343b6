//! Performances.
//!
//! Invariant: a number and an epoch are given out once, by one statement each.

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    ledger::{Created, OwnedKey, Page, PageRequest, Performance, Performances},
};
use onsale_domain::{
    ids::{EventId, PerformanceId, PerformanceNumber, PlanId},
    time::Timestamp,
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, IntoCondition},
};

use crate::{
    SqlLedger,
    columns::{from_json, signed, small, to_json},
    entity::performances::{ActiveModel, Column, Entity, Model},
    failures::Failure,
    idempotency::{self, Kind, Standing},
    inserts::insert_new,
    pages,
};

#[async_trait]
impl Performances for SqlLedger {
    async fn create_performance(
        &self,
        performance: &Performance,
        key: Option<OwnedKey>,
    ) -> Result<Created<Performance>, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write().await?;
                match idempotency::take(
                    &txn,
                    key,
                    Kind::Performance,
                    performance.id.0,
                    performance.created_at,
                )
                .await?
                {
                    Standing::Mismatch => return Ok(Created::KeyMismatch),
                    Standing::Made(id) => return Ok(Standing::repeated(one(&txn, Column::Id.eq(id)).await?)),
                    Standing::Free => {}
                }
                let made = insert_new(&txn, row(performance)?).await?;
                let known = one(&txn, Column::Id.eq(performance.id.0)).await?;
                if !made {
                    return Ok(Standing::repeated(known));
                }
                let none = || Failure::corrupt("a performance that was made and is not there");
                let created = Created::New(known.ok_or_else(none)?);
                txn.commit().await?;
                Ok(created)
            })
            .await
    }

    async fn performance(&self, id: PerformanceId) -> Result<Option<Performance>, StoreError> {
        self.db.command(|| async move { one(self.db.reader(), Column::Id.eq(id.0)).await }).await
    }

    async fn performance_by_number(
        &self,
        number: PerformanceNumber,
    ) -> Result<Option<Performance>, StoreError> {
        self.db
            .command(|| async move { one(self.db.reader(), Column::Number.eq(i64::from(number.0))).await })
            .await
    }

    async fn performances(
        &self,
        event: EventId,
        request: PageRequest,
    ) -> Result<Page<Performance>, StoreError> {
        self.db
            .command(|| async move {
                let rows = Entity::find()
                    .filter(Column::EventId.eq(event.0))
                    .apply_if(request.after, |query, after| query.filter(Column::Id.gt(after)))
                    .order_by_asc(Column::Id)
                    .limit(pages::rows(request))
                    .all(self.db.reader())
                    .await?;
                let items = rows.iter().map(performance).collect::<Result<_, _>>()?;
                Ok(pages::page(items, request, |performance: &Performance| performance.id.0))
            })
            .await
    }

    async fn reschedule(&self, performance: &Performance) -> Result<bool, StoreError> {
        self.db
            .command(|| async move {
                let millis = |at: Option<Timestamp>| Expr::value(at.map(Timestamp::as_millis));
                let txn = self.db.begin_write().await?;
                let updated = Entity::update_many()
                    .col_expr(Column::StartsAt, Expr::value(performance.starts_at.as_millis()))
                    .col_expr(Column::SaleOpensAt, millis(performance.sale_opens_at))
                    .col_expr(Column::SaleClosesAt, millis(performance.sale_closes_at))
                    .filter(Column::Id.eq(performance.id.0))
                    .exec(&txn)
                    .await?;
                txn.commit().await?;
                Ok(updated.rows_affected > 0)
            })
            .await
    }

    async fn next_epoch(&self, id: PerformanceId) -> Result<u32, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write().await?;
                Entity::update_many()
                    .col_expr(Column::Epoch, Expr::col(Column::Epoch).add(1))
                    .filter(Column::Id.eq(id.0))
                    .exec(&txn)
                    .await?;
                // The row stays locked from the update to the commit, so what is read is what was written.
                let epoch: Option<i64> = Entity::find()
                    .select_only()
                    .column(Column::Epoch)
                    .filter(Column::Id.eq(id.0))
                    .into_tuple()
                    .one(&txn)
                    .await?;
                txn.commit().await?;
                let none = || Failure::corrupt(format!("an epoch for a performance that is not there: {id}"));
                Ok(small(epoch.ok_or_else(none)?)?)
            })
            .await
    }
}

async fn one(db: &impl ConnectionTrait, which: impl IntoCondition) -> Result<Option<Performance>, Failure> {
    Ok(Entity::find().filter(which).one(db).await?.as_ref().map(performance).transpose()?)
}

fn row(performance: &Performance) -> Result<ActiveModel, StoreError> {
    Ok(ActiveModel {
        number: NotSet,
        id: Set(performance.id.0),
        event_id: Set(performance.event.0),
        starts_at: Set(performance.starts_at.as_millis()),
        plan_id: Set(performance.plan.0),
        seat_count: Set(signed(performance.seat_count)?),
        capacity: Set(signed(performance.capacity)?),
        areas: Set(to_json(&performance.areas)?),
        prices: Set(to_json(&performance.prices)?),
        sale_opens_at: Set(performance.sale_opens_at.map(Timestamp::as_millis)),
        sale_closes_at: Set(performance.sale_closes_at.map(Timestamp::as_millis)),
        epoch: Set(0),
        created_at: Set(performance.created_at.as_millis()),
        guests_erased_to: Set(None),
    })
}

fn performance(row: &Model) -> Result<Performance, StoreError> {
    Ok(Performance {
        id: PerformanceId(row.id),
        number: PerformanceNumber(small(row.number)?),
        event: EventId(row.event_id),
        starts_at: Timestamp(row.starts_at),
        plan: PlanId(row.plan_id),
        seat_count: small(row.seat_count)?,
        capacity: small(row.capacity)?,
        areas: from_json(&row.areas)?,
        prices: from_json(&row.prices)?,
        sale_opens_at: row.sale_opens_at.map(Timestamp),
        sale_closes_at: row.sale_closes_at.map(Timestamp),
        created_at: Timestamp(row.created_at),
    })
}
