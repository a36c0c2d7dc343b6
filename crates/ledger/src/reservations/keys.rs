//! The idempotency keys that holds were made under.
//!
//! They are looked up by the owner, who has few reservations: an index of their own would make every hold dirty another
//! page.
//!
//! Invariant: a key is of one performance and one owner, and after a day it is nobody's.

use futures_util::{StreamExt, TryStreamExt};
use onsale_app::ports::{StoreError, ledger::OwnedKey};
use onsale_domain::{
    ids::{AccountId, PerformanceId, ReservationId},
    reservations::RequestKey,
    time::Timestamp,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use crate::{entity::reservations::Column, entity::reservations::Entity, failures::Failure, idempotency};

/// The hold that was made under a key, and the digest of the request, unless that was more than a day ago.
pub(super) async fn find(
    db: &impl ConnectionTrait,
    performance: PerformanceId,
    OwnedKey { owner, key: RequestKey { key, .. } }: OwnedKey,
    now: Timestamp,
) -> Result<Option<(RequestKey, ReservationId)>, Failure> {
    let found: Option<(Uuid, Vec<u8>)> = Entity::find()
        .select_only()
        .columns([Column::Id, Column::RequestDigest])
        .filter(Column::OwnerId.eq(owner.0))
        .filter(Column::PerformanceId.eq(performance.0))
        .filter(Column::KeyDigest.eq(key.to_vec()))
        .filter(Column::MadeAt.gt(idempotency::forgotten(now)))
        .order_by_desc(Column::Id)
        .into_tuple()
        .one(db)
        .await?;
    let Some((id, request)) = found else { return Ok(None) };
    Ok(Some((RequestKey { key, request: digest(request)? }, ReservationId(id))))
}

/// When, by whom, the key, what was asked, and the hold.
type Row = (i64, Uuid, Vec<u8>, Vec<u8>, Uuid);

/// All keys of a performance that were used within a day, oldest first. There may be millions: row by row, since what
/// the driver has of a row is several times what is kept.
pub(super) async fn all(
    db: &DatabaseTransaction,
    performance: PerformanceId,
    now: Timestamp,
) -> Result<Vec<(Timestamp, AccountId, RequestKey, ReservationId)>, Failure> {
    let rows = Entity::find()
        .select_only()
        .columns([Column::MadeAt, Column::OwnerId, Column::KeyDigest, Column::RequestDigest, Column::Id])
        .filter(Column::PerformanceId.eq(performance.0))
        .filter(Column::KeyDigest.is_not_null())
        .filter(Column::RequestDigest.is_not_null())
        .filter(Column::MadeAt.gt(idempotency::forgotten(now)))
        .order_by_asc(Column::MadeAt)
        .order_by_asc(Column::Id)
        .into_tuple::<Row>()
        .stream(db)
        .await?;
    let key = |(at, owner, key, request, id): Row| {
        let key = RequestKey { key: digest(key)?, request: digest(request)? };
        Ok::<_, StoreError>((Timestamp(at), AccountId(owner), key, ReservationId(id)))
    };
    rows.map(|row| Ok(key(row?)?)).try_collect().await
}

fn digest(bytes: Vec<u8>) -> Result<[u8; 16], StoreError> {
    bytes.try_into().map_err(|_| StoreError::corrupt("a digest of another length"))
}
