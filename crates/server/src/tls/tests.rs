//! Handshakes that do not come about, and files that change.

use std::net::SocketAddr;

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::{net::TcpListener, task::JoinHandle, time::Instant};
use tokio_rustls::TlsConnector;

use super::{
    certificate::tests::{Folder, NAMES, pair},
    *,
};

/// An endpoint, and the outcome of the next connection to the address.
async fn next(endpoint: &Arc<Endpoint>) -> (SocketAddr, JoinHandle<Option<TlsStream<TcpStream>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let endpoint = Arc::clone(endpoint);
    let outcome = tokio::spawn(async move { endpoint.secured(listener.accept().await.unwrap().0).await });
    (address, outcome)
}

/// Whether somebody who trusts this certificate alone gets a connection, and what they agreed to speak.
async fn speaks(
    endpoint: &Arc<Endpoint>,
    trusted: &str,
    offered: &[&[u8]],
) -> Result<Option<Vec<u8>>, String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.as_bytes()).unwrap()).unwrap();
    let mut config =
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
    config.alpn_protocols = offered.iter().map(|name| name.to_vec()).collect();
    let (address, outcome) = next(endpoint).await;
    let stream = TcpStream::connect(address).await.unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let client = connector.connect(ServerName::try_from(NAMES[0]).unwrap(), stream).await;
    let client = client.map_err(|error| error.to_string())?;
    outcome.await.unwrap().ok_or("the server has none")?;
    Ok(client.get_ref().1.alpn_protocol().map(<[u8]>::to_vec))
}

#[tokio::test]
async fn http_1_1_is_spoken_and_nothing_else() {
    let folder = Folder::with_certificate();
    let trusted = std::fs::read_to_string(&folder.tls().certificate).unwrap();
    let endpoint = Endpoint::open(folder.tls()).unwrap();
    assert_eq!(speaks(&endpoint, &trusted, &[b"h2", b"http/1.1"]).await, Ok(Some(b"http/1.1".to_vec())));
    assert_eq!(speaks(&endpoint, &trusted, &[]).await, Ok(None));
    assert!(speaks(&endpoint, &trusted, &[b"h2"]).await.is_err());
}

/// Time goes on by itself where nothing else does: whoever says nothing takes no time of the test's.
#[tokio::test(start_paused = true)]
async fn a_handshake_that_stalls_is_cut_off() {
    let folder = Folder::with_certificate();
    let endpoint = Endpoint::open(folder.tls()).unwrap();
    // Nothing at all, and the beginning of a record.
    for said in [b"".as_slice(), b"\x16\x03\x01\x02\x00\x01"] {
        let (address, outcome) = next(&endpoint).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(said).await.unwrap();
        let begun = Instant::now();
        assert!(outcome.await.unwrap().is_none());
        assert!(begun.elapsed() >= HANDSHAKE_WITHIN && begun.elapsed() < 2 * HANDSHAKE_WITHIN);
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0, "it has ended");
    }
}

#[tokio::test]
async fn who_speaks_http_is_told_and_who_says_nothing_is_not() {
    let folder = Folder::with_certificate();
    let endpoint = Endpoint::open(folder.tls()).unwrap();
    let said = async |words: &[u8]| {
        let (address, outcome) = next(&endpoint).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(words).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(outcome.await.unwrap().is_none());
        answer
    };
    let answer = said(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(answer, SPEAK_HTTPS);
    let (head, body) = std::str::from_utf8(&answer).unwrap().split_once("\r\n\r\n").unwrap();
    assert!(head.ends_with(&format!("content-length: {}", body.len())), "{head}");
    assert_eq!(said(b"").await, b"");
    // Words of TLS are answered in TLS: an alert.
    assert_eq!(said(b"nonsense").await[0], 0x15);
}

#[tokio::test]
async fn what_is_put_into_the_files_is_served_unless_it_cannot_be() {
    let folder = Folder::with_certificate();
    let first = std::fs::read_to_string(&folder.tls().certificate).unwrap();
    let endpoint = Endpoint::open(folder.tls()).unwrap();
    let (second, key) = pair(&NAMES);
    // The new certificate is there, its key is not yet.
    std::fs::write(&folder.tls().certificate, &second).unwrap();
    endpoint.look();
    assert!(speaks(&endpoint, &first, &[]).await.is_ok(), "the one before is served on");
    std::fs::write(&folder.tls().key, &key).unwrap();
    endpoint.look();
    assert!(speaks(&endpoint, &second, &[]).await.is_ok());
    assert!(speaks(&endpoint, &first, &[]).await.is_err());
    std::fs::remove_file(&folder.tls().key).unwrap();
    endpoint.look();
    assert!(speaks(&endpoint, &second, &[]).await.is_ok(), "a file that is gone takes nothing along");
}
