//! The draw over HTTP: commitment, receipts, and the whole draw as a file to check.

use std::{io, sync::Arc};

use axum::{
    Json,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use onsale_app::{
    errors::{AppError, rfc3339},
    waiting_room::Rooms,
};
use onsale_domain::{
    ids::EventId,
    waiting_room::{Place, receipts::DrawFacts},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    super::{
        Server,
        extract::Named,
        problem::{Problem, ProblemDocument},
    },
    TicketHeader,
};

/// What is public about the draw.
#[derive(Serialize, ToSchema)]
#[schema(as = Draw)]
pub(crate) struct DrawDto {
    /// SHA-256 of the secret, from the beginning on.
    commitment: String,
    /// How many are in the lobby, or were when it closed.
    lobby_count: u32,
    /// When the lobby closes; `null`: there is none.
    opens_at: Option<String>,
    /// Whether it has closed; the rest is there from then on.
    drawn: bool,
    /// The top of the Merkle tree over all entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<String>,
    /// What the order was made from, with the root.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// Where the whole draw can be had, to check it.
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<String>,
}

/// The commitment, and after opening what is needed to check the draw.
#[utoipa::path(get, path = "/events/{event_id}/queue/draw", tag = "queue", params(("event_id" = Uuid, Path)),
    responses((status = 200, body = DrawDto), (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub(crate) async fn read(
    State(server): State<Arc<Server>>,
    Named(event): Named<EventId>,
) -> Result<Json<DrawDto>, Problem> {
    let draw = server.rooms()?.draw(event).await?;
    let facts = draw.facts.as_ref();
    Ok(Json(DrawDto {
        commitment: draw.commitment.to_string(),
        lobby_count: draw.lobby_count,
        opens_at: draw.opens_at.map(rfc3339),
        drawn: facts.is_some(),
        root: facts.map(|facts| facts.root.to_string()),
        secret: facts.map(|facts| facts.secret.to_string()),
        entries: facts.map(|_| format!("/api/v1/events/{event}/queue/draw/entries")),
    }))
}

/// The proof that my place of the lobby got its position by the draw: a file for `onsale verify draw`.
#[utoipa::path(get, path = "/events/{event_id}/queue/receipt", tag = "queue",
    params(("event_id" = Uuid, Path), ("Queue-Ticket" = String, Header, description = "From joining")),
    responses((status = 200, description = "The facts of the draw, and the entry in it with its path to the root", body = Object),
        (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub(crate) async fn receipt(
    State(server): State<Arc<Server>>,
    Named(event): Named<EventId>,
    TicketHeader(text): TicketHeader,
) -> Result<Response, Problem> {
    let (buyer, place) = server.open_ticket(event, &text)?;
    let receipt = server.rooms()?.receipt(buyer, place).await?;
    Ok(Json(receipt).into_response())
}

/// The whole draw with every entry: a file for `onsale verify draw`.
#[utoipa::path(get, path = "/events/{event_id}/queue/draw/entries", tag = "queue", params(("event_id" = Uuid, Path)),
    responses((status = 200, description = "The facts of the draw, and the pseudonyms of all entries in order", body = Object),
        (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub(crate) async fn entries(
    State(server): State<Arc<Server>>,
    Named(event): Named<EventId>,
) -> Result<Response, Problem> {
    let rooms = Arc::clone(server.rooms()?);
    let facts = rooms.draw(event).await?.facts.ok_or_else(|| AppError::not_found("draw yet"))?;
    let mut response =
        Body::from_stream(stream::try_unfold(Writing::Head(rooms, facts), write)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// How far a published draw is written: a million entries are never in memory at once.
enum Writing {
    Head(Arc<Rooms>, DrawFacts),
    Entries { rooms: Arc<Rooms>, facts: DrawFacts, from: u32 },
    Done,
}

async fn write(at: Writing) -> io::Result<Option<(Bytes, Writing)>> {
    match at {
        Writing::Head(rooms, facts) => {
            let mut text = serde_json::to_string(&facts)?;
            // The object goes on with its entries.
            text.pop();
            text.push_str(",\"entries\":[");
            Ok(Some((text.into(), Writing::Entries { rooms, facts, from: 0 })))
        }
        Writing::Entries { rooms, facts, from } if from < facts.lobby_count => {
            let entries = rooms.entries(facts.event_id, Place(from)).await.map_err(io::Error::other)?;
            if entries.is_empty() {
                return Err(io::Error::other("the lobby is not all there"));
            }
            let mut text = serde_json::to_string(&entries)?;
            // A list without its brackets.
            text.pop();
            text.replace_range(..1, if from == 0 { "" } else { "," });
            let from = from + entries.len() as u32;
            Ok(Some((text.into(), Writing::Entries { rooms, facts, from })))
        }
        Writing::Entries { .. } => Ok(Some((Bytes::from_static(b"]}"), Writing::Done))),
        Writing::Done => Ok(None),
    }
}
