//! Accounts.
//!
//! Invariant: an e-mail address and an identity of a gateway belong to one account each, also when two sign up
//! at once: the unique indexes decide.

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    ledger::{Account, Accounts, Role},
};
use onsale_domain::{ids::AccountId, time::Timestamp};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, IntoCondition},
};

use crate::{SqlLedger, entity::accounts, failures::Failure, inserts::insert_new};

#[async_trait]
impl Accounts for SqlLedger {
    async fn create_account(&self, account: &Account) -> Result<bool, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write().await?;
                if insert(&txn, account).await? {
                    txn.commit().await?;
                    return Ok(true);
                }
                // There by an earlier call, or its address is another's.
                let known = accounts::Entity::find_by_id(account.id.0).one(&txn).await?;
                Ok(known.is_some_and(|known| known.email == account.email))
            })
            .await
    }

    async fn account_by_email(&self, email: &str) -> Result<Option<Account>, StoreError> {
        // PostgreSQL's texts cannot even be compared with one that has a NUL in it, so nobody's address has one.
        if email.contains('\0') {
            return Ok(None);
        }
        self.db
            .command(|| async move { one(self.db.reader(), accounts::Column::Email.eq(email)).await })
            .await
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.db.command(|| async move { one(self.db.reader(), accounts::Column::Id.eq(id.0)).await }).await
    }

    async fn account_by_external_id(&self, fresh: &Account) -> Result<Account, StoreError> {
        self.db
            .command(|| async move {
                let Some(external_id) = &fresh.external_id else {
                    return Err(Failure::corrupt("an identity of a gateway without an external id"));
                };
                let same_identity = accounts::Column::ExternalId.eq(external_id);
                if let Some(known) = one(self.db.reader(), same_identity.clone()).await? {
                    return Ok(known);
                }
                let txn = self.db.begin_write().await?;
                insert(&txn, fresh).await?;
                let account = one(&txn, same_identity).await?;
                txn.commit().await?;
                account.ok_or_else(|| Failure::corrupt("the id or address of a new account is taken"))
            })
            .await
    }

    async fn set_role(&self, id: AccountId, role: Role) -> Result<bool, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write().await?;
                let updated = accounts::Entity::update_many()
                    .col_expr(accounts::Column::Role, Expr::value(role.as_str()))
                    .filter(accounts::Column::Id.eq(id.0))
                    .exec(&txn)
                    .await?;
                txn.commit().await?;
                Ok(updated.rows_affected > 0)
            })
            .await
    }
}

/// Adds an account unless a unique index forbids it; gives whether it did.
async fn insert(db: &impl ConnectionTrait, account: &Account) -> Result<bool, Failure> {
    let row = accounts::ActiveModel {
        id: Set(account.id.0),
        email: Set(account.email.clone()),
        name: Set(account.name.clone()),
        password_hash: Set(account.password_hash.clone()),
        external_id: Set(account.external_id.clone()),
        role: Set(account.role.as_str().to_owned()),
        created_at: Set(account.created_at.as_millis()),
    };
    insert_new(db, row).await
}

pub(crate) async fn one(
    db: &impl ConnectionTrait,
    which: impl IntoCondition,
) -> Result<Option<Account>, Failure> {
    let row = accounts::Entity::find().filter(which).one(db).await?;
    Ok(row.map(account).transpose()?)
}

fn account(row: accounts::Model) -> Result<Account, StoreError> {
    Ok(Account {
        id: AccountId(row.id),
        email: row.email,
        name: row.name,
        password_hash: row.password_hash,
        external_id: row.external_id,
        role: Role::parse(&row.role).ok_or_else(|| StoreError::corrupt(format!("role {:?}", row.role)))?,
        created_at: Timestamp(row.created_at),
    })
}
