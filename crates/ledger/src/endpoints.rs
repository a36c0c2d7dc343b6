//! Endpoints of organizers' programs, and the notices that go to them.
//!
//! Invariant: a notice is inserted in the transaction that records what it tells of, for every endpoint that asks for it
//! then; which performances are sold out is remembered only to tell it once each time.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use onsale_app::{
    notices::{self, HoldNotice},
    ports::{
        StoreError,
        ledger::{
            Content, Delivery, DeliveryStatus, Endpoint, Endpoints, Notice, NoticeKind, Order, Page,
            PageRequest, Refund, Replay, Watched,
        },
    },
};
use onsale_domain::{
    changes::{Change, Recorded},
    ids::{AccountId, DeliveryId, EndpointId, EventId, PerformanceId},
    time::Timestamp,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait,
    sea_query::{Expr, Query},
};
use uuid::Uuid;

use crate::{
    SqlLedger,
    columns::{from_json, to_json},
    connection::has_many_writers,
    deliveries::{self, delivery},
    entity::{self, events, performances, sold_out_performances, webhook_endpoints},
    failures::Failure,
    inserts::insert_new,
    pages,
};

#[async_trait]
impl Endpoints for SqlLedger {
    async fn create_endpoint(&self, endpoint: &Endpoint, at_most: u32) -> Result<bool, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write().await?;
                one_at_a_time(&txn, endpoint.organizer.0).await?;
                if webhook_endpoints::Entity::find_by_id(endpoint.id.0).one(&txn).await?.is_some() {
                    return Ok(true);
                }
                let there = webhook_endpoints::Entity::find()
                    .filter(webhook_endpoints::Column::OrganizerId.eq(endpoint.organizer.0))
                    .count(&txn)
                    .await?;
                if there >= u64::from(at_most) {
                    return Ok(false);
                }
                insert_new(&txn, row(endpoint)?).await?;
                txn.commit().await?;
                Ok(true)
            })
            .await
    }

    async fn endpoint(&self, id: EndpointId) -> Result<Option<Endpoint>, StoreError> {
        self.db
            .command(|| async move {
                let found = webhook_endpoints::Entity::find_by_id(id.0).one(self.db.reader()).await?;
                Ok(found.map(endpoint).transpose()?)
            })
            .await
    }

    async fn endpoints_of(&self, organizer: AccountId) -> Result<Vec<Endpoint>, StoreError> {
        self.db
            .command(|| async move {
                let found = webhook_endpoints::Entity::find()
                    .filter(webhook_endpoints::Column::OrganizerId.eq(organizer.0))
                    .order_by_asc(webhook_endpoints::Column::Id)
                    .all(self.db.reader())
                    .await?;
                Ok(found.into_iter().map(endpoint).collect::<Result<_, _>>()?)
            })
            .await
    }

    async fn delete_endpoint(&self, organizer: AccountId, id: EndpointId) -> Result<bool, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write().await?;
                let gone = webhook_endpoints::Entity::delete_many()
                    .filter(webhook_endpoints::Column::Id.eq(id.0))
                    .filter(webhook_endpoints::Column::OrganizerId.eq(organizer.0))
                    .exec(&txn)
                    .await?;
                if gone.rows_affected == 0 {
                    return Ok(false);
                }
                entity::deliveries::Entity::delete_many()
                    .filter(entity::deliveries::Column::Lane.eq(id.0))
                    .exec(&txn)
                    .await?;
                txn.commit().await?;
                Ok(true)
            })
            .await
    }

    async fn notices_of(
        &self,
        organizer: AccountId,
        status: Option<DeliveryStatus>,
        request: PageRequest,
    ) -> Result<Page<Delivery>, StoreError> {
        self.db
            .command(|| async move {
                use entity::deliveries::Column;
                let found = entity::deliveries::Entity::find()
                    .filter(Column::OrganizerId.eq(organizer.0))
                    .apply_if(status, |query, status| query.filter(Column::Status.eq(status.as_str())))
                    .apply_if(request.after, |query, after| query.filter(Column::Id.lt(after)))
                    .order_by_desc(Column::Id)
                    .limit(pages::rows(request))
                    .all(self.db.reader())
                    .await?;
                let found = found.into_iter().map(delivery).collect::<Result<_, _>>()?;
                Ok(pages::page(found, request, |delivery: &Delivery| delivery.id.0))
            })
            .await
    }

    async fn replay_notice(
        &self,
        organizer: AccountId,
        id: DeliveryId,
        at: Timestamp,
    ) -> Result<Replay, StoreError> {
        self.db
            .command(|| async move {
                use entity::deliveries::{Column, Entity};
                let txn = self.db.begin_write().await?;
                let at = at.as_millis();
                let revived = Entity::update_many()
                    .col_expr(Column::Status, Expr::value(DeliveryStatus::Waiting.as_str()))
                    .col_expr(Column::Attempts, Expr::value(0))
                    .col_expr(Column::DueAt, Expr::value(at))
                    .col_expr(Column::BegunAt, Expr::value(at))
                    .col_expr(Column::SettledAt, Expr::value(None::<i64>))
                    .filter(Column::Id.eq(id.0))
                    .filter(Column::OrganizerId.eq(organizer.0))
                    .filter(Column::Status.eq(DeliveryStatus::Dead.as_str()))
                    .exec(&txn)
                    .await?;
                let found = Entity::find_by_id(id.0).filter(Column::OrganizerId.eq(organizer.0));
                let Some(found) = found.one(&txn).await? else { return Ok(Replay::NotFound) };
                if revived.rows_affected > 0 {
                    txn.commit().await?;
                }
                let found = delivery(found)?;
                Ok(match found.status {
                    DeliveryStatus::Waiting => Replay::Waiting(Box::new(found)),
                    // Given up between the two statements: the next call revives it.
                    DeliveryStatus::Dead => {
                        return Err(Failure::Contended("the delivery has just been given up".into()));
                    }
                    settled => Replay::Settled(settled),
                })
            })
            .await
    }

    async fn watched_performances(
        &self,
        starting_after: Timestamp,
        after: Option<PerformanceId>,
        limit: u32,
    ) -> Result<Vec<Watched>, StoreError> {
        self.db
            .command(|| async move {
                let db = self.db.reader();
                let asks = webhook_endpoints::Entity::find()
                    .filter(webhook_endpoints::Column::Kinds.contains(NoticeKind::SoldOut.as_str()))
                    .select_only()
                    .column(webhook_endpoints::Column::OrganizerId)
                    .into_query();
                let theirs = Query::select()
                    .column(events::Column::Id)
                    .from(events::Entity)
                    .and_where(events::Column::OrganizerId.in_subquery(asks))
                    .take();
                let found: Vec<(Uuid, Uuid)> = performances::Entity::find()
                    .select_only()
                    .column(performances::Column::Id)
                    .column(performances::Column::EventId)
                    .filter(performances::Column::EventId.in_subquery(theirs))
                    .filter(performances::Column::StartsAt.gt(starting_after.as_millis()))
                    .apply_if(after, |query, after| query.filter(performances::Column::Id.gt(after.0)))
                    .order_by_asc(performances::Column::Id)
                    .limit(u64::from(limit))
                    .into_tuple()
                    .all(db)
                    .await?;
                let sold_out = sold_out_performances::Entity::find()
                    .filter(
                        sold_out_performances::Column::PerformanceId.is_in(found.iter().map(|(id, _)| *id)),
                    )
                    .all(db)
                    .await?;
                let is_sold_out = |id: Uuid| sold_out.iter().any(|row| row.performance_id == id);
                let watched = |(id, event)| Watched {
                    performance: PerformanceId(id),
                    event: EventId(event),
                    sold_out: is_sold_out(id),
                };
                Ok(found.into_iter().map(watched).collect())
            })
            .await
    }

    async fn note_sold_out(
        &self,
        performance: PerformanceId,
        sold_out: bool,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write().await?;
                if sold_out {
                    let noted = sold_out_performances::ActiveModel {
                        performance_id: Set(performance.0),
                        since: Set(at.as_millis()),
                    };
                    if insert_new(&txn, noted).await? {
                        let told = about_sell_out(&txn, performance, at).await?;
                        deliveries::insert(&txn, told).await?;
                    }
                } else {
                    sold_out_performances::Entity::delete_by_id(performance.0).exec(&txn).await?;
                }
                txn.commit().await.map_err(Failure::from)
            })
            .await
    }
}

/// Who of a performance's organizer wants to be told of something.
struct Audience {
    event: EventId,
    organizer: AccountId,
    endpoints: Vec<(EndpointId, Vec<NoticeKind>)>,
}

impl Audience {
    /// What goes to those who ask for it; each body is `told`, which is made once.
    fn tell(
        &self,
        kind: NoticeKind,
        subject: Uuid,
        at: Timestamp,
        told: impl FnOnce(EventId) -> String,
    ) -> Vec<Delivery> {
        let asking: Vec<EndpointId> =
            self.endpoints.iter().filter(|(_, kinds)| kinds.contains(&kind)).map(|(id, _)| *id).collect();
        if asking.is_empty() {
            return Vec::new();
        }
        let body = told(self.event);
        let to = |endpoint: EndpointId| {
            let notice = Notice { endpoint, organizer: self.organizer, kind, body: body.clone() };
            let id = DeliveryId::of(at, subject, kind.as_str(), endpoint.0);
            Delivery::new(id, Content::Notice(notice), at)
        };
        asking.into_iter().map(to).collect()
    }
}

/// The audiences of performances, where there are any.
async fn audiences(
    db: &impl ConnectionTrait,
    of: impl IntoIterator<Item = PerformanceId>,
) -> Result<BTreeMap<PerformanceId, Audience>, Failure> {
    // Nearly always none, and then nothing else is asked.
    let endpoints = webhook_endpoints::Entity::find().all(db).await?;
    if endpoints.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut audiences = BTreeMap::new();
    for id in of {
        let Some((event, organizer)) = owner(db, id).await? else { continue };
        let mut asking = Vec::new();
        for endpoint in endpoints.iter().filter(|endpoint| endpoint.organizer_id == organizer.0) {
            asking.push((EndpointId(endpoint.id), kinds(&endpoint.kinds)?));
        }
        if !asking.is_empty() {
            audiences.insert(id, Audience { event, organizer, endpoints: asking });
        }
    }
    Ok(audiences)
}

/// The event of a performance, and whose that is.
async fn owner(
    db: &impl ConnectionTrait,
    performance: PerformanceId,
) -> Result<Option<(EventId, AccountId)>, DbErr> {
    let event = Query::select()
        .column(performances::Column::EventId)
        .from(performances::Entity)
        .and_where(performances::Column::Id.eq(performance.0))
        .take();
    let found: Option<(Uuid, Uuid)> = events::Entity::find()
        .select_only()
        .column(events::Column::Id)
        .column(events::Column::OrganizerId)
        .filter(events::Column::Id.in_subquery(event))
        .into_tuple()
        .one(db)
        .await?;
    Ok(found.map(|(event, organizer)| (EventId(event), AccountId(organizer))))
}

/// What is told of orders, each as of a time.
pub(crate) async fn about_orders(
    db: &impl ConnectionTrait,
    orders: &[(&Order, Timestamp)],
    kind: NoticeKind,
) -> Result<Vec<Delivery>, Failure> {
    let of: BTreeSet<PerformanceId> = orders.iter().map(|(order, _)| order.performance).collect();
    let audiences = audiences(db, of).await?;
    let told = orders.iter().filter_map(|(order, at)| {
        let audience = audiences.get(&order.performance)?;
        Some(audience.tell(kind, order.id.0, *at, |event| notices::about_order(kind, order, event, *at)))
    });
    Ok(told.flatten().collect())
}

/// What is told of a refund.
pub(crate) async fn about_refund(
    db: &impl ConnectionTrait,
    order: &Order,
    refund: &Refund,
    at: Timestamp,
) -> Result<Vec<Delivery>, Failure> {
    let audiences = audiences(db, [order.performance]).await?;
    let Some(audience) = audiences.get(&order.performance) else { return Ok(Vec::new()) };
    let told = |event| notices::about_refund(refund, order, event, at);
    Ok(audience.tell(NoticeKind::OrderRefunded, refund.id.0, at, told))
}

/// Puts among the deliveries what is to be told of holds that were made or have lapsed. A batch that comes again adds
/// nothing: what it tells has the same ids.
pub(crate) async fn tell_of_holds(db: &impl ConnectionTrait, changes: &[Recorded]) -> Result<(), Failure> {
    let of: BTreeSet<PerformanceId> = changes.iter().map(|change| change.performance).collect();
    let audiences = audiences(db, of).await?;
    if audiences.is_empty() {
        return Ok(());
    }
    let told = changes.iter().filter_map(|recorded| {
        let audience = audiences.get(&recorded.performance)?;
        let (kind, hold) = hold_notice(recorded)?;
        let told = |event| notices::about_hold(kind, &hold, event);
        Some(audience.tell(kind, hold.reservation.0, hold.at, told))
    });
    let told: Vec<Delivery> = told.flatten().collect();
    deliveries::insert(db, told).await
}

fn hold_notice(recorded: &Recorded) -> Option<(NoticeKind, HoldNotice)> {
    let at = recorded.at;
    let (kind, hold, units, expires_at) = match &recorded.change {
        Change::Held { hold, units, expires_at, .. } => {
            (NoticeKind::ReservationHeld, hold, units, *expires_at)
        }
        Change::Expired { hold, units } => (NoticeKind::ReservationExpired, hold, units, at),
        _ => return None,
    };
    let notice = HoldNotice {
        reservation: *hold,
        performance: recorded.performance,
        units: units.to_vec(),
        expires_at,
        at,
    };
    Some((kind, notice))
}

async fn about_sell_out(
    db: &impl ConnectionTrait,
    performance: PerformanceId,
    at: Timestamp,
) -> Result<Vec<Delivery>, Failure> {
    let audiences = audiences(db, [performance]).await?;
    let Some(audience) = audiences.get(&performance) else { return Ok(Vec::new()) };
    let told = |event| notices::about_sell_out(performance, event, at);
    Ok(audience.tell(NoticeKind::SoldOut, performance.0, at, told))
}

/// Lets those past one after the other who add endpoints of one organizer: they are counted.
async fn one_at_a_time(db: &impl ConnectionTrait, organizer: Uuid) -> Result<(), Failure> {
    if has_many_writers(db) {
        let lock = organizer.as_u64_pair().1.cast_signed();
        db.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({lock})")).await?;
    }
    Ok(())
}

fn row(endpoint: &Endpoint) -> Result<webhook_endpoints::ActiveModel, StoreError> {
    let kinds: Vec<&str> = endpoint.kinds.iter().map(|kind| kind.as_str()).collect();
    Ok(webhook_endpoints::ActiveModel {
        id: Set(endpoint.id.0),
        organizer_id: Set(endpoint.organizer.0),
        url: Set(endpoint.url.clone()),
        kinds: Set(to_json(&kinds)?),
        secret: Set(endpoint.secret.clone()),
        created_at: Set(endpoint.created_at.as_millis()),
    })
}

fn endpoint(row: webhook_endpoints::Model) -> Result<Endpoint, StoreError> {
    Ok(Endpoint {
        id: EndpointId(row.id),
        organizer: AccountId(row.organizer_id),
        kinds: kinds(&row.kinds)?,
        url: row.url,
        secret: row.secret,
        created_at: Timestamp(row.created_at),
    })
}

fn kinds(column: &str) -> Result<Vec<NoticeKind>, StoreError> {
    let names: Vec<String> = from_json(column)?;
    let kind = |name: String| {
        NoticeKind::parse(&name).ok_or_else(|| StoreError::corrupt(format!("notices of kind {name:?}")))
    };
    names.into_iter().map(kind).collect()
}
