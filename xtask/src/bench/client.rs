//! One HTTP/1.1 connection, driven by hyper's client without a pool: nothing is queued, retried or reconnected.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::http::response::Parts;
use hyper::http::{HeaderName, HeaderValue, Method, Uri, header};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

pub(crate) type Call = Request<Full<Bytes>>;

pub(crate) static TICKET: HeaderName = HeaderName::from_static("queue-ticket");
pub(crate) static KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A request as every benchmark makes them, so that those to the floor differ from those to onsale in nothing.
pub(crate) fn call(method: Method, path: &Uri, token: Option<&HeaderValue>, json: Option<Bytes>) -> Call {
    let mut call = Request::new(Full::new(Bytes::new()));
    *call.method_mut() = method;
    *call.uri_mut() = path.clone();
    call.headers_mut().insert(header::HOST, HeaderValue::from_static("localhost"));
    if let Some(token) = token {
        call.headers_mut().insert(header::AUTHORIZATION, token.clone());
    }
    if let Some(json) = json {
        call.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *call.body_mut() = Full::new(json);
    }
    call
}

/// The request with one more header.
pub(crate) fn with(mut request: Call, name: &HeaderName, value: &HeaderValue) -> Call {
    request.headers_mut().insert(name.clone(), value.clone());
    request
}

/// A server closes a connection that was quiet for a minute, and what is sent in the same moment is lost.
const QUIET_AT_MOST: Duration = Duration::from_secs(30);

/// An open connection. Requests on it follow one another.
pub(crate) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    used: Instant,
}

impl Connection {
    /// Connects from within a tokio runtime.
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream =
            TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender, used: Instant::now() })
    }

    /// Whether the other side has closed it, or may be about to.
    pub(crate) fn is_old(&self) -> bool {
        self.sender.is_closed() || self.used.elapsed() > QUIET_AT_MOST
    }

    async fn send(&mut self, call: Call) -> anyhow::Result<Response<Incoming>> {
        self.used = Instant::now();
        self.sender.ready().await.context("the connection was closed")?;
        self.sender.send_request(call).await.context("no answer")
    }

    /// Sends, and reads the answer whole.
    pub(crate) async fn exchange(&mut self, call: Call) -> anyhow::Result<(StatusCode, Bytes)> {
        let (head, body) = self.answer(call).await?;
        Ok((head.status, body))
    }

    /// The same, with the head of the answer.
    pub(crate) async fn answer(&mut self, call: Call) -> anyhow::Result<(Parts, Bytes)> {
        let (head, body) = self.send(call).await?.into_parts();
        let body = body.collect().await.context("the answer broke off")?;
        Ok((head, body.to_bytes()))
    }

    /// Sends, and gives the body of the answer as it comes.
    pub(crate) async fn begin(&mut self, call: Call) -> anyhow::Result<Response<Incoming>> {
        self.send(call).await
    }

    /// Sends, and reads the answer to its end, keeping its body only if the status is another than expected.
    pub(crate) async fn check(&mut self, call: Call, expected: StatusCode) -> anyhow::Result<Checked> {
        let response = self.send(call).await?;
        let status = response.status();
        let mut body = response.into_body();
        if status != expected {
            let body = body.collect().await.context("the answer broke off")?.to_bytes();
            return Ok(Checked::Unexpected(status, String::from_utf8_lossy(&body).into_owned()));
        }
        while let Some(frame) = body.frame().await {
            frame.context("the answer broke off")?;
        }
        Ok(Checked::Expected)
    }
}

/// How an answer compares with what the caller expected.
pub(crate) enum Checked {
    Expected,
    Unexpected(StatusCode, String),
}
