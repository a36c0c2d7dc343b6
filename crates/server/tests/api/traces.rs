//! Traces, as a collector gets them.
//!
//! Invariant checked: a request that is traced comes with what it was made of, under the trace that it belongs to; one that
//! is not leaves nothing; and nobody waits for a collector that does not answer.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use onsale_testkit::servers::Stores;
use opentelemetry_proto::tonic::{
    collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse},
    common::v1::{KeyValue, any_value::Value as Any},
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};
use prost::Message as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    calls::Call,
    support::{Onsale, Stage, eventually, grid, text},
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";
const SECRET: (&str, &str) = ("ONSALE_SECRET", "a secret of the tests of traces 0123456789");

/// A collector that keeps what it is sent.
#[derive(Clone, Default)]
struct Collector {
    requests: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
}

async fn take(State(collector): State<Collector>, headers: HeaderMap, body: Bytes) -> Vec<u8> {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    collector.requests.lock().unwrap().push(ExportTraceServiceRequest::decode(body).unwrap());
    ExportTraceServiceResponse::default().encode_to_vec()
}

impl Collector {
    /// Gives its address too.
    async fn start() -> (Self, String) {
        let collector = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/v1/traces", post(take)).with_state(collector.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (collector, format!("http://{address}"))
    }

    fn spans(&self) -> Vec<Span> {
        let requests = self.requests.lock().unwrap();
        let resources = requests.iter().flat_map(|request| request.resource_spans.clone());
        resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }

    /// The span of a request, as soon as it is there.
    async fn request(&self, id: &str) -> Span {
        let (span, _) = eventually("a span", Duration::from_secs(10), async || {
            let found = self.spans().into_iter().find(|span| said(span)["onsale.request_id"] == id);
            found.ok_or_else(|| format!("{} spans without {id}", self.spans().len()))
        })
        .await;
        span
    }

    /// The names of the steps of a request, each with whether it failed.
    fn steps(&self, request: &Span) -> Vec<(String, bool)> {
        let mut steps: Vec<Span> =
            self.spans().into_iter().filter(|span| span.parent_span_id == request.span_id).collect();
        steps.sort_by_key(|step| step.end_time_unix_nano);
        for step in &steps {
            assert_eq!(step.trace_id, request.trace_id);
            assert!(step.start_time_unix_nano >= request.start_time_unix_nano - 1_000_000, "{step:?}");
            assert!(step.end_time_unix_nano <= request.end_time_unix_nano + 1_000_000, "{step:?}");
        }
        steps.into_iter().map(|step| (step.name, step.status.is_some())).collect()
    }
}

fn plain(attributes: &[KeyValue]) -> BTreeMap<String, Value> {
    let plain = |attribute: &KeyValue| match attribute.value.as_ref().and_then(|any| any.value.as_ref()) {
        Some(Any::StringValue(text)) => json!(text),
        Some(Any::IntValue(number)) => json!(number),
        other => panic!("{other:?}"),
    };
    attributes.iter().map(|attribute| (attribute.key.clone(), plain(attribute))).collect()
}

/// The attributes of a span.
fn said(span: &Span) -> Value {
    json!(plain(&span.attributes))
}

fn hex(bytes: &[u8]) -> String {
    hex::encode(bytes)
}

fn traced(call: Call, id: &str) -> Call {
    call.header("x-request-id", id).header("traceparent", format!("00-{TRACE}-{PARENT}-01"))
}

async fn stage(endpoint: &str, settings: &[(&str, &str)]) -> Stage {
    let given = [("ONSALE_TRACES__ENDPOINT", endpoint), ("ONSALE_LOG__FORMAT", "json"), SECRET];
    let settings: Vec<(&str, &str)> = given.into_iter().chain(settings.iter().copied()).collect();
    Stage::on(Onsale::on(Stores::Embedded, &settings), &json!({}), &grid(2, 3)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_is_told_under_its_trace_with_what_it_was_made_of() {
    let (collector, endpoint) = Collector::start().await;
    let settings = [
        ("ONSALE_TRACES__SAMPLE", "0"),
        ("ONSALE_TRACES__SERVICE_NAME", "box office"),
        ("ONSALE_TRUSTED_PROXIES", "127.0.0.1"),
    ];
    let mut stage = stage(&endpoint, &settings).await;
    let kim = stage.guest().await;
    let account = text(&stage.get("/me").by(&kim).await.ok(200)["account_id"]);
    // The first has the stock loaded, which is more than a hold is made of otherwise.
    stage.hold(&kim, &[2]).await;
    let held = traced(stage.holding_seats(&kim, &[1]), "held").await.ok(201);
    traced(stage.holding_seats(&kim, &[1]), "taken").await.refused(409, "seat_taken");
    let order = traced(stage.confirming(&kim, &held, "simulated"), "paid").await.ok(201);
    let code = text(&order["tickets"][0]["code"]);
    traced(stage.get(&format!("/tickets/{code}/qr.svg?secret=1")).by(&kim), "drawn").await;
    // A proxy that says no is followed too.
    let no = format!("00-{TRACE}-{PARENT}-00");
    stage.get("/events").header("traceparent", no).header("x-request-id", "unwanted").await.ok(200);

    let hold = collector.request("held").await;
    assert_eq!((hex(&hold.trace_id), hex(&hold.parent_span_id)), (TRACE.to_owned(), PARENT.to_owned()));
    assert_eq!(hold.name, "POST /api/v1/performances/{performance_id}/reservations");
    assert_eq!((hold.kind, hold.flags), (SpanKind::Server as i32, 0x301));
    let about = said(&hold);
    let pseudonym = text(&stage.command(&["pseudonym", &account], "")[0]["pseudonym"]);
    let expected = json!({
        "http.request.method": "POST",
        "http.response.status_code": 201,
        "http.route": "/api/v1/performances/{performance_id}/reservations",
        "onsale.buyer": pseudonym,
        "onsale.request_id": "held",
        "onsale.sequence": held["sequence"],
        "url.path": format!("/api/v1{}", stage.path("/reservations")),
        "url.scheme": "http",
    });
    assert_eq!(about, expected);
    assert_eq!(collector.steps(&hold), [("hot hold".to_owned(), false)]);

    let taken = collector.request("taken").await;
    assert_eq!((said(&taken)["onsale.reason"].clone(), taken.status.is_none()), (json!("seat_taken"), true));
    let paid = collector.request("paid").await;
    let steps: Vec<String> = collector.steps(&paid).into_iter().map(|(name, _)| name).collect();
    let place = |name: &str| {
        steps.iter().position(|step| step == name).unwrap_or_else(|| panic!("{name}: {steps:?}"))
    };
    assert!(
        place("hot begin payment") < place("ledger") && place("ledger") < place("payment charge"),
        "{steps:?}"
    );
    assert!(place("payment charge") < place("hot sell"), "{steps:?}");
    assert!(steps.iter().filter(|step| *step == "ledger").count() >= 2, "{steps:?}");
    let drawn = said(&collector.request("drawn").await);
    assert_eq!(drawn["url.path"], "/api/v1/tickets/…/qr.svg");

    // What is still on its way when the server ends gets there.
    traced(stage.get("/events"), "last").await.ok(200);
    assert!(stage.onsale.take_process().terminate().unwrap().success());
    let servers: Vec<Value> = collector
        .spans()
        .iter()
        .filter(|span| span.kind == SpanKind::Server as i32)
        .map(|span| said(span)["onsale.request_id"].clone())
        .collect();
    assert_eq!(servers, ["held", "taken", "paid", "drawn", "last"]);
    let told = format!("{:?}", collector.requests.lock().unwrap());
    for kept in [&code, &account, &"secret=1".to_owned(), &"kim@example.com".to_owned()] {
        assert!(!told.contains(kept.as_str()), "{kept} is in a trace");
    }
    let resource = collector.requests.lock().unwrap()[0].resource_spans[0].resource.clone().unwrap();
    assert_eq!(plain(&resource.attributes)["service.name"], "box office");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_told_unasked_and_strangers_are_followed_up_to_a_rate() {
    let (collector, endpoint) = Collector::start().await;
    let mut stage = stage(&endpoint, &[("ONSALE_TRACES__SAMPLE", "0")]).await;
    let guest = stage.guest().await;
    stage.hold(&guest, &[1]).await;
    let no = format!("00-{TRACE}-{PARENT}-00");
    stage.get("/events").header("traceparent", no).await.ok(200);
    stage.get("/events").header("traceparent", format!("00-{TRACE}-{PARENT}-1")).await.ok(200);
    let begun = Instant::now();
    for _ in 0..200 {
        traced(stage.get("/events"), "stranger").await.ok(200);
    }
    let seconds = usize::try_from(begun.elapsed().as_secs()).unwrap() + 2;
    assert!(stage.onsale.take_process().terminate().unwrap().success());
    let spans = collector.spans();
    assert!(spans.iter().all(|span| hex(&span.trace_id) == TRACE), "{spans:?}");
    let requests: Vec<&Span> = spans.iter().filter(|span| span.kind == SpanKind::Server as i32).collect();
    assert!((10..=10 * seconds).contains(&requests.len()), "{} in {seconds} s", requests.len());
    assert!(requests.iter().all(|span| said(span)["onsale.request_id"] == "stranger"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_share_of_one_has_everything_and_the_log_names_its_trace() {
    let (collector, endpoint) = Collector::start().await;
    let stage = stage(&endpoint, &[("ONSALE_TRACES__SAMPLE", "1")]).await;
    stage.get("/nothing/here").header("x-request-id", "nowhere").await.refused(404, "not_found");
    let span = collector.request("nowhere").await;
    assert_eq!((span.name.as_str(), span.parent_span_id.len()), ("GET other", 0));
    assert!(said(&span)["http.route"].is_null());
    let log = stage.whole_log();
    let line = log.lines().find(|line| line.contains("\"nowhere\"")).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["trace_id"], hex(&span.trace_id));
    // A fault is one in the trace.
    let ledger = rusqlite::Connection::open(stage.installation.data_dir().join("ledger.db")).unwrap();
    ledger.busy_timeout(Duration::from_secs(5)).unwrap();
    ledger.execute_batch("ALTER TABLE orders RENAME TO gone").unwrap();
    let guest = stage.guest().await;
    let answer = stage.get("/me/orders").by(&guest).header("x-request-id", "fault").await;
    let fault = collector.request("fault").await;
    assert_eq!(said(&fault)["error.type"], answer.status.to_string());
    assert_eq!(fault.status.as_ref().map(|status| status.code), Some(StatusCode::Error as i32));
    assert_eq!(collector.steps(&fault), [("ledger".to_owned(), true)]);
}

/// One that takes connections and says nothing, and one that takes none.
#[rstest::rstest]
#[case::silent(true)]
#[case::away(false)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_does_not_answer_holds_up_neither_requests_nor_the_end(#[case] listens: bool) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let listener = listens.then_some(listener);
    let mut stage = stage(&endpoint, &[("ONSALE_TRACES__SAMPLE", "1")]).await;
    let mut slowest = Duration::ZERO;
    // Not so many at once that a busy machine refuses some.
    for _ in 0..50 {
        let calls = (0..40).map(|_| async {
            let begun = Instant::now();
            stage.get("/events").await.ok(200);
            begun.elapsed()
        });
        let took = futures_util::future::join_all(calls).await;
        slowest = slowest.max(took.into_iter().max().unwrap());
    }
    // Far more than a busy machine needs for so many at once, and less than the time-out of the collector.
    assert!(slowest < Duration::from_secs(4), "{slowest:?}");
    let (metrics, _) = eventually("spans that are lost", Duration::from_secs(10), async || {
        let text = stage.at_root("GET", "/metrics").await.text();
        let lost = text.lines().find(|line| line.starts_with("onsale_trace_spans_total{outcome=\"failed\"}"));
        lost.filter(|line| !line.ends_with(" 0")).map(str::to_owned).ok_or(text.clone())
    })
    .await;
    assert!(metrics.contains("failed"), "{metrics}");
    let warned = "the collector of traces does not take spans";
    let (count, _) = eventually("a warning", Duration::from_secs(10), async || {
        let count = stage.whole_log().matches(warned).count();
        if count > 0 { Ok(count) } else { Err("none".to_owned()) }
    })
    .await;
    assert_eq!(count, 1);
    let begun = Instant::now();
    assert!(stage.onsale.take_process().terminate().unwrap().success());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    drop(listener);
}
