//! How a recorded request looks in a trace: named and described by OpenTelemetry's semantic conventions for HTTP, and by what
//! its line in the log says.
//!
//! Invariant: nothing is in a trace that is not in the log: no query string, no code of a ticket, nobody's name.

use std::{borrow::Cow, time::Instant};

use axum::http::{Method, StatusCode};
use onsale_app::errors::Reason;

use super::meters::is_route;
use crate::{
    requests::Asked,
    traces::{Recording, Said},
};

/// What came of a request.
pub(super) struct Outcome<'a> {
    pub(super) method: &'a Method,
    /// As the metrics have it.
    pub(super) route: &'a str,
    /// As the log may have it.
    pub(super) path: Cow<'a, str>,
    pub(super) status: StatusCode,
    pub(super) reason: Option<Reason>,
    pub(super) sequence: Option<u64>,
}

/// Tells of a request that began at `begun` and has been answered.
pub(super) fn tell(recording: &Recording, asked: &Asked, begun: Instant, outcome: Outcome<'_>) {
    let Outcome { method, route, path, status, reason, sequence } = outcome;
    let text = |text: &str| Said::Text(text.to_owned());
    // Others are whatever a client makes up.
    let method = if is_known(method) { method.as_str() } else { "_OTHER" };
    let verb = if method == "_OTHER" { "HTTP" } else { method };
    let mut attributes = vec![
        ("http.request.method", text(method)),
        ("http.response.status_code", Said::Number(status.as_u16().into())),
        ("url.path", Said::Text(path.into_owned())),
        ("url.scheme", text("http")),
        ("onsale.request_id", text(asked.id())),
    ];
    if is_route(route) {
        attributes.push(("http.route", text(route)));
    }
    // A refusal is no error of the server.
    let failed = status.is_server_error();
    if failed {
        attributes.push(("error.type", Said::Text(status.as_u16().to_string())));
    }
    attributes.extend(reason.map(|reason| ("onsale.reason", text(reason.code()))));
    attributes.extend(asked.by().map(|by| ("onsale.buyer", Said::Text(by.to_string()))));
    let sequence = sequence.and_then(|sequence| i64::try_from(sequence).ok());
    attributes.extend(sequence.map(|sequence| ("onsale.sequence", Said::Number(sequence))));
    recording.end(format!("{verb} {route}"), begun, failed, attributes);
}

fn is_known(method: &Method) -> bool {
    [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::HEAD,
        Method::OPTIONS,
        Method::CONNECT,
        Method::TRACE,
    ]
    .contains(method)
}
