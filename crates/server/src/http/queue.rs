//! The waiting room over HTTP: join, ask, enter, leave.
//!
//! Invariant: a ticket or pass is believed only after its signature; a poll then touches no store.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{FromRequestParts, State},
    http::{HeaderValue, StatusCode, request::Parts},
    response::{IntoResponse, Response, Sse, sse},
};
use futures_util::{Stream, stream};
use onsale_app::{
    Caller,
    errors::{AppError, Reason, rfc3339},
    ports::admissions::{PlaceTicket, Shown},
    waiting_room::{Rooms, door},
};
use onsale_domain::{
    ids::{AccountId, EventId},
    waiting_room::{Progress, summary::Status},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    Server,
    address::ClientAddress,
    extract::{Command, Named, Query},
    frame::Sequence,
    identity::By,
    problem::{Problem, ProblemDocument},
};
use crate::{limits::Limit, requests, seal::BadToken};

pub(crate) mod control;
pub(crate) mod draw;
pub(crate) mod proof;
pub(crate) mod reports;
pub(crate) mod wishes;

/// The longest time between two looks at a place whose owner listens.
const LOOK_AT_MOST_EVERY_MS: u64 = 2_000;

/// How often a silent stream of events shows that it is alive.
const SIGN_OF_LIFE_EVERY: Duration = Duration::from_secs(15);

impl Server {
    /// The waiting rooms, where this process serves them.
    pub(super) fn rooms(&self) -> Result<&Arc<Rooms>, Problem> {
        self.rooms.as_ref().ok_or_else(|| {
            Problem::new(Reason::NotFound, "this server sells; the waiting room is served by another")
        })
    }

    /// Whose ticket it is, and which place of this event it names.
    pub(super) fn open_ticket(
        &self,
        event: EventId,
        text: &str,
    ) -> Result<(AccountId, PlaceTicket), Problem> {
        let opened = self.queue_tokens.open_ticket(text, self.app.clock().now());
        match opened {
            Ok((buyer, place)) if place.event == event => {
                requests::comes_from(buyer);
                Ok((buyer, place))
            }
            Ok(_) => Err(Problem::new(Reason::TicketInvalid, "the ticket is for another event")),
            Err(BadToken) => {
                Err(Problem::new(Reason::TicketInvalid, "the ticket is not genuine or has expired"))
            }
        }
    }

    /// The place of the caller's own ticket for an event.
    fn own_ticket(&self, event: EventId, caller: Caller, text: &str) -> Result<PlaceTicket, Problem> {
        let (buyer, place) = self.open_ticket(event, text)?;
        if buyer != caller.account {
            return Err(Problem::new(Reason::TicketInvalid, "the ticket is another buyer's"));
        }
        Ok(place)
    }

    fn place(
        &self,
        buyer: AccountId,
        place: PlaceTicket,
        progress: &Progress,
    ) -> Result<QueuePlaceDto, Problem> {
        Ok(QueuePlaceDto::new(self.ticket(buyer, place)?, progress))
    }

    /// Signs the ticket of a place.
    pub(super) fn ticket(&self, buyer: AccountId, place: PlaceTicket) -> Result<String, AppError> {
        let ticket = self.queue_tokens.ticket(buyer, place, self.app.clock().now());
        ticket.map_err(|BadToken| AppError::Internal("a ticket could not be signed".into()))
    }
}

/// The header `Queue-Ticket`.
pub(crate) struct TicketHeader(String);

impl FromRequestParts<Arc<Server>> for TicketHeader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Server>) -> Result<Self, Problem> {
        let ticket = parts.headers.get("queue-ticket").and_then(|value| value.to_str().ok());
        let ticket = ticket.map(str::trim).filter(|ticket| !ticket.is_empty());
        ticket.map(|ticket| Self(ticket.to_owned())).ok_or_else(|| {
            Problem::new(Reason::TicketInvalid, "send the ticket that joining gave as Queue-Ticket")
        })
    }
}

/// What came in the header `Queue-Pass`.
pub(crate) struct PassHeader(pub(crate) Shown);

impl FromRequestParts<Arc<Server>> for PassHeader {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Result<Self, Infallible> {
        let pass = match parts.headers.get("queue-pass").map(HeaderValue::to_str) {
            None => Shown::Nothing,
            Some(Ok(text)) => {
                server.queue_tokens.open_pass(Some(text.trim()).filter(|text| !text.is_empty()))
            }
            Some(Err(_)) => Shown::NotGenuine,
        };
        Ok(Self(pass))
    }
}

/// How many are likely to be reached with what is left.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Odds)]
pub(crate) struct OddsDto {
    /// About so many of those waiting, in round figures.
    #[schema(example = 3900)]
    reached: u32,
    /// Whether this place is likely to be among them.
    likely: bool,
}

/// A place in the waiting room.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = QueuePlace)]
pub(crate) struct QueuePlaceDto {
    /// To be sent as `Queue-Ticket` with the other calls.
    ticket: String,
    /// `lobby`, `waiting`, `ready`, `inside`, `sold_out` or `closed`.
    #[schema(example = "waiting")]
    status: &'static str,
    /// From 1; `null` in the lobby, where there is no order yet. It never changes.
    position: Option<u32>,
    /// How many are ahead who have not left.
    ahead: Option<u32>,
    /// In about so many seconds; `null` where nothing moves.
    eta_s: Option<u64>,
    /// When to ask again.
    poll_after_ms: u64,
    /// `null` where it is not known what is left.
    odds: Option<OddsDto>,
    /// With `ready`: until when to enter. `null` while waiting at the door, or after the turn was missed.
    claim_until: Option<String>,
    /// With `ready`: the turn was claimed while it was full; the next free place inside is yours.
    at_door: bool,
    /// With `ready`: the time to enter is over; there may still be room.
    missed: bool,
    /// With `inside`: until when.
    inside_until: Option<String>,
    /// Nothing is free just now, and what comes back after everything was sold is offered to those who have left a wish.
    return_line: bool,
}

impl QueuePlaceDto {
    fn new(ticket: String, progress: &Progress) -> Self {
        let (status, claim_until, inside_until) = match progress.status {
            Status::Lobby => ("lobby", None, None),
            Status::Waiting => ("waiting", None, None),
            Status::Ready(until) => ("ready", until, None),
            Status::Passed => ("ready", None, None),
            Status::Inside(until) => ("inside", None, Some(until)),
            Status::SoldOut => ("sold_out", None, None),
            Status::Closed => ("closed", None, None),
        };
        Self {
            ticket,
            status,
            position: progress.position,
            ahead: progress.ahead,
            eta_s: progress.eta_ms.map(|ms| ms.div_ceil(1000)),
            poll_after_ms: progress.poll_after_ms,
            odds: progress
                .reached
                .map(|reached| OddsDto { reached, likely: progress.likely.unwrap_or(reached > 0) }),
            claim_until: claim_until.map(rfc3339),
            at_door: progress.status == Status::Ready(None),
            missed: progress.status == Status::Passed,
            inside_until: inside_until.map(rfc3339),
            return_line: progress.return_line,
        }
    }
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct JoinQueue {
    /// The proof of work, where the event asks for one: `work_required` says how.
    #[schema(example = "0000000000012f3a")]
    proof: Option<String>,
}

/// Joins the waiting room. Asking again gives the same place.
#[utoipa::path(post, path = "/events/{event_id}/queue", tag = "queue", security(("bearer" = [])),
    params(("event_id" = Uuid, Path)), request_body = JoinQueue,
    responses((status = 201, body = QueuePlaceDto), (status = 200, description = "The place that this buyer has", body = QueuePlaceDto),
        (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument), (status = 410, body = ProblemDocument),
        (status = 428, body = ProblemDocument), (status = 429, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub(crate) async fn join(
    State(server): State<Arc<Server>>,
    Named(event): Named<EventId>,
    By(caller): By,
    ClientAddress(address): ClientAddress,
    Command { body, .. }: Command<JoinQueue>,
) -> Result<Response, Problem> {
    let rooms = server.rooms()?;
    server.limits.take(Limit::Join, address, None)?;
    proof::check(rooms, event, caller, body.proof.as_deref()).await?;
    let joined = rooms.join(caller, event, Some(server.queue_tokens.address(event, address))).await?;
    let place = server.place(caller.account, joined.ticket, &joined.progress)?;
    let status = if joined.is_new { StatusCode::CREATED } else { StatusCode::OK };
    let mut response = (status, Json(place)).into_response();
    if joined.is_new {
        metrics::counter!("onsale_queue_joins_total").increment(1);
    }
    if let Some(sequence) = joined.sequence {
        response.extensions_mut().insert(Sequence(sequence));
    }
    Ok(response)
}

/// Where I stand.
#[utoipa::path(get, path = "/events/{event_id}/queue", tag = "queue",
    params(("event_id" = Uuid, Path), ("Queue-Ticket" = String, Header, description = "From joining")),
    responses((status = 200, body = QueuePlaceDto), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 503, body = ProblemDocument)))]
pub(crate) async fn read(
    State(server): State<Arc<Server>>,
    Named(event): Named<EventId>,
    TicketHeader(text): TicketHeader,
) -> Result<Json<QueuePlaceDto>, Problem> {
    let (buyer, place) = server.open_ticket(event, &text)?;
    let progress = server.rooms()?.progress(buyer, place).await?;
    Ok(Json(QueuePlaceDto::new(text, &progress)))
}

/// Gives my place up. Doing it again is no mistake.
#[utoipa::path(delete, path = "/events/{event_id}/queue", tag = "queue",
    params(("event_id" = Uuid, Path), ("Queue-Ticket" = String, Header, description = "From joining")),
    responses((status = 204), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub(crate) async fn leave(
    State(server): State<Arc<Server>>,
    Named(event): Named<EventId>,
    TicketHeader(text): TicketHeader,
) -> Result<StatusCode, Problem> {
    let (buyer, place) = server.open_ticket(event, &text)?;
    let rooms = server.rooms()?;
    rooms.leave(buyer, place).await?;
    let (found, _) = rooms.glance(event).await?;
    if found.settings.waiting_room.has_return_line()
        && let Err(error) = server.app.drop_wish(buyer, event).await
    {
        // Who leaves holds up nobody for it; what is offered to them lapses.
        tracing::warn!(%error, %event, "a wish is left behind");
    }
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Serialize, ToSchema)]
#[schema(as = QueuePass)]
pub(crate) struct PassDto {
    /// To be sent as `Queue-Pass` with reservations.
    pass: String,
    expires_at: String,
}

/// Claims my turn. Asking again gives the same pass.
#[utoipa::path(post, path = "/events/{event_id}/queue/enter", tag = "queue", security(("bearer" = [])),
    params(("event_id" = Uuid, Path), ("Queue-Ticket" = String, Header, description = "From joining, of the same buyer")),
    responses((status = 200, body = PassDto), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument), (status = 410, body = ProblemDocument),
        (status = 425, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub(crate) async fn enter(
    State(server): State<Arc<Server>>,
    Named(event): Named<EventId>,
    By(caller): By,
    TicketHeader(text): TicketHeader,
) -> Result<Json<PassDto>, Problem> {
    let place = server.own_ticket(event, caller, &text)?;
    let grant = server.rooms()?.enter(caller.account, place).await?;
    let pass = server.queue_tokens.pass(caller.account, grant);
    let pass = pass.map_err(|BadToken| AppError::Internal("a pass could not be signed".into()))?;
    metrics::counter!("onsale_queue_entries_total").increment(1);
    Ok(Json(PassDto { pass, expires_at: rfc3339(grant.until) }))
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct PassToVerify {
    pass: String,
    /// What is no id is no event that the pass could be for.
    #[schema(value_type = Uuid)]
    event_id: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct VerifiedPass {
    valid: bool,
    expires_at: String,
}

/// Whether a pass still lets in.
#[utoipa::path(post, path = "/queue/passes/verify", tag = "queue", request_body = PassToVerify,
    responses((status = 200, body = VerifiedPass), (status = 400, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 503, body = ProblemDocument)))]
pub(crate) async fn verify(
    State(server): State<Arc<Server>>,
    Command { body, .. }: Command<PassToVerify>,
) -> Result<Json<VerifiedPass>, Problem> {
    let shown = server.queue_tokens.open_pass(Some(&body.pass));
    let event = body.event_id.parse().unwrap_or(EventId(Uuid::nil()));
    let (holder, grant) = door::genuine(&shown, event)?;
    let until = server.rooms()?.check_pass(holder, grant).await?;
    Ok(Json(VerifiedPass { valid: true, expires_at: rfc3339(until) }))
}

#[derive(Deserialize, IntoParams)]
pub(crate) struct StreamTicket {
    /// From joining: a browser cannot send headers with a stream of events.
    ticket: Option<String>,
}

/// Where I stand, as server-sent events named `queue`, whenever that changes.
#[utoipa::path(get, path = "/events/{event_id}/queue/stream", tag = "queue",
    params(("event_id" = Uuid, Path), StreamTicket),
    responses((status = 200, description = "The data of each event is a place", content_type = "text/event-stream", body = String),
        (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub(crate) async fn stream(
    State(server): State<Arc<Server>>,
    Named(event): Named<EventId>,
    Query(StreamTicket { ticket }): Query<StreamTicket>,
) -> Result<Response, Problem> {
    let text = ticket.unwrap_or_default();
    let (buyer, place) = server.open_ticket(event, &text)?;
    // So that a bad ticket is a refusal and not an empty stream.
    server.rooms()?.progress(buyer, place).await?;
    let listener = Listener { server: Arc::clone(&server), buyer, place, text, last: None, wait_ms: 0 };
    let events = Sse::new(listener.places()).keep_alive(sse::KeepAlive::new().interval(SIGN_OF_LIFE_EVERY));
    let mut response = events.into_response();
    // Proxies of one kind gather answers unless they are told not to.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

struct Listener {
    server: Arc<Server>,
    buyer: AccountId,
    place: PlaceTicket,
    text: String,
    last: Option<QueuePlaceDto>,
    wait_ms: u64,
}

impl Listener {
    fn places(self) -> impl Stream<Item = Result<sse::Event, Infallible>> {
        stream::unfold(self, async |mut listener| {
            let event = listener.next().await?;
            Some((Ok(event), listener))
        })
    }

    /// The next change; `None`: there is nothing more to tell.
    async fn next(&mut self) -> Option<sse::Event> {
        if self.last.as_ref().is_some_and(|last| matches!(last.status, "sold_out" | "closed")) {
            return None;
        }
        loop {
            tokio::time::sleep(Duration::from_millis(self.wait_ms)).await;
            if self.server.is_stopping() {
                return None;
            }
            let progress = self.server.rooms.as_ref()?.progress(self.buyer, self.place).await;
            let progress = match progress {
                Ok(progress) => progress,
                // The place has ended, or the room is another: asking again says so.
                Err(AppError::Refused(_)) => return None,
                Err(_) => {
                    self.wait_ms = LOOK_AT_MOST_EVERY_MS;
                    continue;
                }
            };
            self.wait_ms = progress.poll_after_ms.min(LOOK_AT_MOST_EVERY_MS);
            let mut place = QueuePlaceDto::new(self.text.clone(), &progress);
            let poll_after_ms = std::mem::take(&mut place.poll_after_ms);
            if self.last.as_ref() == Some(&place) {
                continue;
            }
            self.last = Some(place.clone());
            place.poll_after_ms = poll_after_ms;
            return sse::Event::default().event("queue").json_data(&place).ok();
        }
    }
}
