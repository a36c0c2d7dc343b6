//! Bad input on every endpoint: each gets the documented code as a problem document, never a 5xx, and changes
//! nothing.
//!
//! Invariant: what is refused here differs in one thing from a call that is accepted at the end of the same test.

use std::collections::BTreeSet;

use crate::{
    calls::Socket,
    endpoints::{ENDPOINTS, Endpoint, People, World},
    findings::Findings,
};

mod bodies;
pub(crate) mod tokens;

#[tokio::test]
async fn the_table_has_every_endpoint() {
    let people = People::gather().await;
    let document = people.onsale.at_root("GET", "/openapi.json").await.ok(200);
    let mut described = BTreeSet::new();
    for (path, calls) in document["paths"].as_object().unwrap() {
        described
            .extend(calls.as_object().unwrap().keys().map(|method| (path.clone(), method.to_uppercase())));
    }
    let table: BTreeSet<_> = ENDPOINTS.iter().map(|e| (e.path.to_owned(), e.method.to_owned())).collect();
    assert_eq!(table, described);
    assert_eq!(table.len(), ENDPOINTS.len(), "no endpoint twice");
}

#[tokio::test]
async fn ids_that_name_nothing() {
    let people = People::gather().await;
    let mut findings = Findings::default();
    let long = "x".repeat(4_000);
    let odd = [
        "01a1fcad-dbf5-78c0-a41a-138665a747ec",
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "01a1fcad-dbf5-78c0-a41a-138665a747e",
        "x",
        "-1",
        "0",
        "1e308",
        "18446744073709551616",
        "%00",
        "%ff",
        "%F0%9F%8E%AB",
        "..%2f..%2fsecret",
        "'%20OR%201=1--",
        "null",
        &long,
    ];
    for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.path.contains('{')) {
        let world = World::make(&people).await;
        let before = world.state().await;
        for id in odd {
            for (path, code) in world.paths_with(endpoint, id) {
                let call = world.call_at(endpoint, &path);
                let call = people.token(endpoint.who).map_or(call.clone(), |token| call.by(token));
                // What cannot be decoded names neither performance nor seat.
                let code = if id == "%ff" { "not_found" } else { code };
                // A ticket is for the event that it names, whether or not there is another.
                let is_an_id = id.parse::<uuid::Uuid>().is_ok();
                let needs_ticket = endpoint.ticket || endpoint.path.ends_with("/stream");
                let refusal = if needs_ticket && is_an_id { (403, "ticket_invalid") } else { (404, code) };
                findings.refused(call, refusal.0, refusal.1).await;
            }
        }
        findings.still_good(&world, endpoint, &before).await;
    }
    findings.none();
}

#[tokio::test]
async fn methods_that_are_not_offered() {
    let people = People::gather().await;
    let mut findings = Findings::default();
    let paths: BTreeSet<&str> = ENDPOINTS.iter().map(|endpoint| endpoint.path).collect();
    let world = World::make(&people).await;
    let before = world.state().await;
    for path in paths {
        let endpoints: Vec<&Endpoint> = ENDPOINTS.iter().filter(|endpoint| endpoint.path == path).collect();
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"] {
            if endpoints.iter().any(|endpoint| endpoint.method == method) {
                continue;
            }
            let odd = Endpoint { method, ..*endpoints[0] };
            findings.refused(world.call(&odd), 405, "method_not_allowed").await;
        }
    }
    assert_eq!(world.state().await, before);
    findings.none();
}

#[tokio::test]
async fn pages_and_filters_that_are_none() {
    let people = People::gather().await;
    let mut findings = Findings::default();
    let queries = [
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=x",
        "limit=",
        "limit=1.5",
        "limit=1e2",
        "limit=4294967296",
        "limit=99999999999999999999",
        "limit=1&limit=2",
        "cursor=x",
        "cursor=",
        "cursor=%00",
        "cursor=%ff",
        "cursor=01a1fcad",
        "cursor='%20OR%201=1--",
        "limit=10&cursor=../../etc",
    ];
    for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.paged) {
        let world = World::make(&people).await;
        let path = world.path(endpoint);
        let with = |query: &str| {
            let call = people.onsale.at_root("GET", &format!("{path}?{query}"));
            people.token(endpoint.who).map_or(call.clone(), |token| call.by(token))
        };
        for query in queries {
            findings.refused(with(query), 400, "validation").await;
        }
        for query in ["limit=1", "limit=200", "cursor=00000000-0000-0000-0000-000000000000", "unknown=1"] {
            with(query).await.ok(200);
        }
    }
    let world = World::make(&people).await;
    let seats = ENDPOINTS.iter().find(|endpoint| endpoint.path.ends_with("/seats")).unwrap();
    let with = |query: &str| people.onsale.at_root("GET", &format!("{}?{query}", world.path(seats)));
    for query in ["status=gone", "status=", "status=Held", "status=held&status=sold", "status=%00"] {
        findings.refused(with(query), 400, "validation").await;
    }
    with("unknown=held").await.ok(200);
    findings.none();
}

/// What is not even HTTP closes its own connection and nothing else.
#[tokio::test]
async fn bytes_that_are_no_request() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let people = People::gather().await;
    let mut good = Socket::open(&people.onsale).await;
    let head = "GET /api/v1/events HTTP/1.1\r\nhost: x\r\n";
    let garbage: [Vec<u8>; 7] = [
        b"\0\0\0\0\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"GET /\0 HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(),
        format!("{head}content-length: -1\r\n\r\n").into_bytes(),
        format!("{head}content-length: 1\r\ncontent-length: 2\r\n\r\n").into_bytes(),
        format!("{head}x: {}\r\n\r\n", "x".repeat(1_000_000)).into_bytes(),
    ];
    for bytes in garbage {
        let exchange = async {
            let mut stream = tokio::net::TcpStream::connect(people.onsale.address()).await.unwrap();
            // The server may hang up while it is still being talked to.
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            answer
        };
        let answer = tokio::time::timeout(crate::calls::LIMIT, exchange).await.unwrap();
        let line = String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned();
        assert!(line.is_empty() || line.contains(" 4"), "{line}");
        assert_eq!(good.send(&people.onsale.get("/events")).await.status, 200);
    }
}
