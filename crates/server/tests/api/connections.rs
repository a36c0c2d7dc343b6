//! Connections that carry more than one request.

use std::time::Duration;

use rstest::rstest;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{
    calls::LIMIT,
    support::{Onsale, WITH_LIMITS, eventually},
};

/// Longer than any of these answers takes, so that it does not wait for a body that comes later.
const LATER: Duration = Duration::from_millis(200);

fn post(path: &str, length: usize) -> String {
    format!(
        "POST /api/v1{path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
}

/// The head of the next answer; its body is read and left aside.
async fn answer(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
    stream.read_exact(&mut vec![0; length]).await.unwrap();
    head
}

#[rstest]
#[case::that_the_call_does_not_take("/auth/guest", "201")]
#[case::of_a_request_that_is_refused("/me/wallet/top-ups", "401")]
#[case::of_nothing_that_is_there("/nowhere", "404")]
#[tokio::test]
async fn a_body_that_comes_later_leaves_the_connection_as_it_is(#[case] path: &str, #[case] status: &str) {
    let onsale = Onsale::start();
    let mut stream = TcpStream::connect(onsale.address()).await.unwrap();
    let exchange = async {
        for _ in 0..2 {
            stream.write_all(post(path, 2).as_bytes()).await.unwrap();
            tokio::time::sleep(LATER).await;
            stream.write_all(b"{}").await.unwrap();
            let head = answer(&mut stream).await;
            assert!(head.starts_with(&format!("http/1.1 {status}")), "{head}");
            assert!(!head.contains("connection: close"), "{head}");
        }
    };
    timeout(LIMIT, exchange).await.unwrap();
}

#[tokio::test]
async fn who_keeps_back_more_than_is_waited_for_is_told_that_the_connection_ends() {
    let onsale = Onsale::start();
    let mut stream = TcpStream::connect(onsale.address()).await.unwrap();
    let exchange = async {
        stream.write_all(post("/auth/guest", 10_000_000).as_bytes()).await.unwrap();
        let head = answer(&mut stream).await;
        assert!(head.starts_with("http/1.1 201") && head.contains("connection: close"), "{head}");
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0, "it has ended");
    };
    timeout(LIMIT, exchange).await.unwrap();
}

#[tokio::test]
async fn one_address_does_not_take_all_connections() {
    let onsale = Onsale::with(&[WITH_LIMITS]);
    let mut open = Vec::new();
    let refused = loop {
        let mut stream = TcpStream::connect(onsale.address()).await.unwrap();
        assert!(open.len() <= 4_096 + 128, "no bound");
        // What there is room for says nothing until it is asked.
        let mut first = [0; 64];
        if open.len() % 128 == 127
            && let Ok(Ok(read)) = timeout(LATER, stream.read(&mut first)).await
        {
            break String::from_utf8_lossy(&first[..read]).into_owned();
        }
        open.push(stream);
    };
    assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("connection: close"), "{refused}");
    // Those that are there are served on, and who goes makes room.
    let asked = async |stream: &mut TcpStream| {
        stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        answer(stream).await
    };
    assert!(asked(&mut open[0]).await.starts_with("http/1.1 200"));
    drop(open);
    eventually("there is room again", LIMIT, async || {
        let answer = onsale.at_root("GET", "/health/live").await;
        if answer.status == 200 { Ok(()) } else { Err(answer.text()) }
    })
    .await;
}

#[tokio::test]
async fn a_head_that_has_no_end_is_refused() {
    let onsale = Onsale::start();
    let mut stream = TcpStream::connect(onsale.address()).await.unwrap();
    let exchange = async {
        stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n").await.unwrap();
        let line = format!("x-long: {}\r\n", "x".repeat(8_000));
        // The server may have gone away in the middle of it.
        for _ in 0..100 {
            if stream.write_all(line.as_bytes()).await.is_err() {
                break;
            }
        }
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said).await;
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 431 "), "{said}");
    };
    timeout(LIMIT, exchange).await.unwrap();
    onsale.at_root("GET", "/health/live").await.empty(200);
}
