//! Tickets to take along: the QR code as a picture, and all tickets of an order on paper.
//!
//! Invariant: a file that lets its bearer in is given to the buyer and the event's organizer only, and stored by nobody
//! on the way.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use jiff::tz::TimeZone;
use onsale_app::errors::AppError;
use onsale_domain::{ids::OrderId, tickets::TicketCode};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::{
    http::{
        Server,
        extract::{Named, Query},
        identity::By,
        problem::{Problem, ProblemDocument},
    },
    language::Language,
    tickets::{
        paper::Sheet,
        qr::{Modules, QrError},
    },
};

/// How a ticket is written.
#[derive(Deserialize, IntoParams)]
pub(crate) struct Writing {
    /// `en` unless told.
    #[param(pattern = "^(en|ko)$")]
    lang: Option<String>,
    /// The time zone of the times on it, as the IANA names it; UTC unless told.
    #[param(example = "Asia/Seoul")]
    tz: Option<String>,
}

impl Writing {
    fn language(&self) -> Result<Language, AppError> {
        let Some(name) = &self.lang else { return Ok(Language::English) };
        Language::named(name).ok_or_else(|| AppError::invalid("lang", "must be en or ko"))
    }

    fn zone(&self) -> Result<TimeZone, AppError> {
        let Some(name) = &self.tz else { return Ok(TimeZone::UTC) };
        TimeZone::get(name).map_err(|_| AppError::invalid("tz", "must be the IANA's name of a time zone"))
    }
}

/// A file, byte by byte.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub(crate) struct File(#[expect(dead_code, reason = "it describes answers and is never made")] Vec<u8>);

/// All tickets of a paid order as a PDF, A4, a page each.
#[utoipa::path(get, path = "/orders/{order_id}/tickets.pdf", tag = "tickets", security(("bearer" = [])),
    params(("order_id" = Uuid, Path), Writing),
    responses((status = 200, description = "The tickets", content_type = "application/pdf", body = File),
        (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub(crate) async fn paper(
    State(server): State<Arc<Server>>,
    Named(id): Named<OrderId>,
    By(caller): By,
    Query(writing): Query<Writing>,
) -> Result<Response, Problem> {
    let (language, zone) = (writing.language()?, writing.zone()?);
    let tickets = server.app.tickets_of(caller, id).await?;
    let sheet = Sheet::of(tickets, id, language, zone);
    let paper = server.press.print(sheet).await?;
    Ok(file("application/pdf", &format!("attachment; filename=\"tickets-{id}.pdf\""), paper))
}

/// The QR code of a ticket, drawn with paths.
#[utoipa::path(get, path = "/tickets/{code}/qr.svg", tag = "tickets", security(("bearer" = [])), params(("code" = String, Path)),
    responses((status = 200, description = "The code, with its quiet zone", content_type = "image/svg+xml", body = String),
        (status = 401, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument)))]
pub(crate) async fn svg(
    State(server): State<Arc<Server>>,
    Named(code): Named<TicketCode>,
    By(caller): By,
) -> Result<Response, Problem> {
    let view = server.app.ticket(caller, code).await?;
    let svg = Modules::of(&code).map_err(|error| not_drawn(&error))?.svg(&view.label.label);
    Ok(file("image/svg+xml", &named(&code, "svg"), svg))
}

/// The QR code of a ticket, in pixels.
#[utoipa::path(get, path = "/tickets/{code}/qr.png", tag = "tickets", security(("bearer" = [])), params(("code" = String, Path)),
    responses((status = 200, description = "The code, with its quiet zone", content_type = "image/png", body = File),
        (status = 401, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument)))]
pub(crate) async fn png(
    State(server): State<Arc<Server>>,
    Named(code): Named<TicketCode>,
    By(caller): By,
) -> Result<Response, Problem> {
    server.app.ticket(caller, code).await?;
    let png = Modules::of(&code).and_then(|modules| modules.png()).map_err(|error| not_drawn(&error))?;
    Ok(file("image/png", &named(&code, "png"), png))
}

/// Named after the part of the code that a log may have too.
fn named(code: &TicketCode, extension: &str) -> String {
    format!("inline; filename=\"ticket-{}.{extension}\"", code.short())
}

fn not_drawn(error: &QrError) -> Problem {
    AppError::Internal(error.to_string()).into()
}

fn file(kind: &'static str, disposition: &str, body: impl IntoResponse) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(disposition) = HeaderValue::from_str(disposition) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}
