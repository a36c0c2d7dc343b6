//! Wishes: what those in line would take, and what is offered to whom.
//!
//! Invariant: a step is one statement that names the attempt it is founded on and counts it up, so of any number of
//! steps on the same state one is taken; a letter is inserted in the transaction of its offer.

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    ledger::{InLine, Offer, PutWish, ReturnLine, Unfit, Wanted, Wish, WishStep, Wishes, Writing},
};
use onsale_domain::{
    ids::{AccountId, EventId, PerformanceId, ReservationId, WishId},
    time::Timestamp,
    wishes::WishStatus,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    UpdateMany,
    sea_query::{Expr, ExprTrait, Query},
};

use crate::{
    SqlLedger,
    columns::{signed, small},
    deliveries,
    entity::{
        performances, return_lines,
        wishes::{ActiveModel, Column, Entity, Model},
    },
    failures::Failure,
    inserts::insert_new,
};

#[async_trait]
impl Wishes for SqlLedger {
    async fn put_wish(&self, wish: &Wish) -> Result<PutWish, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write().await?;
                let line = return_lines::ActiveModel {
                    performance_id: Set(wish.wanted.performance.0),
                    begun_at: Set(None),
                };
                insert_new(&txn, line).await?;
                if insert_new(&txn, row(wish)?).await? {
                    txn.commit().await?;
                    return Ok(PutWish::Waiting(wish.clone()));
                }
                let before = Entity::find()
                    .filter(of(wish.event, wish.owner))
                    .lock_exclusive()
                    .one(&txn)
                    .await?
                    .map(read)
                    .transpose()?;
                let before = before.ok_or_else(|| Failure::Contended("a wish that has just gone".into()))?;
                match before.status {
                    WishStatus::Offered => return Ok(PutWish::Offered(before)),
                    WishStatus::Waiting
                        if (&before.wanted, before.position, &before.letters)
                            == (&wish.wanted, wish.position, &wish.letters) =>
                    {
                        return Ok(PutWish::Waiting(before));
                    }
                    _ => {}
                }
                let after = Wish {
                    id: before.id,
                    attempt: before.attempt + 1,
                    created_at: before.created_at,
                    ..wish.clone()
                };
                Entity::update(row(&after)?).exec(&txn).await?;
                txn.commit().await?;
                Ok(PutWish::Waiting(after))
            })
            .await
    }

    async fn wish(&self, event: EventId, owner: AccountId) -> Result<Option<Wish>, StoreError> {
        self.db
            .command(|| async move {
                let found = Entity::find().filter(of(event, owner)).one(self.db.reader()).await?;
                Ok(found.map(read).transpose()?)
            })
            .await
    }

    async fn step_wish(&self, step: WishStep) -> Result<bool, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write().await?;
                let taken = stepping(step)?.exec(&txn).await?.rows_affected > 0;
                txn.commit().await?;
                Ok(taken)
            })
            .await
    }

    async fn offer_wish(&self, offer: &Offer) -> Result<bool, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write().await?;
                let Offer { wish, attempt, at, .. } = *offer;
                let offered = stepping(WishStep { wish, attempt, to: WishStatus::Offered, at })?
                    .col_expr(Column::ReservationId, Expr::value(offer.reservation.0))
                    .col_expr(Column::OfferedUntil, Expr::value(offer.until.as_millis()))
                    .filter(Column::Status.eq(WishStatus::Waiting.as_str()))
                    .exec(&txn)
                    .await?;
                if offered.rows_affected == 0 {
                    return Ok(false);
                }
                if let Some(letter) = &offer.letter {
                    deliveries::insert(&txn, vec![letter.clone()]).await?;
                }
                txn.commit().await?;
                Ok(true)
            })
            .await
    }

    async fn return_lines(
        &self,
        starting_after: Timestamp,
        after: Option<PerformanceId>,
        limit: u32,
    ) -> Result<Vec<ReturnLine>, StoreError> {
        self.db
            .command(|| async move {
                let to_come = Query::select()
                    .column(performances::Column::Id)
                    .from(performances::Entity)
                    .and_where(performances::Column::StartsAt.gt(starting_after.as_millis()))
                    .take();
                let waiting = Query::select()
                    .expr(Expr::val(1))
                    .from(Entity)
                    .and_where(
                        Expr::col((Entity, Column::PerformanceId))
                            .equals((return_lines::Entity, return_lines::Column::PerformanceId)),
                    )
                    .and_where(Expr::col((Entity, Column::Status)).eq(WishStatus::Waiting.as_str()))
                    .take();
                let lines = return_lines::Entity::find()
                    .filter(return_lines::Column::PerformanceId.in_subquery(to_come))
                    .filter(Expr::exists(waiting))
                    .apply_if(after, |query, after| {
                        query.filter(return_lines::Column::PerformanceId.gt(after.0))
                    })
                    .order_by_asc(return_lines::Column::PerformanceId)
                    .limit(u64::from(limit))
                    .all(self.db.reader())
                    .await?;
                let line = |row: return_lines::Model| ReturnLine {
                    performance: PerformanceId(row.performance_id),
                    has_begun: row.begun_at.is_some(),
                };
                Ok(lines.into_iter().map(line).collect())
            })
            .await
    }

    async fn begin_return_line(&self, performance: PerformanceId, at: Timestamp) -> Result<(), StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write().await?;
                return_lines::Entity::update_many()
                    .col_expr(return_lines::Column::BegunAt, Expr::value(at.as_millis()))
                    .filter(return_lines::Column::PerformanceId.eq(performance.0))
                    .filter(return_lines::Column::BegunAt.is_null())
                    .exec(&txn)
                    .await?;
                Ok(txn.commit().await?)
            })
            .await
    }

    async fn waiting_wishes(
        &self,
        performance: PerformanceId,
        unfit: &[Unfit],
        after: Option<InLine>,
        limit: u32,
    ) -> Result<Vec<Wish>, StoreError> {
        self.db
            .command(|| async move {
                let mut waiting = Entity::find()
                    .filter(Column::PerformanceId.eq(performance.0))
                    .filter(Column::Status.eq(WishStatus::Waiting.as_str()));
                for unfit in unfit {
                    waiting = waiting.filter(beyond(unfit)?);
                }
                if let Some((position, id)) = after {
                    let position = signed::<i32>(position)?;
                    let same = Column::Position.eq(position).and(Column::Id.gt(id.0));
                    waiting = waiting.filter(Column::Position.gt(position).or(same));
                }
                let found = waiting
                    .order_by_asc(Column::Position)
                    .order_by_asc(Column::Id)
                    .limit(u64::from(limit))
                    .all(self.db.reader())
                    .await?;
                Ok(found.into_iter().map(read).collect::<Result<_, _>>()?)
            })
            .await
    }

    async fn offered_wishes(&self, after: Option<WishId>, limit: u32) -> Result<Vec<Wish>, StoreError> {
        self.db
            .command(|| async move {
                let found = Entity::find()
                    .filter(Column::Status.eq(WishStatus::Offered.as_str()))
                    .apply_if(after, |query, after| query.filter(Column::Id.gt(after.0)))
                    .order_by_asc(Column::Id)
                    .limit(u64::from(limit))
                    .all(self.db.reader())
                    .await?;
                Ok(found.into_iter().map(read).collect::<Result<_, _>>()?)
            })
            .await
    }
}

fn of(event: EventId, owner: AccountId) -> Condition {
    Condition::all().add(Column::EventId.eq(event.0)).add(Column::OwnerId.eq(owner.0))
}

/// The statement of a step, where the wish is at the attempt that it names.
fn stepping(step: WishStep) -> Result<UpdateMany<Entity>, StoreError> {
    let attempt = signed::<i32>(step.attempt)?;
    Ok(Entity::update_many()
        .col_expr(Column::Status, Expr::value(step.to.as_str()))
        .col_expr(Column::Attempt, Expr::value(attempt + 1))
        .col_expr(Column::UpdatedAt, Expr::value(step.at.as_millis()))
        .filter(Column::Id.eq(step.wish.0))
        .filter(Column::Attempt.eq(attempt)))
}

/// Whatever is not among what does not fit. Said without NOT, which leaves open what an absent category is.
fn beyond(unfit: &Unfit) -> Result<Condition, StoreError> {
    let category = match &unfit.category {
        None => Column::Category.is_not_null(),
        Some(name) => Column::Category.is_null().or(Column::Category.ne(name.as_str())),
    };
    let area = match unfit.area {
        None => Column::Area.is_not_null(),
        Some(area) => Column::Area.is_null().or(Column::Area.ne(i64::from(area))),
    };
    Ok(Condition::any()
        .add(Column::Quantity.lt(signed::<i32>(unfit.quantity)?))
        .add(Column::Together.ne(unfit.together))
        .add(category)
        .add(area))
}

fn row(wish: &Wish) -> Result<ActiveModel, StoreError> {
    let (address, writing) = wish.letters.clone().unzip();
    let model = Model {
        id: wish.id.0,
        event_id: wish.event.0,
        owner_id: wish.owner.0,
        position: signed(wish.position)?,
        performance_id: wish.wanted.performance.0,
        quantity: signed(wish.wanted.quantity)?,
        category: wish.wanted.category.clone(),
        area: wish.wanted.area.map(i64::from),
        together: wish.wanted.together,
        address,
        language: writing.as_ref().map(|writing| writing.language.clone()),
        time_zone: writing.map(|writing| writing.time_zone),
        status: wish.status.as_str().to_owned(),
        attempt: signed(wish.attempt)?,
        reservation_id: wish.reservation.map(|reservation| reservation.0),
        offered_until: wish.offered_until.map(Timestamp::as_millis),
        created_at: wish.created_at.as_millis(),
        updated_at: wish.updated_at.as_millis(),
    };
    Ok(model.into_active_model().reset_all())
}

pub(crate) fn read(row: Model) -> Result<Wish, StoreError> {
    let status = WishStatus::parse(&row.status);
    let writing = row.language.zip(row.time_zone);
    let writing = writing.map(|(language, time_zone)| Writing { language, time_zone });
    Ok(Wish {
        id: WishId(row.id),
        event: EventId(row.event_id),
        owner: AccountId(row.owner_id),
        position: small(row.position)?,
        wanted: Wanted {
            performance: PerformanceId(row.performance_id),
            quantity: small(row.quantity)?,
            category: row.category,
            area: row.area.map(small).transpose()?,
            together: row.together,
        },
        letters: row.address.zip(writing),
        status: status.ok_or_else(|| StoreError::corrupt(format!("wish status {:?}", row.status)))?,
        attempt: small(row.attempt)?,
        reservation: row.reservation_id.map(ReservationId),
        offered_until: row.offered_until.map(Timestamp),
        created_at: Timestamp(row.created_at),
        updated_at: Timestamp(row.updated_at),
    })
}
