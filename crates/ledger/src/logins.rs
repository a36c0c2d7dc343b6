//! Log-ins and their refresh tokens.
//!
//! Invariant: a token is used up by one conditional update, so of two that present it at once one gets through
//! and the other ends the login.

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    ledger::{Login, Logins, Rotation},
};
use onsale_domain::{
    ids::{AccountId, LoginId},
    time::Timestamp,
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, sea_query::Expr,
};
use uuid::Uuid;

use crate::{
    SqlLedger,
    entity::{logins, refresh_tokens},
    failures::Failure,
    inserts::insert_new,
};

/// How many forgotten tokens are deleted with each one issued at most: more than one, so that they get fewer.
const PRUNED_AT_ONCE: u64 = 16;

/// How long an expired token is kept, so that one that was used and has expired since is still told from one
/// that never was.
const KEPT_AFTER_EXPIRY_MS: i64 = 24 * 60 * 60 * 1000;

#[async_trait]
impl Logins for SqlLedger {
    async fn begin_login(
        &self,
        login: Login,
        token: [u8; 32],
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write().await?;
                let row = logins::ActiveModel {
                    id: Set(login.id.0),
                    account_id: Set(login.account.0),
                    ended: Set(false),
                    address: Set(Some(login.address.to_vec())),
                };
                insert_new(&txn, row).await?;
                issue(&txn, login.id.0, token, expires_at).await?;
                txn.commit().await.map_err(Failure::from)
            })
            .await
    }

    async fn has_logged_in_from(&self, account: AccountId, address: [u8; 16]) -> Result<bool, StoreError> {
        self.db
            .command(|| async move {
                let found = logins::Entity::find()
                    .filter(logins::Column::AccountId.eq(account.0))
                    .filter(logins::Column::Address.eq(address.to_vec()))
                    .limit(1)
                    .one(self.db.reader())
                    .await?;
                Ok(found.is_some())
            })
            .await
    }

    async fn rotate(
        &self,
        token: [u8; 32],
        next: [u8; 32],
        next_expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<Rotation, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write().await?;
                let used_up = use_up(&txn, token, now).await?;
                let found = refresh_tokens::Entity::find_by_id(token.to_vec()).one(&txn).await?;
                let Some(presented) = found else { return Ok(Rotation::Unknown) };
                let login = logins::Entity::find_by_id(presented.login_id).one(&txn).await?;
                let Some(login) = login.filter(|login| !login.ended) else { return Ok(Rotation::Unknown) };
                let answer = if used_up {
                    issue(&txn, login.id, next, next_expires_at).await?;
                    prune(&txn, now).await?;
                    Rotation::Rotated(AccountId(login.account_id))
                } else if presented.used_at.is_some() {
                    end(&txn, login.id).await?;
                    Rotation::Reused
                } else {
                    Rotation::Unknown
                };
                txn.commit().await?;
                Ok(answer)
            })
            .await
    }

    async fn end_login(&self, token: [u8; 32]) -> Result<(), StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write().await?;
                let found = refresh_tokens::Entity::find_by_id(token.to_vec()).one(&txn).await?;
                if let Some(token) = found {
                    end(&txn, token.login_id).await?;
                }
                txn.commit().await.map_err(Failure::from)
            })
            .await
    }

    async fn end_login_by_id(&self, login: LoginId) -> Result<(), StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write().await?;
                end(&txn, login.0).await?;
                txn.commit().await.map_err(Failure::from)
            })
            .await
    }
}

async fn issue(
    db: &impl ConnectionTrait,
    login: Uuid,
    token: [u8; 32],
    expires_at: Timestamp,
) -> Result<(), Failure> {
    let row = refresh_tokens::ActiveModel {
        digest: Set(token.to_vec()),
        login_id: Set(login),
        expires_at: Set(expires_at.as_millis()),
        used_at: Set(None),
    };
    insert_new(db, row).await.map(drop)
}

/// Uses a token up if it is good: not used, not expired, its login not ended.
async fn use_up(db: &impl ConnectionTrait, token: [u8; 32], now: Timestamp) -> Result<bool, Failure> {
    let live_logins = logins::Entity::find()
        .select_only()
        .column(logins::Column::Id)
        .filter(logins::Column::Ended.eq(false))
        .into_query();
    let updated = refresh_tokens::Entity::update_many()
        .col_expr(refresh_tokens::Column::UsedAt, Expr::value(now.as_millis()))
        .filter(refresh_tokens::Column::Digest.eq(token.to_vec()))
        .filter(refresh_tokens::Column::UsedAt.is_null())
        .filter(refresh_tokens::Column::ExpiresAt.gt(now.as_millis()))
        .filter(refresh_tokens::Column::LoginId.in_subquery(live_logins))
        .exec(db)
        .await?;
    Ok(updated.rows_affected > 0)
}

async fn end(db: &impl ConnectionTrait, login: Uuid) -> Result<(), Failure> {
    logins::Entity::update_many()
        .col_expr(logins::Column::Ended, Expr::value(true))
        .filter(logins::Column::Id.eq(login))
        .exec(db)
        .await
        .map(drop)
        .map_err(Failure::from)
}

/// Deletes some tokens that expired long ago, and the logins of which none is left.
async fn prune(db: &impl ConnectionTrait, now: Timestamp) -> Result<(), Failure> {
    let old: Vec<(Vec<u8>, Uuid)> = refresh_tokens::Entity::find()
        .select_only()
        .column(refresh_tokens::Column::Digest)
        .column(refresh_tokens::Column::LoginId)
        .filter(refresh_tokens::Column::ExpiresAt.lt(now.as_millis().saturating_sub(KEPT_AFTER_EXPIRY_MS)))
        .order_by_asc(refresh_tokens::Column::ExpiresAt)
        .limit(PRUNED_AT_ONCE)
        .into_tuple()
        .all(db)
        .await?;
    if old.is_empty() {
        return Ok(());
    }
    let (digests, of_logins): (Vec<_>, Vec<_>) = old.into_iter().unzip();
    refresh_tokens::Entity::delete_many()
        .filter(refresh_tokens::Column::Digest.is_in(digests))
        .exec(db)
        .await?;
    let still_used = refresh_tokens::Entity::find()
        .select_only()
        .column(refresh_tokens::Column::LoginId)
        .filter(refresh_tokens::Column::LoginId.is_in(of_logins.clone()))
        .into_query();
    logins::Entity::delete_many()
        .filter(logins::Column::Id.is_in(of_logins))
        .filter(logins::Column::Id.not_in_subquery(still_used))
        .exec(db)
        .await
        .map(drop)
        .map_err(Failure::from)
}
