//! Webhooks to organizers' programs: told once, signed, listed, sent off again, and never to where they must not go.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use onsale_testkit::servers::Stores;
use parking_lot::Mutex;
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    calls::Api,
    support::{Onsale, Stage, grid, has, ids, text},
};

/// How long a message may take.
const LIMIT: Duration = Duration::from_secs(30);

const ALLOWED: (&str, &str) = ("ONSALE_WEBHOOKS__ALLOW_PRIVATE", "true");

/// A message, as it came.
#[derive(Clone, Debug)]
struct Message {
    headers: BTreeMap<String, String>,
    body: Bytes,
}

impl Message {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// An organizer's program.
#[derive(Default)]
struct Program {
    messages: Mutex<Vec<Message>>,
    /// What it answers, where that is not 204.
    status: Mutex<Option<StatusCode>>,
}

impl Program {
    async fn start() -> (Arc<Self>, SocketAddr) {
        let program = Arc::new(Self::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = Arc::clone(&program);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let program = Arc::clone(&serving);
                let service = hyper::service::service_fn(move |request| {
                    let program = Arc::clone(&program);
                    async move { Ok::<_, std::convert::Infallible>(program.take(request).await) }
                });
                let connection = hyper::server::conn::http1::Builder::new();
                tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
            }
        });
        (program, address)
    }

    async fn take(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let headers = request.headers().iter();
        let headers =
            headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        let body = request.into_body().collect().await.unwrap().to_bytes();
        self.messages.lock().push(Message { headers, body });
        let mut answer = Response::new(Full::new(Bytes::new()));
        *answer.status_mut() = self.status.lock().unwrap_or(StatusCode::NO_CONTENT);
        answer
    }

    /// What it was told, by type.
    fn told(&self) -> Vec<(String, Value)> {
        let messages = self.messages.lock();
        messages.iter().map(Message::json).map(|body| (text(&body["type"]), body["data"].clone())).collect()
    }

    /// Waits until it was told so much, and gives it.
    async fn until(&self, onsale: &Onsale, count: usize) -> Vec<(String, Value)> {
        let deadline = Instant::now() + LIMIT;
        loop {
            let told = self.told();
            if told.len() >= count {
                return told;
            }
            assert!(Instant::now() < deadline, "{count} messages: {told:?} {}", onsale.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn endpoint(api: &Api, organizer: &str, address: SocketAddr, events: &[&str]) -> Value {
    let body = json!({"url": format!("http://{address}/hooks"), "events": events});
    api.post("/webhook-endpoints", &body).by(organizer).await.ok(201)
}

async fn deliveries(stage: &Stage, query: &str) -> Vec<Value> {
    let path = format!("/webhook-deliveries{query}");
    stage.get(&path).by(&stage.organizer).await.ok(200)["items"].as_array().unwrap().clone()
}

/// Waits until there are so many deliveries of a status.
async fn until_there_are(stage: &Stage, status: &str, count: usize) -> Vec<Value> {
    let deadline = Instant::now() + LIMIT;
    loop {
        let found = deliveries(stage, &format!("?status={status}")).await;
        if found.len() >= count {
            return found;
        }
        assert!(Instant::now() < deadline, "{count} {status}: {found:?} {}", stage.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn open(settings: &Value, rows: u32, columns: u32) -> Stage {
    Stage::on(Onsale::with(&[ALLOWED]), settings, &grid(rows, columns)).await
}

#[tokio::test]
async fn whoever_asks_is_told_what_happens() {
    let stage = open(&json!({"hold_ttl_s": 10}), 1, 3).await;
    let (program, address) = Program::start().await;
    let events = [
        "reservation.held",
        "reservation.expired",
        "order.paid",
        "order.failed",
        "order.refunded",
        "performance.sold_out",
    ];
    endpoint(&stage, &stage.organizer, address, &events).await;
    let buyer = stage.guest().await;
    let lapses = stage.hold(&buyer, &[3]).await;
    let declined = stage.hold(&buyer, &[1]).await;
    stage.confirming(&buyer, &declined, "wallet").await.refused(402, "payment_declined");
    stage.confirming(&buyer, &declined, "simulated").await.ok(201);
    let order = stage.buy(&buyer, &[2]).await;
    let refund = format!("/orders/{}/refund", text(&order["id"]));
    stage.post(&refund, &json!({"keep_seats": true})).by(&stage.organizer).await.ok(200);
    // Three holds, two payments, one that failed, a refund, a hold that lapses.
    let told = program.until(&stage, 8).await;
    let count = |kind: &str| told.iter().filter(|(told, _)| told == kind).count();
    assert_eq!(events.map(count), [3, 1, 2, 1, 1, 0], "{told:?}");
    let of = |kind: &str| &told.iter().find(|(told, _)| told == kind).unwrap().1;
    assert_eq!(of("reservation.expired")["reservation_id"], lapses["id"]);
    let refunded = of("order.refunded");
    assert_eq!((&refunded["order_id"], &refunded["status"]), (&order["id"], &json!("refunded")));
    assert_eq!(
        (&refunded["refund"]["seat_ids"], &refunded["refund"]["amount"]),
        (&json!([2]), &order["total"])
    );
    assert_eq!(of("order.failed")["reservation_id"], declined["id"]);
    assert_eq!(of("order.paid")["performance_id"], json!(stage.performance));
    assert_eq!(of("order.paid")["event_id"], json!(stage.event));
}

#[tokio::test]
async fn a_sell_out_is_told() {
    let stage = open(&json!({}), 1, 2).await;
    let (program, address) = Program::start().await;
    endpoint(&stage, &stage.organizer, address, &["performance.sold_out"]).await;
    let buyer = stage.guest().await;
    stage.buy(&buyer, &[1]).await;
    stage.buy(&buyer, &[2]).await;
    let told = program.until(&stage, 1).await;
    assert_eq!(told[0].1["performance_id"], json!(stage.performance));
}

#[tokio::test]
async fn what_is_refused_for_good_is_listed_and_sent_off_again() {
    let stage = open(&json!({}), 1, 2).await;
    let (program, address) = Program::start().await;
    *program.status.lock() = Some(StatusCode::GONE);
    let made = endpoint(&stage, &stage.organizer, address, &["order.paid"]).await;
    stage.buy(&stage.guest().await, &[1]).await;
    let dead = until_there_are(&stage, "dead", 1).await.remove(0);
    has(
        &dead,
        &["id", "endpoint_id", "type", "status", "attempts", "created_at", "settled_at", "last_error"],
    );
    assert_eq!((&dead["endpoint_id"], &dead["type"]), (&made["id"], &json!("order.paid")));
    assert_eq!(dead["last_error"], "answered 410");
    let path = format!("/webhook-deliveries/{}/replay", text(&dead["id"]));
    let other = stage.account("other@example.com", "organizer").await;
    stage.post(&path, &json!({})).by(&other).await.refused(404, "not_found");
    assert_eq!(stage.get("/webhook-deliveries").by(&other).await.ok(200)["items"], json!([]));
    *program.status.lock() = None;
    assert_eq!(stage.post(&path, &json!({})).by(&stage.organizer).await.ok(202)["status"], "waiting");
    until_there_are(&stage, "sent", 1).await;
    stage.post(&path, &json!({})).by(&stage.organizer).await.refused(409, "delivery_state");
    let messages = program.messages.lock().clone();
    assert_eq!(messages.len(), 2);
    assert!(
        messages.iter().all(|message| message.headers["webhook-id"] == text(&dead["id"])),
        "{messages:?}"
    );
    assert!(deliveries(&stage, "?status=dead").await.is_empty());
    stage.get("/webhook-deliveries?status=lost").by(&stage.organizer).await.refused(400, "validation");
}

#[tokio::test]
async fn an_endpoint_is_made_listed_and_removed() {
    let stage = open(&json!({}), 1, 2).await;
    let (program, address) = Program::start().await;
    let body = json!({"url": format!("http://{address}/"), "events": ["order.paid", "order.paid"]});
    let create = || stage.post("/webhook-endpoints", &body).by(&stage.organizer);
    let made = create().key("once").await.ok(201);
    has(&made, &["id", "url", "events", "secret", "created_at"]);
    assert_eq!(made["events"], json!(["order.paid"]));
    let secret = text(&made["secret"]);
    assert!(secret.starts_with("whsec_") && secret.len() == 6 + 32, "{secret}");
    assert_eq!(create().key("once").await.ok(201), made, "not a second one");
    let another = json!({"url": format!("http://{address}/x"), "events": ["order.paid"]});
    let mismatch = stage.post("/webhook-endpoints", &another).by(&stage.organizer).key("once").await;
    mismatch.refused(422, "idempotency_mismatch");
    let second = create().await.ok(201);
    assert_ne!(second["secret"], made["secret"]);
    let listed = stage.get("/webhook-endpoints").by(&stage.organizer).await.ok(200);
    assert_eq!(ids(&listed).len(), 2);
    assert!(!listed.to_string().contains("whsec_"), "{listed}");
    for id in ids(&listed) {
        let path = format!("/webhook-endpoints/{id}");
        stage.delete(&path).by(&stage.organizer).await.empty(204);
        stage.delete(&path).by(&stage.organizer).await.refused(404, "not_found");
    }
    stage.buy(&stage.guest().await, &[1]).await;
    assert!(deliveries(&stage, "").await.is_empty());
    assert!(program.told().is_empty());
    for _ in 0..20 {
        create().await.ok(201);
    }
    create().await.refused(409, "limit_exceeded");
}

#[rstest]
#[case(json!({"url": "https://127.0.0.1/", "events": ["order.paid"]}))]
#[case(json!({"url": "https://[::ffff:10.0.0.1]/", "events": ["order.paid"]}))]
#[case(json!({"url": "https://169.254.169.254/latest", "events": ["order.paid"]}))]
#[case(json!({"url": "http://example.com/", "events": ["order.paid"]}))]
#[case(json!({"url": "https://user:password@example.com/", "events": ["order.paid"]}))]
#[case(json!({"url": "gopher://example.com/", "events": ["order.paid"]}))]
#[case(json!({"url": "https://example.com/", "events": []}))]
#[case(json!({"url": "https://example.com/", "events": ["order.lost"]}))]
#[tokio::test]
async fn an_endpoint_that_cannot_be_is_refused(#[case] body: Value) {
    let onsale = Onsale::start();
    let organizer = onsale.organizer().await;
    onsale.post("/webhook-endpoints", &body).by(&organizer).await.refused(400, "validation");
    let buyer = onsale.guest().await;
    onsale.post("/webhook-endpoints", &body).by(&buyer).await.refused(400, "validation");
    let good = json!({"url": "https://example.com/", "events": ["order.paid"]});
    onsale.post("/webhook-endpoints", &good).by(&buyer).await.refused(403, "forbidden");
}

/// The name leads to this machine, which only shows when it is looked up.
#[tokio::test]
async fn a_name_that_leads_inside_is_not_followed() {
    let stage = Stage::seats(1, 2).await;
    let (program, address) = Program::start().await;
    let body = json!({"url": format!("https://localhost:{}/", address.port()), "events": ["order.paid"]});
    stage.post("/webhook-endpoints", &body).by(&stage.organizer).await.ok(201);
    stage.buy(&stage.guest().await, &[1]).await;
    let dead = until_there_are(&stage, "dead", 1).await.remove(0);
    assert!(text(&dead["last_error"]).contains("public Internet"), "{dead}");
    assert!(program.told().is_empty());
}

/// Two processes over one PostgreSQL, both looking for what is due all the time, and one that is killed.
#[tokio::test]
async fn two_processes_tell_everything_once_and_one_tells_it_after_the_other_was_killed() {
    let Some(stores) = Stores::cluster() else { return };
    let of_stores = stores.settings();
    let mut settings: Vec<(&str, &str)> =
        of_stores.iter().map(|(name, value)| (*name, value.as_str())).collect();
    settings.push(ALLOWED);
    let one = Onsale::on(stores, &[ALLOWED]);
    let mut other = Onsale::on(Stores::Embedded, &settings);
    let stage = Stage::on(one, &json!({"max_seats_per_buyer": 1}), &grid(5, 6)).await;
    let (program, address) = Program::start().await;
    endpoint(&stage, &stage.organizer, address, &["order.paid", "reservation.held"]).await;
    let buy = async |api: &Api, buyer: &str, seat: u32| {
        let held =
            api.post(&stage.path("/reservations"), &json!({"seat_ids": [seat]})).by(buyer).await.ok(201);
        let path = format!("/reservations/{}/confirm", text(&held["id"]));
        text(&api.post(&path, &crate::support::payment("simulated")).by(buyer).await.ok(201)["id"])
    };
    let buyers = stage.guests(30);
    let mut orders = Vec::new();
    for (seat, buyer) in (1..=20).zip(&buyers) {
        let api: &Api = if seat % 2 == 0 { &stage } else { &other };
        orders.push(buy(api, buyer, seat).await);
    }
    program.until(&stage, 40).await;
    let sent = until_there_are(&stage, "sent", 40).await;
    assert_eq!((sent.len(), program.told().len()), (40, 40), "each once");
    other.take_process().kill().unwrap();
    for (seat, buyer) in (21..=30).zip(&buyers[20..]) {
        orders.push(buy(&stage, buyer, seat).await);
    }
    let told = program.until(&stage, 60).await;
    let mut paid: Vec<String> = told
        .iter()
        .filter(|(kind, _)| kind == "order.paid")
        .map(|(_, data)| text(&data["order_id"]))
        .collect();
    paid.sort_unstable();
    orders.sort_unstable();
    assert_eq!(paid, orders);
}
