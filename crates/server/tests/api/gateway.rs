//! `deploy/nginx/nginx.conf` in a real nginx, in front of real processes, and in front of a server that tells what
//! it was asked.
//!
//! Invariant: only the port, the two servers, the trusted hops and the folder for temporary files differ from what
//! is deployed.

use std::{
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use onsale_testkit::servers::{Stores, nginx::Nginx, or_passed_over, postgres::Postgres};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    calls::{Answer, Api},
    support::{Onsale, grid, text},
};

/// nginx as it is deployed, in front of these; `None` where there is none on this machine.
fn gateway(servers: [&str; 2], hops: &str) -> Option<Nginx> {
    let deployed = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/nginx/nginx.conf");
    let deployed = std::fs::read_to_string(deployed).unwrap();
    let files = |address: SocketAddr, folder: &Path| {
        let mut configuration = deployed.clone();
        for (from, to) in [
            ("listen 8080 ", format!("listen {address} ")),
            ("server onsale-1:8080 ", format!("server {} ", servers[0])),
            ("server onsale-2:8080 ", format!("server {} ", servers[1])),
            (" /tmp/", format!(" {}/", folder.display())),
        ] {
            assert!(configuration.contains(from), "{from} is not in nginx.conf any more");
            configuration = configuration.replace(from, &to);
        }
        vec![("nginx.conf", configuration), ("trusted-hops.conf", hops.to_owned())]
    };
    or_passed_over(Nginx::start(files), "nginx")
}

/// A server that answers with the head of the request it got, or says yes to an upgrade and sends back what comes.
async fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(answer(stream));
        }
    });
    address
}

async fn answer(mut stream: TcpStream) {
    let Some(head) = head_of(&mut stream).await else { return };
    if head.to_ascii_lowercase().contains("\r\nupgrade: websocket\r\n") {
        let yes = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
        stream.write_all(yes.as_bytes()).await.unwrap();
        let (mut from, mut to) = stream.split();
        // Ends with the connection, however that ends.
        let _ = tokio::io::copy(&mut from, &mut to).await;
        return;
    }
    let length = head.len();
    let response = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{head}");
    // Whoever asked may have gone away.
    let _ = stream.write_all(response.as_bytes()).await;
}

/// Reads to the end of a head; `None` where there is none.
async fn head_of(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).unwrap())
}

/// The values of a header in a head.
fn values<'a>(head: &'a str, name: &str) -> Vec<&'a str> {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
}

/// Waits until all of these are in the log, which is written a second late.
async fn logged(nginx: &Nginx, words: &[&str]) {
    let begun = Instant::now();
    while !words.iter().all(|word| nginx.log().contains(word)) {
        assert!(begun.elapsed() < Duration::from_secs(10), "{words:?} not in {}", nginx.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn is_problem(answer: &Answer, status: u16, code: &str) {
    let document = answer.refused(status, code);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(document["request_id"], answer.header("x-request-id"));
}

#[tokio::test]
async fn a_client_cannot_choose_its_address() {
    let server = echo().await;
    let Some(edge) = gateway([&server, &server], "") else { return };
    let spoofed = async |nginx: &Nginx| {
        let call = Api::at(&nginx.url()).at_root("GET", "/");
        let call = call.header("x-forwarded-for", "198.51.100.7, 203.0.113.9");
        call.header("x-real-ip", "198.51.100.7").header("forwarded", "for=198.51.100.7").await.text()
    };
    let seen = spoofed(&edge).await;
    assert_eq!(values(&seen, "x-forwarded-for"), ["127.0.0.1"], "{seen}");
    assert!(!seen.contains("198.51.100.7"), "{seen}");
    drop(edge);
    let behind = gateway([&server, &server], "set_real_ip_from 127.0.0.1;").unwrap();
    let seen = spoofed(&behind).await;
    assert_eq!(values(&seen, "x-forwarded-for"), ["203.0.113.9"], "what the hop added, not what it was sent");
}

#[tokio::test]
async fn a_websocket_passes_through_and_nothing_else_is_upgraded() {
    let server = echo().await;
    let Some(nginx) = gateway([&server, &server], "") else { return };
    let plain = Api::at(&nginx.url()).at_root("GET", "/").header("connection", "close").await.text();
    assert!(values(&plain, "upgrade").is_empty() && values(&plain, "connection").is_empty(), "{plain}");
    let mut socket = TcpStream::connect(nginx.url().trim_start_matches("http://")).await.unwrap();
    let path = "/api/v1/performances/0190f3a0-0000-7000-8000-000000000000/live?from=1:0";
    let upgrade = format!(
        "GET {path} HTTP/1.1\r\nhost: tickets.example.com\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    socket.write_all(upgrade.as_bytes()).await.unwrap();
    let head = head_of(&mut socket).await.unwrap();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    for word in ["one frame", "and another"] {
        socket.write_all(word.as_bytes()).await.unwrap();
        let mut back = vec![0; word.len()];
        socket.read_exact(&mut back).await.unwrap();
        assert_eq!(back, word.as_bytes());
    }
    drop(socket);
    logged(&nginx, &["/live"]).await;
    assert!(!nginx.log().contains("from=1:0"), "what is in a query is nobody else's business");
    Api::at(&nginx.url()).at_root("GET", "/api/v1/tickets/7H2KQ9ZC4M0XW8RT/qr.svg").await;
    logged(&nginx, &["/api/v1/tickets/.../qr.svg"]).await;
    assert!(!nginx.log().contains("7H2KQ9ZC4M0XW8RT"), "a ticket's code lets its bearer in");
}

#[tokio::test]
async fn a_flood_is_refused_as_a_problem() {
    let server = echo().await;
    let Some(nginx) = gateway([&server, &server], "") else { return };
    let api = Api::at(&nginx.url());
    let (mut served, mut refused) = (0, 0);
    for _ in 0..2_000 {
        let answer = api.at_root("GET", "/").await;
        if answer.status == 200 {
            served += 1;
            continue;
        }
        is_problem(&answer, 429, "rate_limited");
        assert_eq!(answer.header("retry-after"), "1");
        refused += 1;
        if refused == 20 {
            break;
        }
    }
    assert!(served >= 200 && refused == 20, "{served} served, {refused} refused");
}

#[tokio::test]
async fn nobody_there_is_a_problem_too() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let Some(nginx) = gateway([&gone, &gone], "") else { return };
    let answer = Api::at(&nginx.url()).get("/events").await;
    is_problem(&answer, 503, "unavailable");
    assert_eq!(answer.header("retry-after"), "1");
}

#[tokio::test]
async fn bodies_are_limited_as_onsale_limits_them_and_metrics_are_not_for_the_world() {
    let onsale = Onsale::start();
    let Some(nginx) = gateway([onsale.address(), onsale.address()], "") else { return };
    let organizer = onsale.organizer().await;
    let api = Api::at(&nginx.url());
    let large = json!({"title": "x".repeat(300 * 1024)});
    is_problem(&api.post("/events", &large).by(&organizer).await, 413, "body_too_large");
    let plan = json!({"name": "x".repeat(300 * 1024)});
    is_problem(&api.post("/seating-plans", &plan).by(&organizer).await, 400, "invalid_plan");
    is_problem(&api.at_root("GET", "/metrics").await, 404, "not_found");
    onsale.at_root("GET", "/metrics").await.text();
    let named = api.get("/events").header("x-request-id", "mine-1").await;
    assert_eq!((named.status, named.header("x-request-id")), (200, "mine-1"));
    let unnamed = api.get("/events").header("x-request-id", "<not sane>").await;
    assert!(!["", "<not sane>"].contains(&unnamed.header("x-request-id")));
    assert!(onsale.log().contains(unnamed.header("x-request-id")), "one name here and there");
}

/// Two processes on one ledger. Each has a stock of its own here, so only what the ledger and the tokens hold is
/// asked for.
#[tokio::test]
async fn two_processes_answer_at_one_address_and_one_may_die() {
    let Some(server) = or_passed_over(Postgres::start(), "postgres") else { return };
    let url = server.url();
    let shared =
        [("ONSALE_DATABASE_URL", url.as_str()), ("ONSALE_SECRET", "0123456789abcdef0123456789abcdef")];
    let mut one = Onsale::on(Stores::Embedded, &shared);
    let mut two = Onsale::on(Stores::Embedded, &shared);
    let Some(nginx) = gateway([one.address(), two.address()], "") else { return };
    let organizer = one.organizer().await;
    let event = two.event(&organizer, &json!({})).await;
    let performance = one.performance(&organizer, &event, &grid(3, 3)).await;
    let api = Api::at(&nginx.url());
    let everything_answers = async || {
        for _ in 0..20 {
            let guest = text(&api.call("POST", "/auth/guest").await.ok(201)["access_token"]);
            assert_eq!(api.get("/me").by(&guest).await.ok(200)["kind"], "guest");
            let found = api.get(&format!("/events/{event}/performances")).await.ok(200);
            assert_eq!(found["items"][0]["id"], json!(performance));
        }
    };
    everything_answers().await;
    logged(&nginx, &[one.address(), two.address()]).await;
    one.take_process().kill().unwrap();
    everything_answers().await;
    two.take_process().kill().unwrap();
    is_problem(&api.get("/events").await, 503, "unavailable");
}
