//! Health, metrics, documents, and the frame around every answer.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    endpoints::ENDPOINTS,
    support::{Onsale, Stage, eventually, grid, has, text},
};

/// The calls of the HTTP contract, waiting room, live view and card payments aside.
const CONTRACT: &[(&str, &str)] = &[
    ("POST", "/auth/signup"),
    ("POST", "/auth/login"),
    ("POST", "/auth/refresh"),
    ("POST", "/auth/logout"),
    ("POST", "/auth/guest"),
    ("GET", "/me"),
    ("GET", "/me/wallet"),
    ("POST", "/me/wallet/top-ups"),
    ("POST", "/events"),
    ("GET", "/events"),
    ("GET", "/events/{event_id}"),
    ("PATCH", "/events/{event_id}"),
    ("DELETE", "/events/{event_id}"),
    ("POST", "/seating-plans"),
    ("GET", "/seating-plans"),
    ("GET", "/seating-plans/{plan_id}"),
    ("POST", "/events/{event_id}/performances"),
    ("GET", "/events/{event_id}/performances"),
    ("GET", "/performances/{performance_id}"),
    ("GET", "/performances/{performance_id}/plan"),
    ("GET", "/performances/{performance_id}/seats"),
    ("GET", "/performances/{performance_id}/seats/{seat_id}"),
    ("GET", "/performances/{performance_id}/availability"),
    ("GET", "/performances/{performance_id}/live"),
    ("POST", "/performances/{performance_id}/reservations"),
    ("GET", "/reservations/{reservation_id}"),
    ("GET", "/me/reservations"),
    ("GET", "/me/orders"),
    ("POST", "/reservations/{reservation_id}/extend"),
    ("DELETE", "/reservations/{reservation_id}"),
    ("POST", "/reservations/{reservation_id}/confirm"),
    ("POST", "/reservations/{reservation_id}/resume"),
    ("GET", "/payment-methods"),
    ("GET", "/orders/{order_id}"),
    ("POST", "/orders/{order_id}/refund"),
    ("POST", "/orders/{order_id}/tickets/resend"),
    ("GET", "/webhook-endpoints"),
    ("POST", "/webhook-endpoints"),
    ("DELETE", "/webhook-endpoints/{endpoint_id}"),
    ("GET", "/webhook-deliveries"),
    ("POST", "/webhook-deliveries/{delivery_id}/replay"),
    ("GET", "/unsettled-payments"),
    ("GET", "/events/{event_id}/orders.csv"),
    ("GET", "/events/{event_id}/payments.csv"),
    ("GET", "/events/{event_id}/ledger-entries.csv"),
    ("POST", "/tickets/{code}/check-in"),
    ("DELETE", "/tickets/{code}/check-in"),
    ("GET", "/performances/{performance_id}/check-ins"),
    ("GET", "/orders/{order_id}/tickets.pdf"),
    ("GET", "/tickets/{code}/qr.svg"),
    ("GET", "/tickets/{code}/qr.png"),
    ("GET", "/performances/{performance_id}/stats"),
    ("POST", "/performances/{performance_id}/reconcile"),
    ("POST", "/performances/{performance_id}/blocks"),
    ("POST", "/events/{event_id}/queue"),
    ("GET", "/events/{event_id}/queue"),
    ("GET", "/events/{event_id}/queue/stream"),
    ("POST", "/events/{event_id}/queue/enter"),
    ("DELETE", "/events/{event_id}/queue"),
    ("PUT", "/events/{event_id}/queue/wish"),
    ("GET", "/events/{event_id}/queue/wish"),
    ("DELETE", "/events/{event_id}/queue/wish"),
    ("POST", "/queue/passes/verify"),
    ("GET", "/events/{event_id}/queue/draw"),
];

#[tokio::test]
async fn health_is_told() {
    let onsale = Onsale::start();
    let health = onsale.at_root("GET", "/health").await.ok(200);
    has(&health, &["status", "hot", "ledger", "version"]);
    assert_eq!(health["status"], "ok");
    assert_eq!(onsale.at_root("GET", "/health/ready").await.ok(200), health);
    onsale.at_root("GET", "/health/live").await.empty(200);
}

#[tokio::test]
async fn metrics_are_in_the_prometheus_format() {
    let stage = Stage::seats(1, 2).await;
    let guest = stage.guest().await;
    let metric = async |name: &str| {
        let answer = stage.at_root("GET", "/metrics").await;
        assert!(answer.header("content-type").starts_with("text/plain; version=0.0.4"), "{answer:?}");
        let text = answer.text();
        assert!(text.contains("# TYPE "), "{text}");
        let value = text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).map(str::to_owned);
        value.unwrap_or_else(|| panic!("no {name} in {text}")).parse::<f64>().unwrap()
    };
    let conflicts = r#"onsale_refusals_total{reason="seat_taken"}"#;
    stage.hold(&guest, &[1]).await;
    stage.holding_seats(&guest, &[1]).await.refused(409, "seat_taken");
    let before = (metric(conflicts).await, metric("onsale_sequence").await);
    stage.hold(&guest, &[2]).await;
    stage.holding_seats(&guest, &[2]).await.refused(409, "seat_taken");
    let after = (metric(conflicts).await, metric("onsale_sequence").await);
    assert!(after.0 > before.0 && after.1 > before.1, "{before:?} {after:?}");
    let holds = r#"onsale_http_requests_total{method="POST",route="/api/v1/performances/{performance_id}/reservations""#;
    assert!(metric(&format!(r#"{holds},status="201"}}"#)).await >= 2.0);
}

/// The names at the beginning of the rows of the tables.
fn documented_metrics() -> Vec<String> {
    let document = include_str!("../../../../docs/metrics.md");
    let first_cells = document.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    let names = first_cells.flat_map(|cell| cell.split(", "));
    names.map(|name| name.trim_matches('`').to_owned()).collect()
}

#[tokio::test]
async fn every_metric_is_documented_and_its_labels_are_bounded() {
    let stage = Stage::with(&json!({"waiting_room": {"mode": "on"}}), &grid(2, 3)).await;
    let guest = stage.guest().await;
    stage.post(&format!("/events/{}/queue", stage.event), &json!({})).by(&guest).await.ok(201);
    stage.get("/events/nothing").await.refused(404, "not_found");
    stage.at_root("GET", &format!("/somewhere/{}", stage.event)).await;
    let documented = documented_metrics();
    // What is looked at every few seconds has been looked at at the start.
    let (text, _) = eventually("the vital signs", Duration::from_secs(10), async || {
        let text = stage.at_root("GET", "/metrics").await.text();
        if text.contains("onsale_conservation_drift_units") { Ok(text) } else { Err(text) }
    })
    .await;
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let name = line.split(' ').next().unwrap_or_default();
        assert!(documented.iter().any(|known| known == name), "{name} is not in docs/metrics.md");
    }
    for id in [&stage.event, &stage.performance] {
        assert!(!text.contains(id.as_str()), "an id is a label in {text}");
    }
    assert!(!text.contains("somewhere"), "an address of nobody is a label in {text}");
}

#[tokio::test]
async fn the_openapi_document_names_every_call_and_every_code() {
    let onsale = Onsale::start();
    let answer = onsale.at_root("GET", "/openapi.json").await;
    let document = answer.ok(200);
    assert!(text(&document["openapi"]).starts_with("3."));
    let described = |method: &str, path: &str| document["paths"][path][method.to_lowercase()].clone();
    let mut operations = Vec::new();
    for (method, path) in CONTRACT {
        let call = described(method, &format!("/api/v1{path}"));
        has(&call, &["responses", "operationId", "tags"]);
        operations.push(text(&call["operationId"]));
    }
    for path in ["/health", "/health/live", "/health/ready", "/metrics"] {
        has(&described("GET", path), &["responses"]);
    }
    let all = document["paths"].as_object().unwrap().values().map(|calls| calls.as_object().unwrap().len());
    assert_eq!(all.sum::<usize>(), ENDPOINTS.len());
    let codes = text(&document["info"]["description"]);
    for code in ["seat_taken", "idempotency_mismatch", "not_your_turn", "rate_limited", "unavailable"] {
        assert!(codes.contains(&format!("`{code}`")), "{code}");
    }
}

/// Generated clients name their functions after these.
#[tokio::test]
async fn operation_ids_are_unique() {
    let onsale = Onsale::start();
    let document = onsale.at_root("GET", "/openapi.json").await.ok(200);
    let calls =
        document["paths"].as_object().unwrap().values().flat_map(|calls| calls.as_object().unwrap().values());
    let mut names: Vec<String> = calls.map(|call| text(&call["operationId"])).collect();
    names.sort();
    let twice: Vec<&str> =
        names.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].as_str()).collect();
    assert_eq!(twice, Vec::<&str>::new());
}

#[tokio::test]
async fn swagger_ui_is_served() {
    let onsale = Onsale::start();
    let first = onsale.at_root("GET", "/api").await;
    let page = if first.status == 200 {
        first
    } else {
        assert!((300..400).contains(&first.status), "{first:?}");
        onsale.at_root("GET", first.header("location")).await
    };
    assert_eq!(page.status, 200, "{page:?}");
    assert!(
        page.header("content-type").starts_with("text/html") && page.text().contains("swagger"),
        "{page:?}"
    );
    let script = onsale.at_root("GET", "/api/swagger-initializer.js").await;
    assert!(script.status == 200 && script.text().contains("/openapi.json"), "{script:?}");
}

#[rstest]
#[case::elsewhere("GET", "/nothing")]
#[case::beside_a_root("GET", "/health/nothing")]
#[case::under_the_base("GET", "/api/v1/nothing")]
#[case::under_the_base_by_post("POST", "/api/v1/nothing")]
#[case::deeper("GET", "/api/v1/events/x/y/z")]
#[case::the_base("GET", "/api/v1")]
#[case::another_version("GET", "/api/v2/events")]
#[case::beside_swagger("GET", "/api/nothing.js")]
#[case::slash("GET", "/api/v1/events/")]
#[case::case("GET", "/api/v1/Events")]
#[case::dots("GET", "/api/v1/../../etc/passwd")]
#[tokio::test]
async fn an_unknown_address_is_a_problem(#[case] method: &str, #[case] path: &str) {
    let onsale = Onsale::start();
    onsale.at_root(method, path).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_wrong_method_says_which_ones_there_are() {
    let onsale = Onsale::start();
    let answer = onsale.call("PUT", "/events").await;
    answer.refused(405, "method_not_allowed");
    let allowed = answer.header("allow");
    assert!(allowed.contains("GET") && allowed.contains("POST"), "RFC 9110 wants Allow, got {allowed:?}");
}

#[rstest]
#[case("a")]
#[case("0c0b7a4e-9e0f-4b0a-8f3b-0e6a3f1d9a11")]
#[case("A-1_b.C")]
#[case("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")]
#[tokio::test]
async fn a_sane_request_id_is_taken_over(#[case] id: &str) {
    let onsale = Onsale::start();
    for path in ["/api/v1/events", "/api/v1/me", "/health", "/nothing", "/api/"] {
        let answer = onsale.at_root("GET", path).header("x-request-id", id).await;
        assert_eq!(answer.header("x-request-id"), id, "{path}");
    }
    onsale.get("/me").header("x-request-id", id).await.refused(401, "unauthenticated");
}

#[rstest]
#[case::empty(b"".as_slice())]
#[case::blank(b"a b".as_slice())]
#[case::quote(b"a\"b".as_slice())]
#[case::markup(b"<script>".as_slice())]
#[case::not_ascii("é".as_bytes())]
#[case::not_utf8(b"\xff".as_slice())]
#[case::too_long(&[b'x'; 65])]
#[tokio::test]
async fn an_insane_request_id_is_replaced(#[case] id: &[u8]) {
    let onsale = Onsale::start();
    let sent = String::from_utf8_lossy(id).into_owned();
    let mut given = Vec::new();
    for path in ["/events", "/me"] {
        let answer = onsale.get(path).header("x-request-id", id).await;
        let id = answer.header("x-request-id").to_owned();
        assert!(
            !id.is_empty() && id != sent && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'),
            "{id}"
        );
        given.push(id);
    }
    assert_ne!(given[0], given[1]);
}

#[tokio::test]
async fn every_answer_is_framed() {
    let onsale = Onsale::start();
    for path in
        ["/", "/api/v1/events", "/api/v1/me", "/health", "/nothing", "/openapi.json", "/api/", "/metrics"]
    {
        let answer = onsale.at_root("GET", path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(answer.header("content-security-policy").contains("default-src"), "{path}");
        assert!(
            !answer.header("x-request-id").is_empty() && !answer.header("cache-control").is_empty(),
            "{path}"
        );
    }
    assert_eq!(onsale.get("/me").await.header("www-authenticate"), "Bearer");
}

/// A browser shows a page of another origin neither answers nor problems without these headers.
#[tokio::test]
async fn a_browser_of_an_allowed_origin_reads_answers_and_problems() {
    const ORIGIN: &str = "https://shop.example.com";
    let onsale = Onsale::with(&[("ONSALE_CORS__ALLOWED_ORIGINS", ORIGIN)]);
    let allowed = |answer: &crate::calls::Answer| answer.header("access-control-allow-origin").to_owned();
    let asked = onsale
        .call("OPTIONS", "/events")
        .header("origin", ORIGIN)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type,idempotency-key")
        .await;
    assert_eq!((asked.status, allowed(&asked).as_str()), (200, ORIGIN));
    assert!(asked.header("access-control-allow-headers").contains("idempotency-key"), "{asked:?}");
    let read = onsale.get("/events").header("origin", ORIGIN).await;
    assert_eq!((read.status, allowed(&read).as_str()), (200, ORIGIN));
    let refused = onsale.get("/me").header("origin", ORIGIN).await;
    assert_eq!((refused.status, allowed(&refused).as_str()), (401, ORIGIN));
    let stranger = onsale.get("/events").header("origin", "https://evil.example.com").await;
    assert_ne!(allowed(&stranger), "https://evil.example.com");
    let nobody = Onsale::start().get("/events").header("origin", ORIGIN).await;
    assert_eq!(allowed(&nobody), "");
}

#[tokio::test]
async fn nothing_of_a_secret_is_in_the_log() {
    let stage = Stage::seats(1, 1).await;
    let kim = stage.sign_up("kim@example.com").await;
    stage.buy(&kim, &[1]).await;
    let tokens = stage.log_in("kim@example.com").await;
    stage
        .post("/auth/login", &json!({"email": "kim@example.com", "password": "wrong secret"}))
        .await
        .refused(401, "bad_credentials");
    let log = stage.log();
    for secret in [crate::support::PASSWORD, "wrong secret", &kim, &text(&tokens["refresh_token"])] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    assert_ne!(Value::from(log), "", "there is a log");
}
