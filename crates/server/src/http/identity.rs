//! Who a request comes from: a bearer token, or a header set by a trusted gateway.
//!
//! Invariant: the identity header counts only when the connection comes from a trusted proxy; from anyone else
//! it is ignored.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{header, request::Parts},
};
use onsale_app::{Caller, errors::Reason};

use super::{Server, problem::Problem};
use crate::tokens::Identity;

/// Gateways' names for people are bounded; what is longer is nobody.
const MAX_EXTERNAL_ID: usize = 200;

/// Somebody who has shown who they are.
pub(crate) struct Known(pub(crate) Identity);

/// The same, where only the caller matters.
pub(crate) struct By(pub(crate) Caller);

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
            return Ok(Self(identity));
        }
        if let Some(external_id) = vouched_for(parts, server) {
            let caller = server.app.vouched_for(external_id).await?;
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

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn vouched_for<'a>(parts: &'a Parts, server: &Server) -> Option<&'a str> {
    let header = server.settings.identity_header.as_ref()?;
    let ConnectInfo(peer) = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
    if !server.settings.trusts(peer.ip()) {
        return None;
    }
    let name = parts.headers.get(header)?.to_str().ok()?.trim();
    (1..=MAX_EXTERNAL_ID).contains(&name.len()).then_some(name)
}
