//! Where a request comes from: the peer, or what trusted proxies say of it.
//!
//! Invariant: what a client writes into `X-Forwarded-For` itself is never believed: it is read from the right, and the
//! first hop that is not a trusted proxy is the client.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, request::Parts},
};

use super::Server;
use crate::settings::ForwardedHeader;

/// The address of whoever asks.
pub(crate) struct ClientAddress(pub(crate) IpAddr);

impl FromRequestParts<Arc<Server>> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip());
        let header = server.settings.forwarded_header;
        Ok(Self(client(peer, header, &parts.headers, |hop| server.settings.trusts(hop))))
    }
}

fn client(
    peer: IpAddr,
    header: ForwardedHeader,
    headers: &HeaderMap,
    trusts: impl Fn(IpAddr) -> bool,
) -> IpAddr {
    let mut client = peer;
    let (name, read): (_, fn(&str) -> Option<IpAddr>) = match header {
        ForwardedHeader::XForwardedFor => ("x-forwarded-for", |hop| hop.trim().parse().ok()),
        ForwardedHeader::Forwarded => ("forwarded", forwarded_for),
    };
    let lines = headers.get_all(name).iter().rev();
    // Each by itself: a client may have sent letters that are no text on the line that the proxy has added to.
    let hops = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    for hop in hops {
        if !trusts(client) {
            break;
        }
        // A hop that hides itself, or cannot be read, is where the trail ends.
        let Some(hop) = str::from_utf8(hop).ok().and_then(read) else { break };
        client = hop;
    }
    client
}

/// The address in one element of `Forwarded` (RFC 7239, 4 and 6): `for=192.0.2.43:47011;proto=https`,
/// `for="[2001:db8::1]:4711"`.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, node) = pairs.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    let node = node.trim().trim_matches('"');
    match node.strip_prefix('[') {
        Some(v6) => v6.split(']').next()?.parse().ok().map(IpAddr::V6),
        None => node.split(':').next()?.parse().ok().map(IpAddr::V4),
    }
}

#[cfg(test)]
mod fuzzing;

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let trusts = |hop: IpAddr| matches!(hop, IpAddr::V4(v4) if v4.octets()[0] == 10);
        client(peer.parse().unwrap(), ForwardedHeader::XForwardedFor, &headers, trusts).to_string()
    }

    #[test]
    fn the_standard_header_is_read_where_it_is_the_one() {
        let forwarded = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("forwarded", text.parse().unwrap());
            // Written by the client itself.
            headers.insert("x-forwarded-for", "203.0.113.9".parse().unwrap());
            let (peer, trusts) = ("10.0.0.1".parse().unwrap(), |hop| hop == IpAddr::from([10, 0, 0, 1]));
            client(peer, ForwardedHeader::Forwarded, &headers, trusts).to_string()
        };
        assert_eq!(forwarded("for=198.51.100.7"), "198.51.100.7");
        assert_eq!(forwarded(r#"proto=https; For="198.51.100.7:4711";by=10.0.0.1"#), "198.51.100.7");
        assert_eq!(forwarded(r#"for=192.0.2.1, for="[2001:db8::7]:443""#), "2001:db8::7");
        assert_eq!(forwarded("for=192.0.2.1, for=_hidden"), "10.0.0.1");
        assert_eq!(forwarded("for=192.0.2.1, for=unknown"), "10.0.0.1");
        assert_eq!(forwarded("proto=https"), "10.0.0.1");
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(seen("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(seen("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(seen("10.0.0.1", &["1.2.3.4, 198.51.100.7, 10.0.0.2"]), "198.51.100.7");
        assert_eq!(seen("10.0.0.1", &["1.2.3.4", "198.51.100.7"]), "198.51.100.7");
        assert_eq!(seen("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &["198.51.100.7, nonsense"]), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &["198.51.100.7", "\u{e9}"]), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &["\u{e9}, 198.51.100.7"]), "198.51.100.7");
    }
}
