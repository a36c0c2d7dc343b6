//! Errors as clients see them: RFC 9457 problem documents, made in one place and logged once, there.
//!
//! Invariant: a handler returns [`Problem`]; the frame around all handlers turns it into a response, because
//! only the frame knows the request id.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use onsale_app::errors::{AppError, Reason};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;
use utoipa::ToSchema;

/// What goes into the answer instead of a body, until the frame renders it.
#[derive(Clone, Debug)]
pub(crate) struct Problem(pub(crate) AppError);

impl Problem {
    /// A refusal with a sentence.
    pub(crate) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self(AppError::refused(reason, detail))
    }
}

impl<E: Into<AppError>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status(self.0.reason());
        response.extensions_mut().insert(self);
        response
    }
}

fn status(reason: Reason) -> StatusCode {
    StatusCode::from_u16(reason.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// How an error looks. Refusals may carry more members, named with their codes.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the document for OpenAPI; rendering goes through a map")]
pub(crate) struct ProblemDocument {
    /// Names the kind of problem.
    #[schema(example = "urn:onsale:problem:seat_taken")]
    r#type: String,
    /// A short sentence, the same for every problem of this kind.
    title: String,
    /// The HTTP status.
    status: u16,
    /// The reason code, for programs.
    code: String,
    /// What happened here.
    detail: String,
    /// Names this request in the log.
    request_id: String,
}

/// Writes the document straight out: refusals are what a sale has most of.
struct Rendered<'a> {
    reason: Reason,
    detail: &'a str,
    request_id: &'a str,
    extras: &'a [(&'static str, Value)],
}

impl Serialize for Rendered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_map(None)?;
        document.serialize_entry("type", &format_args!("urn:onsale:problem:{}", self.reason.code()))?;
        document.serialize_entry("title", self.reason.title())?;
        document.serialize_entry("status", &self.reason.status())?;
        document.serialize_entry("code", self.reason.code())?;
        document.serialize_entry("detail", self.detail)?;
        document.serialize_entry("request_id", self.request_id)?;
        for (name, value) in self.extras {
            document.serialize_entry(name, value)?;
        }
        document.end()
    }
}

/// Renders a problem and logs it where that helps: faults of this server as errors, outages as warnings.
/// Refusals are the request's affair and show in the access log.
pub(crate) fn render(problem: &Problem, request_id: &str) -> Response {
    let reason = problem.0.reason();
    let (detail, extras) = match &problem.0 {
        AppError::Refused(refusal) => (refusal.detail.as_str(), refusal.extras.as_slice()),
        AppError::NotNow(sentence) => (sentence.as_str(), [].as_slice()),
        AppError::Unavailable(cause) => {
            tracing::warn!(cause, "answered unavailable");
            ("a part of the system does not answer; nothing was lost, try again shortly", [].as_slice())
        }
        AppError::Internal(cause) => {
            tracing::error!(cause, "answered internal");
            (
                "this request could not be carried out; the request id finds the cause in the log",
                [].as_slice(),
            )
        }
    };
    let body = serde_json::to_vec(&Rendered { reason, detail, request_id, extras }).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status(reason);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    let wait_ms =
        extras.iter().find(|(name, _)| *name == "retry_after_ms").and_then(|(_, value)| value.as_u64());
    if let Some((_, limit)) = extras.iter().find(|(name, _)| *name == "rate_limit") {
        limit_headers(headers, limit, wait_ms.unwrap_or(0));
    }
    match reason {
        _ if wait_ms.is_some() => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait_ms.unwrap_or(0).div_ceil(1000)));
        }
        Reason::Unavailable => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        Reason::Unauthenticated => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        _ => {}
    }
    response
}

/// The limit that refused, and when there is something of it again (draft-ietf-httpapi-ratelimit-headers-10).
fn limit_headers(headers: &mut HeaderMap, limit: &Value, wait_ms: u64) {
    let (Some(name), Some(quota), Some(window_s)) =
        (limit["name"].as_str(), limit["quota"].as_u64(), limit["window_s"].as_u64())
    else {
        return;
    };
    let policy = format!("\"{name}\";q={quota};w={window_s}");
    let left = format!("\"{name}\";r=0;t={}", wait_ms.div_ceil(1_000));
    for (header, value) in [("ratelimit-policy", policy), ("ratelimit", left)] {
        // Made of names of limits and numbers.
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(header, value);
        }
    }
}
