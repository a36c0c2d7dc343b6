//! The floor: a server of the same framework, with the same settings, whose handlers do nothing.
//!
//! What onsale achieves is told as a share of this, so that the figure says something about onsale and little about
//! the machine. Invariant: requests are read whole, as onsale has to read them; nothing else is done.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context;
use axum::Router;
use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{Message, Utf8Bytes};
use axum::http::{HeaderName, StatusCode, header};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use bytes::Bytes;
use clap::Args;
use tokio::sync::broadcast;

#[derive(Args)]
pub(crate) struct FloorArguments {
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Bytes of the body that `GET /floor/body` answers.
    #[arg(long, default_value_t = 0)]
    body_bytes: usize,
}

/// Serves until it is killed.
pub(crate) fn run(arguments: &FloorArguments) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(arguments))?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(arguments: &FloorArguments) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(arguments.listen).await.context("cannot listen")?;
    println!("listening on http://{}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| {
        // Only latency would suffer.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, routes(arguments.body_bytes)).await.context("cannot serve")
}

const JSON: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/json")];

fn routes(body_bytes: usize) -> Router {
    let body = Bytes::from(vec![b'A'; body_bytes]);
    Router::new()
        .route("/floor", post(|_body: Bytes| async { (StatusCode::CREATED, JSON, r#"{"status":"held"}"#) }))
        .route("/floor", get(|| async { StatusCode::OK }))
        .route("/floor/body", get(move || async move { (JSON, body) }))
        .merge(broadcast())
}

/// Messages that a WebSocket may be behind before it is ended.
const BEHIND: usize = 4096;
/// As small as onsale's, since the memory of a connection is compared.
const BUFFER_BYTES: usize = 4096;

/// Every body that is sent to one address goes to every WebSocket at the other.
fn broadcast() -> Router {
    let (messages, _) = broadcast::channel::<Utf8Bytes>(BEHIND);
    let publish = messages.clone();
    let follow = move |upgrade: WebSocketUpgrade| async move {
        let mut messages = messages.subscribe();
        upgrade.read_buffer_size(BUFFER_BYTES).write_buffer_size(0).on_upgrade(move |mut socket| async move {
            while let Ok(message) = messages.recv().await {
                if socket.send(Message::Text(message)).await.is_err() {
                    return;
                }
            }
        })
    };
    let publish = move |body: String| async move {
        // Nobody may be there yet.
        let _ = publish.send(body.into());
        StatusCode::NO_CONTENT
    };
    Router::new().route("/floor/live", get(follow)).route("/floor/publish", post(publish))
}
