//! Health and metrics.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::Server;

#[derive(Serialize, ToSchema)]
pub(crate) struct HealthDto {
    /// `ok` or `unavailable`.
    status: &'static str,
    hot: String,
    ledger: String,
    drain: Option<DrainDto>,
    version: &'static str,
}

/// How far the ledger is behind what was accepted.
#[derive(Serialize, ToSchema)]
pub(crate) struct DrainDto {
    /// About how many changes the ledger does not have yet.
    lag_changes: u64,
    /// How old the oldest of them is.
    lag_ms: u64,
}

/// Whether everything that is needed answers.
#[utoipa::path(get, path = "/health", tag = "operation",
    responses((status = 200, body = HealthDto), (status = 503, body = HealthDto)))]
pub(crate) async fn health(State(server): State<Arc<Server>>) -> (StatusCode, Json<HealthDto>) {
    let health = server.app.health().await;
    let ok = health.hot.is_none() && health.ledger.is_none() && !server.is_stopping();
    let words =
        |trouble: Option<String>| trouble.map_or_else(|| "ok".to_owned(), |_| "unavailable".to_owned());
    let document = HealthDto {
        status: if ok { "ok" } else { "unavailable" },
        hot: words(health.hot),
        ledger: words(health.ledger),
        drain: health.lag.map(|lag| DrainDto { lag_changes: lag.changes, lag_ms: lag.age_ms }),
        version: env!("CARGO_PKG_VERSION"),
    };
    (if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(document))
}

/// Whether the process lives.
#[utoipa::path(get, path = "/health/live", tag = "operation", responses((status = 200)))]
pub(crate) async fn live() -> StatusCode {
    StatusCode::OK
}

/// Whether it should get requests.
#[utoipa::path(get, path = "/health/ready", tag = "operation",
    responses((status = 200, body = HealthDto), (status = 503, body = HealthDto)))]
pub(crate) async fn ready(state: State<Arc<Server>>) -> (StatusCode, Json<HealthDto>) {
    health(state).await
}

/// Metrics in the Prometheus text format.
#[utoipa::path(get, path = "/metrics", tag = "operation", responses((status = 200, body = String, content_type = "text/plain")))]
pub(crate) async fn metrics(State(server): State<Arc<Server>>) -> Response {
    let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, text)], server.metrics.render()).into_response()
}
