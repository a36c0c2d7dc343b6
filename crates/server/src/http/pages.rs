//! The pages, from memory: packed at build time, named after their content, so that browsers keep them for good.
//!
//! Invariant: a page loads nothing from anywhere else, except the forms of payment providers where there are any, and
//! nobody frames it.

use std::{fmt::Write, sync::Arc};

use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, header},
    middleware::{self, Next},
    response::Response,
};
use memory_serve::CacheControl;
use onsale_app::ports::payments::PageForm;

use super::Server;

/// Styles are written into elements by the pages' own code; scripts never are.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; \
                      worker-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'";

/// Where everything has its digest in its name. What is elsewhere, such as the page and its manifest, names it and has to be
/// asked for anew.
const NAMED_AFTER_CONTENT: &str = "/assets/";
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

/// Their routes. The forms of payment providers may be used on them.
pub(super) fn routes(forms: &[PageForm]) -> Router<Arc<Server>> {
    let policy = policy(forms);
    memory_serve::load!()
        .enable_brotli(true)
        .enable_gzip(true)
        .html_cache_control(CacheControl::NoCache)
        .cache_control(CacheControl::Long)
        .into_router()
        .layer(middleware::from_fn(move |request: Request, next: Next| {
            let (policy, is_named_after_content) =
                (policy.clone(), request.uri().path().starts_with(NAMED_AFTER_CONTENT));
            async move {
                let mut response = guarded(next.run(request).await, policy);
                if !is_named_after_content {
                    response.headers_mut().insert(header::CACHE_CONTROL, ASK_AGAIN);
                }
                response
            }
        }))
}

/// Puts the policy on a page on which nothing is paid.
pub(super) async fn guard(response: Response) -> Response {
    guarded(response, HeaderValue::from_static(POLICY))
}

fn guarded(mut response: Response, policy: HeaderValue) -> Response {
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

fn policy(forms: &[PageForm]) -> HeaderValue {
    let mut text = POLICY.to_owned();
    if !forms.is_empty() {
        let sources = |of: fn(&PageForm) -> &Vec<String>| {
            forms.iter().flat_map(of).map(String::as_str).collect::<Vec<_>>().join(" ")
        };
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "; script-src 'self' {}; frame-src {}; connect-src 'self' {}",
            sources(|form| &form.script_sources),
            sources(|form| &form.frame_sources),
            sources(|form| &form.connect_sources)
        );
    }
    // What an operator may set has been checked to be plain.
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(POLICY))
}
