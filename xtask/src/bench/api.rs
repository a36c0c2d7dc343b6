//! The calls that set the stage for a benchmark: one at a time, each with the answer it has to get.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use bytes::Bytes;
use hyper::StatusCode;
use hyper::http::{HeaderValue, Method, Uri};
use serde_json::Value;

use super::client::{Call, Connection, call};

/// A connection on behalf of one account.
pub(crate) struct Api {
    address: SocketAddr,
    connection: Connection,
    token: Option<HeaderValue>,
}

impl Api {
    /// Connects without an account.
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        Ok(Self { address, connection: Connection::open(address).await?, token: None })
    }

    /// Logs in; further calls are this account's. Returns the header value that makes them so.
    pub(crate) async fn log_in(&mut self, email: &str, password: &str) -> anyhow::Result<HeaderValue> {
        let body = serde_json::json!({"email": email, "password": password});
        let login = self.post("/auth/login", &body, StatusCode::OK).await?;
        let token = bearer(text(&login, "access_token")?)?;
        self.token = Some(token.clone());
        Ok(token)
    }

    pub(crate) async fn get(&mut self, path: &str) -> anyhow::Result<Value> {
        let call = call(Method::GET, &uri(path)?, self.token.as_ref(), None);
        self.json(path, call, StatusCode::OK).await
    }

    pub(crate) async fn post(
        &mut self,
        path: &str,
        body: &Value,
        expected: StatusCode,
    ) -> anyhow::Result<Value> {
        let body = Bytes::from(serde_json::to_vec(body)?);
        let call = call(Method::POST, &uri(path)?, self.token.as_ref(), Some(body));
        self.json(path, call, expected).await
    }

    /// Between rounds a connection may have been quiet for longer than a server keeps it.
    async fn exchange(&mut self, call: Call) -> anyhow::Result<(StatusCode, Bytes)> {
        if self.connection.is_old() {
            self.connection = Connection::open(self.address).await?;
        }
        self.connection.exchange(call).await
    }

    /// The bytes of an answer's body.
    pub(crate) async fn size_of(&mut self, call: Call) -> anyhow::Result<usize> {
        let (status, body) = self.exchange(call).await?;
        ensure!(status == StatusCode::OK, "{status}: {}", String::from_utf8_lossy(&body));
        Ok(body.len())
    }

    /// Sends a call of whatever account and gives its answer back as JSON.
    pub(crate) async fn json(
        &mut self,
        what: &str,
        call: Call,
        expected: StatusCode,
    ) -> anyhow::Result<Value> {
        let (status, body) = self.exchange(call).await?;
        ensure!(
            status == expected,
            "{what}: {status} instead of {expected}: {}",
            String::from_utf8_lossy(&body)
        );
        serde_json::from_slice(&body).with_context(|| format!("{what}: the answer is not JSON"))
    }
}

/// The address of a path of the interface.
pub(crate) fn uri(path: &str) -> anyhow::Result<Uri> {
    format!("/api/v1{path}").parse().with_context(|| format!("{path} is not a path"))
}

/// The body of a request for one seat.
pub(crate) fn hold_of(seat: usize) -> Bytes {
    Bytes::from(format!("{{\"seat_ids\":[{seat}]}}"))
}

/// The header value that names the bearer of an access token.
pub(crate) fn bearer(token: &str) -> anyhow::Result<HeaderValue> {
    HeaderValue::from_str(&format!("Bearer {token}")).context("the access token cannot go into a header")
}

/// A member of an answer that has to be text.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> anyhow::Result<&'a str> {
    value[name].as_str().with_context(|| format!("no {name} in {value}"))
}
