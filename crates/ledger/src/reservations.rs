//! Reservations and blocked units, written behind the hot store.
//!
//! Invariants: a row only moves forward in its performance's history (each carries the position of the change
//! it shows), so a batch may come again, also where a part of it was written, and an old one may come late; nobody who
//! pays waits for more than a part of it.
//!
//! No foreign key and no refusal stands in the way of a batch: one that could never be written would hold up
//! the drain for good.

use std::collections::BTreeSet;

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    ledger::{OwnedKey, Page, PageRequest, RecordedStatus, ReservationRecord, ReservationRecords},
};
use onsale_domain::{
    changes::Recorded,
    ids::{AccountId, OrderId, PerformanceId, ReservationId},
    inventory::{Image, Sale},
    position::Fence,
    reservations::RequestKey,
    seating::Layout,
    time::Timestamp,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait,
};
use uuid::Uuid;

use crate::{
    SqlLedger,
    columns::{from_json, large, small},
    endpoints,
    entity::reservations,
    failures::Failure,
    pages,
};

mod closing;
mod folding;
mod image;
mod keys;
mod upserts;

use folding::Folding;

#[async_trait]
impl ReservationRecords for SqlLedger {
    async fn record(&self, changes: &[Recorded]) -> Result<(), StoreError> {
        self.db
            .command(|| async move {
                if changes.is_empty() {
                    return Ok(());
                }
                let mut txn = self.db.begin_write().await?;
                let part = if self.db.shares_a_writer() { PART } else { changes.len() };
                for (number, part) in changes.chunks(part).enumerate() {
                    if number > 0 && self.db.is_writer_awaited() {
                        txn.commit().await?;
                        txn = self.db.begin_write().await?;
                    }
                    write_part(&txn, part).await?;
                }
                txn.commit().await.map_err(Failure::from)
            })
            .await
    }

    async fn reservation(&self, id: ReservationId) -> Result<Option<ReservationRecord>, StoreError> {
        self.db
            .command(|| async move {
                let row = reservations::Entity::find_by_id(id.0).one(self.db.reader()).await?;
                Ok(row.as_ref().map(record).transpose()?)
            })
            .await
    }

    async fn hold_by_key(
        &self,
        performance: PerformanceId,
        key: OwnedKey,
        now: Timestamp,
    ) -> Result<Option<(RequestKey, ReservationId)>, StoreError> {
        self.db.command(|| keys::find(self.db.reader(), performance, key, now)).await
    }

    async fn reservations_of(
        &self,
        owner: AccountId,
        request: PageRequest,
    ) -> Result<Page<ReservationRecord>, StoreError> {
        self.db
            .command(|| async move {
                let rows = reservations::Entity::find()
                    .filter(reservations::Column::OwnerId.eq(owner.0))
                    .apply_if(request.after, |query, after| query.filter(reservations::Column::Id.lt(after)))
                    .order_by_desc(reservations::Column::Id)
                    .limit(pages::rows(request))
                    .all(self.db.reader())
                    .await?;
                let items = rows.iter().map(record).collect::<Result<_, _>>()?;
                Ok(pages::page(items, request, |record: &ReservationRecord| record.id.0))
            })
            .await
    }

    async fn recorded_reservations(
        &self,
        after: Option<ReservationId>,
        limit: u32,
    ) -> Result<Vec<ReservationRecord>, StoreError> {
        self.db
            .command(|| async move {
                let rows = reservations::Entity::find()
                    .apply_if(after, |rows, after| rows.filter(reservations::Column::Id.gt(after.0)))
                    .order_by_asc(reservations::Column::Id)
                    .limit(u64::from(limit))
                    .all(self.db.reader())
                    .await?;
                Ok(rows.iter().map(record).collect::<Result<_, _>>()?)
            })
            .await
    }

    async fn close_epochs(
        &self,
        performance: PerformanceId,
        epoch: u32,
        live: &BTreeSet<ReservationId>,
    ) -> Result<usize, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write().await?;
                let rows = closing::closed(&txn, performance, epoch, live).await?;
                upserts::reservations(&txn, rows.iter().collect()).await?;
                txn.commit().await?;
                Ok(rows.len())
            })
            .await
    }

    async fn image(
        &self,
        performance: PerformanceId,
        layout: Layout,
        epoch: u32,
        now: Timestamp,
    ) -> Result<Image, StoreError> {
        self.db
            .command(|| async {
                let txn = self.db.begin_read().await?;
                image::image(&txn, performance, layout.clone(), epoch, now).await
            })
            .await
    }

    async fn sales(&self, performance: PerformanceId) -> Result<Vec<Sale>, StoreError> {
        self.db
            .command(|| async {
                let txn = self.db.begin_read().await?;
                image::sales(&txn, performance).await
            })
            .await
    }
}

/// So many changes are written before it is looked whether somebody waits for the writer: some milliseconds. Fewer would fold
/// less of what belongs to one reservation into one row.
const PART: usize = 1_024;

/// Writes what some changes come to, and what is to be told of them.
async fn write_part(txn: &DatabaseTransaction, changes: &[Recorded]) -> Result<(), Failure> {
    let mut folding = Folding::default();
    for row in known(txn, folding::continued(changes)).await? {
        folding.know(row);
    }
    for change in changes {
        folding.fold(change)?;
    }
    folding.report_unknown();
    upserts::reservations(txn, folding.reservations()).await?;
    upserts::blocked_units(txn, folding.blocked_units()).await?;
    endpoints::tell_of_holds(txn, changes).await
}

/// The rows of reservations, locked until the transaction ends.
async fn known(db: &impl ConnectionTrait, ids: Vec<Uuid>) -> Result<Vec<reservations::Model>, Failure> {
    let mut rows = Vec::with_capacity(ids.len());
    for some in upserts::chunks(&ids) {
        let found = reservations::Entity::find()
            .filter(reservations::Column::Id.is_in(some.iter().copied()))
            .order_by_asc(reservations::Column::Id)
            .lock_exclusive()
            .all(db)
            .await?;
        rows.extend(found);
    }
    Ok(rows)
}

fn record(row: &reservations::Model) -> Result<ReservationRecord, StoreError> {
    let status = RecordedStatus::parse(&row.status);
    Ok(ReservationRecord {
        id: ReservationId(row.id),
        performance: PerformanceId(row.performance_id),
        owner: AccountId(row.owner_id),
        units: from_json(&row.units)?,
        status: status.ok_or_else(|| StoreError::corrupt(format!("reservation status {:?}", row.status)))?,
        made_at: Timestamp(row.made_at),
        expires_at: Timestamp(row.expires_at),
        fence: Fence(large(row.fence)?),
        extensions_used: small(row.extensions_used)?,
        order: row.order_id.map(OrderId),
        sequence: large(row.sequence)?,
    })
}
