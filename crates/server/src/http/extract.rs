//! What handlers take out of a request, with refusals as problem documents.
//!
//! Invariant: nothing of the request reaches a use case before it has its type and its size is bounded.

use std::{str::FromStr, sync::Arc, time::Duration};

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, RawPathParams, Request},
    http::{HeaderMap, header, request::Parts},
};
use http_body_util::{BodyExt, Limited};
use onsale_app::{
    errors::{AppError, Reason},
    ports::ledger::PageRequest,
};
use onsale_domain::{ids::PerformanceId, reservations::RequestKey, seating::MAX_PLAN_BYTES, units::Unit};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Server, problem::Problem};

/// Bodies larger than this are refused, plans excepted.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// How long a client may take to send a body.
const BODY_WITHIN: Duration = Duration::from_secs(30);

/// A JSON body and, where the client sent an `Idempotency-Key`, what it is remembered by.
pub(crate) struct Command<T> {
    pub(crate) body: T,
    pub(crate) key: Option<RequestKey>,
}

/// A body as it came, as large as a seating plan may be.
pub(crate) struct RawCommand {
    pub(crate) body: Bytes,
    pub(crate) key: Option<RequestKey>,
}

impl RawCommand {
    async fn read(request: Request, most_bytes: usize) -> Result<Self, Problem> {
        check_json(request.headers())?;
        let key = idempotency_key(request.headers())?.map(str::to_owned);
        let target = key.is_some().then(|| format!("{} {}\n", request.method(), request.uri().path()));
        let body = read_body(request, most_bytes).await?;
        let key = key.map(|key| RequestKey {
            key: digest(&[key.as_bytes()]),
            request: digest(&[target.unwrap_or_default().as_bytes(), &body]),
        });
        Ok(Self { body, key })
    }
}

async fn read_body(request: Request, most_bytes: usize) -> Result<Bytes, Problem> {
    let body = Limited::new(request.into_body(), most_bytes).collect();
    let body = tokio::time::timeout(BODY_WITHIN, body)
        .await
        .map_err(|_| Problem::new(Reason::Validation, "the body did not come in time"))?
        .map_err(|error| {
            if error.is::<http_body_util::LengthLimitError>() {
                Problem::new(Reason::BodyTooLarge, "the body is larger than this call takes")
            } else {
                Problem::new(Reason::Validation, "the body could not be read")
            }
        })?;
    Ok(body.to_bytes())
}

/// The body of a delivery, byte by byte: its signature is over these.
pub(super) async fn delivered_body(request: Request) -> Result<Bytes, Problem> {
    read_body(request, MAX_BODY_BYTES).await
}

impl FromRequest<Arc<Server>> for RawCommand {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Arc<Server>) -> Result<Self, Problem> {
        Self::read(request, MAX_PLAN_BYTES).await
    }
}

impl<T: DeserializeOwned> FromRequest<Arc<Server>> for Command<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Arc<Server>) -> Result<Self, Problem> {
        let RawCommand { body, key } = RawCommand::read(request, MAX_BODY_BYTES).await?;
        // A body that may be left out is the same as an empty object.
        let text: &[u8] = if body.is_empty() { b"{}" } else { &body };
        // A list of the values in their order would do for serde.
        if !text.trim_ascii_start().starts_with(b"{") {
            return Err(AppError::invalid("body", "must be a JSON object").into());
        }
        let body = serde_json::from_slice(text).or_else(|error| {
            // To JSON 602.0 is a whole number as good as 602, and some programs write them so.
            let with_whole_numbers = serde_json::from_slice(text).map(whole_numbers).ok();
            let body = with_whole_numbers.and_then(|value| serde_json::from_value(value).ok());
            body.ok_or_else(|| AppError::invalid("body", &error.to_string()))
        })?;
        Ok(Self { body, key })
    }
}

/// The same with numbers without a fraction as integers.
fn whole_numbers(value: Value) -> Value {
    /// Up to here every integer has a number of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() <= EXACT => {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "it has no fraction and is not too large"
                )]
                let whole = float as i64;
                Value::from(whole)
            }
            _ => Value::Number(number),
        },
        Value::Array(items) => items.into_iter().map(whole_numbers).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (name, whole_numbers(value))).collect()
        }
        other => other,
    }
}

fn check_json(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(content_type) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let essence = content_type.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") || essence.to_ascii_lowercase().ends_with("+json") {
        return Ok(());
    }
    Err(Problem::new(Reason::UnsupportedMediaType, "send application/json"))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (1..=255).contains(&key.len()) => Ok(Some(key)),
        _ => Err(AppError::invalid("Idempotency-Key", "must have 1 to 255 visible characters").into()),
    }
}

fn digest(parts: &[&[u8]]) -> [u8; 16] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    let mut short = [0; 16];
    short.copy_from_slice(&hasher.finalize()[..16]);
    short
}

/// A path parameter. What does not parse names nothing, so the answer is 404 with the noun.
pub(crate) struct Named<T>(pub(crate) T);

/// A type of id, and what it names.
pub(crate) trait Noun: FromStr {
    const NOUN: &'static str;
}

macro_rules! nouns {
    ($($id:ident = $noun:literal),*) => {
        $(impl Noun for onsale_domain::ids::$id { const NOUN: &'static str = $noun; })*
    };
}
impl Noun for onsale_domain::tickets::TicketCode {
    const NOUN: &'static str = "ticket";
}

nouns!(
    EventId = "event",
    PerformanceId = "performance",
    PlanId = "seating plan",
    ReservationId = "reservation",
    OrderId = "order",
    EndpointId = "endpoint",
    DeliveryId = "delivery"
);

impl<T: Noun> FromRequestParts<Arc<Server>> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<Server>) -> Result<Self, Problem> {
        let raw = RawPathParams::from_request_parts(parts, state).await.ok();
        let value = raw.as_ref().and_then(|raw| raw.iter().next());
        let parsed = value.and_then(|(_, value)| value.parse().ok());
        parsed.map(Self).ok_or_else(|| AppError::not_found(T::NOUN).into())
    }
}

/// A performance and one of its seats; `None` where the second is no number.
pub(crate) struct SeatPath {
    pub(crate) performance: PerformanceId,
    pub(crate) seat: Option<Unit>,
}

impl FromRequestParts<Arc<Server>> for SeatPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<Server>) -> Result<Self, Problem> {
        let Named(performance) = Named::from_request_parts(parts, state).await?;
        let raw = RawPathParams::from_request_parts(parts, state).await.ok();
        let value = raw.as_ref().and_then(|raw| raw.iter().nth(1));
        Ok(Self { performance, seat: value.and_then(|(_, value)| value.parse().ok()).map(Unit) })
    }
}

/// A member of a patch: absent, or there, with `null` as a value of its own.
#[derive(Default)]
pub(crate) enum Member<T> {
    #[default]
    Absent,
    Set(Option<T>),
}

impl<'de, T: serde::Deserialize<'de>> serde::Deserialize<'de> for Member<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::Set)
    }
}

impl<T> Member<T> {
    /// What to change: nothing, or to this.
    #[expect(clippy::option_option, reason = "a change to nothing is not no change")]
    pub(crate) fn change(self) -> Option<Option<T>> {
        match self {
            Self::Absent => None,
            Self::Set(value) => Some(value),
        }
    }
}

/// A query string.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Arc<Server>> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<Server>) -> Result<Self, Problem> {
        axum::extract::Query::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|rejection| AppError::invalid("query", &rejection.body_text()).into())
    }
}

/// Which page of a list.
#[derive(serde::Deserialize, utoipa::IntoParams)]
pub(crate) struct Paging {
    /// How many items at most, 1 to 200; 50 unless told.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(format = "uuid")]
    cursor: Option<String>,
}

impl Paging {
    pub(crate) fn checked(&self) -> Result<PageRequest, Problem> {
        let limit = self.limit.unwrap_or(50);
        if !(1..=200).contains(&limit) {
            return Err(AppError::invalid("limit", "must be from 1 to 200").into());
        }
        let after = match &self.cursor {
            None => None,
            Some(cursor) => Some(
                cursor
                    .parse::<Uuid>()
                    .map_err(|_| AppError::invalid("cursor", "is not one that was given out"))?,
            ),
        };
        Ok(PageRequest { limit, after })
    }
}
