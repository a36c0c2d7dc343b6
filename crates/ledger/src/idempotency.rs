//! Idempotency keys: which thing a request made, so that a repeat does nothing.
//!
//! Invariant: a key is written in the transaction that makes its thing, before the thing: the unique key lets one
//! request at a time past it. After a day it counts as unused.

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
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, LockBehavior, LockType, OnConflict, Query},
};
use uuid::Uuid;

use crate::{
    entity::idempotency_keys::{self, Column},
    failures::Failure,
    inserts::insert_unless,
};

/// How many expired keys are deleted with each one written at most.
pub(crate) const PRUNED_AT_ONCE: u64 = 8;

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
    pub(crate) fn as_str(self) -> &'static str {
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

/// Takes a key for a thing that is about to be made, unless it stands for another already: in one statement, so that
/// of many requests under one key at once the others wait here for what becomes of the first.
pub(crate) async fn take(
    db: &impl ConnectionTrait,
    key: Option<OwnedKey>,
    kind: Kind,
    thing: Uuid,
    now: Timestamp,
) -> Result<Standing, Failure> {
    let Some(key) = key else { return Ok(Standing::Free) };
    prune(db, Some(key), now).await?;
    let unless_remembered = overwrite()
        .action_and_where(Expr::col((idempotency_keys::Entity, Column::CreatedAt)).lte(forgotten(now)))
        .to_owned();
    let insert = idempotency_keys::Entity::insert(row(key, kind, thing, now)).on_conflict(unless_remembered);
    if insert.exec_without_returning(db).await? > 0 {
        return Ok(Standing::Free);
    }
    let found = find(db, key).await?;
    // Gone since: whoever deleted it has done so in the moment between the two statements.
    let found =
        found.ok_or_else(|| Failure::Contended("an idempotency key is just being forgotten".into()))?;
    let same = found.request_digest == key.key.request && found.kind == kind.as_str();
    Ok(if same { Standing::Made(found.thing_id) } else { Standing::Mismatch })
}

/// The order that a key points at, and the digest of the request it was used for.
pub(crate) async fn order_under(
    db: &impl ConnectionTrait,
    key: OwnedKey,
) -> Result<Option<(RequestKey, Uuid)>, Failure> {
    let Some(row) = find(db, key).await?.filter(|row| row.kind == Kind::Order.as_str()) else {
        return Ok(None);
    };
    let request =
        row.request_digest.try_into().map_err(|_| StoreError::corrupt("a digest of another length"))?;
    Ok(Some((RequestKey { key: key.key.key, request }, row.thing_id)))
}

/// Points a key at a thing, whatever it stood for before.
pub(crate) async fn point(
    db: &impl ConnectionTrait,
    key: Option<OwnedKey>,
    kind: Kind,
    thing: Uuid,
    now: Timestamp,
) -> Result<(), Failure> {
    point_all(db, key.map(|key| (key, thing, now)).into_iter().collect(), kind).await
}

/// Points keys, each of which is there once, at things, from when they are.
pub(crate) async fn point_all(
    db: &impl ConnectionTrait,
    keys: Vec<(OwnedKey, Uuid, Timestamp)>,
    kind: Kind,
) -> Result<(), Failure> {
    let Some((first, _, now)) = keys.first().copied() else { return Ok(()) };
    prune(db, Some(first), now).await?;
    let rows = keys.into_iter().map(|(key, thing, now)| row(key, kind, thing, now)).collect();
    insert_unless(db, rows, &overwrite()).await.map(drop)
}

fn row(key: OwnedKey, kind: Kind, thing: Uuid, now: Timestamp) -> idempotency_keys::ActiveModel {
    idempotency_keys::ActiveModel {
        owner_id: Set(key.owner.0),
        key_digest: Set(key.key.key.to_vec()),
        request_digest: Set(key.key.request.to_vec()),
        kind: Set(kind.as_str().to_owned()),
        thing_id: Set(thing),
        created_at: Set(now.as_millis()),
    }
}

fn overwrite() -> OnConflict {
    OnConflict::columns([Column::OwnerId, Column::KeyDigest])
        .update_columns([Column::RequestDigest, Column::Kind, Column::ThingId, Column::CreatedAt])
        .to_owned()
}

/// Keys from this time and before are forgotten.
pub(crate) fn forgotten(now: Timestamp) -> i64 {
    now.as_millis().saturating_sub(i64::try_from(KEY_MEMORY_MS).unwrap_or(i64::MAX))
}

async fn find(db: &impl ConnectionTrait, key: OwnedKey) -> Result<Option<idempotency_keys::Model>, Failure> {
    let id = (key.owner.0, key.key.key.to_vec());
    idempotency_keys::Entity::find_by_id(id).one(db).await.map_err(Failure::from)
}

/// Deletes a few keys that nobody will ask for any more, leaving `except` to whoever is using it and those that
/// another transaction is deleting to that one.
async fn prune(db: &impl ConnectionTrait, except: Option<OwnedKey>, now: Timestamp) -> Result<(), Failure> {
    let expired: Vec<(Uuid, Vec<u8>)> = idempotency_keys::Entity::find()
        .select_only()
        .columns([Column::OwnerId, Column::KeyDigest])
        .filter(Column::CreatedAt.lte(forgotten(now)))
        .apply_if(except, |query, key| {
            let own = Column::OwnerId.eq(key.owner.0).and(Column::KeyDigest.eq(key.key.key.to_vec()));
            query.filter(own.not())
        })
        .order_by_asc(Column::CreatedAt)
        .limit(PRUNED_AT_ONCE)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .into_tuple()
        .all(db)
        .await?;
    for (owner, digest) in expired {
        let delete = Query::delete()
            .from_table(idempotency_keys::Entity)
            .and_where(Column::OwnerId.eq(owner))
            .and_where(Column::KeyDigest.eq(digest))
            .take();
        db.execute(&delete).await?;
    }
    Ok(())
}
