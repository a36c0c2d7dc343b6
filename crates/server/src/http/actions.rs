//! What organizers do to a sale by hand, and the log of it.

use std::sync::Arc;

use axum::{Json, extract::State};
use onsale_app::{actions::ActionView, errors::rfc3339};
use onsale_domain::ids::{EventId, PerformanceId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    PageDto, Server,
    extract::{Command, Named, Paging, Query},
    identity::By,
    problem::{Problem, ProblemDocument},
};

/// Who did something.
#[derive(Serialize, ToSchema)]
pub(crate) struct Person {
    account_id: Uuid,
    /// `null`: the account is gone.
    name: Option<String>,
    email: Option<String>,
}

/// What was done by hand.
#[derive(Serialize, ToSchema)]
pub(crate) struct SaleAction {
    id: Uuid,
    at: String,
    by: Person,
    /// `pause`, `resume`, `rate`, `room`, `close`, `reopen`, `extend_holds`, `block`, `unblock` or `reschedule`.
    #[schema(example = "rate")]
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    performance_id: Option<Uuid>,
    /// What it was set to.
    #[schema(value_type = BTreeMap<String, Value>, example = json!({"admit_per_second": 20}))]
    detail: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl From<ActionView> for SaleAction {
    fn from(ActionView { action, by }: ActionView) -> Self {
        let (name, email) = by.map_or((None, None), |by| (Some(by.name), by.email));
        Self {
            id: action.id.0,
            at: rfc3339(action.at),
            by: Person { account_id: action.by.0, name, email },
            action: action.kind.as_str(),
            performance_id: action.performance.map(|performance| performance.0),
            detail: action.detail,
            reason: action.reason,
        }
    }
}

/// Lists what was done by hand to an event's sale, newest first.
#[utoipa::path(get, path = "/events/{event_id}/actions", tag = "operation", security(("bearer" = [])),
    params(("event_id" = Uuid, Path), Paging),
    responses((status = 200, body = PageDto<SaleAction>), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument),
        (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument)))]
pub(crate) async fn list(
    State(server): State<Arc<Server>>,
    Named(event): Named<EventId>,
    By(caller): By,
    Query(paging): Query<Paging>,
) -> Result<Json<PageDto<SaleAction>>, Problem> {
    let page = server.app.actions(caller, event, paging.checked()?).await?;
    Ok(Json(PageDto::of(page, SaleAction::from)))
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct MoreTime {
    /// 10 to 3,600 seconds from now.
    by_s: u32,
    /// Why, for the log of what was done by hand; at most 200 characters.
    reason: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Extended {
    /// How many holds would have ended before.
    extended: u32,
}

/// Gives everybody who holds something at least so much time. It counts as one extension of each hold.
#[utoipa::path(post, path = "/performances/{performance_id}/holds/extend", tag = "operation", security(("bearer" = [])),
    params(("performance_id" = Uuid, Path)), request_body = MoreTime,
    responses((status = 200, body = Extended), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument),
        (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub(crate) async fn extend_holds(
    State(server): State<Arc<Server>>,
    Named(id): Named<PerformanceId>,
    By(caller): By,
    Command { body, .. }: Command<MoreTime>,
) -> Result<Json<Extended>, Problem> {
    let extended = server.app.extend_holds(caller, id, body.by_s, body.reason).await?;
    Ok(Json(Extended { extended }))
}
