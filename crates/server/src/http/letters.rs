//! Letters about orders: how they are written, how they fare, and sending them again.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Json,
    extract::{FromRequestParts, State},
    http::{StatusCode, header, request::Parts},
};
use jiff::tz::TimeZone;
use onsale_app::{
    errors::{AppError, rfc3339},
    letters::LetterView,
    ports::ledger::Writing,
};
use onsale_domain::ids::OrderId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Server,
    extract::{Command, Named},
    identity::By,
    problem::{Problem, ProblemDocument},
};
use crate::language::Language;

/// Somebody to whom something will be written: the language that their browser likes best.
pub(crate) struct Reader(Language);

impl FromRequestParts<Arc<Server>> for Reader {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Server>) -> Result<Self, Infallible> {
        let liked = parts.headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Ok(Self(liked.map_or(Language::English, Language::preferred)))
    }
}

impl Reader {
    /// How they are written to: as they say, or else as their browser and this server would have it; so it is too with
    /// a zone that is not known here. `prefix` names where in the body they say it.
    pub(crate) fn writing(
        &self,
        server: &Server,
        language: Option<String>,
        time_zone: Option<String>,
        prefix: &str,
    ) -> Result<Writing, AppError> {
        let language = match language {
            None => self.0,
            Some(name) => Language::named(&name)
                .ok_or_else(|| AppError::invalid(&format!("{prefix}language"), "must be en or ko"))?,
        };
        if time_zone.as_ref().is_some_and(|name| !could_be_zone(name)) {
            let field = format!("{prefix}time_zone");
            return Err(AppError::invalid(&field, "must be the IANA's name of a time zone"));
        }
        // A browser may know zones that came up after this server was built: nobody's purchase fails for that.
        let time_zone = time_zone.filter(|name| TimeZone::get(name).is_ok());
        let usual =
            || server.settings.mail.as_ref().map_or_else(|| "UTC".into(), |mail| mail.time_zone.clone());
        Ok(Writing { language: language.tag().to_owned(), time_zone: time_zone.unwrap_or_else(usual) })
    }
}

fn could_be_zone(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || "/_+-".contains(c))
}

/// The newest e-mail with the tickets of an order.
#[derive(Serialize, ToSchema)]
pub(crate) struct LetterDto {
    /// `waiting`, `sent`, `withdrawn` (the order was refunded before) or `dead` (given up).
    #[schema(example = "sent")]
    status: &'static str,
    /// Left out for the buyer where the organizer had them sent elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    /// When the mail server took it, or when it was given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_at: Option<String>,
    /// What went wrong the last time; for the organizer only.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
}

impl From<LetterView> for LetterDto {
    fn from(view: LetterView) -> Self {
        Self {
            status: view.status.as_str(),
            to: view.to,
            settled_at: view.settled_at.map(rfc3339),
            last_error: view.last_error,
        }
    }
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct Resend {
    /// Another address than the buyer's; the organizer may name one.
    email: Option<String>,
    /// `en` or `ko`, for orders whose buyers have not said.
    language: Option<String>,
    /// The zone of the times in it, for orders whose buyers have not said.
    time_zone: Option<String>,
}

/// Sends the tickets of a paid order by e-mail, also where that was done before: at most once a minute and six times a
/// day.
#[utoipa::path(post, path = "/orders/{order_id}/tickets/resend", tag = "tickets", security(("bearer" = [])),
    params(("order_id" = Uuid, Path)), request_body = Resend,
    responses((status = 202, body = LetterDto, description = "It will be sent; the order says how it fares"),
        (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument), (status = 429, body = ProblemDocument),
        (status = 503, body = ProblemDocument)))]
pub(crate) async fn resend(
    State(server): State<Arc<Server>>,
    Named(id): Named<OrderId>,
    By(caller): By,
    reader: Reader,
    Command { body, .. }: Command<Resend>,
) -> Result<(StatusCode, Json<LetterDto>), Problem> {
    let writing = reader.writing(&server, body.language, body.time_zone, "")?;
    let sent = server.app.send_tickets(caller, id, body.email, writing).await?;
    Ok((StatusCode::ACCEPTED, Json(sent.into())))
}
