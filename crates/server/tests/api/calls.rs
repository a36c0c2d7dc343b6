//! Calls of the interface over real sockets, and their answers.
//!
//! Invariants: every call has a limit and is made once; a refusal is checked for its whole form wherever one is
//! expected.

use std::{pin::Pin, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};

/// How long one call may take, also on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

const BASE: &str = "/api/v1";

/// A server to be called; its connections are kept and shared by the clones.
#[derive(Clone)]
pub(crate) struct Api {
    http: Client<HttpConnector, Full<Bytes>>,
    url: String,
}

impl Api {
    pub(crate) fn at(url: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let http = Client::builder(TokioExecutor::new()).retry_canceled_requests(false).build(connector);
        Self { http, url: url.to_owned() }
    }

    /// Where it listens: `127.0.0.1:12345`.
    pub(crate) fn address(&self) -> &str {
        self.url.split_once("://").map_or("", |(_, address)| address)
    }

    /// A call of the interface; the path goes on from `/api/v1`.
    pub(crate) fn call(&self, method: &str, path: &str) -> Call {
        self.at_root(method, &format!("{BASE}{path}"))
    }

    /// A call of anything else.
    pub(crate) fn at_root(&self, method: &str, path: &str) -> Call {
        Call {
            api: self.clone(),
            method: method.parse().unwrap(),
            path: path.to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    pub(crate) fn get(&self, path: &str) -> Call {
        self.call("GET", path)
    }

    pub(crate) fn delete(&self, path: &str) -> Call {
        self.call("DELETE", path)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Call {
        self.call("POST", path).json(body)
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Call {
        self.call("PUT", path).json(body)
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> Call {
        self.call("PATCH", path).json(body)
    }
}

/// A call before it is made.
#[derive(Clone)]
pub(crate) struct Call {
    api: Api,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Call {
    /// With an access token.
    pub(crate) fn by(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// With an idempotency key.
    pub(crate) fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub(crate) fn header(self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.raw_header(name, HeaderValue::from_bytes(value.as_ref()).unwrap())
    }

    fn raw_header(mut self, name: &'static str, value: HeaderValue) -> Self {
        self.headers.insert(HeaderName::from_static(name), value);
        self
    }

    /// The same header once more.
    pub(crate) fn another_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(HeaderName::from_static(name), value.parse().unwrap());
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.text(body.to_string())
    }

    /// A body as it is, said to be JSON.
    pub(crate) fn text(self, body: impl Into<Bytes>) -> Self {
        let mut call = self.header("content-type", "application/json");
        call.body = body.into();
        call
    }

    /// A body that is not said to be anything.
    pub(crate) fn untyped(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    fn request(&self) -> (Request<Full<Bytes>>, String) {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.path.parse().unwrap();
        *request.headers_mut() = self.headers.clone();
        let shown: String = String::from_utf8_lossy(&self.body).chars().take(300).collect();
        (request, format!("{} {} {shown}", self.method, self.path))
    }

    /// Makes the call; the error says why there was no answer.
    pub(crate) async fn attempt(self) -> Result<Answer, String> {
        let (mut request, what) = self.request();
        *request.uri_mut() = format!("{}{}", self.api.url, self.path).parse().unwrap();
        let response = async {
            let response = self.api.http.request(request).await.map_err(|error| format!("{error:?}"))?;
            Answer::read(response, what.clone()).await
        };
        within(&what, response).await
    }
}

impl Call {
    /// Makes the call and leaves the body of the answer, which has to be good, to be read piece by piece.
    pub(crate) async fn stream(self) -> Pieces {
        let (mut request, what) = self.request();
        *request.uri_mut() = format!("{}{}", self.api.url, self.path).parse().unwrap();
        let response = async { self.api.http.request(request).await.map_err(|error| format!("{error:?}")) };
        let response = within(&what, response).await.unwrap();
        assert!(response.status().is_success(), "{what}: {}", response.status());
        Pieces { body: response.into_body(), what }
    }
}

/// The body of an answer, as it comes.
pub(crate) struct Pieces {
    body: hyper::body::Incoming,
    what: String,
}

impl Pieces {
    /// The next piece; `None` at the end.
    pub(crate) async fn next_chunk(&mut self) -> Option<Bytes> {
        loop {
            let frame = async { self.body.frame().await.transpose().map_err(|error| error.to_string()) };
            let frame = within(&self.what, frame).await.unwrap()?;
            if let Ok(data) = frame.into_data() {
                return Some(data);
            }
        }
    }
}

impl IntoFuture for Call {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async { self.attempt().await.unwrap() })
    }
}

async fn within<T>(what: &str, work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let answered = tokio::time::timeout(LIMIT, work).await;
    answered
        .unwrap_or_else(|_| Err(format!("no answer within {LIMIT:?}")))
        .map_err(|error| format!("{what}: {error}"))
}

/// A connection of one's own.
pub(crate) struct Socket {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

impl Socket {
    pub(crate) async fn open(api: &Api) -> Self {
        let host = api.address().to_owned();
        let open = async { tokio::net::TcpStream::connect(&host).await.map_err(|error| error.to_string()) };
        let stream = within("opening a socket", open).await.unwrap();
        Self::over(stream, &host).await
    }

    /// Over a connection that is there.
    pub(crate) async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        host: &str,
    ) -> Self {
        let open = async {
            let opened = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
            opened.map_err(|error| error.to_string())
        };
        let (sender, connection) = within("opening a socket", open).await.unwrap();
        tokio::spawn(connection);
        Self { sender, host: host.to_owned() }
    }

    pub(crate) async fn send(&mut self, call: &Call) -> Answer {
        let (mut request, what) = call.request();
        request.headers_mut().insert("host", self.host.parse().unwrap());
        let answered = async {
            self.sender.ready().await.map_err(|error| error.to_string())?;
            let response = self.sender.send_request(request).await.map_err(|error| error.to_string())?;
            Answer::read(response, what.clone()).await
        };
        within(&what, answered).await.unwrap()
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The call, for messages.
    pub(crate) what: String,
}

impl Answer {
    async fn read(response: http::Response<hyper::body::Incoming>, what: String) -> Result<Self, String> {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
        Ok(Self { status: parts.status.as_u16(), headers: parts.headers, body, what })
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// A header that may be there several times.
    pub(crate) fn header_lines(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{self:?}: {error}"))
    }

    /// The document, after a look at the status.
    #[track_caller]
    pub(crate) fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.what, self.text());
        assert_eq!(self.header("content-type"), "application/json", "{}", self.what);
        self.json()
    }

    /// Nothing but the status.
    #[track_caller]
    pub(crate) fn empty(&self, status: u16) {
        assert_eq!((self.status, self.text().as_str()), (status, ""), "{}", self.what);
    }

    /// The problem document of a refusal, its whole form checked.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) -> Value {
        self.refusal(status, code).unwrap_or_else(|difference| panic!("{difference}"))
    }

    /// The same; the error says what is different from a refusal of this kind.
    pub(crate) fn refusal(&self, status: u16, code: &str) -> Result<Value, String> {
        let different = |what: &str| {
            let body: String = self.text().chars().take(500).collect();
            Err(format!("{}: wanted {status} {code}, {what}: {} {body}", self.what, self.status))
        };
        if self.status != status || self.header("content-type") != "application/problem+json" {
            return different("another answer");
        }
        let document = self.json();
        let said = |member: &str| document[member].as_str().unwrap_or_default();
        if said("code") != code || document["status"] != status {
            return different("another code");
        }
        if !said("type").ends_with(code) || !said("type").contains(':') {
            return different("another type");
        }
        if said("title").is_empty() || said("detail").is_empty() {
            return different("no words");
        }
        if said("request_id").is_empty() || said("request_id") != self.header("x-request-id") {
            return different("another request id");
        }
        Ok(document)
    }
}
