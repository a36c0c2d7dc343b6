//! What payment providers deliver.
//!
//! Invariant: nobody is believed here for what they say; a delivery that cannot be looked into is answered with an error,
//! so that it comes again.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    extract::{FromRequest, FromRequestParts, RawPathParams, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode},
};
use bytes::Bytes;
use onsale_app::ports::payments::Delivery;

use super::{
    Server, extract,
    problem::{Problem, ProblemDocument},
};

/// A delivery as it came.
pub(crate) struct Delivered {
    /// What stands in the path; empty where that is no text.
    provider: String,
    headers: BTreeMap<String, String>,
    body: Bytes,
}

impl FromRequest<Arc<Server>> for Delivered {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &Arc<Server>) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let path = RawPathParams::from_request_parts(&mut parts, state).await.ok();
        let provider = path.as_ref().and_then(|path| path.iter().next()).map(|(_, name)| name.to_owned());
        let headers = text_headers(&parts.headers);
        let body = extract::delivered_body(Request::from_parts(parts, body)).await?;
        Ok(Self { provider: provider.unwrap_or_default(), headers, body })
    }
}

fn text_headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text = |value: &HeaderValue| value.to_str().map(str::to_owned).ok();
    headers.iter().filter_map(|(name, value)| Some((name.as_str().to_owned(), text(value)?))).collect()
}

/// Takes a webhook of a payment provider. The signature is checked; what is said is not believed but looked up. To be
/// delivered again on any answer but 204.
#[utoipa::path(post, path = "/webhooks/{provider}", tag = "operation",
    params(("provider" = String, Path, description = "`stripe`")),
    request_body(content = serde_json::Value, description = "As the provider documents it"),
    responses((status = 204), (status = 400, body = ProblemDocument, description = "Not from the provider, or not from now"),
        (status = 404, body = ProblemDocument), (status = 413, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub(crate) async fn deliver(
    State(server): State<Arc<Server>>,
    delivered: Delivered,
) -> Result<StatusCode, Problem> {
    let app = Arc::clone(&server.app);
    let taken = async move {
        let delivery = Delivery { headers: &delivered.headers, body: &delivered.body };
        app.notified(&delivered.provider, &delivery).await
    };
    server.to_the_end(taken).await?;
    Ok(StatusCode::NO_CONTENT)
}
