//! Notices to a real HTTP server that refuses, hangs and sends on, on a clock that the test moves.

use std::{collections::BTreeMap, net::SocketAddr};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::any};
use base64::{Engine, engine::general_purpose::STANDARD};
use onsale_app::{
    deliveries::{FIRST_PAUSE_MS, Outbox, TRIED_FOR_MS},
    ports::{
        clock::{Clock, Entropy},
        ledger::{
            Delivery, DeliveryStatus, Endpoint, Endpoints, Event, Events, NoticeKind, PageRequest,
            Performance, Performances,
        },
    },
};
use onsale_domain::{
    events::EventSettings,
    ids::{AccountId, EndpointId, EventId, PerformanceId, PerformanceNumber, PlanId},
};
use onsale_testkit::{
    clock::{ManualClock, SeededEntropy},
    ledger::MemoryLedger,
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::wire;

const SECRET: [u8; 24] = [9; 24];
const ORGANIZER: AccountId = AccountId(Uuid::from_u128(1));
const PERFORMANCE: PerformanceId = PerformanceId(Uuid::from_u128(4));

/// How an organizer's program answers.
#[derive(Clone, Copy, Debug)]
enum Manner {
    Status(u16),
    /// Sends on to another address of its own.
    Onward,
    /// Says nothing.
    Silent,
}

/// What it was sent: the path, the headers and the body.
type Received = (String, BTreeMap<String, String>, Bytes);

#[derive(Default)]
struct Heard {
    manners: Vec<Manner>,
    received: Vec<Received>,
}

/// An organizer's program, listening on this machine.
struct Program {
    address: SocketAddr,
    heard: Arc<Mutex<Heard>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for Program {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Program {
    async fn start() -> Self {
        let heard: Arc<Mutex<Heard>> = Arc::default();
        let router = Router::new().fallback(any(take)).with_state(Arc::clone(&heard));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, heard, serving }
    }

    /// The next answers, one after the other; 204 after them.
    fn answers(&self, manners: &[Manner]) {
        self.heard.lock().manners = manners.iter().rev().copied().collect();
    }

    fn received(&self) -> Vec<Received> {
        self.heard.lock().received.clone()
    }
}

async fn take(
    State(heard): State<Arc<Mutex<Heard>>>,
    uri: axum::http::Uri,
    headers: HeaderMap,
    body: Bytes,
) -> axum::response::Response {
    let text = |(name, value): (&axum::http::HeaderName, &axum::http::HeaderValue)| {
        (name.to_string(), value.to_str().unwrap().to_owned())
    };
    let manner = {
        let mut heard = heard.lock();
        heard.received.push((uri.path().to_owned(), headers.iter().map(text).collect(), body));
        heard.manners.pop().unwrap_or(Manner::Status(204))
    };
    let mut answer = axum::response::Response::new(axum::body::Body::from("a long story ".repeat(10_000)));
    match manner {
        Manner::Status(status) => *answer.status_mut() = status.try_into().unwrap(),
        Manner::Onward => {
            *answer.status_mut() = StatusCode::TEMPORARY_REDIRECT;
            answer.headers_mut().insert("location", "/elsewhere".parse().unwrap());
        }
        Manner::Silent => std::future::pending().await,
    }
    answer
}

/// A ledger with a performance whose organizer's programs want to be told when it is sold out.
struct Office {
    ledger: Arc<MemoryLedger>,
    clock: Arc<ManualClock>,
    app: Arc<App>,
}

impl Office {
    async fn open() -> Self {
        let (ledger, clock) = (Arc::new(MemoryLedger::new()), Arc::new(ManualClock::new()));
        let now = clock.now();
        let event = Event {
            id: EventId(Uuid::from_u128(2)),
            organizer: ORGANIZER,
            title: "Recital".into(),
            description: None,
            settings: EventSettings::default(),
            created_at: now,
        };
        ledger.create_event(&event, None).await.unwrap();
        let performance = Performance {
            id: PERFORMANCE,
            number: PerformanceNumber(0),
            event: event.id,
            starts_at: now.plus_ms(86_400_000),
            plan: PlanId(Uuid::from_u128(3)),
            seat_count: 6,
            capacity: 6,
            areas: vec![],
            prices: vec![],
            sale_opens_at: None,
            sale_closes_at: None,
            created_at: now,
        };
        ledger.create_performance(&performance, None).await.unwrap();
        let app = Arc::new(wire::app_on(Arc::clone(&ledger) as _, Arc::clone(&clock) as _));
        Self { ledger, clock, app }
    }

    /// An endpoint at a URL.
    async fn ask_at(&self, url: &str) -> EndpointId {
        let there = self.ledger.endpoints_of(ORGANIZER).await.unwrap().len() as u128;
        let endpoint = Endpoint {
            id: EndpointId(Uuid::from_u128(100 + there)),
            organizer: ORGANIZER,
            url: url.to_owned(),
            kinds: vec![NoticeKind::SoldOut],
            secret: SECRET.to_vec(),
            created_at: self.clock.now(),
        };
        assert!(self.ledger.create_endpoint(&endpoint, 20).await.unwrap());
        endpoint.id
    }

    /// Something happens that all endpoints are told of.
    async fn sell_out(&self) {
        let at = self.clock.advance(1);
        for sold_out in [false, true] {
            self.ledger.note_sold_out(PERFORMANCE, sold_out, at).await.unwrap();
        }
    }

    fn outbox(&self, allow_private: bool, look_up: LookUp) -> Outbox {
        let within = Duration::from_secs(2);
        let carrier = NoticeCarrier::with(Arc::clone(&self.app), allow_private, look_up, within).unwrap();
        let entropy = Arc::new(SeededEntropy::new(1)) as Arc<dyn Entropy>;
        let (ledger, clock) = (Arc::clone(&self.ledger) as _, Arc::clone(&self.clock) as _);
        Outbox::new(ledger, clock, entropy, None, Some(Arc::new(carrier)))
    }

    /// A sender to programs on this machine.
    fn here(&self) -> Outbox {
        self.outbox(true, addresses::by_system())
    }

    /// All deliveries, oldest first.
    async fn deliveries(&self) -> Vec<Delivery> {
        let page = PageRequest { limit: 200, after: None };
        let mut all = self.ledger.notices_of(ORGANIZER, None, page).await.unwrap().items;
        all.reverse();
        all
    }

    async fn only(&self) -> Delivery {
        let mut all = self.deliveries().await;
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    /// One attempt, and what the only delivery is like then.
    async fn attempt(&self, outbox: &Outbox) -> Delivery {
        assert_eq!(outbox.work_off_due().await.unwrap(), 1);
        self.only().await
    }
}

/// The signature, calculated from the key's blocks as RFC 2104 has it.
fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    let block = |pad: u8| {
        let mut block = [pad; 64];
        key.iter().zip(&mut block).for_each(|(key, byte)| *byte ^= key);
        block
    };
    let inner = Sha256::new().chain_update(block(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(block(0x5c)).chain_update(inner).finalize().to_vec()
}

#[tokio::test]
async fn a_notice_arrives_signed() {
    let (office, program) = (Office::open().await, Program::start().await);
    office.ask_at(&format!("http://{}/hooks?a=b", program.address)).await;
    office.sell_out().await;
    office.clock.advance(2_500);
    let sent = office.attempt(&office.here()).await;
    assert_eq!((sent.status, sent.attempts), (DeliveryStatus::Sent, 1));
    let received = program.received();
    let [(path, headers, body)] = &received[..] else { panic!("{received:?}") };
    assert_eq!(path, "/hooks");
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["webhook-id"], sent.id.to_string());
    assert_eq!(headers["webhook-timestamp"], (office.clock.now().as_millis() / 1_000).to_string());
    let signed =
        [headers["webhook-id"].as_bytes(), b".", headers["webhook-timestamp"].as_bytes(), b".", body]
            .concat();
    assert_eq!(
        headers["webhook-signature"],
        format!("v1,{}", STANDARD.encode(hmac_sha256(&SECRET, &signed)))
    );
    let told: Value = serde_json::from_slice(body).unwrap();
    assert_eq!(
        (&told["type"], &told["data"]["performance_id"]),
        (&json!("performance.sold_out"), &json!(PERFORMANCE))
    );
    assert!(told["timestamp"].is_string(), "{told}");
    assert_eq!(office.here().work_off_due().await.unwrap(), 0, "once");
}

#[tokio::test]
async fn failures_are_tried_again_under_the_same_id() {
    let (office, program) = (Office::open().await, Program::start().await);
    office.ask_at(&format!("http://{}/", program.address)).await;
    office.sell_out().await;
    let outbox = office.here();
    program.answers(&[Manner::Status(500), Manner::Silent, Manner::Onward, Manner::Status(404)]);
    for (attempt, said) in
        (1..).zip(["answered 500", "in time", "answered 307, which is not", "answered 404"])
    {
        let failed = office.attempt(&outbox).await;
        assert_eq!((failed.status, failed.attempts), (DeliveryStatus::Waiting, attempt));
        assert!(failed.last_error.as_ref().unwrap().contains(said), "{failed:?}");
        assert!(failed.due_at.since_ms(office.clock.now()) >= FIRST_PAUSE_MS * 3_u64.pow(attempt - 1));
        office.clock.set(failed.due_at);
    }
    assert_eq!(office.attempt(&outbox).await.status, DeliveryStatus::Sent);
    let received = program.received();
    assert_eq!(received.len(), 5, "nobody was sent on");
    for (path, headers, body) in &received {
        assert_eq!(
            (path.as_str(), &headers["webhook-id"], body),
            ("/", &received[0].1["webhook-id"], &received[0].2)
        );
    }
    assert_ne!(received[0].1["webhook-timestamp"], received[4].1["webhook-timestamp"], "signed anew");
}

#[tokio::test]
async fn after_three_days_a_notice_is_given_up_and_can_be_sent_off_again() {
    let (office, program) = (Office::open().await, Program::start().await);
    office.ask_at(&format!("http://{}/", program.address)).await;
    office.sell_out().await;
    let outbox = office.here();
    let begun = office.clock.now();
    program.answers(&[Manner::Status(503); 60]);
    let dead = loop {
        let failed = office.attempt(&outbox).await;
        if failed.status != DeliveryStatus::Waiting {
            break failed;
        }
        office.clock.set(failed.due_at);
    };
    assert_eq!(dead.status, DeliveryStatus::Dead);
    let tried_for = dead.settled_at.unwrap().since_ms(begun);
    assert!((TRIED_FOR_MS / 2..=TRIED_FOR_MS).contains(&tried_for), "{tried_for}");
    assert!((10..60).contains(&dead.attempts), "{}", dead.attempts);
    program.answers(&[]);
    office.ledger.replay_notice(ORGANIZER, dead.id, office.clock.now()).await.unwrap();
    assert_eq!(office.attempt(&outbox).await.status, DeliveryStatus::Sent);
}

#[tokio::test]
async fn who_says_gone_is_not_asked_again() {
    let (office, program) = (Office::open().await, Program::start().await);
    office.ask_at(&format!("http://{}/", program.address)).await;
    office.sell_out().await;
    program.answers(&[Manner::Status(410)]);
    assert_eq!(office.attempt(&office.here()).await.status, DeliveryStatus::Dead);
}

/// A hundred messages wait for somebody who hangs; another's do not wait for those.
#[tokio::test]
async fn one_dead_program_holds_up_nobody_else() {
    let (office, dead, alive) = (Office::open().await, Program::start().await, Program::start().await);
    let of_the_dead = office.ask_at(&format!("http://{}/", dead.address)).await;
    office.ask_at(&format!("http://{}/", alive.address)).await;
    dead.answers(&[Manner::Silent; 1_000]);
    for _ in 0..100 {
        office.sell_out().await;
    }
    let outbox = office.here();
    outbox.work_off_due().await.unwrap();
    assert_eq!(alive.received().len(), 100);
    assert_eq!(dead.received().len(), 4, "those that went at once, and none after them");
    office.clock.advance(10);
    outbox.work_off_due().await.unwrap();
    assert_eq!(dead.received().len(), 5, "one at a time while nobody answers");
    dead.answers(&[]);
    office.clock.advance(FIRST_PAUSE_MS * 2);
    outbox.work_off_due().await.unwrap();
    let sent = |delivery: &&Delivery| delivery.status == DeliveryStatus::Sent;
    let all = office.deliveries().await;
    assert_eq!(all.iter().filter(sent).count(), 200, "all of them, once it answers: {of_the_dead}");
}

/// Names that lead to where nothing may go; nothing is connected to.
#[tokio::test]
async fn nothing_goes_to_private_addresses() {
    let (office, program) = (Office::open().await, Program::start().await);
    let port = program.address.port();
    for host in ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "inside.example", "0.0.0.0"] {
        office.ask_at(&format!("https://{host}:{port}/")).await;
    }
    let inside: LookUp = Arc::new(|_| {
        Box::pin(async {
            Ok(["127.0.0.1:0", "10.0.0.1:0", "[::ffff:127.0.0.1]:0", "[fd00::1]:0"]
                .map(|address| address.parse().unwrap())
                .to_vec())
        })
    });
    office.sell_out().await;
    assert_eq!(office.outbox(false, inside).work_off_due().await.unwrap(), 5);
    for delivery in office.deliveries().await {
        assert_eq!(delivery.status, DeliveryStatus::Dead, "{delivery:?}");
        assert!(delivery.last_error.as_ref().unwrap().contains("public Internet"), "{delivery:?}");
    }
    assert_eq!(program.received().len(), 0);
}

/// A name is looked up once for a connection, and what was found is what is connected to.
#[tokio::test]
async fn what_was_looked_up_is_what_is_connected_to() {
    let (office, program) = (Office::open().await, Program::start().await);
    let port = program.address.port();
    office.ask_at(&format!("http://program.example:{port}/")).await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let asking = Arc::clone(&asked);
    let look_up: LookUp = Arc::new(move |name| {
        asking.lock().push(name);
        Box::pin(async { Ok(vec!["127.0.0.1:0".parse().unwrap()]) })
    });
    office.sell_out().await;
    assert_eq!(office.attempt(&office.outbox(true, look_up)).await.status, DeliveryStatus::Sent);
    assert_eq!(*asked.lock(), ["program.example"]);
    assert_eq!(program.received()[0].1["host"], format!("program.example:{port}"));
}

#[tokio::test]
async fn an_endpoint_from_before_the_setting_changed_is_checked_again() {
    let (office, program) = (Office::open().await, Program::start().await);
    office.ask_at(&format!("http://{}/", program.address)).await;
    office.sell_out().await;
    let refused = office.attempt(&office.outbox(false, addresses::by_system())).await;
    assert_eq!((refused.status, program.received().len()), (DeliveryStatus::Dead, 0));
}
