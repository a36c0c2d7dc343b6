//! Events.
//!
//! Invariant: an event with a seat that is sold or being paid for cannot be deleted; orders outlive their event.

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    ledger::{Created, DeleteOutcome, Event, Events, OwnedKey, Page, PageRequest},
};
use onsale_domain::{
    ids::{AccountId, EventId},
    orders::OrderStatus,
    time::Timestamp,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, SelectStatement},
};

use crate::{
    SqlLedger,
    columns::{from_json, to_json},
    entity::{
        actions, blocked_units, events, order_units, orders, performances, reservations, return_lines, wishes,
    },
    failures::Failure,
    idempotency::{self, Kind, Standing},
    inserts::insert_new,
    pages,
};

#[async_trait]
impl Events for SqlLedger {
    async fn create_event(&self, event: &Event, key: Option<OwnedKey>) -> Result<Created<Event>, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write().await?;
                match idempotency::take(&txn, key, Kind::Event, event.id.0, event.created_at).await? {
                    Standing::Mismatch => return Ok(Created::KeyMismatch),
                    Standing::Made(id) => return Ok(Standing::repeated(find(&txn, EventId(id)).await?)),
                    Standing::Free => {}
                }
                let row = events::ActiveModel {
                    id: Set(event.id.0),
                    organizer_id: Set(event.organizer.0),
                    title: Set(event.title.clone()),
                    description: Set(event.description.clone()),
                    settings: Set(to_json(&event.settings)?),
                    created_at: Set(event.created_at.as_millis()),
                };
                if !insert_new(&txn, row).await? {
                    return Ok(Standing::repeated(find(&txn, event.id).await?));
                }
                txn.commit().await?;
                Ok(Created::New(event.clone()))
            })
            .await
    }

    async fn event(&self, id: EventId) -> Result<Option<Event>, StoreError> {
        self.db.command(|| async move { find(self.db.reader(), id).await }).await
    }

    async fn events(&self, request: PageRequest) -> Result<Page<Event>, StoreError> {
        self.listed(None, request).await
    }

    async fn events_of(&self, organizer: AccountId, request: PageRequest) -> Result<Page<Event>, StoreError> {
        self.listed(Some(organizer), request).await
    }

    async fn update_event(&self, event: &Event) -> Result<bool, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write().await?;
                let updated = events::Entity::update_many()
                    .col_expr(events::Column::Title, Expr::value(event.title.clone()))
                    .col_expr(events::Column::Description, Expr::value(event.description.clone()))
                    .col_expr(events::Column::Settings, Expr::value(to_json(&event.settings)?))
                    .filter(events::Column::Id.eq(event.id.0))
                    .exec(&txn)
                    .await?;
                txn.commit().await?;
                Ok(updated.rows_affected > 0)
            })
            .await
    }

    async fn delete_event(&self, id: EventId) -> Result<DeleteOutcome, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write().await?;
                let found = events::Entity::find_by_id(id.0).lock_exclusive().one(&txn).await?;
                if found.is_none() {
                    return Ok(DeleteOutcome::NotFound);
                }
                // Orders that are being begun keep their performance from this lock, and those that come later find it
                // gone; so what is seen of orders behind it is all there will ever be.
                let kept: Vec<i64> = performances::Entity::find()
                    .select_only()
                    .column(performances::Column::Number)
                    .filter(performances::Column::EventId.eq(id.0))
                    .order_by_asc(performances::Column::Number)
                    .lock_exclusive()
                    .into_tuple()
                    .all(&txn)
                    .await?;
                tracing::debug!(event = %id, performances = kept.len(), "deleting");
                if has_orders(&txn, id).await? {
                    return Ok(DeleteOutcome::HasOrders);
                }
                reservations::Entity::delete_many()
                    .filter(reservations::Column::PerformanceId.in_subquery(performances_of(id)))
                    .exec(&txn)
                    .await?;
                blocked_units::Entity::delete_many()
                    .filter(blocked_units::Column::PerformanceId.in_subquery(performances_of(id)))
                    .exec(&txn)
                    .await?;
                wishes::Entity::delete_many().filter(wishes::Column::EventId.eq(id.0)).exec(&txn).await?;
                return_lines::Entity::delete_many()
                    .filter(return_lines::Column::PerformanceId.in_subquery(performances_of(id)))
                    .exec(&txn)
                    .await?;
                actions::Entity::delete_many().filter(actions::Column::EventId.eq(id.0)).exec(&txn).await?;
                performances::Entity::delete_many()
                    .filter(performances::Column::EventId.eq(id.0))
                    .exec(&txn)
                    .await?;
                events::Entity::delete_by_id(id.0).exec(&txn).await?;
                txn.commit().await?;
                Ok(DeleteOutcome::Deleted)
            })
            .await
    }
}

impl SqlLedger {
    /// All events, or one organizer's, newest first.
    async fn listed(
        &self,
        organizer: Option<AccountId>,
        request: PageRequest,
    ) -> Result<Page<Event>, StoreError> {
        self.db
            .command(|| async move {
                use events::Column;
                let rows = events::Entity::find()
                    .apply_if(organizer, |query, organizer: AccountId| {
                        query.filter(Column::OrganizerId.eq(organizer.0))
                    })
                    .apply_if(request.after, |query, after| query.filter(Column::Id.lt(after)))
                    .order_by_desc(Column::Id)
                    .limit(pages::rows(request))
                    .all(self.db.reader())
                    .await?;
                let items = rows.into_iter().map(event).collect::<Result<_, _>>()?;
                Ok(pages::page(items, request, |event: &Event| event.id.0))
            })
            .await
    }
}

/// Whether a unit of the event is claimed, or an order of it is paying or paid.
async fn has_orders(db: &impl ConnectionTrait, id: EventId) -> Result<bool, Failure> {
    let claim = order_units::Entity::find()
        .select_only()
        .column(order_units::Column::Unit)
        .filter(order_units::Column::PerformanceId.in_subquery(performances_of(id)))
        .filter(Expr::col(order_units::Column::Live))
        .into_tuple::<i32>()
        .one(db)
        .await?;
    if claim.is_some() {
        return Ok(true);
    }
    let claiming = [OrderStatus::Paying, OrderStatus::Paid].map(OrderStatus::as_str);
    let order = orders::Entity::find()
        .filter(orders::Column::PerformanceId.in_subquery(performances_of(id)))
        .filter(orders::Column::Status.is_in(claiming))
        .one(db)
        .await?;
    Ok(order.is_some())
}

pub(crate) fn performances_of(id: EventId) -> SelectStatement {
    performances::Entity::find()
        .select_only()
        .column(performances::Column::Id)
        .filter(performances::Column::EventId.eq(id.0))
        .into_query()
}

async fn find(db: &impl ConnectionTrait, id: EventId) -> Result<Option<Event>, Failure> {
    Ok(events::Entity::find_by_id(id.0).one(db).await?.map(event).transpose()?)
}

fn event(row: events::Model) -> Result<Event, StoreError> {
    Ok(Event {
        id: EventId(row.id),
        organizer: AccountId(row.organizer_id),
        title: row.title,
        description: row.description,
        settings: from_json(&row.settings)?,
        created_at: Timestamp(row.created_at),
    })
}
