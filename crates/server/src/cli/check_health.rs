//! `onsale check-health`: asks a server on this machine how it is, for whoever watches over its process and has no
//! HTTP client at hand, such as a container's health check.
//!
//! Invariant: it ends within [`WITHIN`], whatever the other side does.

use std::{net::IpAddr, time::Duration};

use anyhow::{Context, ensure};
use clap::Args;
use http_body_util::Empty;
use hyper::{Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::settings::Settings;

/// A server that does not say so within this time is not well.
const WITHIN: Duration = Duration::from_secs(3);

#[derive(Args)]
pub(super) struct CheckHealth {
    /// Where it listens, as it was told [default: 127.0.0.1:8080]
    #[arg(long)]
    pub(super) listen: Option<String>,
    /// Ask whether its stores answer too, not only whether it lives
    #[arg(long)]
    ready: bool,
}

/// Succeeds where the server that these settings start is well.
pub(super) async fn run(settings: Settings, command: CheckHealth) -> anyhow::Result<()> {
    let path = if command.ready { "/health/ready" } else { "/health/live" };
    tokio::time::timeout(WITHIN, ask(&settings, path))
        .await
        .map_err(|_| anyhow::anyhow!("no answer within {} s", WITHIN.as_secs()))?
}

async fn ask(settings: &Settings, path: &str) -> anyhow::Result<()> {
    let mut address = settings.listen;
    if address.ip().is_unspecified() {
        // It listens on every address; this is the one that is always there.
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => IpAddr::from([127, 0, 0, 1]),
            IpAddr::V6(_) => IpAddr::from(std::net::Ipv6Addr::LOCALHOST),
        });
    }
    let stream = TcpStream::connect(address).await.with_context(|| format!("nobody listens on {address}"))?;
    let (mut client, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = Request::get(path).header("host", address.to_string()).body(Empty::<Bytes>::new())?;
    let status = client.send_request(request).await?.status();
    connection.abort();
    ensure!(status.is_success(), "{path} says {status}");
    Ok(())
}
