//! Plain calls over HTTP, each with a limit.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;

use super::SECRET_KEY;

const LIMIT: Duration = Duration::from_secs(20);

/// The mock takes its time over whole lists of thousands.
const LIST_LIMIT: Duration = Duration::from_mins(3);

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) body: Bytes,
}

impl Answered {
    /// The document; `null` where it is none.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Calls one server. Every runtime needs a caller of its own.
pub(super) struct Caller {
    base: String,
    http: Client<HttpConnector, Full<Bytes>>,
}

impl Caller {
    pub(super) fn new(base: String) -> Self {
        // Its peer drops idle connections when it likes.
        let http = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
        Self { base, http }
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Answered> {
        self.send(Method::GET, &format!("{}{path}", self.base), &HeaderMap::new(), Bytes::new()).await
    }

    /// A list of everything.
    pub(super) async fn list(&self, path: &str) -> anyhow::Result<Answered> {
        let url = format!("{}{path}?limit=1000000", self.base);
        self.send_within(LIST_LIMIT, Method::GET, &url, &HeaderMap::new(), Bytes::new()).await
    }

    pub(super) async fn post(&self, path: &str, form: &[(&str, &str)]) -> anyhow::Result<Answered> {
        let body: Vec<String> =
            form.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
        self.post_form(path, body.join("&").into()).await
    }

    pub(super) async fn post_form(&self, path: &str, body: Bytes) -> anyhow::Result<Answered> {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/x-www-form-urlencoded".parse()?);
        self.send(Method::POST, &format!("{}{path}", self.base), &headers, body).await
    }

    pub(super) async fn post_json(&self, path: &str, body: &Value) -> anyhow::Result<Answered> {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/json".parse()?);
        self.send(Method::POST, &format!("{}{path}", self.base), &headers, body.to_string().into()).await
    }

    pub(super) async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> anyhow::Result<Answered> {
        self.send_within(LIMIT, method, url, headers, body).await
    }

    async fn send_within(
        &self,
        limit: Duration,
        method: Method,
        url: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> anyhow::Result<Answered> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = url.parse()?;
        *request.headers_mut() = headers.clone();
        request.headers_mut().insert("authorization", format!("Bearer {SECRET_KEY}").parse()?);
        let exchange = async {
            let response = self.http.request(request).await?;
            let status = response.status().as_u16();
            let body = response.into_body().collect().await?.to_bytes();
            anyhow::Ok(Answered { status, body })
        };
        tokio::time::timeout(limit, exchange).await?
    }
}

/// Text as it stands in a form.
pub(super) fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// The fields of a form.
pub(super) fn fields(form: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(form);
    text.split('&')
        .filter(|field| !field.is_empty())
        .map(|field| {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            (unescaped(name), unescaped(value))
        })
        .collect()
}

fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = hex.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(byte) = escaped {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(if *first == b'+' { b' ' } else { *first });
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_come_back_as_they_were() {
        for text in ["", "a b+c", "metadata[order_id]", "50 %", "%zz", "원", "a=b&c"] {
            let form = format!("{}={}", escaped("name"), escaped(text));
            assert_eq!(fields(form.as_bytes()), [("name".to_owned(), text.to_owned())], "{form}");
        }
        assert_eq!(
            fields(b"a+b=c+d&&e"),
            [("a b".to_owned(), "c d".to_owned()), ("e".to_owned(), String::new())]
        );
    }
}
