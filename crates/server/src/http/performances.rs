//! Performances: dates of an event, their seats, and who may have which.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State, http::StatusCode};
use onsale_app::{
    actions::NewTimes,
    catalogue::{NewPerformance, PlanChoice},
    errors::{AppError, rfc3339},
    ports::ledger::{AreaOffer, OwnedKey, Performance},
};
use onsale_domain::{
    ids::{EventId, PerformanceId, PlanId},
    units::Counts,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    PageDto, Server,
    extract::{Command, Member, Named, Paging, Query},
    identity::By,
    money::MoneyDto,
    problem::{Problem, ProblemDocument},
    times,
};

/// Where the seats come from: a rectangle, or a plan uploaded before.
#[derive(Deserialize, ToSchema)]
pub(crate) struct PlanChoiceDto {
    rows: Option<u32>,
    columns: Option<u32>,
    plan_id: Option<Uuid>,
}

impl PlanChoiceDto {
    fn checked(&self) -> Result<PlanChoice, Problem> {
        match (self.rows, self.columns, self.plan_id) {
            (Some(rows), Some(columns), None) if rows > 0 && columns > 0 => {
                Ok(PlanChoice::Grid { rows, columns })
            }
            (None, None, Some(id)) => Ok(PlanChoice::Plan(PlanId(id))),
            _ => Err(AppError::invalid("plan", "give rows and columns, each at least 1, or plan_id").into()),
        }
    }
}

/// A general-admission area.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NewArea {
    #[schema(example = "Standing")]
    label: String,
    /// 1 to 100,000 places.
    capacity: u32,
    price: Option<MoneyDto>,
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct NewPerformanceDto {
    /// RFC 3339.
    #[schema(example = "2026-12-24T20:00:00Z")]
    starts_at: String,
    /// May be left out where there are areas.
    plan: Option<PlanChoiceDto>,
    areas: Option<Vec<NewArea>>,
    /// By category name; the only category of a rectangle is `standard`. A category without a price is free.
    prices: Option<BTreeMap<String, MoneyDto>>,
    /// Without it the performance is on sale at once.
    sale_opens_at: Option<String>,
    sale_closes_at: Option<String>,
}

impl NewPerformanceDto {
    fn checked(self, currency: onsale_domain::money::Currency) -> Result<NewPerformance, Problem> {
        let areas: Vec<AreaOffer> = self
            .areas
            .unwrap_or_default()
            .into_iter()
            .map(|area| {
                let free = onsale_domain::money::Money::zero(currency);
                let price = area.price.map_or(Ok(free), |price| price.checked("areas.price"))?;
                Ok(AreaOffer { label: area.label, capacity: area.capacity, price })
            })
            .collect::<Result<_, Problem>>()?;
        let plan = match &self.plan {
            Some(plan) => plan.checked()?,
            None if areas.is_empty() => {
                return Err(AppError::invalid("plan", "give a plan, areas, or both").into());
            }
            None => PlanChoice::None,
        };
        let prices = self
            .prices
            .unwrap_or_default()
            .into_iter()
            .map(|(category, price)| Ok((category, price.checked("prices")?)))
            .collect::<Result<_, Problem>>()?;
        Ok(NewPerformance {
            starts_at: times::parse("starts_at", &self.starts_at)?,
            plan,
            areas,
            prices,
            sale_opens_at: times::parse_optional("sale_opens_at", self.sale_opens_at.as_ref())?,
            sale_closes_at: times::parse_optional("sale_closes_at", self.sale_closes_at.as_ref())?,
        })
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct AreaDto {
    id: u32,
    label: String,
    capacity: u32,
    price: MoneyDto,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Performance)]
pub(crate) struct PerformanceDto {
    id: Uuid,
    event_id: Uuid,
    starts_at: String,
    plan_id: Uuid,
    seat_count: u32,
    /// Seats and places.
    capacity: u32,
    /// How many of them nobody has.
    available: u32,
    areas: Vec<AreaDto>,
    prices: BTreeMap<String, MoneyDto>,
    sale_opens_at: Option<String>,
    sale_closes_at: Option<String>,
    created_at: String,
}

pub(super) fn area_dtos(areas: &[AreaOffer]) -> Vec<AreaDto> {
    areas
        .iter()
        .zip(1..)
        .map(|(area, id)| AreaDto {
            id,
            label: area.label.clone(),
            capacity: area.capacity,
            price: area.price.into(),
        })
        .collect()
}

fn performance_dto(performance: &Performance, available: u32) -> PerformanceDto {
    PerformanceDto {
        id: performance.id.0,
        event_id: performance.event.0,
        starts_at: rfc3339(performance.starts_at),
        plan_id: performance.plan.0,
        seat_count: performance.seat_count,
        capacity: performance.capacity,
        available,
        areas: area_dtos(&performance.areas),
        prices: performance.prices.iter().map(|(name, price)| (name.clone(), (*price).into())).collect(),
        sale_opens_at: performance.sale_opens_at.map(rfc3339),
        sale_closes_at: performance.sale_closes_at.map(rfc3339),
        created_at: rfc3339(performance.created_at),
    }
}

/// Adds a performance to an event, with its seats.
#[utoipa::path(post, path = "/events/{event_id}/performances", tag = "catalogue", security(("bearer" = [])),
    params(("event_id" = Uuid, Path)), request_body = NewPerformanceDto,
    responses((status = 201, body = PerformanceDto), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument),
        (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn create(
    State(server): State<Arc<Server>>,
    Named(event): Named<EventId>,
    By(caller): By,
    Command { body, key }: Command<NewPerformanceDto>,
) -> Result<(StatusCode, Json<PerformanceDto>), Problem> {
    let currency = server.app.managed_event(caller, event).await?.settings.currency;
    let key = key.map(|key| OwnedKey { owner: caller.account, key });
    let made = server.app.create_performance(caller, event, body.checked(currency)?, key).await?;
    // Under a key it may be a performance that has been selling for a while.
    let available = match key {
        Some(_) => server.app.availability(made.id).await?.counts.available,
        None => made.capacity,
    };
    Ok((StatusCode::CREATED, Json(performance_dto(&made, available))))
}

/// Lists the performances of an event, in order of creation.
#[utoipa::path(get, path = "/events/{event_id}/performances", tag = "catalogue", params(("event_id" = Uuid, Path), Paging),
    responses((status = 200, body = PageDto<PerformanceDto>), (status = 400, body = ProblemDocument), (status = 404, body = ProblemDocument)))]
pub(crate) async fn list(
    State(server): State<Arc<Server>>,
    Named(event): Named<EventId>,
    Query(paging): Query<Paging>,
) -> Result<Json<PageDto<PerformanceDto>>, Problem> {
    let page = server.app.performances(event, paging.checked()?).await?;
    let mut items = Vec::with_capacity(page.items.len());
    for performance in &page.items {
        let available = server.app.availability(performance.id).await?.counts.available;
        items.push(performance_dto(performance, available));
    }
    Ok(Json(PageDto { items, next_cursor: page.next }))
}

/// Reads a performance.
#[utoipa::path(get, path = "/performances/{performance_id}", tag = "catalogue", params(("performance_id" = Uuid, Path)),
    responses((status = 200, body = PerformanceDto), (status = 404, body = ProblemDocument)))]
pub(crate) async fn read(
    State(server): State<Arc<Server>>,
    Named(id): Named<PerformanceId>,
) -> Result<Json<PerformanceDto>, Problem> {
    let card = server.app.card(id).await?;
    let available = server.app.availability(id).await?.counts.available;
    Ok(Json(performance_dto(&card.performance, available)))
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct PerformancePatch {
    starts_at: Option<String>,
    /// `null`: on sale at once.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    sale_opens_at: Member<String>,
    /// `null`: on sale for good.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    sale_closes_at: Member<String>,
    /// Why, for the log of what was done by hand; at most 200 characters.
    reason: Option<String>,
}

/// Changes when a performance begins and when its sale opens and closes; what is left out stays. Those who hold something
/// may pay for it all the same.
#[utoipa::path(patch, path = "/performances/{performance_id}", tag = "catalogue", security(("bearer" = [])),
    params(("performance_id" = Uuid, Path)), request_body = PerformancePatch,
    responses((status = 200, body = PerformanceDto), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument),
        (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument)))]
pub(crate) async fn update(
    State(server): State<Arc<Server>>,
    Named(id): Named<PerformanceId>,
    By(caller): By,
    Command { body, .. }: Command<PerformancePatch>,
) -> Result<Json<PerformanceDto>, Problem> {
    let moved = |field: &str, to: Member<String>| {
        to.change().map(|to| times::parse_optional(field, to.as_ref())).transpose()
    };
    let new = NewTimes {
        starts_at: times::parse_optional("starts_at", body.starts_at.as_ref())?,
        sale_opens_at: moved("sale_opens_at", body.sale_opens_at)?,
        sale_closes_at: moved("sale_closes_at", body.sale_closes_at)?,
    };
    let changed = server.app.reschedule(caller, id, new, body.reason).await?;
    let available = server.app.availability(id).await?.counts.available;
    Ok(Json(performance_dto(&changed, available)))
}

#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct StatsDto {
    capacity: u32,
    available: u32,
    held: u32,
    paying: u32,
    sold: u32,
    blocked: u32,
    /// `capacity` minus the rest; anything but 0 is an alarm.
    drift: i64,
}

impl StatsDto {
    pub(super) fn new(capacity: u32, counts: Counts) -> Self {
        Self {
            capacity,
            available: counts.available,
            held: counts.held,
            paying: counts.paying,
            sold: counts.sold,
            blocked: counts.blocked,
            drift: i64::from(capacity) - i64::from(counts.total()),
        }
    }
}

/// How many seats and places are in each state.
#[utoipa::path(get, path = "/performances/{performance_id}/stats", tag = "operation", security(("bearer" = [])),
    params(("performance_id" = Uuid, Path)),
    responses((status = 200, body = StatsDto), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument)))]
pub(crate) async fn stats(
    State(server): State<Arc<Server>>,
    Named(id): Named<PerformanceId>,
    By(caller): By,
) -> Result<Json<StatsDto>, Problem> {
    let stats = server.app.stats(caller, id).await?;
    Ok(Json(StatsDto::new(stats.capacity, stats.counts)))
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Repairs {
    /// A sentence for each thing that was put right.
    repaired: Vec<String>,
}

/// Compares the stock with the ledger and repairs what differs, while selling.
#[utoipa::path(post, path = "/performances/{performance_id}/reconcile", tag = "operation", security(("bearer" = [])),
    params(("performance_id" = Uuid, Path)),
    responses((status = 200, body = Repairs), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument)))]
pub(crate) async fn reconcile(
    State(server): State<Arc<Server>>,
    Named(id): Named<PerformanceId>,
    By(caller): By,
) -> Result<Json<Repairs>, Problem> {
    Ok(Json(Repairs { repaired: server.app.reconcile_stock(caller, id).await? }))
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct Block {
    seat_ids: Vec<u32>,
    blocked: bool,
    /// Why, for the log of what was done by hand; at most 200 characters.
    reason: Option<String>,
}

/// Takes seats off sale, or puts them back.
#[utoipa::path(post, path = "/performances/{performance_id}/blocks", tag = "operation", security(("bearer" = [])),
    params(("performance_id" = Uuid, Path)), request_body = Block,
    responses((status = 200, body = StatsDto), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument),
        (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument)))]
pub(crate) async fn block(
    State(server): State<Arc<Server>>,
    Named(id): Named<PerformanceId>,
    By(caller): By,
    Command { body, .. }: Command<Block>,
) -> Result<Json<StatsDto>, Problem> {
    server.app.block(caller, id, body.seat_ids, body.blocked, body.reason).await?;
    stats(State(server), Named(id), By(caller)).await
}
