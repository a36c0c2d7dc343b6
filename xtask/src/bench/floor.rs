//! The floor: a server of the same framework, with the same settings, whose handlers do nothing.
//!
//! What onsale achieves is told as a share of this, so that the figure says something about onsale and little about
//! the machine. Invariant: requests are read whole, as onsale has to read them; nothing else is done.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context;
use axum::Router;
use axum::http::{HeaderName, StatusCode, header};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use bytes::Bytes;
use clap::Args;

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
}
