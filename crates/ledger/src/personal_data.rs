//! What is kept of people, and forgetting it.
//!
//! Invariants: an order that is forgotten keeps everything but who it was for, and no letter about it is left; guests are
//! forgotten in the order of their orders' ids, and how far that has come stands beside the performance, so that each is
//! looked at once.

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    ledger::{Erasure, Kept, PersonalData, Role},
};
use onsale_domain::{
    ids::{AccountId, LoginId},
    orders::OrderStatus,
    time::Timestamp,
    wishes::WishStatus,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, OnConflict, Query},
};
use uuid::Uuid;

use crate::{
    SqlLedger, accounts,
    deliveries::MAIL,
    entity::{
        accounts as account_rows, deliveries, erasures, logins, orders, performances, wallets,
        wishes as wish_rows,
    },
    failures::Failure,
    inserts::insert_unless,
    wishes,
};

/// How many orders one statement names: a small part of what SQLite lets it bind.
const AT_ONCE: usize = 500;

/// The name in an order that is forgotten.
const NOBODY: &str = "";

#[async_trait]
impl PersonalData for SqlLedger {
    async fn kept_of(&self, owner: AccountId, at_most: u32) -> Result<Kept, StoreError> {
        self.db
            .command(|| async move {
                let db = self.db.reader();
                let account = accounts::one(db, account_rows::Column::Id.eq(owner.0)).await?;
                let logins = logins::Entity::find()
                    .filter(logins::Column::AccountId.eq(owner.0))
                    .order_by_desc(logins::Column::Id)
                    .limit(u64::from(at_most))
                    .all(db)
                    .await?;
                let wishes = wish_rows::Entity::find()
                    .filter(wish_rows::Column::OwnerId.eq(owner.0))
                    .order_by_desc(wish_rows::Column::Id)
                    .limit(u64::from(at_most))
                    .all(db)
                    .await?;
                Ok(Kept {
                    account,
                    logins: logins.into_iter().map(|login| (LoginId(login.id), login.ended)).collect(),
                    wishes: wishes.into_iter().map(wishes::read).collect::<Result<_, _>>()?,
                })
            })
            .await
    }

    async fn erase(
        &self,
        owner: AccountId,
        at: Timestamp,
        over_before: Timestamp,
    ) -> Result<Erasure, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write().await?;
                let account = account_rows::Entity::find_by_id(owner.0).lock_exclusive().one(&txn).await?;
                if account.is_some_and(|account| account.role != Role::Buyer.as_str()) {
                    return Ok(Erasure::Manages);
                }
                let money = wallets::Entity::find()
                    .filter(wallets::Column::AccountId.eq(owner.0))
                    .filter(wallets::Column::Balance.ne(0))
                    .count(&txn)
                    .await?;
                if money > 0 {
                    return Ok(Erasure::HasBalance);
                }
                let asked = erasures::Model { owner_id: owner.0, asked_at: at.as_millis() };
                let again = OnConflict::column(erasures::Column::OwnerId)
                    .update_column(erasures::Column::AskedAt)
                    .to_owned();
                insert_unless(&txn, vec![asked.into_active_model()], &again).await?;
                logins::Entity::delete_many()
                    .filter(logins::Column::AccountId.eq(owner.0))
                    .exec(&txn)
                    .await?;
                account_rows::Entity::delete_by_id(owner.0).exec(&txn).await?;
                forget_wishes(&txn, owner, at).await?;
                let over: Vec<Uuid> = orders::Entity::find()
                    .select_only()
                    .column(orders::Column::Id)
                    .filter(orders::Column::OwnerId.eq(owner.0))
                    .filter(is_known().add(is_over(over_before)))
                    .into_tuple()
                    .all(&txn)
                    .await?;
                forget_orders(&txn, &over).await?;
                let to_follow = orders::Entity::find()
                    .filter(orders::Column::OwnerId.eq(owner.0))
                    .filter(is_known())
                    .count(&txn)
                    .await?;
                txn.commit().await?;
                Ok(Erasure::Erased { orders: over.len() as u64, to_follow })
            })
            .await
    }

    async fn erase_rest(&self, over_before: Timestamp, at_most: u32) -> Result<u64, StoreError> {
        self.db
            .command(|| async move {
                let asked =
                    || Query::select().column(erasures::Column::OwnerId).from(erasures::Entity).take();
                let over: Vec<Uuid> = orders::Entity::find()
                    .select_only()
                    .column(orders::Column::Id)
                    .filter(orders::Column::OwnerId.in_subquery(asked()))
                    .filter(is_known().add(is_over(over_before)))
                    .limit(u64::from(at_most))
                    .into_tuple()
                    .all(self.db.reader())
                    .await?;
                let txn = self.db.begin_write().await?;
                forget_orders(&txn, &over).await?;
                // Whoever asked so long ago has no token to buy with any more.
                let known = orders::Entity::find()
                    .select_only()
                    .column(orders::Column::OwnerId)
                    .filter(orders::Column::OwnerId.in_subquery(asked()))
                    .filter(is_known())
                    .into_query();
                erasures::Entity::delete_many()
                    .filter(erasures::Column::AskedAt.lt(over_before.as_millis()))
                    .filter(erasures::Column::OwnerId.not_in_subquery(known))
                    .exec(&txn)
                    .await?;
                txn.commit().await?;
                Ok(over.len() as u64)
            })
            .await
    }

    async fn erase_guests(&self, before: Timestamp, at_most: u32) -> Result<u64, StoreError> {
        self.db
            .command(|| async move {
                let Some((performance, erased_to)) = with_guests(self.db.reader(), before).await? else {
                    return Ok(0);
                };
                let txn = self.db.begin_write().await?;
                let looked_at: Vec<(Uuid, Option<Uuid>, String)> = orders::Entity::find()
                    .select_only()
                    .columns([orders::Column::Id, orders::Column::OwnerId, orders::Column::BuyerName])
                    .filter(orders::Column::PerformanceId.eq(performance))
                    .filter(orders::Column::Id.lt(first_id(before)))
                    .apply_if(erased_to, |query, last| query.filter(orders::Column::Id.gt(last)))
                    .order_by_asc(orders::Column::Id)
                    .limit(u64::from(at_most))
                    .into_tuple()
                    .all(&txn)
                    .await?;
                let Some(last) = looked_at.last().map(|(id, ..)| *id) else { return Ok(0) };
                let owners: Vec<Uuid> = looked_at.iter().filter_map(|(_, owner, _)| *owner).collect();
                let mut have_accounts = std::collections::HashSet::new();
                for some in owners.chunks(AT_ONCE) {
                    let found: Vec<Uuid> = account_rows::Entity::find()
                        .select_only()
                        .column(account_rows::Column::Id)
                        .filter(account_rows::Column::Id.is_in(some.iter().copied()))
                        .into_tuple()
                        .all(&txn)
                        .await?;
                    have_accounts.extend(found);
                }
                let is_guest =
                    |owner: &Option<Uuid>| owner.is_none_or(|owner| !have_accounts.contains(&owner));
                let guests: Vec<Uuid> = looked_at
                    .iter()
                    .filter(|(_, owner, name)| is_guest(owner) && name != NOBODY)
                    .map(|(id, ..)| *id)
                    .collect();
                forget_orders(&txn, &guests).await?;
                performances::Entity::update_many()
                    .col_expr(performances::Column::GuestsErasedTo, Expr::value(last))
                    .filter(performances::Column::Id.eq(performance))
                    .exec(&txn)
                    .await?;
                txn.commit().await?;
                Ok(looked_at.len() as u64)
            })
            .await
    }
}

/// An order that says who it is for.
fn is_known() -> Condition {
    Condition::all().add(orders::Column::BuyerName.ne(NOBODY))
}

/// An order that nobody needs the buyer of any more.
fn is_over(before: Timestamp) -> Condition {
    let ended = [OrderStatus::Failed, OrderStatus::Refunded].map(OrderStatus::as_str);
    let to_come = Query::select()
        .column(performances::Column::Id)
        .from(performances::Entity)
        .and_where(performances::Column::StartsAt.gte(before.as_millis()))
        .take();
    let performed = Condition::all()
        .add(orders::Column::Status.eq(OrderStatus::Paid.as_str()))
        .add(orders::Column::PerformanceId.not_in_subquery(to_come));
    Condition::any().add(orders::Column::Status.is_in(ended)).add(performed)
}

/// The least id that is made at a time.
fn first_id(at: Timestamp) -> Uuid {
    let millis = u64::try_from(at.as_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid()
}

/// A performance that began before then and has orders from before then that were not looked at, and up to which they were.
async fn with_guests(
    db: &impl ConnectionTrait,
    before: Timestamp,
) -> Result<Option<(Uuid, Option<Uuid>)>, Failure> {
    let of = |column| Expr::col((orders::Entity, column));
    let this = |column| Expr::col((performances::Entity, column));
    let erased_to = performances::Column::GuestsErasedTo;
    let not_looked_at = Query::select()
        .expr(Expr::val(1))
        .from(orders::Entity)
        .and_where(of(orders::Column::PerformanceId).equals((performances::Entity, performances::Column::Id)))
        .and_where(of(orders::Column::Id).lt(first_id(before)))
        .cond_where(
            Condition::any().add(this(erased_to).is_null()).add(of(orders::Column::Id).gt(this(erased_to))),
        )
        .take();
    let found = performances::Entity::find()
        .select_only()
        .columns([performances::Column::Id, erased_to])
        .filter(performances::Column::StartsAt.lt(before.as_millis()))
        .filter(Expr::exists(not_looked_at))
        .limit(1)
        .into_tuple()
        .one(db)
        .await?;
    Ok(found)
}

/// Takes away who these orders are for and how they are written to, and the letters about them.
async fn forget_orders(db: &impl ConnectionTrait, ids: &[Uuid]) -> Result<(), Failure> {
    for some in ids.chunks(AT_ONCE) {
        let nothing = || Expr::value(None::<String>);
        orders::Entity::update_many()
            .col_expr(orders::Column::BuyerName, Expr::value(NOBODY))
            .col_expr(orders::Column::BuyerPhone, nothing())
            .col_expr(orders::Column::BuyerEmail, nothing())
            .col_expr(orders::Column::LetterLanguage, nothing())
            .col_expr(orders::Column::LetterTimeZone, nothing())
            .filter(orders::Column::Id.is_in(some.iter().copied()))
            .exec(db)
            .await?;
        deliveries::Entity::delete_many()
            .filter(deliveries::Column::OrderId.is_in(some.iter().copied()))
            .filter(deliveries::Column::Lane.eq(MAIL))
            .exec(db)
            .await?;
    }
    Ok(())
}

/// They wait for nothing any more, and are not written to. What is held for them lapses by itself.
async fn forget_wishes(db: &impl ConnectionTrait, owner: AccountId, at: Timestamp) -> Result<(), Failure> {
    use wish_rows::Column;
    let nothing = || Expr::value(None::<String>);
    wish_rows::Entity::update_many()
        .col_expr(Column::Address, nothing())
        .col_expr(Column::Language, nothing())
        .col_expr(Column::TimeZone, nothing())
        .filter(Column::OwnerId.eq(owner.0))
        .exec(db)
        .await?;
    wish_rows::Entity::update_many()
        .col_expr(Column::Status, Expr::value(WishStatus::Withdrawn.as_str()))
        .col_expr(Column::Attempt, Expr::col(Column::Attempt).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(at.as_millis()))
        .filter(Column::OwnerId.eq(owner.0))
        .filter(Column::Status.eq(WishStatus::Waiting.as_str()))
        .exec(db)
        .await?;
    Ok(())
}
