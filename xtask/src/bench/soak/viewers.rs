//! Those who watch throughout: WebSockets, and streams of events.
//!
//! Invariant: they read whatever they are sent; one that ends before it is told to is counted as lost.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::ensure;
use futures_util::StreamExt;
use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::http::{HeaderValue, Method, header};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

use super::sale::Hall;
use crate::bench::api::uri;
use crate::bench::client::{Connection, call, with};
use crate::bench::socket;

/// One of so many takes events instead of a WebSocket.
const EVENTS_EVERY: usize = 5;

#[derive(Default)]
struct Seen {
    frames: AtomicU64,
    lost: AtomicU64,
}

/// Everybody who watches; they leave when it is dropped.
pub(super) struct Viewers {
    tasks: JoinSet<()>,
    seen: Arc<Seen>,
}

impl Viewers {
    /// Connects so many, the halls in turn.
    pub(super) async fn open(address: SocketAddr, halls: &[Hall], count: usize) -> anyhow::Result<Self> {
        let mut viewers = Self { tasks: JoinSet::new(), seen: Arc::default() };
        for (number, hall) in (0..count).zip(halls.iter().cycle()) {
            let path = uri(&format!("/performances/{}/live", hall.id))?;
            let seen = Arc::clone(&viewers.seen);
            if number % EVENTS_EVERY > 0 {
                let mut socket = socket::connect(address, path.path().to_owned()).await?;
                viewers.tasks.spawn(async move {
                    while let Some(Ok(message)) = socket.next().await {
                        seen.frames
                            .fetch_add(u64::from(matches!(message, Message::Text(_))), Ordering::Relaxed);
                    }
                    seen.lost.fetch_add(1, Ordering::Relaxed);
                });
                continue;
            }
            let mut connection = Connection::open(address).await?;
            let events = HeaderValue::from_static("text/event-stream");
            let follow = with(call(Method::GET, &path, None, None), &header::ACCEPT, &events);
            let answer = connection.begin(follow).await?;
            ensure!(answer.status() == StatusCode::OK, "no stream of events: {}", answer.status());
            viewers.tasks.spawn(async move {
                let mut body = answer.into_body();
                while let Some(Ok(_)) = body.frame().await {
                    seen.frames.fetch_add(1, Ordering::Relaxed);
                }
                seen.lost.fetch_add(1, Ordering::Relaxed);
                // Until here the connection has to be there.
                drop(connection);
            });
        }
        Ok(viewers)
    }

    /// Frames that they were sent, all together.
    pub(super) fn frames(&self) -> u64 {
        self.seen.frames.load(Ordering::Relaxed)
    }

    /// How many do not watch any more.
    pub(super) fn lost(&self) -> u64 {
        self.seen.lost.load(Ordering::Relaxed)
    }
}
