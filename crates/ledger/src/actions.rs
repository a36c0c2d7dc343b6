//! What organizers do to a sale by hand.

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    ledger::{Action, ActionKind, Actions, Page, PageRequest},
};
use onsale_domain::{
    ids::{AccountId, ActionId, EventId, PerformanceId},
    time::Timestamp,
};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use crate::{
    SqlLedger,
    columns::{from_json, to_json},
    entity::actions::{ActiveModel, Column, Entity, Model},
    inserts::insert_new,
    pages,
};

#[async_trait]
impl Actions for SqlLedger {
    async fn note_action(&self, action: &Action) -> Result<(), StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write().await?;
                let row = ActiveModel {
                    id: Set(action.id.0),
                    event_id: Set(action.event.0),
                    performance_id: Set(action.performance.map(|performance| performance.0)),
                    account_id: Set(action.by.0),
                    kind: Set(action.kind.as_str().to_owned()),
                    detail: Set(to_json(&action.detail)?),
                    reason: Set(action.reason.clone()),
                    created_at: Set(action.at.as_millis()),
                };
                insert_new(&txn, row).await?;
                txn.commit().await?;
                Ok(())
            })
            .await
    }

    async fn actions_of(&self, event: EventId, request: PageRequest) -> Result<Page<Action>, StoreError> {
        self.db
            .command(|| async move {
                let rows = Entity::find()
                    .filter(Column::EventId.eq(event.0))
                    .apply_if(request.after, |query, after| query.filter(Column::Id.lt(after)))
                    .order_by_desc(Column::Id)
                    .limit(pages::rows(request))
                    .all(self.db.reader())
                    .await?;
                let items = rows.into_iter().map(action).collect::<Result<_, _>>()?;
                Ok(pages::page(items, request, |action: &Action| action.id.0))
            })
            .await
    }
}

fn action(row: Model) -> Result<Action, StoreError> {
    let unknown = || StoreError::Corrupt(format!("an action that is none: {:?}", row.kind));
    Ok(Action {
        id: ActionId(row.id),
        event: EventId(row.event_id),
        performance: row.performance_id.map(PerformanceId),
        by: AccountId(row.account_id),
        kind: ActionKind::parse(&row.kind).ok_or_else(unknown)?,
        detail: from_json(&row.detail)?,
        reason: row.reason,
        at: Timestamp(row.created_at),
    })
}
