//! The waiting room for browsers without scripts: `/wait/{event}`, a page that looks again by itself, and forms.
//!
//! Invariants: it goes the same ways as the interface (`queue`), with the same limits; a look at it changes nothing; what
//! is not possible without scripts is said, never half done.

use std::sync::Arc;
use std::time::Duration;

use axum::{
    Json, Router,
    extract::{RawQuery, State},
    http::{HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use onsale_app::{
    Caller, CallerKind,
    errors::{AppError, Reason},
    ports::{admissions::PlaceTicket, ledger::PageRequest},
    waiting_room::Rooms,
};
use onsale_domain::{
    events::{BuyerIdentity, WaitingRoomMode},
    ids::{AccountId, EventId},
    waiting_room::{Gate, summary::Status},
};
use serde::Serialize;

use self::{
    page::{Page, View},
    visitor::{Cookies, Visitor},
};
use super::{Server, address::ClientAddress, extract::Named, pages, problem::Problem};
use crate::limits::Limit;

mod page;
mod visitor;
mod words;

/// How many events are listed.
const MOST_LISTED: u32 = 200;
/// How long who has gone in waits to see it.
const SEEN_WITHIN: Duration = Duration::from_millis(600);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Their routes. They are pages and in no description of the interface.
pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/wait", get(list))
        .route("/wait/{event_id}", get(show))
        .route("/wait/{event_id}/join", post(join))
        .route("/wait/{event_id}/enter", post(enter))
        .route("/wait/{event_id}/leave", post(leave))
        .route("/wait/{event_id}/carry", post(carry))
        .layer(middleware::map_response(pages::guard))
}

/// The events with a waiting room.
async fn list(State(server): State<Arc<Server>>, visitor: Visitor) -> Result<Response, Problem> {
    let page = PageRequest { limit: MOST_LISTED, after: None };
    let events = match server.app.events(page).await {
        Ok(page) => page,
        Err(AppError::Unavailable(cause)) => {
            tracing::warn!(cause, "the list of waiting rooms is not there");
            return Ok(answer(&server, &visitor, None, StatusCode::SERVICE_UNAVAILABLE, &View::Unavailable));
        }
        Err(error) => return Err(error.into()),
    };
    let has_room =
        |event: &onsale_app::ports::ledger::Event| event.settings.waiting_room.mode == WaitingRoomMode::On;
    let events = events.items.iter().filter(|event| has_room(event));
    let events: Vec<(EventId, String)> = events.map(|event| (event.id, event.title.clone())).collect();
    Ok(answer(&server, &visitor, None, StatusCode::OK, &View::List(&events)))
}

/// Where the visitor stands, or the way into the line.
async fn show(
    State(server): State<Arc<Server>>,
    Named(event): Named<EventId>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    match shown(&server, event, &visitor, query.as_deref()).await {
        Ok(response) => Ok(response),
        Err(error) => refused(&server, event, &visitor, error).await,
    }
}

async fn shown(
    server: &Server,
    id: EventId,
    visitor: &Visitor,
    query: Option<&str>,
) -> Result<Response, AppError> {
    let rooms = rooms(server)?;
    let (event, summary) = rooms.glance(id).await?;
    let title = Some((id, event.title.clone()));
    if let Some((buyer, place)) = place_of(server, id, visitor)? {
        let progress = rooms.progress(buyer, place).await?;
        let was_full = query == Some("full");
        let view = View::Place { progress: &progress, is_paused: summary.control.paused, was_full };
        return Ok(answer(server, visitor, title, StatusCode::OK, &view));
    }
    let is_guest = visitor.caller().is_none_or(|caller| caller.kind == CallerKind::Guest);
    let view = match summary.gate {
        Gate::SoldOut => View::SoldOut,
        Gate::Closed => View::Closed,
        Gate::Open if event.settings.waiting_room.proof_of_work_bits > 0 => View::NeedsWork,
        Gate::Open if event.settings.buyer_identity == BuyerIdentity::Account && is_guest => {
            View::NeedsAccount
        }
        Gate::Open => {
            let now = server.app.clock().now();
            let opens_in_ms = summary.opens_at.filter(|_| summary.order.is_none());
            let opens_in_ms = opens_in_ms.map(|opens_at| opens_at.since_ms(now));
            View::Join { opens_in_ms, has_left: query == Some("left") }
        }
    };
    Ok(answer(server, visitor, title, StatusCode::OK, &view))
}

/// Puts the visitor in the line, as a guest if they are nobody.
async fn join(
    State(server): State<Arc<Server>>,
    Named(event): Named<EventId>,
    ClientAddress(address): ClientAddress,
    visitor: Visitor,
) -> Result<Response, Problem> {
    let joined = async {
        must_be_from_here(&visitor)?;
        let rooms = rooms(&server)?;
        server.limits.take(Limit::Join, address, None)?;
        if rooms.work(event).await?.0 > 0 {
            return Err(AppError::refused(Reason::WorkRequired, "joining asks for some work first"));
        }
        let (caller, guest) = visitor.become_somebody(&server)?;
        let joined = rooms.join(caller, event, Some(server.queue_tokens.address(event, address))).await?;
        let ticket = server.ticket(caller.account, joined.ticket)?;
        Ok(visitor.keep(guest, event, &ticket))
    };
    let joined: Result<Cookies, AppError> = joined.await;
    match joined {
        Ok(cookies) => Ok((cookies, back_to(event, "")).into_response()),
        Err(error) => refused(&server, event, &visitor, error).await,
    }
}

/// Claims the turn.
async fn enter(
    State(server): State<Arc<Server>>,
    Named(event): Named<EventId>,
    visitor: Visitor,
) -> Result<Response, Problem> {
    let entered = async {
        must_be_from_here(&visitor)?;
        let rooms = rooms(&server)?;
        let (caller, place) = own_place(&server, event, &visitor)?;
        rooms.enter(caller.account, place).await?;
        see_inside(rooms, caller.account, place).await
    };
    match entered.await {
        Ok(()) => Ok(back_to(event, "").into_response()),
        Err(error) => match error.reason() {
            // At the door, or too early: the page says which.
            Reason::NotYourTurn => Ok(back_to(event, "").into_response()),
            Reason::TurnMissed => Ok(back_to(event, "?full").into_response()),
            _ => refused(&server, event, &visitor, error).await,
        },
    }
}

/// Waits, for a bounded time, until the page would show what has just been done.
async fn see_inside(rooms: &Rooms, buyer: AccountId, place: PlaceTicket) -> Result<(), AppError> {
    let looks = SEEN_WITHIN.as_millis() / LOOK_EVERY.as_millis();
    for _ in 0..looks {
        if matches!(rooms.progress(buyer, place).await?.status, Status::Inside(_)) {
            break;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// Gives the place up.
async fn leave(
    State(server): State<Arc<Server>>,
    Named(event): Named<EventId>,
    visitor: Visitor,
) -> Result<Response, Problem> {
    let left = async {
        must_be_from_here(&visitor)?;
        if let Some((buyer, place)) = place_of(&server, event, &visitor)? {
            rooms(&server)?.leave(buyer, place).await?;
        }
        Ok(())
    };
    let left: Result<(), AppError> = left.await;
    match left {
        Ok(()) => Ok((visitor.forget(event), back_to(event, "?left")).into_response()),
        Err(error) => refused(&server, event, &visitor, error).await,
    }
}

/// What the pages with scripts go on with.
#[derive(Serialize)]
struct Carried {
    ticket: String,
    /// Of the guest whose place it is; none where a gateway says who it is.
    access_token: Option<String>,
    /// Seconds until the access token expires.
    expires_in: Option<u64>,
}

/// Hands a place over to the pages with scripts.
async fn carry(
    State(server): State<Arc<Server>>,
    Named(event): Named<EventId>,
    visitor: Visitor,
) -> Result<Json<Carried>, Problem> {
    must_be_from_here(&visitor)?;
    own_place(&server, event, &visitor)?;
    let now = server.app.clock().now();
    let expires_in = visitor.token.as_deref().and_then(|token| server.tokens.good_for_s(token, now).ok());
    let ticket = visitor.ticket.unwrap_or_default();
    Ok(Json(Carried { ticket, access_token: visitor.token, expires_in }))
}

fn rooms(server: &Server) -> Result<&Rooms, AppError> {
    server.rooms().map(AsRef::as_ref).map_err(|Problem(error)| error)
}

fn must_be_from_here(visitor: &Visitor) -> Result<(), AppError> {
    if visitor.from_here {
        return Ok(());
    }
    Err(AppError::refused(Reason::Forbidden, "only forms of this page are taken"))
}

/// The place that the visitor's ticket names, if they have one.
fn place_of(
    server: &Server,
    event: EventId,
    visitor: &Visitor,
) -> Result<Option<(AccountId, PlaceTicket)>, AppError> {
    let opened = visitor.ticket.as_deref().map(|ticket| server.open_ticket(event, ticket));
    opened.transpose().map_err(|Problem(error)| error)
}

/// The same, which has to be the visitor's own.
fn own_place(server: &Server, event: EventId, visitor: &Visitor) -> Result<(Caller, PlaceTicket), AppError> {
    let place = place_of(server, event, visitor)?;
    let own = place.zip(visitor.caller()).filter(|((buyer, _), caller)| *buyer == caller.account);
    own.map(|((_, place), caller)| (caller, place))
        .ok_or_else(|| AppError::refused(Reason::TicketInvalid, "the ticket is another buyer's"))
}

fn back_to(event: EventId, query: &str) -> Redirect {
    Redirect::to(&format!("/wait/{event}{query}"))
}

/// A refusal as a page; what is wrong with this server stays a problem document.
async fn refused(
    server: &Server,
    id: EventId,
    visitor: &Visitor,
    error: AppError,
) -> Result<Response, Problem> {
    let reason = error.reason();
    let wait_ms = match &error {
        AppError::Refused(refusal) => {
            let extra = refusal.extras.iter().find(|(name, _)| *name == "retry_after_ms");
            extra.and_then(|(_, ms)| ms.as_u64())
        }
        _ => None,
    };
    let view = match reason {
        Reason::SoldOut => View::SoldOut,
        Reason::SaleClosed => View::Closed,
        Reason::TicketInvalid => View::Gone,
        Reason::WorkRequired => View::NeedsWork,
        Reason::Forbidden if visitor.from_here => View::NeedsAccount,
        Reason::Forbidden => View::Elsewhere,
        Reason::NotFound => View::NoRoom,
        Reason::Duplicate => View::Duplicate,
        Reason::RateLimited => View::TooMany { wait_ms: wait_ms.unwrap_or(1_000) },
        Reason::Unavailable => {
            tracing::warn!(%error, event = %id, "the waiting page has nothing to show");
            View::Unavailable
        }
        _ => return Err(error.into()),
    };
    let event = match server.rooms() {
        // The title, as far as it is at hand.
        Ok(rooms) => rooms.glance(id).await.ok().map(|(event, _)| (id, event.title.clone())),
        Err(_) => None,
    };
    // Where it is not, the page has to find back all the same.
    let event = event.or_else(|| matches!(view, View::Unavailable).then(|| (id, String::new())));
    let status = StatusCode::from_u16(reason.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = answer(server, visitor, event, status, &view);
    if matches!(view, View::Gone) {
        response = (visitor.forget(id), response).into_response();
    }
    if let Some(ms) = wait_ms {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(ms.div_ceil(1_000)));
    }
    Ok(response)
}

fn answer(
    server: &Server,
    visitor: &Visitor,
    event: Option<(EventId, String)>,
    status: StatusCode,
    view: &View<'_>,
) -> Response {
    let page = Page::render(visitor.language, event, server.app.clock().now(), view);
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    (status, headers, page).into_response()
}
