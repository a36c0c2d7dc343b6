//! What Stripe documents and `localstripe` does not do.
//!
//! - An idempotency key belongs to one request: the same again is answered from memory, `Idempotent-Replayed: true`;
//!   another request under it is a mistake (400); the same while it is under way is 409.
//! - An intent can be confirmed with a payment method, cannot be confirmed once it has ended, and cannot be cancelled once
//!   it has succeeded: `payment_intent_unexpected_state`.
//! - No more is refunded than was captured: `charge_already_refunded`.
//! - A webhook is signed when it is delivered, and delivered again until it is taken.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{
    WEBHOOK_SECRET,
    calls::{Answered, Caller, escaped, fields},
    faults::{Fault, Faults},
    signing::signature,
};

/// Where `localstripe` sends its webhooks.
pub(super) const DELIVERIES: &str = "/_deliveries";

/// How often and how soon a webhook is delivered again; Stripe takes hours where this takes moments.
const DELIVERIES_AT_MOST: u32 = 40;
const DELIVERED_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// The front.
pub(super) struct Front {
    books: Caller,
    pub(super) faults: Faults,
    keys: Mutex<BTreeMap<String, Remembered>>,
    misuses: Mutex<Vec<String>>,
    /// Held from looking to acting.
    acting: tokio::sync::Mutex<()>,
}

/// What was asked under a key, and its answer once there is one.
struct Remembered {
    request: (String, Bytes),
    answer: Option<Answered>,
}

enum Known {
    Fresh,
    Repeated(Answered),
    UnderWay,
    Misused,
}

/// Serves until it is dropped.
pub(super) async fn serve(listener: std::net::TcpListener, front: Arc<Front>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    while let Ok((stream, _)) = listener.accept().await {
        let front = Arc::clone(&front);
        tokio::spawn(async move {
            let service = hyper::service::service_fn(|request| front.answer(request));
            // An error is a connection that a fault has broken.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// The connection breaks.
#[derive(Debug, thiserror::Error)]
#[error("broken by plan")]
struct Broken;

fn kind(method: &Method, path: &str) -> &'static str {
    match (method, path) {
        (&Method::GET, _) => "read",
        (_, "/v1/payment_intents") => "create",
        (_, "/v1/refunds") => "refund",
        _ if path.ends_with("/confirm") => "confirm",
        _ if path.ends_with("/cancel") => "cancel",
        _ => "other",
    }
}

fn refusal(status: u16, kind: &str, code: &str, message: &str) -> Answered {
    let body = json!({"error": {"type": kind, "code": code, "message": message}});
    Answered { status, body: body.to_string().into() }
}

fn unexpected_state(intent: &Value) -> Answered {
    let status = intent["status"].as_str().unwrap_or_default();
    let message = format!("This PaymentIntent could not be changed because it has a status of {status}.");
    let body = json!({"error": {"type": "invalid_request_error", "code": "payment_intent_unexpected_state",
        "message": message, "payment_intent": intent}});
    Answered { status: 400, body: body.to_string().into() }
}

impl Front {
    pub(super) fn new(books: Caller) -> Self {
        Self {
            books,
            faults: Faults::default(),
            keys: Mutex::default(),
            misuses: Mutex::default(),
            acting: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn misuses(&self) -> Vec<String> {
        self.misuses.lock().clone()
    }

    async fn answer(self: &Arc<Self>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Broken> {
        let (head, body) = request.into_parts();
        let Ok(body) = body.collect().await else { return Err(Broken) };
        let body = body.to_bytes();
        let path = head.uri.path();
        if path == DELIVERIES {
            self.take_delivery(&body);
            return Ok(Response::new(Full::default()));
        }
        let fault = self.faults.of_call(kind(&head.method, path));
        match fault {
            Fault::LostRequest => return Err(Broken),
            Fault::Status(status) => {
                return Ok(response(&refusal(status, "api_error", "", "told to fail"), false));
            }
            Fault::None | Fault::LostAnswer | Fault::LateAnswer(_) => {}
        }
        // Carried out to its end, whatever becomes of the connection.
        let front = Arc::clone(self);
        let (method, target) =
            (head.method, head.uri.path_and_query().map_or_else(String::new, ToString::to_string));
        let done =
            tokio::spawn(async move { front.carry_out(method, target, &head.headers, body).await }).await;
        let Ok(Ok((answered, is_repeated))) = done else { return Err(Broken) };
        match fault {
            Fault::LostAnswer => Err(Broken),
            Fault::LateAnswer(late) => {
                tokio::time::sleep(late).await;
                Ok(response(&answered, is_repeated))
            }
            _ => Ok(response(&answered, is_repeated)),
        }
    }

    async fn carry_out(
        &self,
        method: Method,
        target: String,
        headers: &HeaderMap,
        body: Bytes,
    ) -> anyhow::Result<(Answered, bool)> {
        if method == Method::GET {
            return Ok((self.books.get(&target).await?, false));
        }
        let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).map(str::to_owned);
        let Some(key) = key else {
            self.misuses.lock().push(format!("{method} {target} without a key"));
            return Ok((self.act(&target, body).await?, false));
        };
        match self.known(&key, &target, &body) {
            Known::Fresh => {}
            Known::Repeated(answer) => return Ok((answer, true)),
            Known::UnderWay => {
                let message = "There is a request with this idempotency key in progress.";
                return Ok((refusal(409, "idempotency_error", "idempotency_key_in_use", message), false));
            }
            Known::Misused => {
                self.misuses.lock().push(format!("{key} used for another request: {target}"));
                let message = "Keys for idempotent requests can only be used with the same parameters.";
                return Ok((refusal(400, "idempotency_error", "", message), false));
            }
        }
        let acted = self.act(&target, body).await;
        let mut keys = self.keys.lock();
        match &acted {
            Ok(answer) => {
                if let Some(remembered) = keys.get_mut(&key) {
                    remembered.answer = Some(answer.clone());
                }
            }
            Err(_) => drop(keys.remove(&key)),
        }
        drop(keys);
        acted.map(|answer| (answer, false))
    }

    fn known(&self, key: &str, target: &str, body: &Bytes) -> Known {
        let request = (target.to_owned(), body.clone());
        match self.keys.lock().entry(key.to_owned()) {
            Entry::Vacant(place) => {
                place.insert(Remembered { request, answer: None });
                Known::Fresh
            }
            Entry::Occupied(known) if known.get().request != request => Known::Misused,
            Entry::Occupied(known) => known.get().answer.clone().map_or(Known::UnderWay, Known::Repeated),
        }
    }

    async fn act(&self, target: &str, body: Bytes) -> anyhow::Result<Answered> {
        let _one_at_a_time = self.acting.lock().await;
        let parts: Vec<&str> = target.trim_start_matches("/v1/").split('/').collect();
        match parts.as_slice() {
            ["payment_intents", intent, "confirm"] => self.confirm(intent, &body).await,
            ["payment_intents", intent, "cancel"] => self.cancel(intent).await,
            ["refunds"] => self.refund(&body).await,
            _ => self.books.post_form(target, body).await,
        }
    }

    async fn confirm(&self, intent: &str, body: &[u8]) -> anyhow::Result<Answered> {
        let path = format!("/v1/payment_intents/{intent}");
        let now = self.books.get(&path).await?;
        if now.status != 200 {
            return Ok(now);
        }
        let fields = fields(body);
        let method =
            fields.iter().find(|(name, _)| name == "payment_method").map(|(_, value)| value.as_str());
        match (now.json()["status"].as_str(), method) {
            (Some("requires_payment_method"), Some(method)) => {
                let known = self.books.get(&format!("/v1/payment_methods/{}", escaped(method))).await?;
                if known.status != 200 {
                    let message = format!("No such PaymentMethod: '{method}'");
                    return Ok(refusal(400, "invalid_request_error", "resource_missing", &message));
                }
                let name = known.json()["id"].as_str().unwrap_or_default().to_owned();
                self.books.post(&path, &[("payment_method", name.as_str())]).await?;
            }
            (Some("requires_confirmation"), _) => {}
            _ => return Ok(unexpected_state(&now.json())),
        }
        let confirmed = self.books.post_form(&format!("{path}/confirm"), Bytes::new()).await?;
        if confirmed.status != 402 {
            return Ok(confirmed);
        }
        let mut document = confirmed.json();
        document["error"]["type"] = json!("card_error");
        document["error"]["payment_intent"] = self.books.get(&path).await?.json();
        Ok(Answered { status: 402, body: document.to_string().into() })
    }

    /// The same by the buyer's browser, which has the client secret and meets no faults.
    pub(super) async fn confirm_as_buyer(&self, intent: &str, card: &str) -> anyhow::Result<Answered> {
        let _one_at_a_time = self.acting.lock().await;
        self.confirm(intent, format!("payment_method={}", escaped(card)).as_bytes()).await
    }

    async fn cancel(&self, intent: &str) -> anyhow::Result<Answered> {
        let path = format!("/v1/payment_intents/{intent}");
        let now = self.books.get(&path).await?;
        let may_end =
            ["requires_payment_method", "requires_confirmation", "requires_action", "requires_capture"];
        if now.status == 200 && !may_end.iter().any(|status| now.json()["status"] == *status) {
            return Ok(unexpected_state(&now.json()));
        }
        self.books.post_form(&format!("{path}/cancel"), Bytes::new()).await
    }

    async fn refund(&self, body: &[u8]) -> anyhow::Result<Answered> {
        let fields = fields(body);
        let field =
            |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let intent = field("payment_intent").unwrap_or_default();
        let now = self.books.get(&format!("/v1/payment_intents/{}", escaped(intent))).await?;
        if now.status != 200 {
            return Ok(now);
        }
        if now.json()["status"] != "succeeded" {
            let message = "This PaymentIntent does not have a successful charge to refund.";
            return Ok(refusal(400, "invalid_request_error", "", message));
        }
        let captured = now.json()["amount"].as_i64().unwrap_or(0);
        let made =
            self.books.get(&format!("/v1/refunds?limit=1000&payment_intent={}", escaped(intent))).await?;
        let made = made.json()["data"].as_array().cloned().unwrap_or_default();
        let back: i64 = made.iter().filter_map(|refund| refund["amount"].as_i64()).sum();
        let wanted = field("amount").map_or(Some(captured - back), |amount| amount.parse().ok()).unwrap_or(0);
        if back >= captured {
            let message = "Charge has already been refunded.";
            return Ok(refusal(400, "invalid_request_error", "charge_already_refunded", message));
        }
        if wanted < 1 || wanted > captured - back {
            let message = "Refund amount is greater than unrefunded amount on charge.";
            return Ok(refusal(400, "invalid_request_error", "", message));
        }
        self.books.post_form("/v1/refunds", Bytes::copy_from_slice(body)).await
    }

    /// Takes a webhook that `localstripe` has sent.
    fn take_delivery(self: &Arc<Self>, body: &Bytes) {
        for _ in 0..self.faults.of_webhook(body) {
            let (front, body) = (Arc::clone(self), body.clone());
            tokio::spawn(async move {
                for _ in 0..DELIVERIES_AT_MOST {
                    if matches!(front.deliver(&body).await, Ok(200..=299)) {
                        return;
                    }
                    tokio::time::sleep(DELIVERED_AGAIN_AFTER).await;
                }
            });
        }
    }

    /// Signs a body and delivers it, once; gives the status of the answer.
    pub(super) async fn deliver(&self, body: &Bytes) -> anyhow::Result<u16> {
        let Some(target) = self.faults.target() else { anyhow::bail!("nobody takes webhooks") };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/json; charset=utf-8".parse()?);
        headers.insert("stripe-signature", signature(WEBHOOK_SECRET, now.cast_signed(), body).parse()?);
        // Whoever releases kept webhooks does so on a runtime of their own.
        let caller = Caller::new(String::new());
        let answered = caller.send(Method::POST, &target, &headers, body.clone()).await;
        self.faults.note_delivered(answered.as_ref().map_or(0, |answered| answered.status));
        Ok(answered?.status)
    }
}

fn response(answered: &Answered, is_repeated: bool) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(answered.body.clone()));
    *response.status_mut() = answered.status.try_into().unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert("content-type", http::HeaderValue::from_static("application/json"));
    if is_repeated {
        headers.insert("idempotent-replayed", http::HeaderValue::from_static("true"));
    }
    response
}
