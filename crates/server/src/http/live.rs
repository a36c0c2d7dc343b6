//! The live feed over HTTP: a WebSocket, or server-sent events where that is asked for.
//!
//! Invariant: nothing is buffered for a client. The next frame is made when the last one has been taken, so a slow
//! client costs itself freshness and nobody else anything.

use std::{convert::Infallible, str::FromStr, sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{
        State, WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket, close_code, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response, Sse, sse},
};
use futures_util::{Stream, stream};
use onsale_app::errors::{AppError, Reason};
use onsale_domain::{ids::PerformanceId, position::Position};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    Server,
    extract::{Named, Query},
    problem::{Problem, ProblemDocument},
};
use crate::{connections::Place, live::Seated};

/// Bytes a connection reads at once, and a client may send in one message: it has nothing to say but goodbye.
const READ_BYTES: usize = 4096;

/// Bytes that may wait to be written to one client: a snapshot of the largest plan, and some.
const MOST_UNSENT_BYTES: usize = 256 * 1024;

/// How long a client may take to make room for one frame before it counts as gone.
const SEND_WITHIN: Duration = Duration::from_secs(30);

/// How often a silent stream of events shows that it is alive.
const SIGN_OF_LIFE_EVERY: Duration = Duration::from_secs(15);

#[derive(Deserialize, IntoParams)]
pub(crate) struct Beginning {
    /// The position the client has, `epoch:offset`. If it can be continued, the feed begins there, and otherwise with
    /// a snapshot.
    #[param(example = "1:17")]
    from: Option<String>,
}

impl Beginning {
    /// A browser that reconnects a stream of events by itself says in a header what it had last.
    fn position(&self, headers: &HeaderMap) -> Result<Option<Position>, Problem> {
        let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
        let text = last.filter(|text| !text.is_empty()).or(self.from.as_deref());
        text.map(Position::from_str)
            .transpose()
            .map_err(|error| AppError::invalid("from", &error.to_string()).into())
    }
}

/// Follows the seats of a performance: a WebSocket, or server-sent events with `Accept: text/event-stream`. Frames are
/// `snapshot`, `delta` and `presence`.
#[utoipa::path(get, path = "/performances/{performance_id}/live", tag = "seats",
    params(("performance_id" = Uuid, Path), Beginning),
    responses((status = 101, description = "A WebSocket; each text message is a frame"),
        (status = 200, description = "Server-sent events; the data of each is a frame", content_type = "text/event-stream", body = String),
        (status = 400, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub(crate) async fn follow(
    State(server): State<Arc<Server>>,
    Named(id): Named<PerformanceId>,
    Query(beginning): Query<Beginning>,
    headers: HeaderMap,
    Extension(place): Extension<Arc<Place>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let from = beginning.position(&headers)?;
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepts.contains("text/event-stream") {
        let seated = server.hubs.join(&server.app, id, from).await?;
        return Ok(events(seated));
    }
    server.app.card(id).await?;
    let upgrade = upgrade.map_err(|_| {
        Problem::new(Reason::Validation, "connect with a WebSocket, or ask with Accept: text/event-stream")
    })?;
    let seated = server.hubs.join(&server.app, id, from).await?;
    let tasks = server.tasks.clone();
    Ok(upgrade
        .read_buffer_size(READ_BYTES)
        .max_message_size(READ_BYTES)
        .max_frame_size(READ_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(MOST_UNSENT_BYTES)
        .on_upgrade(move |socket| {
            tasks.track_future(async move {
                feed(socket, seated).await;
                // It is still a connection, though no longer one of HTTP.
                drop(place);
            })
        }))
}

async fn feed(mut socket: WebSocket, mut seated: Seated) {
    loop {
        tokio::select! {
            frame = seated.viewer.next() => {
                let Some(frame) = frame else {
                    let away = CloseFrame { code: close_code::AWAY, reason: "the server stops".into() };
                    let _ = tokio::time::timeout(Duration::from_secs(1), socket.send(Message::Close(Some(away)))).await;
                    return;
                };
                if !matches!(tokio::time::timeout(SEND_WITHIN, socket.send(Message::Text(frame))).await, Ok(Ok(()))) {
                    return;
                }
            }
            // Pings are answered by the library; what a client says else is of no interest.
            said = socket.recv() => match said {
                Some(Ok(Message::Close(_))) => {
                    // The library has an answer, which leaves with the next read. Who gets none takes the end for a fault.
                    let _ = tokio::time::timeout(Duration::from_secs(1), socket.recv()).await;
                    return;
                }
                Some(Err(_)) | None => return,
                Some(Ok(_)) => {}
            }
        }
    }
}

fn events(seated: Seated) -> Response {
    let events = Sse::new(frames(seated)).keep_alive(sse::KeepAlive::new().interval(SIGN_OF_LIFE_EVERY));
    let mut response = events.into_response();
    // Proxies of one kind gather answers unless they are told not to.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

fn frames(seated: Seated) -> impl Stream<Item = Result<sse::Event, Infallible>> {
    stream::unfold(seated, async |mut seated| {
        let frame = seated.viewer.next().await?;
        let event = sse::Event::default().data(frame.as_str());
        let event = match seated.viewer.position() {
            Some(position) => event.id(position.to_string()),
            None => event,
        };
        Some((Ok(event), seated))
    })
}
