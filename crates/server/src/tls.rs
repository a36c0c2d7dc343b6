//! TLS that this server ends itself: handshakes within a time, and a certificate that is replaced while connections go on.
//!
//! It lies under the one loop that accepts connections, so the bounds of plain ones hold for these as well.
//!
//! Invariants: a handshake ends within [`HANDSHAKE_WITHIN`]; a certificate that cannot be used never takes the place of one
//! that can; who speaks HTTP where HTTPS is spoken is told so, and gets nothing else.

use std::{io, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use parking_lot::Mutex;
use rustls::{
    ServerConfig,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{MissedTickBehavior, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::settings::{BadSetting, Tls};

pub(crate) mod certificate;

use certificate::{Certificate, Files};

/// How long somebody may take until both sides have their keys.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// How often the files are looked at. Whoever renews a certificate has weeks for it, so this is at once.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// What somebody is told who speaks HTTP here.
const SPEAK_HTTPS: &[u8] = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: text/plain\r\n\
    content-length: 27\r\n\r\nThis address speaks HTTPS.\n";

/// How much of the rest of their request is taken, and for how long: a socket that is closed with something unread takes
/// back what it has said.
const REST_BYTES: u64 = 64 << 10;
const REST_WITHIN: Duration = Duration::from_secs(1);

/// Where TLS ends.
pub(crate) struct Endpoint {
    settings: Tls,
    acceptor: TlsAcceptor,
    served: Arc<Served>,
    /// What was in the files when they were last looked at, good or bad.
    seen: Mutex<[u8; 32]>,
    outcomes: Outcomes,
}

/// The certificate that new connections get, whatever name they ask for.
#[derive(Debug)]
struct Served(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Served {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl Endpoint {
    /// With the certificate that is in the files now. Reading them blocks.
    pub(crate) fn open(settings: Tls) -> anyhow::Result<Arc<Self>> {
        let (seen, certificate) = read(&settings);
        let certificate = certificate?;
        let served = Arc::new(Served(ArcSwap::new(Arc::clone(&certificate.certified))));
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()?
                .with_no_client_auth()
                .with_cert_resolver(Arc::clone(&served) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Who was here before comes back without the dear part of a handshake, and nothing is kept for them here.
        config.ticketer = rustls::crypto::ring::Ticketer::new()?;
        tell(&certificate);
        Ok(Arc::new(Self {
            settings,
            acceptor: Arc::new(config).into(),
            served,
            seen: Mutex::new(seen),
            outcomes: Outcomes::new(),
        }))
    }

    /// Takes up what is put into the files, until it is dropped.
    pub(crate) async fn follow_files(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let endpoint = Arc::clone(&self);
            if let Err(error) = tokio::task::spawn_blocking(move || endpoint.look()).await {
                tracing::error!(%error, "the files of the certificate were not looked at");
            }
        }
    }

    /// By contents, not by time: tools that renew certificates keep times, swap links, or write twice.
    fn look(&self) {
        let (seen, certificate) = read(&self.settings);
        if std::mem::replace(&mut *self.seen.lock(), seen) == seen {
            return;
        }
        match certificate {
            Ok(certificate) => {
                self.served.0.store(Arc::clone(&certificate.certified));
                tell(&certificate);
            }
            // Once for each change. Where the two files are written one after the other, the next look finds them whole.
            Err(error) => {
                tracing::warn!(%error, "the certificate was not replaced; the one before is served on");
            }
        }
    }

    /// The connection with TLS over it, or nothing where that did not come about in time.
    pub(crate) async fn secured(&self, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        let Ok(outcome) = timeout(HANDSHAKE_WITHIN, self.shake_hands(stream)).await else {
            self.outcomes.late.increment(1);
            tracing::debug!("a handshake took too long");
            return None;
        };
        let why = match outcome {
            Ok(stream) => {
                self.outcomes.done.increment(1);
                return Some(stream);
            }
            Err(why) => why,
        };
        match why {
            NoHandshake::Plain => {
                self.outcomes.plain.increment(1);
                tracing::debug!("somebody spoke HTTP where HTTPS is spoken");
            }
            NoHandshake::Silent => self.outcomes.silent.increment(1),
            NoHandshake::Failed(error) => {
                self.outcomes.failed.increment(1);
                tracing::debug!(%error, "a handshake failed");
            }
        }
        None
    }

    async fn shake_hands(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>, NoHandshake> {
        let mut first = [0];
        match stream.peek(&mut first).await.map_err(NoHandshake::Failed)? {
            0 => return Err(NoHandshake::Silent),
            // The name of a method. TLS begins with a type of record, which is no letter.
            _ if first[0].is_ascii_uppercase() => {
                refer_to_https(stream).await;
                return Err(NoHandshake::Plain);
            }
            _ => {}
        }
        self.acceptor.accept(stream).await.map_err(NoHandshake::Failed)
    }
}

/// Why there is no TLS on a connection.
enum NoHandshake {
    Plain,
    /// They went away without a word, as those do who look whether a port is open.
    Silent,
    Failed(io::Error),
}

/// How handshakes have ended.
struct Outcomes {
    done: metrics::Counter,
    plain: metrics::Counter,
    silent: metrics::Counter,
    failed: metrics::Counter,
    late: metrics::Counter,
}

impl Outcomes {
    fn new() -> Self {
        let counter = |outcome| metrics::counter!("onsale_tls_handshakes_total", "outcome" => outcome);
        Self {
            done: counter("done"),
            plain: counter("plain"),
            silent: counter("silent"),
            failed: counter("failed"),
            late: counter("late"),
        }
    }
}

/// What is in the files, and what tells it from anything else.
fn read(settings: &Tls) -> ([u8; 32], Result<Certificate, BadSetting>) {
    match Files::read(settings) {
        Ok(files) => (files.digest(), Certificate::of(settings, &files)),
        Err(error) => (Sha256::digest(error.to_string()).into(), Err(error)),
    }
}

/// Says which certificate is served from now on.
fn tell(certificate: &Certificate) {
    metrics::gauge!("onsale_tls_certificate_expiry_timestamp_seconds")
        .set(certificate.not_after.as_second() as f64);
    let (names, until) = (certificate.names.join(", "), certificate.not_after);
    match certificate.untimely(Timestamp::now()) {
        None => tracing::info!(names, %until, "a certificate is served"),
        Some(untimely) => tracing::warn!(names, %until, "a certificate is served, but {untimely}"),
    }
}

/// Tells somebody who speaks HTTP. Whether they hear it is no matter of this server's.
async fn refer_to_https(mut stream: TcpStream) {
    let told = async {
        stream.write_all(SPEAK_HTTPS).await?;
        stream.shutdown().await?;
        tokio::io::copy(&mut (&mut stream).take(REST_BYTES), &mut tokio::io::sink()).await
    };
    let _ = timeout(REST_WITHIN, told).await;
}

#[cfg(test)]
mod tests;
