//! Seats: where they are, and which are free, held, sold.
//!
//! Invariant: nothing here says who has a seat.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::Engine;
use onsale_app::{cards::Card, errors::Reason, ports::hot::Availability};
use onsale_domain::{ids::PerformanceId, seating::KeptFor, units::Unit};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Server,
    extract::{Named, Query, SeatPath},
    money::MoneyDto,
    performances::{AreaDto, area_dtos},
    problem::{Problem, ProblemDocument},
    views::Coding,
};

#[derive(Serialize, ToSchema)]
pub(crate) struct PlanSeat {
    id: u32,
    #[schema(example = "A-1")]
    label: String,
    x: f32,
    y: f32,
    category: String,
    /// A space for a wheelchair. "Best seats" passes it over.
    #[serde(skip_serializing_if = "is_false")]
    #[schema(required = false)]
    accessible: bool,
    /// Kept for who comes along with somebody in a wheelchair. "Best seats" passes it over.
    #[serde(skip_serializing_if = "is_false")]
    #[schema(required = false)]
    companion: bool,
}

/// Left out: it would double what is sent for a seat.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_false(mark: &bool) -> bool {
    !mark
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PlanRow {
    label: String,
    seats: Vec<PlanSeat>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PlanSection {
    id: u32,
    label: String,
    rows: Vec<PlanRow>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PlanCategory {
    name: String,
    /// `#rrggbb`.
    color: String,
    price: MoneyDto,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PlanSize {
    width: f32,
    height: f32,
}

/// The static layout of a performance. It never changes.
#[derive(Serialize, ToSchema)]
pub(crate) struct PerformancePlan {
    size: PlanSize,
    categories: Vec<PlanCategory>,
    sections: Vec<PlanSection>,
    areas: Vec<AreaDto>,
    /// Stages, texts and other things that are drawn but not sold.
    #[schema(value_type = Vec<Object>)]
    shapes: Vec<onsale_domain::seating::Shape>,
}

fn plan_of(card: &Card) -> PerformancePlan {
    let plan = &card.house.plan;
    let categories = plan
        .categories
        .iter()
        .zip(&card.category_prices)
        .map(|(category, price)| PlanCategory {
            name: category.name.clone(),
            color: category.color.clone(),
            price: (*price).into(),
        })
        .collect();
    let mut unit = 0;
    let sections = plan
        .sections
        .iter()
        .zip(1..)
        .map(|(section, id)| PlanSection {
            id,
            label: section.label.clone(),
            rows: section
                .rows
                .iter()
                .map(|row| PlanRow {
                    label: row.label.clone(),
                    seats: row
                        .seats
                        .iter()
                        .map(|seat| {
                            unit += 1;
                            let category = plan.categories.get(seat.category as usize);
                            PlanSeat {
                                id: unit,
                                label: card.label(Unit(unit)).label,
                                x: seat.x,
                                y: seat.y,
                                category: category.map_or_else(String::new, |category| category.name.clone()),
                                accessible: seat.kept_for == Some(KeptFor::Wheelchair),
                                companion: seat.kept_for == Some(KeptFor::Companion),
                            }
                        })
                        .collect(),
                })
                .collect(),
        })
        .collect();
    PerformancePlan {
        size: PlanSize { width: plan.size.width, height: plan.size.height },
        categories,
        sections,
        areas: area_dtos(&card.performance.areas),
        shapes: plan.shapes.clone(),
    }
}

/// Reads the static layout; cache it for good.
#[utoipa::path(get, path = "/performances/{performance_id}/plan", tag = "seats", params(("performance_id" = Uuid, Path)),
    responses((status = 200, body = PerformancePlan), (status = 304), (status = 404, body = ProblemDocument)))]
pub(crate) async fn plan(
    State(server): State<Arc<Server>>,
    Named(id): Named<PerformanceId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let card = server.app.card(id).await?;
    let coding = Coding::asked_for(&headers);
    let etag = format!("\"{id}{}\"", coding.suffix());
    let mut response = if is_fresh(&headers, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let body = server.plans.encoded(id, coding, move || serde_json::to_vec(&plan_of(&card))).await?;
        let json = HeaderValue::from_static("application/json");
        let mut response = ([(header::CONTENT_TYPE, json)], body).into_response();
        if let Some(name) = coding.name() {
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        response
    };
    let kept = response.headers_mut();
    kept.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    kept.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    Ok(with_etag(response, &etag))
}

/// Whether the client has this version already.
fn is_fresh(headers: &HeaderMap, etag: &str) -> bool {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    known.is_some_and(|known| {
        known == "*" || known.split(',').any(|one| one.trim().trim_start_matches("W/") == etag)
    })
}

fn with_etag(mut response: Response, etag: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(etag) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SeatStatus {
    Available,
    Held,
    Sold,
    Blocked,
}

impl SeatStatus {
    fn of(bits: u8) -> Self {
        match bits {
            0b00 => Self::Available,
            0b01 => Self::Held,
            0b10 => Self::Sold,
            _ => Self::Blocked,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct SeatDto {
    id: u32,
    label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    section: Option<String>,
    status: SeatStatus,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Seats {
    /// `epoch:offset`.
    position: String,
    seats: Vec<SeatDto>,
}

#[derive(Deserialize, IntoParams)]
pub(crate) struct SeatFilter {
    /// Only seats in this state.
    #[param(inline)]
    status: Option<SeatStatus>,
}

/// Lists the seats with their states.
#[utoipa::path(get, path = "/performances/{performance_id}/seats", tag = "seats",
    params(("performance_id" = Uuid, Path), SeatFilter),
    responses((status = 200, body = Seats), (status = 304), (status = 400, body = ProblemDocument), (status = 404, body = ProblemDocument)))]
pub(crate) async fn seats(
    State(server): State<Arc<Server>>,
    Named(id): Named<PerformanceId>,
    Query(filter): Query<SeatFilter>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let card = server.app.card(id).await?;
    let view = server.app.availability(id).await?;
    let etag = format!("\"{}-{:?}\"", view.position, filter.status);
    if is_fresh(&headers, &etag) {
        return Ok(with_etag(StatusCode::NOT_MODIFIED.into_response(), &etag));
    }
    let seats = (1..=view.seat_count)
        .map(Unit)
        .map(|unit| (unit, SeatStatus::of(view.bits(unit))))
        .filter(|(_, status)| filter.status.is_none_or(|wanted| wanted == *status))
        .map(|(unit, status)| seat_dto(&card, unit, status))
        .collect();
    Ok(with_etag(Json(Seats { position: view.position.to_string(), seats }).into_response(), &etag))
}

fn seat_dto(card: &Card, unit: Unit, status: SeatStatus) -> SeatDto {
    let label = card.label(unit);
    SeatDto { id: unit.0, label: label.label, section: label.section, status }
}

/// Reads one seat. Never says who has it.
#[utoipa::path(get, path = "/performances/{performance_id}/seats/{seat_id}", tag = "seats",
    params(("performance_id" = Uuid, Path), ("seat_id" = u32, Path)),
    responses((status = 200, body = SeatDto), (status = 404, body = ProblemDocument)))]
pub(crate) async fn seat(
    State(server): State<Arc<Server>>,
    SeatPath { performance, seat }: SeatPath,
) -> Result<Json<SeatDto>, Problem> {
    let card = server.app.card(performance).await?;
    let view = server.app.availability(performance).await?;
    let unit = seat.filter(|unit| (1..=view.seat_count).contains(&unit.0));
    let unit = unit.ok_or_else(|| Problem::new(Reason::SeatNotFound, "the performance has no such seat"))?;
    Ok(Json(seat_dto(&card, unit, SeatStatus::of(view.bits(unit)))))
}

#[derive(Serialize, ToSchema)]
pub(crate) struct AreaAvailability {
    pub(crate) id: u32,
    pub(crate) available: u32,
}

/// The states of all seats, packed, and the free places of the areas.
#[derive(Serialize, ToSchema)]
pub(crate) struct AvailabilityDto {
    /// `epoch:offset`.
    position: String,
    seat_count: u32,
    /// Base64; two bits a seat, seat 1 in the lowest bits of the first byte: 00 available, 01 held, 10 sold,
    /// 11 blocked.
    states: String,
    areas: Vec<AreaAvailability>,
}

impl AvailabilityDto {
    pub(crate) fn of(view: &Availability) -> Self {
        let areas =
            view.areas.iter().map(|(id, available)| AreaAvailability { id: *id, available: *available });
        Self {
            position: view.position.to_string(),
            seat_count: view.seat_count,
            states: base64::engine::general_purpose::STANDARD.encode(&view.states),
            areas: areas.collect(),
        }
    }
}

/// Reads the states of all seats in two bits each.
#[utoipa::path(get, path = "/performances/{performance_id}/availability", tag = "seats",
    params(("performance_id" = Uuid, Path)),
    responses((status = 200, body = AvailabilityDto), (status = 304), (status = 404, body = ProblemDocument)))]
pub(crate) async fn availability(
    State(server): State<Arc<Server>>,
    Named(id): Named<PerformanceId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let view = server.app.availability(id).await?;
    let etag = format!("\"{}\"", view.position);
    if is_fresh(&headers, &etag) {
        return Ok(with_etag(StatusCode::NOT_MODIFIED.into_response(), &etag));
    }
    let body = server.views.encoded(id, &view)?;
    let json = HeaderValue::from_static("application/json");
    Ok(with_etag(([(header::CONTENT_TYPE, json)], body).into_response(), &etag))
}
