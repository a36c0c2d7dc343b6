//! The pages, from memory: packed at build time, named after their content, so that browsers keep them for good.
//!
//! Invariant: a page loads nothing from anywhere else, and nobody frames it.

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderValue, header},
    middleware,
    response::Response,
};
use memory_serve::CacheControl;

use super::Server;

/// Styles are written into elements by the pages' own code; scripts never are.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; \
                      worker-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'";

/// Their routes.
pub(super) fn routes() -> Router<Arc<Server>> {
    memory_serve::load!()
        .enable_brotli(true)
        .enable_gzip(true)
        // Names what is named after its content, so it has to be asked for anew.
        .html_cache_control(CacheControl::NoCache)
        .cache_control(CacheControl::Long)
        .into_router()
        .layer(middleware::map_response(guard))
}

/// Puts the policy on a page.
pub(super) async fn guard(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}
