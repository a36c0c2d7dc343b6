//! Clients for programs elsewhere that somebody named: a collector of traces, an organizer's endpoint.
//!
//! Invariants: certificates are those that browsers take; nobody sends such a client on to somewhere else, and no proxy of
//! the surroundings gets to see what it says.

use std::sync::Arc;

use reqwest::{Client, ClientBuilder, redirect::Policy};

/// A client to be; its limits of time are its user's.
pub(crate) fn client() -> Result<ClientBuilder, rustls::Error> {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(concat!("onsale/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        // A proxy would look names up by itself, too.
        .no_proxy())
}
