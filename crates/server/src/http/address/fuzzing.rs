//! Anything in the headers that say where a request comes from: whoever writes it, they are counted where they are.
//!
//! Invariant: a client writes what it likes; behind that, a trusted proxy writes where the client is.

use super::*;

const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const NEXT_PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));

#[test]
fn nobody_hides_behind_a_proxy() {
    onsale_fuzzing::fuzz!("addresses", 20_000, check);
}

/// Each line of the input is a line of the header, as the client sends it.
fn check(input: &[u8]) {
    // What is no value of a header does not come as far as this.
    let lines = input.split(|byte| *byte == b'\n').map(<[u8]>::to_vec);
    let lines: Vec<Vec<u8>> = lines.filter(|line| value(line).is_some()).collect();
    for header in [ForwardedHeader::XForwardedFor, ForwardedHeader::Forwarded] {
        let node = |address: IpAddr| match header {
            ForwardedHeader::XForwardedFor => address.to_string(),
            ForwardedHeader::Forwarded => format!("for={address};proto=https"),
        };
        assert_eq!(seen(CLIENT, header, &lines), CLIENT, "without a proxy nothing is read");
        let untouched = seen(PROXY, header, &lines);
        assert!(untouched == PROXY || names(&lines, untouched), "{untouched}");
        for trail in [node(CLIENT), format!("{}, {}", node(CLIENT), node(NEXT_PROXY))] {
            // A proxy adds to the last line that it finds, or a line of its own.
            let mut added = lines.clone();
            added.push(trail.clone().into_bytes());
            assert_eq!(seen(PROXY, header, &added), CLIENT, "a line of its own: {trail}");
            let mut joined = lines.clone();
            if let Some(last) = joined.last_mut() {
                last.extend_from_slice(format!(", {trail}").as_bytes());
                assert_eq!(seen(PROXY, header, &joined), CLIENT, "the same line: {trail}");
            }
        }
    }
}

fn trusts(hop: IpAddr) -> bool {
    [PROXY, NEXT_PROXY].contains(&hop)
}

/// Whether an address stands in one of the lines, with or without a port behind it.
fn names(lines: &[Vec<u8>], address: IpAddr) -> bool {
    let text = lines.iter().map(|line| String::from_utf8_lossy(line)).collect::<Vec<_>>().join(",");
    let words = text.split(|c: char| !c.is_ascii_hexdigit() && c != ':' && c != '.');
    let mut addresses = words.flat_map(|word| {
        let v4 = word.split(':').next().and_then(|node| node.parse().ok()).map(IpAddr::V4);
        [word.parse().ok(), v4]
    });
    addresses.any(|named| named == Some(address))
}

fn value(line: &[u8]) -> Option<axum::http::HeaderValue> {
    axum::http::HeaderValue::from_bytes(line).ok()
}

fn seen(peer: IpAddr, header: ForwardedHeader, lines: &[Vec<u8>]) -> IpAddr {
    let name = match header {
        ForwardedHeader::XForwardedFor => "x-forwarded-for",
        ForwardedHeader::Forwarded => "forwarded",
    };
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(name, value(line).unwrap());
    }
    client(peer, header, &headers, trusts)
}
