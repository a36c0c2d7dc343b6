//! HTTPS by the server itself: calls, streams, a certificate that is replaced while connections go on, and whoever does
//! not speak TLS.

use std::{
    fs,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::StreamExt as _;
use onsale_testkit::servers::Stores;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    calls::{LIMIT, Socket},
    processes::ends_with,
    support::{Onsale, PASSWORD, eventually, text},
};

/// Files are looked at every ten seconds.
const TAKEN_UP_WITHIN: Duration = Duration::from_secs(25);

/// A folder with a certificate for `localhost` that vouches for itself, and its key.
struct Files {
    folder: TempDir,
    certificate: CertificateDer<'static>,
}

impl Files {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let certificate = issue(&folder.path().join("chain.pem"), &folder.path().join("key.pem"));
        Self { folder, certificate }
    }

    /// Puts another certificate in its place.
    fn renew(&mut self) {
        self.certificate = issue(&self.certificate_file(), &self.key_file());
    }

    fn certificate_file(&self) -> PathBuf {
        self.folder.path().join("chain.pem")
    }

    fn key_file(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    /// A server with them.
    fn serve(&self, more: &[(&str, &str)]) -> Onsale {
        let files = self.variables();
        let files = files.iter().map(|(name, value)| (*name, value.as_str()));
        Onsale::on(Stores::Embedded, &files.chain(more.iter().copied()).collect::<Vec<_>>())
    }

    fn variables(&self) -> [(&'static str, String); 2] {
        let path = |path: PathBuf| path.to_str().unwrap().to_owned();
        [
            ("ONSALE_TLS__CERTIFICATE", path(self.certificate_file())),
            ("ONSALE_TLS__KEY", path(self.key_file())),
        ]
    }

    /// A connection to a server that has to show the certificate which is in the file now.
    async fn connect(&self, onsale: &Onsale) -> Result<TlsStream<TcpStream>, String> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connecting = async {
            let stream = TcpStream::connect(onsale.address()).await.unwrap();
            let name = ServerName::try_from("localhost").unwrap();
            TlsConnector::from(Arc::new(config))
                .connect(name, stream)
                .await
                .map_err(|error| error.to_string())
        };
        timeout(LIMIT, connecting).await.unwrap()
    }

    async fn socket(&self, onsale: &Onsale) -> Socket {
        Socket::over(self.connect(onsale).await.unwrap(), onsale.address()).await
    }
}

fn issue(certificate: &PathBuf, key: &PathBuf) -> CertificateDer<'static> {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2040, 2, 29);
    let pair = KeyPair::generate().unwrap();
    let issued = params.self_signed(&pair).unwrap();
    fs::write(certificate, issued.pem()).unwrap();
    fs::write(key, pair.serialize_pem()).unwrap();
    issued.der().clone()
}

/// Seats on sale, in a performance of nobody's.
fn on_sale(onsale: &Onsale) -> Value {
    onsale.command(&["seed", "--rows", "1", "--columns", "4"], "").remove(0)
}

#[tokio::test]
async fn calls_and_streams_go_over_it() {
    let files = Files::new();
    let onsale = files.serve(&[]);
    let path = format!("/performances/{}", text(&on_sale(&onsale)["performance_id"]));
    let mut socket = files.socket(&onsale).await;
    let guest = text(&socket.send(&onsale.call("POST", "/auth/guest")).await.ok(201)["access_token"]);

    let stream = files.connect(&onsale).await.unwrap();
    let url = format!("wss://localhost/api/v1{path}/live");
    let (mut live, _) = timeout(LIMIT, tokio_tungstenite::client_async(url, stream)).await.unwrap().unwrap();
    let mut events = files.connect(&onsale).await.unwrap();
    let asked = format!("GET /api/v1{path}/live HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\r\n");
    events.write_all(asked.as_bytes()).await.unwrap();

    let held = onsale.post(&format!("{path}/reservations"), &json!({"seat_ids": [3]})).by(&guest);
    let answer = socket.send(&held).await;
    answer.ok(201);
    assert_eq!(answer.header("strict-transport-security"), "", "nobody has said so");
    let told = async {
        loop {
            if let Message::Text(frame) = live.next().await.unwrap().unwrap()
                && serde_json::from_str::<Value>(&frame).unwrap()["held"] == json!([3])
            {
                break;
            }
        }
        let (mut said, mut piece) = (String::new(), [0; 4_096]);
        while !said.contains(r#""held":[3]"#) {
            let read = events.read(&mut piece).await.unwrap();
            assert!(read > 0, "it ended: {said}");
            said.push_str(&String::from_utf8_lossy(&piece[..read]));
        }
    };
    timeout(LIMIT, told).await.unwrap();

    let metrics = socket.send(&onsale.at_root("GET", "/metrics")).await.text();
    let expiry = "onsale_tls_certificate_expiry_timestamp_seconds 2214086400";
    for line in [expiry, r#"onsale_tls_handshakes_total{outcome="done"} 3"#] {
        assert!(metrics.contains(line), "no {line} in {metrics}");
    }
}

#[tokio::test]
async fn browsers_are_told_to_come_over_it_only_and_cookies_stay_on_it() {
    let files = Files::new();
    let onsale = files.serve(&[("ONSALE_TLS__HSTS_MAX_AGE_S", "31536000")]);
    let create = ["account", "create", "--email", "o@example.com", "--role", "organizer", "--password-stdin"];
    onsale.command(&create, PASSWORD);
    let mut socket = files.socket(&onsale).await;
    let login = onsale.post("/auth/login", &json!({"email": "o@example.com", "password": PASSWORD}));
    let organizer = text(&socket.send(&login).await.ok(200)["access_token"]);
    let event = json!({"title": "A winter's tale", "settings": {"waiting_room": {"mode": "on"}}});
    let event = socket.send(&onsale.post("/events", &event).by(&organizer)).await.ok(201);
    let join = format!("/wait/{}/join", text(&event["id"]));
    let origin = format!("https://{}", onsale.address());
    let joined = socket.send(&onsale.at_root("POST", &join).header("origin", origin)).await;
    assert_eq!(joined.status, 303, "{joined:?}");
    let cookies = joined.header_lines("set-cookie");
    assert!(cookies.len() == 2 && cookies.iter().all(|cookie| cookie.ends_with("; Secure")), "{cookies:?}");
    // Whatever is answered, refusals as well.
    let nowhere = socket.send(&onsale.get("/nowhere")).await;
    for answer in [&joined, &nowhere] {
        assert_eq!(answer.header("strict-transport-security"), "max-age=31536000", "{answer:?}");
    }
}

#[tokio::test]
async fn who_speaks_plain_http_is_told_and_who_speaks_neither_is_not_served() {
    let files = Files::new();
    let onsale = files.serve(&[]);
    let says = async |words: &[u8]| {
        let mut stream = TcpStream::connect(onsale.address()).await.unwrap();
        stream.write_all(words).await.unwrap();
        let mut answer = Vec::new();
        timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await.unwrap().unwrap();
        answer
    };
    let refused = says(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let refused = String::from_utf8(refused).unwrap();
    assert!(refused.starts_with("HTTP/1.1 400 ") && refused.ends_with("speaks HTTPS.\n"), "{refused}");
    // An alert of TLS.
    assert_eq!(says(b"\x00nonsense").await.first(), Some(&0x15));
    files.socket(&onsale).await.send(&onsale.at_root("GET", "/health/live")).await.empty(200);
}

/// Its place is taken as any other's, and given back when its time is over.
#[tokio::test]
async fn a_handshake_that_stalls_ends() {
    let files = Files::new();
    let onsale = files.serve(&[]);
    let mut stream = TcpStream::connect(onsale.address()).await.unwrap();
    stream.write_all(b"\x16\x03\x01\x02\x00\x01").await.unwrap();
    let mut socket = files.socket(&onsale).await;
    let mut connections = async || {
        let metrics = socket.send(&onsale.at_root("GET", "/metrics")).await.text();
        let line = metrics.lines().find_map(|line| line.strip_prefix("onsale_http_connections "));
        line.unwrap().to_owned()
    };
    assert_eq!(connections().await, "2");
    let begun = Instant::now();
    let ended = timeout(LIMIT, stream.read(&mut [0; 1])).await.unwrap();
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    assert!((8..20).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    eventually("its place is free again", LIMIT, async || match connections().await.as_str() {
        "1" => Ok(()),
        other => Err(other.to_owned()),
    })
    .await;
}

#[tokio::test]
async fn a_certificate_is_replaced_while_connections_go_on() {
    let mut files = Files::new();
    let onsale = files.serve(&[]);
    let health = onsale.at_root("GET", "/health/live");
    let mut old = files.socket(&onsale).await;
    old.send(&health).await.empty(200);
    files.renew();
    eventually("the new one is served", TAKEN_UP_WITHIN, async || files.connect(&onsale).await.map(drop))
        .await;
    old.send(&health).await.empty(200);

    // One that cannot be used is spoken of, and changes nothing.
    fs::write(files.certificate_file(), "nonsense").unwrap();
    eventually("it is refused", TAKEN_UP_WITHIN, async || {
        let log = onsale.log();
        let warned = log.contains("the certificate was not replaced") && log.contains("tls.certificate");
        if warned { Ok(()) } else { Err(log) }
    })
    .await;
    files.socket(&onsale).await.send(&health).await.empty(200);
    old.send(&health).await.empty(200);
}

#[tokio::test]
async fn who_is_connected_is_let_finish() {
    let files = Files::new();
    let mut onsale = files.serve(&[]);
    let mut socket = files.socket(&onsale).await;
    socket.send(&onsale.at_root("GET", "/health/live")).await.empty(200);
    // In the middle of a handshake, and owed nothing.
    let _stalled = TcpStream::connect(onsale.address()).await.unwrap();
    let begun = Instant::now();
    assert!(onsale.take_process().terminate().unwrap().success());
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_server_is_asked_for_its_health_and_looked_at() {
    let files = Files::new();
    let onsale = files.serve(&[]);
    for more in [vec![], vec!["--ready"]] {
        let arguments = [vec!["check-health", "--listen", onsale.address()], more].concat();
        onsale.installation.run(&arguments, "").unwrap();
    }
    let elsewhere = tempfile::tempdir().unwrap();
    let asked = |more: &[&str]| {
        ends_with(elsewhere.path(), &[&["check-health", "--listen", onsale.address()], more].concat(), &[])
    };
    assert_eq!(asked(&["--tls"]).0, Some(0));
    let (status, said) = asked(&[]);
    assert!(status == Some(1) && said.contains("400"), "{said}");

    let findings = onsale.installation.run_to_end(&["doctor", "--json"], "").unwrap().stdout;
    let findings = findings.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let found: Vec<Value> = findings.filter(|finding| finding["check"] == "certificate").collect();
    let says = |state: &str, words: &str| {
        found.iter().any(|finding| finding["state"] == state && text(&finding["says"]).contains(words))
    };
    assert!(says("fine", "good for another ") && says("fine", "for localhost"), "{found:?}");
    assert!(says("advice", "tls.hsts_max_age_s is 0"), "{found:?}");
    // Whoever runs these tests may have a umask that lets everybody read.
    fs::remove_file(files.key_file()).unwrap();
    let ended = onsale.installation.run_to_end(&["doctor"], "").unwrap();
    assert!(
        ended.status.code() == Some(1) && ended.stderr.contains("WRONG   certificate: "),
        "{}",
        ended.stderr
    );
}

#[test]
fn files_that_cannot_be_served_with_are_named_before_anything_is_started() {
    let files = Files::new();
    let folder = tempfile::tempdir().unwrap();
    let [certificate, key] = files.variables();
    let serve = |variables: &[(&str, &str)]| {
        let variables = [variables, &[("ONSALE_LISTEN", "127.0.0.1:0")]].concat();
        ends_with(folder.path(), &["serve"], &variables)
    };
    let (certificate, key) = ((certificate.0, certificate.1.as_str()), (key.0, key.1.as_str()));
    let (status, said) = serve(&[certificate]);
    assert!(status == Some(2) && said.contains("setting tls.key is missing"), "{said}");
    let (status, said) = serve(&[certificate, (key.0, certificate.1)]);
    assert!(status == Some(2) && said.contains("there is none in it"), "{said}");
    let other = KeyPair::generate().unwrap();
    fs::write(files.key_file(), other.serialize_pem()).unwrap();
    let (status, said) = serve(&[certificate, key]);
    assert!(
        status == Some(2) && said.contains("setting tls.key is ") && said.contains("another's"),
        "{said}"
    );
    assert!(!folder.path().join("data").exists(), "nothing was begun");
}
