//! Seating plans: upload and look.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use onsale_app::{
    errors::rfc3339,
    ports::ledger::{OwnedKey, PlanSummary},
};
use onsale_domain::{ids::PlanId, seating::SeatingPlan};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    PageDto, Server,
    extract::{Named, Paging, Query, RawCommand},
    identity::ByOrganizer,
    problem::{Problem, ProblemDocument},
};

#[derive(Serialize, ToSchema)]
#[schema(as = SeatingPlan)]
pub(crate) struct PlanDto {
    id: Uuid,
    name: String,
    seat_count: u32,
    /// How many areas are drawn in it: stages, bars, standing room.
    area_count: u32,
    created_at: String,
    /// In their order; where one plan is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    categories: Option<Vec<PlanCategorySize>>,
}

/// A category of a plan.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlanCategorySize {
    name: String,
    /// `#rrggbb`.
    color: String,
    /// How many seats are of it.
    seats: u32,
}

fn categories(plan: &SeatingPlan) -> Vec<PlanCategorySize> {
    let mut sizes = vec![0; plan.categories.len()];
    for placed in plan.seats() {
        if let Some(size) = sizes.get_mut(usize::from(placed.seat.category)) {
            *size += 1;
        }
    }
    let named = plan.categories.iter().zip(sizes);
    named
        .map(|(category, seats)| PlanCategorySize {
            name: category.name.clone(),
            color: category.color.clone(),
            seats,
        })
        .collect()
}

impl From<PlanSummary> for PlanDto {
    fn from(plan: PlanSummary) -> Self {
        Self {
            id: plan.id.0,
            name: plan.name,
            seat_count: plan.seat_count,
            area_count: plan.area_count,
            created_at: rfc3339(plan.created_at),
            categories: None,
        }
    }
}

/// Uploads a pretix seating plan (JSON, at most 16 MiB).
#[utoipa::path(post, path = "/seating-plans", tag = "catalogue", security(("bearer" = [])),
    request_body(content = serde_json::Value, description = "A pretix seating plan, JSON schema version 0.0.1"),
    responses((status = 201, body = PlanDto), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument),
        (status = 403, body = ProblemDocument), (status = 413, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn create(
    State(server): State<Arc<Server>>,
    ByOrganizer(caller): ByOrganizer,
    RawCommand { body, key }: RawCommand,
) -> Result<(StatusCode, Json<PlanDto>), Problem> {
    let key = key.map(|key| OwnedKey { owner: caller.account, key });
    let plan = server.app.create_plan(caller, &body, key).await?;
    Ok((StatusCode::CREATED, Json(plan.into())))
}

/// Lists seating plans, newest first.
#[utoipa::path(get, path = "/seating-plans", tag = "catalogue", params(Paging),
    responses((status = 200, body = PageDto<PlanDto>), (status = 400, body = ProblemDocument)))]
pub(crate) async fn list(
    State(server): State<Arc<Server>>,
    Query(paging): Query<Paging>,
) -> Result<Json<PageDto<PlanDto>>, Problem> {
    Ok(Json(PageDto::of(server.app.plans(paging.checked()?).await?, PlanDto::from)))
}

/// Reads a seating plan.
#[utoipa::path(get, path = "/seating-plans/{plan_id}", tag = "catalogue", params(("plan_id" = Uuid, Path)),
    responses((status = 200, body = PlanDto), (status = 404, body = ProblemDocument)))]
pub(crate) async fn read(
    State(server): State<Arc<Server>>,
    Named(id): Named<PlanId>,
) -> Result<Json<PlanDto>, Problem> {
    let (summary, plan) = server.app.plan(id).await?;
    Ok(Json(PlanDto { categories: Some(categories(&plan)), ..summary.into() }))
}
