//! Webhooks out: endpoints of an organizer's programs, what went to them, and sending it off again.
//!
//! Invariant: the secret of an endpoint is in the answer that made it, and in no other.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use onsale_app::{
    endpoints::NewEndpoint,
    errors::{AppError, rfc3339},
    ports::ledger::{Content, Delivery, DeliveryStatus, Endpoint, NoticeKind},
};
use onsale_domain::ids::{DeliveryId, EndpointId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    PageDto, Server,
    extract::{Command, Named, Paging, Query},
    identity::By,
    problem::{Problem, ProblemDocument},
};
use crate::notices::{
    addresses::checked_url,
    signature::{SECRET_BYTES, shown},
};

#[derive(Deserialize, ToSchema)]
pub(crate) struct NewWebhookEndpoint {
    /// On the public Internet, `https://`, without user or password.
    #[schema(example = "https://example.com/hooks")]
    url: String,
    /// Of `reservation.held`, `reservation.expired`, `order.paid`, `order.refunded`, `order.failed`,
    /// `performance.sold_out`; one at least.
    #[schema(example = json!(["order.paid", "order.refunded"]))]
    events: Vec<String>,
}

/// An endpoint. Messages to it are signed as [Standard Webhooks](https://www.standardwebhooks.com) has it: `webhook-id`,
/// `webhook-timestamp`, and in `webhook-signature` `v1,` and the HMAC-SHA256 of `id.timestamp.body`, as Base64.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookEndpoint {
    id: Uuid,
    url: String,
    events: Vec<&'static str>,
    /// What messages are signed with; shown once, when the endpoint is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: Option<String>,
    created_at: String,
}

impl WebhookEndpoint {
    fn of(endpoint: Endpoint, with_secret: bool) -> Self {
        Self {
            id: endpoint.id.0,
            url: endpoint.url,
            events: endpoint.kinds.iter().map(|kind| kind.as_str()).collect(),
            secret: with_secret.then(|| shown(&endpoint.secret)),
            created_at: rfc3339(endpoint.created_at),
        }
    }
}

fn kinds(names: &[String]) -> Result<Vec<NoticeKind>, AppError> {
    let known = NoticeKind::ALL.map(NoticeKind::as_str).join(", ");
    let unknown = || AppError::invalid("events", &format!("must be one or more of: {known}"));
    let mut kinds = names
        .iter()
        .map(|name| NoticeKind::parse(name).ok_or_else(unknown))
        .collect::<Result<Vec<_>, _>>()?;
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.is_empty() { Err(unknown()) } else { Ok(kinds) }
}

/// Adds an endpoint of my programs. Its secret is in the answer, and never shown again.
#[utoipa::path(post, path = "/webhook-endpoints", tag = "operation", security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters")),
    request_body = NewWebhookEndpoint,
    responses((status = 201, body = WebhookEndpoint), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument),
        (status = 403, body = ProblemDocument), (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn create(
    State(server): State<Arc<Server>>,
    By(caller): By,
    Command { body, key }: Command<NewWebhookEndpoint>,
) -> Result<(StatusCode, Json<WebhookEndpoint>), Problem> {
    let url = checked_url(&body.url, server.settings.webhooks.allow_private)
        .map_err(|why| AppError::invalid("url", why))?;
    let secret = rand::random::<[u8; SECRET_BYTES]>().to_vec();
    let new = NewEndpoint { url: url.to_string(), kinds: kinds(&body.events)?, secret, key };
    let made = server.app.create_endpoint(caller, new).await?;
    Ok((StatusCode::CREATED, Json(WebhookEndpoint::of(made, true))))
}

/// Lists the endpoints of my programs, oldest first.
#[utoipa::path(get, path = "/webhook-endpoints", tag = "operation", security(("bearer" = [])),
    responses((status = 200, body = PageDto<WebhookEndpoint>), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument)))]
pub(crate) async fn list(
    State(server): State<Arc<Server>>,
    By(caller): By,
) -> Result<Json<PageDto<WebhookEndpoint>>, Problem> {
    let endpoints = server.app.endpoints(caller).await?;
    let items = endpoints.into_iter().map(|endpoint| WebhookEndpoint::of(endpoint, false)).collect();
    Ok(Json(PageDto { items, next_cursor: None }))
}

/// Removes an endpoint of mine, with all that was still to go to it.
#[utoipa::path(delete, path = "/webhook-endpoints/{endpoint_id}", tag = "operation", security(("bearer" = [])),
    params(("endpoint_id" = Uuid, Path)),
    responses((status = 204), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument)))]
pub(crate) async fn delete(
    State(server): State<Arc<Server>>,
    Named(id): Named<EndpointId>,
    By(caller): By,
) -> Result<StatusCode, Problem> {
    server.app.delete_endpoint(caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A message to an endpoint.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookDelivery {
    /// The `webhook-id` of the message, the same each time it is sent.
    id: Uuid,
    endpoint_id: Uuid,
    #[serde(rename = "type")]
    #[schema(example = "order.paid")]
    kind: &'static str,
    /// `waiting`, `sent`, `withdrawn` or `dead` (given up after three days, or refused for good).
    #[schema(example = "dead")]
    status: &'static str,
    attempts: u32,
    created_at: String,
    /// When it is tried next, while it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<String>,
    /// When it was taken or given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_at: Option<String>,
    /// What went wrong the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
}

impl TryFrom<Delivery> for WebhookDelivery {
    type Error = AppError;

    fn try_from(delivery: Delivery) -> Result<Self, AppError> {
        let Content::Notice(notice) = delivery.content else {
            return Err(AppError::Internal(format!("delivery {} is no notice", delivery.id)));
        };
        let is_waiting = delivery.status == DeliveryStatus::Waiting;
        Ok(Self {
            id: delivery.id.0,
            endpoint_id: notice.endpoint.0,
            kind: notice.kind.as_str(),
            status: delivery.status.as_str(),
            attempts: delivery.attempts,
            created_at: rfc3339(delivery.created_at),
            due_at: is_waiting.then(|| rfc3339(delivery.due_at)),
            settled_at: delivery.settled_at.map(rfc3339),
            last_error: delivery.last_error,
        })
    }
}

/// Which messages.
#[derive(Deserialize, IntoParams)]
pub(crate) struct OfStatus {
    /// All of them unless told.
    #[param(pattern = "^(waiting|sent|withdrawn|dead)$")]
    status: Option<String>,
}

/// Lists what goes or went to my endpoints, newest first. What is settled is kept for 30 days.
#[utoipa::path(get, path = "/webhook-deliveries", tag = "operation", security(("bearer" = [])), params(OfStatus, Paging),
    responses((status = 200, body = PageDto<WebhookDelivery>), (status = 400, body = ProblemDocument),
        (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument)))]
pub(crate) async fn deliveries(
    State(server): State<Arc<Server>>,
    By(caller): By,
    Query(wanted): Query<OfStatus>,
    Query(paging): Query<Paging>,
) -> Result<Json<PageDto<WebhookDelivery>>, Problem> {
    let status = wanted.status.map(|name| {
        DeliveryStatus::parse(&name)
            .ok_or_else(|| AppError::invalid("status", "must be waiting, sent, withdrawn or dead"))
    });
    let page = server.app.notices(caller, status.transpose()?, paging.checked()?).await?;
    let items = page.items.into_iter().map(WebhookDelivery::try_from).collect::<Result<_, _>>()?;
    Ok(Json(PageDto { items, next_cursor: page.next }))
}

/// Sends off again a message that was given up, as if it were new. One that waits is left as it is.
#[utoipa::path(post, path = "/webhook-deliveries/{delivery_id}/replay", tag = "operation", security(("bearer" = [])),
    params(("delivery_id" = Uuid, Path)),
    responses((status = 202, body = WebhookDelivery), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument)))]
pub(crate) async fn replay(
    State(server): State<Arc<Server>>,
    Named(id): Named<DeliveryId>,
    By(caller): By,
) -> Result<(StatusCode, Json<WebhookDelivery>), Problem> {
    let replayed = server.app.replay_notice(caller, id).await?;
    Ok((StatusCode::ACCEPTED, Json(replayed.try_into()?)))
}
