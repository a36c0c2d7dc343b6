//! Who a request comes from: a bearer token, or a header set by a trusted gateway.
//!
//! Invariant: the identity header counts only when the connection comes from a trusted proxy; from anyone else
//! it is ignored. Nobody's browser is made to act in their name by a page of another site.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{header, request::Parts, uri::Authority},
};
use onsale_app::{Caller, catalogue::check_organizer, errors::Reason};

use super::{Server, problem::Problem};
use crate::{requests, tokens::Identity};

/// Gateways' names for people are bounded; what is longer is nobody.
const MAX_EXTERNAL_ID: usize = 200;

/// Somebody who has shown who they are.
pub(crate) struct Known(pub(crate) Identity);

/// The same, where only the caller matters.
pub(crate) struct By(pub(crate) Caller);

/// Somebody who sells: for calls with large bodies, which are not even read of anybody else.
pub(crate) struct ByOrganizer(pub(crate) Caller);

impl FromRequestParts<Arc<Server>> for Known {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Result<Self, Problem> {
        if let Some(value) = parts.headers.get(header::AUTHORIZATION) {
            let token = value.to_str().ok().and_then(bearer).ok_or_else(|| {
                Problem::new(
                    Reason::Unauthenticated,
                    "send the access token as Authorization: Bearer <token>",
                )
            })?;
            let identity = server
                .tokens
                .check(token, server.app.clock().now())
                .map_err(|bad| Problem::new(Reason::Unauthenticated, bad.to_string()))?;
            requests::comes_from(identity.caller.account);
            return Ok(Self(identity));
        }
        if let Some(external_id) = vouched_for(parts, server) {
            must_be_from_here(parts, server)?;
            let caller = server.app.vouched_for(external_id).await?;
            requests::comes_from(caller.account);
            return Ok(Self(Identity { caller, login: None }));
        }
        Err(Problem::new(Reason::Unauthenticated, "this call needs an access token"))
    }
}

impl FromRequestParts<Arc<Server>> for By {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Result<Self, Problem> {
        Known::from_request_parts(parts, server).await.map(|Known(identity)| Self(identity.caller))
    }
}

impl FromRequestParts<Arc<Server>> for ByOrganizer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Result<Self, Problem> {
        let By(caller) = By::from_request_parts(parts, server).await?;
        check_organizer(caller)?;
        Ok(Self(caller))
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// A gateway knows its people by a cookie, which goes along wherever their browser is sent; so what changes something has to
/// come from the pages of this server, or from a program. Browsers say in `Origin` where such a request comes from.
fn must_be_from_here(parts: &Parts, server: &Server) -> Result<(), Problem> {
    if parts.method.is_safe() {
        return Ok(());
    }
    let header = |name| parts.headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let Some(origin) = header(header::ORIGIN) else { return Ok(()) };
    let host = header(header::HOST).or_else(|| parts.uri.authority().map(Authority::as_str));
    let is_ours = origin.split_once("://").is_some_and(|(_, authority)| Some(authority) == host);
    if is_ours || server.settings.cors_allowed_origins.iter().any(|allowed| allowed == origin) {
        return Ok(());
    }
    Err(Problem::new(Reason::Forbidden, "this came from a page of another site"))
}

fn vouched_for<'a>(parts: &'a Parts, server: &Server) -> Option<&'a str> {
    let header = server.settings.identity_header.as_ref()?;
    let ConnectInfo(peer) = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
    if !server.settings.trusts(peer.ip()) {
        return None;
    }
    // Two names: one of them is not the gateway's.
    let mut names = parts.headers.get_all(header).iter();
    let (Some(name), None) = (names.next(), names.next()) else { return None };
    let name = name.to_str().ok()?.trim();
    (1..=MAX_EXTERNAL_ID).contains(&name.len()).then_some(name)
}
