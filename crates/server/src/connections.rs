//! Connections: accepted as long as there is room, each with its limits, and ended in order.
//!
//! Invariants: one client does not take the room of others; a connection that says nothing, or does not read what it asked
//! for, ends; what cannot be served is told so in one packet.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use ahash::AHashMap;
use axum::extract::ConnectInfo;
use hyper_util::rt::{TokioIo, TokioTimer};
use ipnet::IpNet;
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{http::Interface, queue_tokens::subscriber, tls::Endpoint};

/// How long a connection may go without a whole request head: one that is kept alive, or one that dawdles.
const HEAD_WITHIN: Duration = Duration::from_mins(1);

/// What a head and a piece of a body may take of memory.
const BUFFER_BYTES: usize = 64 << 10;

/// How long what was sent may go without the other side taking it.
const TAKEN_WITHIN_MS: u32 = 60_000;

/// How many connections one network address may have, where addresses are limited and it is no trusted proxy's.
const MOST_OF_ONE: usize = 4_096;

/// How many descriptors are for other things than connections: stores, files, mail.
const OTHER_DESCRIPTORS: u64 = 512;

/// Where the system does not say how many there may be.
const DESCRIPTORS: u64 = 1_024;

/// What somebody is told for whom there is no room, unless TLS is spoken: words that come before a handshake are none.
const NO_ROOM: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 2\r\ncontent-length: 0\r\n\r\n";

/// The connections that are open.
pub(crate) struct Connections {
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Where TLS ends; without it, connections are plain.
    tls: Option<Arc<Endpoint>>,
    most: usize,
    open: Arc<Mutex<Open>>,
    turned_away: metrics::Counter,
    told_at: AtomicU64,
}

/// How many there are, in all and of each address.
#[derive(Default)]
struct Open {
    all: usize,
    of_one: AHashMap<[u8; 9], usize>,
}

/// What is logged of an address: the part that says whose network it is in, and not who in it.
fn network_of(address: IpAddr) -> IpNet {
    let address = address.to_canonical();
    let length = if address.is_ipv4() { 24 } else { 48 };
    IpNet::new(address, length).unwrap_or_else(|_| address.into()).trunc()
}

/// A place among the connections, until it is dropped. It goes along with every request, for those that become something
/// else than HTTP.
pub(crate) struct Place {
    open: Arc<Mutex<Open>>,
    whose: [u8; 9],
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock();
        open.all -= 1;
        metrics::gauge!("onsale_http_connections").set(open.all as f64);
        if let Some(count) = open.of_one.get_mut(&self.whose) {
            *count -= 1;
            if *count == 0 {
                open.of_one.remove(&self.whose);
            }
        }
    }
}

impl Connections {
    /// None yet; `tls` is spoken on all that come.
    pub(crate) fn new(tls: Option<Arc<Endpoint>>) -> Self {
        let descriptors = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let descriptors = descriptors.unwrap_or(DESCRIPTORS);
        Self {
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            tls,
            most: usize::try_from(descriptors.saturating_sub(OTHER_DESCRIPTORS).max(64))
                .unwrap_or(usize::MAX),
            open: Arc::default(),
            turned_away: metrics::counter!("onsale_connections_turned_away_total"),
            told_at: AtomicU64::new(0),
        }
    }

    /// Serves until `stop` is there.
    pub(crate) async fn accept_until(
        &self,
        stop: impl Future<Output = ()>,
        listener: &TcpListener,
        interface: &Interface,
    ) {
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => match self.place(peer.ip(), interface) {
                        Some(place) => self.serve(stream, peer, place, interface.clone()),
                        None => self.turn_away(&stream, peer),
                    },
                    Err(error) => {
                        // Out of descriptors, most likely; accepting again at once would only spin.
                        tracing::warn!(%error, "a connection was not accepted");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
                () = &mut stop => return,
            }
        }
    }

    fn place(&self, peer: IpAddr, interface: &Interface) -> Option<Place> {
        let whose = subscriber(peer);
        let mut open = self.open.lock();
        let of_one = open.of_one.get(&whose).copied().unwrap_or(0);
        if open.all >= self.most || (of_one >= MOST_OF_ONE && interface.limits(peer)) {
            return None;
        }
        open.all += 1;
        open.of_one.insert(whose, of_one + 1);
        metrics::gauge!("onsale_http_connections").set(open.all as f64);
        Some(Place { open: Arc::clone(&self.open), whose })
    }

    /// Nothing is waited for: what does not fit into an empty buffer is not said.
    fn turn_away(&self, stream: &TcpStream, peer: SocketAddr) {
        self.turned_away.increment(1);
        if self.tls.is_none() {
            let _ = stream.try_write(NO_ROOM);
        }
        // A line a minute is enough to know.
        let minute = u64::try_from(jiff::Timestamp::now().as_second() / 60).unwrap_or(0);
        if self.told_at.swap(minute, std::sync::atomic::Ordering::Relaxed) != minute {
            let network = network_of(peer.ip());
            tracing::warn!(%network, open = self.open.lock().all, most = self.most, "no room for another connection");
        }
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr, place: Place, interface: Interface) {
        // Answers are small; waiting to fill a packet would only delay them.
        let _ = stream.set_nodelay(true);
        #[cfg(target_os = "linux")]
        let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, TAKEN_WITHIN_MS);
        let (tls, stop) = (self.tls.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            let Some(tls) = tls else { return converse(stream, peer, place, interface, stop).await };
            // Apart, or plain connections would have the room as well that TLS takes.
            let over_tls = Box::pin(async move {
                // Who has asked for nothing yet is owed nothing when this server stops.
                if let Some(stream) = stop.run_until_cancelled(tls.secured(stream)).await.flatten() {
                    converse(stream, peer, place, interface, stop).await;
                }
            });
            over_tls.await;
        });
    }

    /// Lets every connection finish the request it is in, then closes it.
    pub(crate) async fn finish(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Answers what is asked on one connection, until either side ends it.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    place: Place,
    interface: Interface,
    stop: CancellationToken,
) {
    let place = Arc::new(place);
    let service = hyper::service::service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(Arc::clone(&place));
        let answer = interface.clone().answer(request.map(axum::body::Body::new));
        async { Ok::<_, std::convert::Infallible>(answer.await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_address_its_network_is_logged() {
        let network = |address: &str| network_of(address.parse().unwrap()).to_string();
        assert_eq!(network("192.0.2.77"), "192.0.2.0/24");
        assert_eq!(network("::ffff:192.0.2.77"), "192.0.2.0/24");
        assert_eq!(network("2001:db8:1:2::3"), "2001:db8:1::/48");
    }
}
