//! Seating plans.
//!
//! Invariant: a plan is stored once and never changed; lists do not read the plans themselves.

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    ledger::{Created, OwnedKey, Page, PageRequest, PlanSummary, SeatingPlans},
};
use onsale_domain::{
    ids::{AccountId, PlanId},
    seating::SeatingPlan,
    time::Timestamp,
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DerivePartialModel, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait,
};
use uuid::Uuid;

use crate::{
    SqlLedger,
    columns::{from_json, signed, small, to_json},
    entity::{grid_plans, seating_plans},
    failures::Failure,
    idempotency::{self, Kind, Standing},
    inserts::insert_new,
    pages,
};

/// A plan without the plan.
#[derive(DerivePartialModel)]
#[sea_orm(entity = "seating_plans::Entity")]
struct SummaryRow {
    id: Uuid,
    name: String,
    seat_count: i32,
    area_count: i32,
    created_at: i64,
}

#[async_trait]
impl SeatingPlans for SqlLedger {
    async fn create_plan(
        &self,
        summary: &PlanSummary,
        owner: AccountId,
        plan: &SeatingPlan,
        key: Option<OwnedKey>,
    ) -> Result<Created<PlanSummary>, StoreError> {
        self.db
            .command(|| async move {
                let row = seating_plans::ActiveModel {
                    id: Set(summary.id.0),
                    owner_id: Set(owner.0),
                    name: Set(summary.name.clone()),
                    seat_count: Set(signed(summary.seat_count)?),
                    area_count: Set(signed(summary.area_count)?),
                    plan: Set(to_json(plan)?),
                    created_at: Set(summary.created_at.as_millis()),
                };
                let txn = self.db.begin_write().await?;
                match idempotency::take(&txn, key, Kind::Plan, summary.id.0, summary.created_at).await? {
                    Standing::Mismatch => return Ok(Created::KeyMismatch),
                    Standing::Made(id) => return Ok(Standing::repeated(find(&txn, id).await?)),
                    Standing::Free => {}
                }
                if !insert_new(&txn, row).await? {
                    return Ok(Standing::repeated(find(&txn, summary.id.0).await?));
                }
                txn.commit().await?;
                Ok(Created::New(summary.clone()))
            })
            .await
    }

    async fn plan(&self, id: PlanId) -> Result<Option<(PlanSummary, SeatingPlan)>, StoreError> {
        self.db
            .command(|| async move {
                let row = seating_plans::Entity::find_by_id(id.0).one(self.db.reader()).await?;
                let Some(row) = row else { return Ok(None) };
                let plan = from_json(&row.plan)?;
                let (id, name) = (PlanId(row.id), row.name);
                let (seat_count, area_count) = (small(row.seat_count)?, small(row.area_count)?);
                Ok(Some((
                    PlanSummary { id, name, seat_count, area_count, created_at: Timestamp(row.created_at) },
                    plan,
                )))
            })
            .await
    }

    async fn plans(&self, request: PageRequest) -> Result<Page<PlanSummary>, StoreError> {
        self.db
            .command(|| async move {
                let rows = seating_plans::Entity::find()
                    .apply_if(request.after, |query, after| query.filter(seating_plans::Column::Id.lt(after)))
                    .order_by_desc(seating_plans::Column::Id)
                    .limit(pages::rows(request))
                    .into_partial_model::<SummaryRow>()
                    .all(self.db.reader())
                    .await?;
                let items = rows.into_iter().map(summary).collect::<Result<_, _>>()?;
                Ok(pages::page(items, request, |plan: &PlanSummary| plan.id.0))
            })
            .await
    }

    async fn grid_plan(&self, rows: u32, columns: u32) -> Result<Option<PlanSummary>, StoreError> {
        self.db
            .command(|| async move {
                let size = (signed(rows)?, signed(columns)?);
                let txn = self.db.begin_read().await?;
                let grid = grid_plans::Entity::find_by_id(size).one(&txn).await?;
                match grid {
                    Some(grid) => find(&txn, grid.plan_id).await,
                    None => Ok(None),
                }
            })
            .await
    }

    async fn remember_grid_plan(&self, rows: u32, columns: u32, plan: PlanId) -> Result<(), StoreError> {
        self.db
            .command(|| async move {
                let row = grid_plans::ActiveModel {
                    rows: Set(signed(rows)?),
                    columns: Set(signed(columns)?),
                    plan_id: Set(plan.0),
                };
                let txn = self.db.begin_write().await?;
                insert_new(&txn, row).await?;
                txn.commit().await.map_err(Failure::from)
            })
            .await
    }
}

async fn find(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<PlanSummary>, Failure> {
    let query = seating_plans::Entity::find_by_id(id).into_partial_model::<SummaryRow>();
    Ok(query.one(db).await?.map(summary).transpose()?)
}

fn summary(row: SummaryRow) -> Result<PlanSummary, StoreError> {
    Ok(PlanSummary {
        id: PlanId(row.id),
        name: row.name,
        seat_count: small(row.seat_count)?,
        area_count: small(row.area_count)?,
        created_at: Timestamp(row.created_at),
    })
}
