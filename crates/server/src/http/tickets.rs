//! Tickets: letting people in, how many have come, and tickets to take along.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use onsale_app::{errors::rfc3339, tickets::TicketView};
use onsale_domain::{ids::PerformanceId, tickets::TicketCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Server,
    extract::{Command, Named},
    identity::By,
    problem::{Problem, ProblemDocument},
};

pub(crate) mod files;

#[derive(Deserialize, ToSchema)]
pub(crate) struct CheckIn {
    /// The performance that is entered here; tickets to another are refused.
    performance_id: Option<Uuid>,
}

/// What a door needs to know of somebody who is let in.
#[derive(Serialize, ToSchema)]
#[schema(as = CheckedIn)]
pub(crate) struct CheckedInDto {
    code: String,
    order_id: Uuid,
    performance_id: Uuid,
    event_title: String,
    starts_at: String,
    seat_id: u32,
    label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    section: Option<String>,
    buyer_name: String,
    checked_in_at: Option<String>,
}

impl From<TicketView> for CheckedInDto {
    fn from(TicketView { ticket, label, card }: TicketView) -> Self {
        Self {
            code: ticket.code,
            order_id: ticket.order.0,
            performance_id: ticket.performance.0,
            event_title: card.event.title.clone(),
            starts_at: rfc3339(card.performance.starts_at),
            seat_id: ticket.unit.0,
            label: label.label,
            section: label.section,
            buyer_name: ticket.buyer_name,
            checked_in_at: ticket.checked_in.map(|check_in| rfc3339(check_in.at)),
        }
    }
}

/// Lets the bearer of a ticket in, once. The code may come in lower case and in groups, with an O for a zero.
#[utoipa::path(post, path = "/tickets/{code}/check-in", tag = "tickets", security(("bearer" = [])), params(("code" = String, Path)),
    request_body = CheckIn,
    responses((status = 200, body = CheckedInDto), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument),
        (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, description = "`already_used` with `used_at`, `ticket_void`, or `wrong_performance`", body = ProblemDocument)))]
pub(crate) async fn check_in(
    State(server): State<Arc<Server>>,
    Named(code): Named<TicketCode>,
    By(caller): By,
    Command { body, .. }: Command<CheckIn>,
) -> Result<Json<CheckedInDto>, Problem> {
    let to = body.performance_id.map(PerformanceId);
    Ok(Json(server.app.check_in(caller, code, to).await?.into()))
}

/// Takes a check-in back, as for a scan by mistake; 204 also where there was none.
#[utoipa::path(delete, path = "/tickets/{code}/check-in", tag = "tickets", security(("bearer" = [])), params(("code" = String, Path)),
    responses((status = 204), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument)))]
pub(crate) async fn undo_check_in(
    State(server): State<Arc<Server>>,
    Named(code): Named<TicketCode>,
    By(caller): By,
) -> Result<StatusCode, Problem> {
    server.app.undo_check_in(caller, code).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Attendance {
    /// Tickets that are good, used or not.
    sold: u64,
    /// Those of them that were used.
    checked_in: u64,
}

/// How many have come.
#[utoipa::path(get, path = "/performances/{performance_id}/check-ins", tag = "tickets", security(("bearer" = [])),
    params(("performance_id" = Uuid, Path)),
    responses((status = 200, body = Attendance), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument)))]
pub(crate) async fn attendance(
    State(server): State<Arc<Server>>,
    Named(id): Named<PerformanceId>,
    By(caller): By,
) -> Result<Json<Attendance>, Problem> {
    let attendance = server.app.attendance(caller, id).await?;
    Ok(Json(Attendance { sold: attendance.sold, checked_in: attendance.checked_in }))
}
