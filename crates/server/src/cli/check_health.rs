//! `onsale check-health`: asks a server on this machine how it is, for whoever watches over its process and has no
//! HTTP client at hand, such as a container's health check.
//!
//! Invariant: it ends within [`WITHIN`], whatever the other side does.

use std::{net::IpAddr, sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use clap::Args;
use http_body_util::Empty;
use hyper::{Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::{
    DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

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
    /// It speaks HTTPS, where the settings do not say so
    #[arg(long)]
    tls: bool,
}

/// Succeeds where the server that these settings start is well.
pub(super) async fn run(settings: Settings, command: CheckHealth) -> anyhow::Result<()> {
    let path = if command.ready { "/health/ready" } else { "/health/live" };
    let over_tls = command.tls || settings.tls.is_some();
    tokio::time::timeout(WITHIN, connect(&settings, over_tls, path))
        .await
        .map_err(|_| anyhow::anyhow!("no answer within {} s", WITHIN.as_secs()))?
}

async fn connect(settings: &Settings, over_tls: bool, path: &str) -> anyhow::Result<()> {
    let mut address = settings.listen;
    if address.ip().is_unspecified() {
        // It listens on every address; this is the one that is always there.
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => IpAddr::from([127, 0, 0, 1]),
            IpAddr::V6(_) => IpAddr::from(std::net::Ipv6Addr::LOCALHOST),
        });
    }
    let stream = TcpStream::connect(address).await.with_context(|| format!("nobody listens on {address}"))?;
    let host = address.to_string();
    if !over_tls {
        return ask(stream, &host, path).await;
    }
    let stream = connector()?.connect(ServerName::from(address.ip()), stream).await;
    ask(stream.with_context(|| format!("no TLS with {address}"))?, &host, path).await
}

async fn ask(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    host: &str,
    path: &str,
) -> anyhow::Result<()> {
    let (mut client, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = Request::get(path).header("host", host).body(Empty::<Bytes>::new())?;
    let status = client.send_request(request).await?.status();
    connection.abort();
    ensure!(status.is_success(), "{path} says {status}");
    Ok(())
}

fn connector() -> anyhow::Result<TlsConnector> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Whoever(provider)))
        .with_no_client_auth();
    Ok(Arc::new(config).into())
}

/// Takes any certificate, as long as the other side has its key. It is this machine that is asked, under an address that
/// is in no certificate; nothing secret is said to it; and a server whose certificate has lapsed lives: starting it again,
/// as watchers do with what is not well, would not renew it.
#[derive(Debug)]
struct Whoever(Arc<CryptoProvider>);

impl ServerCertVerifier for Whoever {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
