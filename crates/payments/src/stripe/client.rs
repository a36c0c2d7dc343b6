//! Calls of Stripe: form in, JSON out, a time-out on each try, few tries.
//!
//! Invariants: a call that changes something bears an idempotency key, which is the same for all its tries; what
//! Stripe surely refused is told apart from what may have happened ([`Failure`]); neither key nor parameters are
//! logged.

use std::time::Duration;

use reqwest::{
    Client, Method, RequestBuilder, Response, StatusCode,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
};
use serde::{Deserialize, de::DeserializeOwned};

/// The version of the interface that this is written against, so that a change of the account's default does not
/// change what is answered here.
const VERSION: &str = "2024-06-20";

/// How long one try may take.
const TRY_WITHIN: Duration = Duration::from_secs(6);

/// How long a connection may take to come about.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// How long to wait before the second and the third try.
const PAUSES: [Duration; 2] = [Duration::from_millis(150), Duration::from_millis(600)];

/// The largest answer that is read.
const MOST_BYTES: usize = 1 << 20;

/// Why a call has no good answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Stripe has understood the request and does not do it. Asking again would not help.
    Refused(Refusal),
    /// No answer, or none that says what happened.
    NoAnswer(String),
}

/// What Stripe says about a request that it does not carry out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// 402 where the card is to blame, other 4xx where the request is.
    pub(super) status: u16,
    /// Stripe's own code, which may be missing.
    pub(super) code: String,
    /// A sentence that may be shown to the buyer where the status is 402.
    pub(super) message: String,
    /// Why the issuer of the card declined, where it did.
    pub(super) decline_code: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorDocument {
    error: ErrorBody,
}

/// What is wrong, in Stripe's words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct ErrorBody {
    pub(super) code: Option<String>,
    /// Why the issuer of the card declined, where it did.
    pub(super) decline_code: Option<String>,
    pub(super) message: Option<String>,
}

/// A good answer.
#[derive(Debug)]
pub(super) struct Answer<T> {
    pub(super) body: T,
    /// Whether it is the answer to an earlier request of the same key: it was true then.
    pub(super) is_repeated: bool,
}

/// A way to Stripe, with the account's key.
pub(super) struct StripeClient {
    http: Client,
    base_url: String,
    authorization: HeaderValue,
}

impl StripeClient {
    pub(super) fn new(base_url: &str, secret_key: &str) -> Result<Self, String> {
        let mut authorization = HeaderValue::try_from(format!("Bearer {secret_key}"))
            .map_err(|_| "the secret key has characters that no key has".to_owned())?;
        authorization.set_sensitive(true);
        let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut http = Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(concat!("onsale/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_WITHIN)
            .timeout(TRY_WITHIN)
            .redirect(reqwest::redirect::Policy::none())
            // A connection that has been closed while nobody used it costs a try.
            .pool_idle_timeout(Duration::from_secs(20));
        let url = reqwest::Url::parse(base_url).map_err(|error| error.to_string())?;
        if url
            .host_str()
            .is_some_and(|host| host == "localhost" || host == "[::1]" || host.starts_with("127."))
        {
            // A proxy of the surroundings does not lead back to this machine.
            http = http.no_proxy();
        }
        let http = http.build().map_err(|error| error.to_string())?;
        Ok(Self { http, base_url: base_url.trim_end_matches('/').to_owned(), authorization })
    }

    /// Reads something.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.call(|| self.request(Method::GET, path)).await.map(|answer| answer.body)
    }

    /// Changes something, once for each key.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
        key: &str,
    ) -> Result<Answer<T>, Failure> {
        self.call(|| self.request(Method::POST, path).header("idempotency-key", key).form(parameters)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.base_url))
            .header(AUTHORIZATION, self.authorization.clone())
            .header("stripe-version", VERSION)
    }

    async fn call<T: DeserializeOwned>(
        &self,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<Answer<T>, Failure> {
        let mut pauses = PAUSES.iter();
        loop {
            let (failure, may_try_again) = match request().send().await {
                Ok(response) => match answer(response).await {
                    Ok(answer) => return Ok(answer),
                    Err(failed) => failed,
                },
                Err(error) => (Failure::NoAnswer(in_words(error)), true),
            };
            match pauses.next() {
                Some(pause) if may_try_again => tokio::time::sleep(*pause).await,
                _ => return Err(failure),
            }
        }
    }
}

/// Reads an answer; where it is none, whether another try may help.
async fn answer<T: DeserializeOwned>(mut response: Response) -> Result<Answer<T>, (Failure, bool)> {
    let status = response.status();
    let advice = advice(response.headers());
    let is_repeated = response.headers().get("idempotent-replayed").is_some_and(|value| value == "true");
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(None) => break,
            Ok(Some(chunk)) if bytes.len() + chunk.len() <= MOST_BYTES => bytes.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err((Failure::NoAnswer("an answer without end".to_owned()), false)),
            Err(error) => return Err((Failure::NoAnswer(in_words(error)), true)),
        }
    }
    if status.is_success() {
        let parsed = serde_json::from_slice(&bytes);
        let unreadable =
            |error| (Failure::NoAnswer(format!("an answer that cannot be read: {error}")), false);
        return parsed.map(|body| Answer { body, is_repeated }).map_err(unreadable);
    }
    let error = serde_json::from_slice::<ErrorDocument>(&bytes).unwrap_or_default().error;
    let decline_code = error.decline_code;
    let (code, message) = (error.code.unwrap_or_default(), shortened(error.message.unwrap_or_default()));
    let may_have_happened = status.is_server_error()
        || matches!(
            status,
            StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
        );
    // What is wrong with our key is not this request's affair: it stays open until the key is right.
    let is_locked_out = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    if may_have_happened || is_locked_out || !status.is_client_error() {
        let words = format!("status {} {code} {message}", status.as_u16());
        return Err((Failure::NoAnswer(words.trim_end().to_owned()), advice.unwrap_or(may_have_happened)));
    }
    Err((Failure::Refused(Refusal { status: status.as_u16(), code, message, decline_code }), false))
}

/// Whether Stripe itself says that trying again helps.
fn advice(headers: &HeaderMap) -> Option<bool> {
    match headers.get("stripe-should-retry")?.to_str() {
        Ok("true") => Some(true),
        Ok("false") => Some(false),
        _ => None,
    }
}

/// What went wrong on the way, without the address, in which there may be names.
fn in_words(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

fn shortened(text: String) -> String {
    if text.chars().count() <= 200 { text } else { text.chars().take(200).collect() }
}
