//! Wishes over HTTP: what those in line would take of what comes back after everything was sold.
//!
//! Invariant: a wish is put down from a place that stands, and seen and taken back by its owner alone.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use onsale_app::{
    errors::{AppError, Reason, rfc3339},
    ports::ledger::{Wanted, Wish},
    returns::WishRequest,
};
use onsale_domain::{
    ids::{EventId, PerformanceId},
    waiting_room::summary::Status,
    wishes::WishStatus,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::TicketHeader;
use crate::{
    http::{
        Server,
        extract::{Command, Named},
        identity::By,
        letters::Reader,
        problem::{Problem, ProblemDocument},
    },
    settings::Role,
};

impl Server {
    /// Whether this process knows the stock.
    pub(super) fn sells(&self) -> bool {
        self.settings.role != Role::Queue
    }
}

fn together() -> bool {
    true
}

/// What somebody would take.
#[derive(Deserialize, ToSchema)]
pub(crate) struct WishToPut {
    /// In which performance of the event.
    performance_id: Uuid,
    /// How many, all or none.
    #[schema(example = 2)]
    quantity: u32,
    /// Seats of this category only.
    category: Option<String>,
    /// Places of this area only.
    area_id: Option<u32>,
    /// Seats side by side or not at all.
    #[serde(default = "together")]
    #[schema(default = true)]
    together: bool,
    /// Where to write to when something is held, where that is not the account's address.
    email: Option<String>,
    /// `en` or `ko`; else what the browser likes best.
    language: Option<String>,
    /// The zone of the times in an e-mail, as the IANA names it.
    time_zone: Option<String>,
}

/// What is held for a wish.
#[derive(Serialize, ToSchema)]
#[schema(as = WishOffer)]
pub(crate) struct OfferDto {
    /// To be confirmed like any other.
    reservation_id: Uuid,
    performance_id: Uuid,
    /// Until when; then it goes to the next.
    expires_at: String,
}

/// A wish.
#[derive(Serialize, ToSchema)]
#[schema(as = Wish)]
pub(crate) struct WishDto {
    performance_id: Uuid,
    quantity: u32,
    category: Option<String>,
    area_id: Option<u32>,
    together: bool,
    /// In the line; the first whom something fits is the first to be offered it.
    position: u32,
    /// `waiting`, `offered`, `taken` (bought), `missed` (lapsed or given back) or `withdrawn`.
    #[schema(example = "waiting")]
    status: &'static str,
    /// While it is offered.
    offer: Option<OfferDto>,
}

impl From<Wish> for WishDto {
    fn from(wish: Wish) -> Self {
        let performance_id = wish.wanted.performance.0;
        let offered = wish.reservation.zip(wish.offered_until);
        let offer = offered.filter(|_| wish.status == WishStatus::Offered);
        Self {
            performance_id,
            quantity: wish.wanted.quantity,
            category: wish.wanted.category,
            area_id: wish.wanted.area,
            together: wish.wanted.together,
            position: wish.position,
            status: wish.status.as_str(),
            offer: offer.map(|(reservation, until)| OfferDto {
                reservation_id: reservation.0,
                performance_id,
                expires_at: rfc3339(until),
            }),
        }
    }
}

/// Leaves what I would take of what comes back after everything was sold, in place of what I left before. Whom it fits
/// is offered it in the order of the line, already held.
#[utoipa::path(put, path = "/events/{event_id}/queue/wish", tag = "queue", security(("bearer" = [])),
    params(("event_id" = Uuid, Path), ("Queue-Ticket" = String, Header, description = "From joining, of the same buyer")),
    request_body = WishToPut,
    responses((status = 200, body = WishDto), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument),
        (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 410, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub(crate) async fn put(
    State(server): State<Arc<Server>>,
    Named(event): Named<EventId>,
    By(caller): By,
    TicketHeader(text): TicketHeader,
    reader: Reader,
    Command { body, .. }: Command<WishToPut>,
) -> Result<Json<WishDto>, Problem> {
    let place = server.own_ticket(event, caller, &text)?;
    let progress = server.rooms()?.progress(caller.account, place).await?;
    if progress.status == Status::Closed {
        return Err(Problem::new(Reason::SaleClosed, "the waiting room is closed"));
    }
    let position = progress.position.ok_or_else(|| {
        AppError::refused(Reason::SaleNotOpen, "there is no line yet: its order is drawn when the sale opens")
    })?;
    let writing = reader.writing(&server, body.language, body.time_zone, "")?;
    let wanted = Wanted {
        performance: PerformanceId(body.performance_id),
        quantity: body.quantity,
        category: body.category,
        area: body.area_id,
        together: body.together,
    };
    let request = WishRequest { wanted, email: body.email, writing };
    let wish = server.app.put_wish(caller, event, position, request, server.sells()).await?;
    Ok(Json(wish.into()))
}

/// What I would take, and what is held for me.
#[utoipa::path(get, path = "/events/{event_id}/queue/wish", tag = "queue", security(("bearer" = [])),
    params(("event_id" = Uuid, Path), ("Queue-Ticket" = String, Header, description = "From joining, of the same buyer")),
    responses((status = 200, body = WishDto), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub(crate) async fn read(
    State(server): State<Arc<Server>>,
    Named(event): Named<EventId>,
    By(caller): By,
    TicketHeader(text): TicketHeader,
) -> Result<Json<WishDto>, Problem> {
    server.own_ticket(event, caller, &text)?;
    Ok(Json(server.app.wish(caller, event).await?.into()))
}

/// Takes my wish back, and gives back what is held for it. Doing it again is no mistake.
#[utoipa::path(delete, path = "/events/{event_id}/queue/wish", tag = "queue", security(("bearer" = [])),
    params(("event_id" = Uuid, Path), ("Queue-Ticket" = String, Header, description = "From joining, of the same buyer")),
    responses((status = 204), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub(crate) async fn withdraw(
    State(server): State<Arc<Server>>,
    Named(event): Named<EventId>,
    By(caller): By,
    TicketHeader(text): TicketHeader,
) -> Result<StatusCode, Problem> {
    server.own_ticket(event, caller, &text)?;
    server.app.withdraw_wish(caller, event, server.sells()).await?;
    Ok(StatusCode::NO_CONTENT)
}
