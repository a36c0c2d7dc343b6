//! Deliveries: letters and notices that wait to be sent, or were.
//!
//! Invariants: a delivery is inserted in the transaction of its cause, under an id that follows from it, so that it is
//! there once; it is claimed by a statement that passes over what others are claiming, and settled by one that looks
//! whether the claim still stands.

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    ledger::{
        Content, Deliveries, Delivery, DeliveryStatus, Lane, Lease, Letter, LetterKind, Notice, NoticeKind,
        OfferLetter, Order, Refund, SendLetter, SendLimits, Settlement, Writing,
    },
};
use onsale_domain::{
    ids::{AccountId, DeliveryId, EndpointId, OrderId, RefundId, ReservationId},
    orders::OrderStatus,
    time::Timestamp,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, LockBehavior, LockType, Query},
};
use uuid::Uuid;

use crate::{
    SqlLedger,
    columns::{signed, small},
    endpoints,
    entity::{deliveries, orders, webhook_endpoints},
    failures::Failure,
    inserts::{insert_missing, insert_new},
};

/// The lane of letters, in its column.
pub(crate) const MAIL: Uuid = Uuid::nil();

#[async_trait]
impl Deliveries for SqlLedger {
    async fn due_lanes(&self, now: Timestamp) -> Result<Vec<Lane>, StoreError> {
        self.db
            .command(|| async move {
                let db = self.db.reader();
                let mail = due(now).filter(deliveries::Column::Lane.eq(MAIL)).limit(1).all(db).await?;
                // Endpoints are few and each is one look into the index, however much waits for it.
                let waiting = Query::select()
                    .expr(Expr::val(1))
                    .from(deliveries::Entity)
                    .and_where(
                        Expr::col((deliveries::Entity, deliveries::Column::Lane))
                            .equals((webhook_endpoints::Entity, webhook_endpoints::Column::Id)),
                    )
                    .and_where(deliveries::Column::Status.eq(DeliveryStatus::Waiting.as_str()))
                    .and_where(deliveries::Column::DueAt.lte(now.as_millis()))
                    .take();
                let endpoints: Vec<Uuid> = webhook_endpoints::Entity::find()
                    .select_only()
                    .column(webhook_endpoints::Column::Id)
                    .filter(Expr::exists(waiting))
                    .into_tuple()
                    .all(db)
                    .await?;
                let mail = mail.first().map(|_| Lane::Mail);
                Ok(mail
                    .into_iter()
                    .chain(endpoints.into_iter().map(|id| Lane::Endpoint(EndpointId(id))))
                    .collect())
            })
            .await
    }

    async fn claim_deliveries(
        &self,
        lane: Lane,
        limit: u32,
        lease: Lease,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write().await?;
                let found = due(lease.now)
                    .filter(deliveries::Column::Lane.eq(lane_column(lane)))
                    .order_by_asc(deliveries::Column::DueAt)
                    .limit(u64::from(limit))
                    .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
                    .all(&txn)
                    .await?;
                if found.is_empty() {
                    return Ok(Vec::new());
                }
                deliveries::Entity::update_many()
                    .col_expr(deliveries::Column::Lease, Expr::value(lease.id))
                    .col_expr(deliveries::Column::DueAt, Expr::value(lease.until.as_millis()))
                    .col_expr(deliveries::Column::Attempts, Expr::col(deliveries::Column::Attempts).add(1))
                    .filter(deliveries::Column::Id.is_in(found.iter().map(|row| row.id)))
                    .exec(&txn)
                    .await?;
                let claimed = |row: deliveries::Model| {
                    let attempts = row.attempts + 1;
                    delivery(deliveries::Model { attempts, due_at: lease.until.as_millis(), ..row })
                };
                let claimed = found.into_iter().map(claimed).collect::<Result<_, _>>()?;
                txn.commit().await?;
                Ok(claimed)
            })
            .await
    }

    async fn settle_delivery(
        &self,
        id: DeliveryId,
        lease: Uuid,
        settlement: &Settlement,
    ) -> Result<bool, StoreError> {
        let (status, due_at, settled_at, error) = match settlement {
            Settlement::Sent { at } => (DeliveryStatus::Sent, None, Some(*at), None),
            Settlement::Later { due_at, error } => {
                (DeliveryStatus::Waiting, Some(*due_at), None, Some(error.as_str()))
            }
            Settlement::Withdrawn { at, why } => {
                (DeliveryStatus::Withdrawn, None, Some(*at), Some(why.as_str()))
            }
            Settlement::Dead { at, error } => (DeliveryStatus::Dead, None, Some(*at), Some(error.as_str())),
        };
        self.db
            .command(|| async move {
                let txn = self.db.begin_write().await?;
                let mut update = deliveries::Entity::update_many()
                    .col_expr(deliveries::Column::Status, Expr::value(status.as_str()))
                    .col_expr(deliveries::Column::Lease, Expr::value(None::<Uuid>))
                    .col_expr(
                        deliveries::Column::SettledAt,
                        Expr::value(settled_at.map(Timestamp::as_millis)),
                    )
                    .col_expr(deliveries::Column::LastError, Expr::value(error))
                    .filter(deliveries::Column::Id.eq(id.0))
                    .filter(deliveries::Column::Lease.eq(lease))
                    .filter(deliveries::Column::Status.eq(DeliveryStatus::Waiting.as_str()));
                if let Some(due_at) = due_at {
                    update = update.col_expr(deliveries::Column::DueAt, Expr::value(due_at.as_millis()));
                }
                let settled = update.exec(&txn).await?.rows_affected > 0;
                txn.commit().await?;
                Ok(settled)
            })
            .await
    }

    async fn send_letter(&self, letter: &Delivery, limits: SendLimits) -> Result<SendLetter, StoreError> {
        let Content::Letter(about) = &letter.content else {
            return Err(StoreError::corrupt("a notice sent as a letter"));
        };
        self.db
            .command(|| async move {
                let txn = self.db.begin_write().await?;
                // Those who ask at once for the same order go one after the other.
                orders::Entity::find_by_id(about.order.0).lock_exclusive().one(&txn).await?;
                let of_order = || {
                    deliveries::Entity::find()
                        .filter(deliveries::Column::OrderId.eq(about.order.0))
                        .filter(deliveries::Column::Kind.eq(about.kind.as_str()))
                };
                if deliveries::Entity::find_by_id(letter.id.0).one(&txn).await?.is_some() {
                    return Ok(SendLetter::Queued);
                }
                let now = letter.created_at;
                let since = now.as_millis().saturating_sub(signed::<i64>(limits.span_ms)?);
                let newest =
                    of_order().order_by_desc(deliveries::Column::CreatedAt).limit(1).all(&txn).await?;
                let recent = of_order().filter(deliveries::Column::CreatedAt.gt(since)).count(&txn).await?;
                let passed = newest.first().map(|row| now.since_ms(Timestamp(row.created_at)));
                if let Some(passed) = passed.filter(|passed| *passed < limits.gap_ms) {
                    return Ok(SendLetter::TooSoon { wait_ms: limits.gap_ms - passed });
                }
                if recent >= u64::from(limits.at_most) {
                    let oldest = of_order()
                        .filter(deliveries::Column::CreatedAt.gt(since))
                        .order_by_asc(deliveries::Column::CreatedAt)
                        .limit(1)
                        .all(&txn)
                        .await?;
                    let passed = oldest.first().map_or(0, |row| now.since_ms(Timestamp(row.created_at)));
                    return Ok(SendLetter::TooSoon { wait_ms: limits.span_ms.saturating_sub(passed) });
                }
                insert_new(&txn, row(letter)?).await?;
                txn.commit().await?;
                Ok(SendLetter::Queued)
            })
            .await
    }

    async fn latest_letter(&self, order: OrderId, kind: LetterKind) -> Result<Option<Delivery>, StoreError> {
        self.db
            .command(|| async move {
                let found = deliveries::Entity::find()
                    .filter(deliveries::Column::OrderId.eq(order.0))
                    .filter(deliveries::Column::Kind.eq(kind.as_str()))
                    .order_by_desc(deliveries::Column::Id)
                    .limit(1)
                    .all(self.db.reader())
                    .await?;
                Ok(found.into_iter().next().map(delivery).transpose()?)
            })
            .await
    }

    async fn forget_deliveries(&self, before: Timestamp, at_most: u32) -> Result<u64, StoreError> {
        self.db
            .command(|| async move {
                let over = [DeliveryStatus::Sent, DeliveryStatus::Withdrawn, DeliveryStatus::Dead];
                let txn = self.db.begin_write().await?;
                let old: Vec<Uuid> = deliveries::Entity::find()
                    .select_only()
                    .column(deliveries::Column::Id)
                    .filter(deliveries::Column::Status.is_in(over.map(DeliveryStatus::as_str)))
                    .filter(deliveries::Column::SettledAt.lt(before.as_millis()))
                    .limit(u64::from(at_most))
                    .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
                    .into_tuple()
                    .all(&txn)
                    .await?;
                if old.is_empty() {
                    return Ok(0);
                }
                let gone = deliveries::Entity::delete_many()
                    .filter(deliveries::Column::Id.is_in(old))
                    .exec(&txn)
                    .await?;
                txn.commit().await?;
                Ok(gone.rows_affected)
            })
            .await
    }
}

/// Puts among the deliveries whatever is to be told of an order that has just come to this state; of refunds
/// [`tell_of_refund`] does.
pub(crate) async fn tell(
    db: &impl ConnectionTrait,
    order: &Order,
    state: OrderStatus,
    at: Timestamp,
) -> Result<(), Failure> {
    tell_all(db, &[(order, at)], state).await
}

/// As [`tell`], for orders that are in this state now, each since a time of its own.
pub(crate) async fn tell_all(
    db: &impl ConnectionTrait,
    orders: &[(&Order, Timestamp)],
    state: OrderStatus,
) -> Result<(), Failure> {
    let (letter, notice) = match state {
        OrderStatus::Paying | OrderStatus::Refunded => return Ok(()),
        OrderStatus::Paid => (Some(LetterKind::Tickets), NoticeKind::OrderPaid),
        OrderStatus::Failed => (None, NoticeKind::OrderFailed),
    };
    let mut told = endpoints::about_orders(db, orders, notice).await?;
    if let Some(kind) = letter {
        told.extend(orders.iter().filter_map(|(order, at)| letter_to_buyer(order, kind, None, *at)));
    }
    insert(db, told).await
}

/// Puts among the deliveries what is to be told of money of a paid order that is back now, after which the order is as
/// given.
pub(crate) async fn tell_of_refund(
    db: &impl ConnectionTrait,
    order: &Order,
    refund: &Refund,
    at: Timestamp,
) -> Result<(), Failure> {
    let letter = letter_to_buyer(order, LetterKind::Refund, Some(refund.id), at);
    let notices = endpoints::about_refund(db, order, refund, at).await?;
    insert(db, letter.into_iter().chain(notices).collect()).await
}

/// Inserts deliveries; those that are there stay as they are.
pub(crate) async fn insert(db: &impl ConnectionTrait, new: Vec<Delivery>) -> Result<(), Failure> {
    let rows = new.iter().map(row).collect::<Result<Vec<_>, _>>()?;
    for some in rows.chunks(500) {
        insert_missing(db, some.iter().cloned()).await?;
    }
    Ok(())
}

fn letter_to_buyer(
    order: &Order,
    kind: LetterKind,
    refund: Option<RefundId>,
    at: Timestamp,
) -> Option<Delivery> {
    let (to, writing) = (order.buyer.email.clone()?, order.buyer.letters.clone()?);
    let id = letter_id(refund.map_or(order.id.0, |refund| refund.0), kind, at);
    let letter = Letter { kind, order: order.id, refund, to, writing };
    Some(Delivery::new(id, Content::Letter(letter), at))
}

/// The id of a letter about an order, or about a refund.
pub(crate) fn letter_id(subject: Uuid, kind: LetterKind, at: Timestamp) -> DeliveryId {
    DeliveryId::of(at, subject, kind.as_str(), MAIL)
}

fn due(now: Timestamp) -> sea_orm::Select<deliveries::Entity> {
    deliveries::Entity::find()
        .filter(deliveries::Column::Status.eq(DeliveryStatus::Waiting.as_str()))
        .filter(deliveries::Column::DueAt.lte(now.as_millis()))
}

pub(crate) fn lane_column(lane: Lane) -> Uuid {
    match lane {
        Lane::Mail => MAIL,
        Lane::Endpoint(id) => id.0,
    }
}

fn row(delivery: &Delivery) -> Result<deliveries::ActiveModel, StoreError> {
    let of_any = deliveries::ActiveModel {
        id: Set(delivery.id.0),
        lane: Set(lane_column(delivery.content.lane())),
        kind: Set(String::new()),
        order_id: Set(None),
        organizer_id: Set(None),
        address: Set(None),
        language: Set(None),
        time_zone: Set(None),
        body: Set(None),
        status: Set(delivery.status.as_str().to_owned()),
        attempts: Set(signed(delivery.attempts)?),
        due_at: Set(delivery.due_at.as_millis()),
        lease: Set(None),
        begun_at: Set(delivery.begun_at.as_millis()),
        created_at: Set(delivery.created_at.as_millis()),
        settled_at: Set(delivery.settled_at.map(Timestamp::as_millis)),
        last_error: Set(delivery.last_error.clone()),
        reservation_id: Set(None),
        refund_id: Set(None),
    };
    let written = |to: &str, writing: &Writing| deliveries::ActiveModel {
        address: Set(Some(to.to_owned())),
        language: Set(Some(writing.language.clone())),
        time_zone: Set(Some(writing.time_zone.clone())),
        ..of_any.clone()
    };
    Ok(match &delivery.content {
        Content::Letter(letter) => deliveries::ActiveModel {
            kind: Set(letter.kind.as_str().to_owned()),
            order_id: Set(Some(letter.order.0)),
            refund_id: Set(letter.refund.map(|refund| refund.0)),
            ..written(&letter.to, &letter.writing)
        },
        Content::Offer(offer) => deliveries::ActiveModel {
            kind: Set(OfferLetter::KIND.to_owned()),
            reservation_id: Set(Some(offer.reservation.0)),
            ..written(&offer.to, &offer.writing)
        },
        Content::Notice(notice) => deliveries::ActiveModel {
            kind: Set(notice.kind.as_str().to_owned()),
            organizer_id: Set(Some(notice.organizer.0)),
            body: Set(Some(notice.body.clone())),
            ..of_any
        },
    })
}

pub(crate) fn delivery(row: deliveries::Model) -> Result<Delivery, StoreError> {
    let (id, kind) = (row.id, row.kind.clone());
    let unknown = || StoreError::corrupt(format!("delivery {id} of kind {kind:?}"));
    let content = if row.lane == MAIL {
        let (language, time_zone) = row.language.zip(row.time_zone).ok_or_else(unknown)?;
        let writing = Writing { language, time_zone };
        let to = row.address.ok_or_else(unknown)?;
        if row.kind == OfferLetter::KIND {
            let reservation = row.reservation_id.map(ReservationId).ok_or_else(unknown)?;
            Content::Offer(OfferLetter { reservation, to, writing })
        } else {
            let kind = LetterKind::parse(&row.kind).ok_or_else(unknown)?;
            let order = row.order_id.map(OrderId).ok_or_else(unknown)?;
            // Older letters are about all of their order.
            let refund = row.refund_id.map(RefundId);
            Content::Letter(Letter { kind, order, refund, to, writing })
        }
    } else {
        Content::Notice(Notice {
            endpoint: EndpointId(row.lane),
            organizer: row.organizer_id.map(AccountId).ok_or_else(unknown)?,
            kind: NoticeKind::parse(&row.kind).ok_or_else(unknown)?,
            body: row.body.ok_or_else(unknown)?,
        })
    };
    let status = DeliveryStatus::parse(&row.status);
    Ok(Delivery {
        id: DeliveryId(row.id),
        content,
        status: status.ok_or_else(|| StoreError::corrupt(format!("delivery status {:?}", row.status)))?,
        attempts: small(row.attempts)?,
        due_at: Timestamp(row.due_at),
        begun_at: Timestamp(row.begun_at),
        created_at: Timestamp(row.created_at),
        settled_at: row.settled_at.map(Timestamp),
        last_error: row.last_error,
    })
}
