//! Idempotency keys: which thing a request made, so that a repeat does nothing.
//!
//! Invariant: a key is written in the transaction that makes its thing; after a day it counts as unused.

use onsale_app::ports::{
    StoreError,
    ledger::{Created, OwnedKey},
};
use onsale_domain::{
    reservations::{KEY_MEMORY_MS, RequestKey},
    time::Timestamp,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{OnConflict, Query},
};
use uuid::Uuid;

use crate::{connection::store_error, entity::idempotency_keys};

/// How many expired keys are deleted with each one written at most.
const PRUNED_AT_ONCE: u64 = 8;

/// What a key was used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Event,
    Plan,
    Performance,
    TopUp,
    Order,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Plan => "plan",
            Self::Performance => "performance",
            Self::TopUp => "top_up",
            Self::Order => "order",
        }
    }
}

/// What is known of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Not used, or so long ago that it does not count.
    Free,
    /// Used for the same request, which made this.
    Made(Uuid),
    /// Used for another request.
    Mismatch,
}

impl Standing {
    /// The answer to a repeat, given what its thing is now; a thing that is gone cannot be answered with.
    pub(crate) fn repeated<T>(thing: Option<T>) -> Created<T> {
        thing.map_or(Created::KeyMismatch, Created::Repeated)
    }
}

/// Looks a key up before a thing of `kind` is made.
pub(crate) async fn standing(
    db: &impl ConnectionTrait,
    key: Option<OwnedKey>,
    kind: Kind,
    now: Timestamp,
) -> Result<Standing, StoreError> {
    let Some(key) = key else { return Ok(Standing::Free) };
    let Some(row) = find(db, key).await? else { return Ok(Standing::Free) };
    if now.since_ms(Timestamp(row.created_at)) >= KEY_MEMORY_MS {
        return Ok(Standing::Free);
    }
    let same = row.request_digest == key.key.request && row.kind == kind.as_str();
    Ok(if same { Standing::Made(row.thing_id) } else { Standing::Mismatch })
}

/// The order that a key points at, and the digest of the request it was used for.
pub(crate) async fn order_under(
    db: &impl ConnectionTrait,
    key: OwnedKey,
) -> Result<Option<(RequestKey, Uuid)>, StoreError> {
    let Some(row) = find(db, key).await?.filter(|row| row.kind == Kind::Order.as_str()) else {
        return Ok(None);
    };
    let request =
        row.request_digest.try_into().map_err(|_| StoreError::corrupt("a digest of another length"))?;
    Ok(Some((RequestKey { key: key.key.key, request }, row.thing_id)))
}

/// Points a key at a thing, and forgets a few that nobody will ask for any more.
pub(crate) async fn remember(
    db: &impl ConnectionTrait,
    key: Option<OwnedKey>,
    kind: Kind,
    thing: Uuid,
    now: Timestamp,
) -> Result<(), StoreError> {
    use idempotency_keys::Column;
    let Some(key) = key else { return Ok(()) };
    prune(db, now).await?;
    let row = idempotency_keys::ActiveModel {
        owner_id: Set(key.owner.0),
        key_digest: Set(key.key.key.to_vec()),
        request_digest: Set(key.key.request.to_vec()),
        kind: Set(kind.as_str().to_owned()),
        thing_id: Set(thing),
        created_at: Set(now.as_millis()),
    };
    let overwrite = OnConflict::columns([Column::OwnerId, Column::KeyDigest])
        .update_columns([Column::RequestDigest, Column::Kind, Column::ThingId, Column::CreatedAt])
        .to_owned();
    let insert = idempotency_keys::Entity::insert(row).on_conflict(overwrite);
    insert.exec_without_returning(db).await.map(drop).map_err(store_error)
}

async fn find(
    db: &impl ConnectionTrait,
    key: OwnedKey,
) -> Result<Option<idempotency_keys::Model>, StoreError> {
    let id = (key.owner.0, key.key.key.to_vec());
    idempotency_keys::Entity::find_by_id(id).one(db).await.map_err(store_error)
}

async fn prune(db: &impl ConnectionTrait, now: Timestamp) -> Result<(), StoreError> {
    use idempotency_keys::Column;
    let memory = i64::try_from(KEY_MEMORY_MS).unwrap_or(i64::MAX);
    let expired: Vec<(Uuid, Vec<u8>)> = idempotency_keys::Entity::find()
        .select_only()
        .columns([Column::OwnerId, Column::KeyDigest])
        .filter(Column::CreatedAt.lte(now.as_millis().saturating_sub(memory)))
        .order_by_asc(Column::CreatedAt)
        .limit(PRUNED_AT_ONCE)
        .into_tuple()
        .all(db)
        .await
        .map_err(store_error)?;
    for (owner, digest) in expired {
        let delete = Query::delete()
            .from_table(idempotency_keys::Entity)
            .and_where(Column::OwnerId.eq(owner))
            .and_where(Column::KeyDigest.eq(digest))
            .take();
        db.execute(&delete).await.map_err(store_error)?;
    }
    Ok(())
}
