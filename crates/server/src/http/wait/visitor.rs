//! Who a visitor without scripts is: a guest, whose token and ticket their browser keeps in cookies.
//!
//! Invariants: no script and no other site's form gets at these cookies (`HttpOnly`, `SameSite=Lax`), they go nowhere but
//! to these pages, and nothing is changed by a request that did not come from one of them.

use std::{convert::Infallible, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, header, request::Parts},
    response::AppendHeaders,
};
use onsale_app::{Caller, errors::AppError};
use onsale_domain::ids::EventId;

use crate::language::Language;
use crate::{
    http::{Server, identity::By},
    requests,
    tokens::{DAY_TOKEN_S, Identity},
};

const GUEST: &str = "onsale_guest";
const PLACE: &str = "onsale_place";

/// Whoever looks at the page.
pub(super) struct Visitor {
    /// Known by a gateway, or a guest of before.
    caller: Option<Caller>,
    /// The guest's token, as the browser keeps it.
    pub(super) token: Option<String>,
    /// The ticket, as the browser keeps it. It may be anything.
    pub(super) ticket: Option<String>,
    pub(super) language: Language,
    /// Whether a page of this server sent the request.
    pub(super) from_here: bool,
    /// Whether the browser came over TLS.
    is_secure: bool,
}

/// Cookies to be set.
pub(super) type Cookies = AppendHeaders<Vec<(header::HeaderName, HeaderValue)>>;

impl FromRequestParts<Arc<Server>> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Result<Self, Infallible> {
        let token = cookie(&parts.headers, GUEST).map(str::to_owned);
        let now = server.app.clock().now();
        let guest = token.as_deref().and_then(|token| server.tokens.check(token, now).ok());
        let known = By::from_request_parts(parts, server).await.ok().map(|By(caller)| caller);
        let caller = known.or(guest.map(|identity| identity.caller));
        caller.inspect(|caller| requests::comes_from(caller.account));
        let headers = &parts.headers;
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let authority = parts.uri.authority().map(axum::http::uri::Authority::as_str);
        Ok(Self {
            token: token.filter(|_| guest.is_some() && known.is_none()),
            caller,
            ticket: cookie(headers, PLACE).map(str::to_owned),
            language: Language::preferred(text(header::ACCEPT_LANGUAGE).unwrap_or_default()),
            from_here: is_from_here(headers, text(header::HOST).or(authority)),
            is_secure: server.settings.tls.is_some()
                || headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https"),
        })
    }
}

impl Visitor {
    pub(super) fn caller(&self) -> Option<Caller> {
        self.caller
    }

    /// The caller, who becomes a guest where they are nobody yet, and the cookies that keep the guest.
    pub(super) fn become_somebody(&self, server: &Server) -> Result<(Caller, Option<HeaderValue>), AppError> {
        if let Some(caller) = self.caller {
            return Ok((caller, None));
        }
        let caller = server.app.guest();
        let token = server.sign(Identity { caller, login: None }, DAY_TOKEN_S)?;
        Ok((caller, self.cookie(GUEST, &token, "/wait", DAY_TOKEN_S)))
    }

    /// Keeps the ticket of an event's place, and the guest if they are new.
    pub(super) fn keep(&self, guest: Option<HeaderValue>, event: EventId, ticket: &str) -> Cookies {
        let place = self.cookie(PLACE, ticket, &format!("/wait/{event}"), DAY_TOKEN_S);
        AppendHeaders(guest.into_iter().chain(place).map(|cookie| (header::SET_COOKIE, cookie)).collect())
    }

    /// Forgets the ticket of an event's place.
    pub(super) fn forget(&self, event: EventId) -> Cookies {
        let place = self.cookie(PLACE, "", &format!("/wait/{event}"), 0);
        AppendHeaders(place.into_iter().map(|cookie| (header::SET_COOKIE, cookie)).collect())
    }

    fn cookie(&self, name: &str, value: &str, path: &str, max_age_s: u64) -> Option<HeaderValue> {
        let secure = if self.is_secure { "; Secure" } else { "" };
        let text =
            format!("{name}={value}; Path={path}; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}");
        // Tokens are letters, digits, dashes, underscores and dots.
        HeaderValue::try_from(text).ok()
    }
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    // The first is the one with the longest path.
    pairs.find(|(found, value)| *found == name && !value.is_empty()).map(|(_, value)| value)
}

/// Whether a form of this server sent it. What a browser says itself goes before what the address says; a client that
/// says neither is no browser of the last years, and its cookies may be anybody's form's.
fn is_from_here(headers: &HeaderMap, host: Option<&str>) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return site == "same-origin";
    }
    text("origin").and_then(|origin| origin.split_once("://")).is_some_and(|(_, from)| Some(from) == host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn cookies_are_found_among_others() {
        let sent = headers(&[("cookie", "a=b; onsale_place=first; onsale_place=second; onsale_guest=")]);
        assert_eq!(cookie(&sent, PLACE), Some("first"));
        assert_eq!(cookie(&sent, GUEST), None);
        assert_eq!(cookie(&sent, "lace"), None);
    }

    #[test]
    fn only_forms_of_this_server_change_something() {
        let from_here =
            |pairs: &[(&'static str, &str)]| is_from_here(&headers(pairs), Some("tickets.example"));
        assert!(from_here(&[("sec-fetch-site", "same-origin"), ("origin", "null")]));
        assert!(from_here(&[("origin", "https://tickets.example")]));
        for bad in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-site", "none"),
            ("origin", "https://evil.example"),
            ("origin", "https://tickets.example.evil.example"),
            ("origin", "null"),
            ("referer", "https://tickets.example/wait"),
        ] {
            assert!(!from_here(&[bad]), "{bad:?}");
        }
    }
}
