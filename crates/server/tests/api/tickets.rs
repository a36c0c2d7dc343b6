//! Tickets: letting people in.

use serde_json::{Value, json};

use crate::{
    calls::{Answer, Call},
    support::{Stage, grid, has, text},
};

fn code_of(order: &Value, at: usize) -> String {
    text(&order["tickets"][at]["code"])
}

/// A scan of a code by the organizer.
fn scan(stage: &Stage, code: &str) -> Call {
    stage.post(&format!("/tickets/{code}/check-in"), &json!({})).by(&stage.organizer)
}

async fn attendance(stage: &Stage) -> (u64, u64) {
    let counts = stage.get(&stage.path("/check-ins")).by(&stage.organizer).await.ok(200);
    (counts["sold"].as_u64().unwrap(), counts["checked_in"].as_u64().unwrap())
}

#[tokio::test]
async fn a_ticket_lets_in_once_and_then_says_when_it_did() {
    let stage = Stage::seats(2, 3).await;
    let order = stage.buy(&stage.guest().await, &[2, 5]).await;
    let code = code_of(&order, 1);
    assert_eq!(attendance(&stage).await, (2, 0));
    let entered = scan(&stage, &code).await.ok(200);
    has(&entered, &["code", "order_id", "performance_id", "event_title", "starts_at", "checked_in_at"]);
    assert_eq!(
        (&entered["code"], &entered["order_id"], &entered["performance_id"]),
        (&json!(code), &order["id"], &json!(stage.performance))
    );
    assert_eq!(
        (&entered["seat_id"], &entered["label"], &entered["buyer_name"]),
        (&json!(5), &json!("B-2"), &json!("Kim Min-ji"))
    );
    let refusal = scan(&stage, &code).await.refused(409, "already_used");
    assert_eq!(refusal["used_at"], entered["checked_in_at"]);
    assert_eq!(attendance(&stage).await, (2, 1));
    // Without a body, as a hand scanner might.
    let bare = stage.call("POST", &format!("/tickets/{}/check-in", code_of(&order, 0)));
    bare.by(&stage.organizer).await.ok(200);
    assert_eq!(attendance(&stage).await, (2, 2));
}

#[tokio::test]
async fn a_code_is_read_as_people_type_it() {
    let stage = Stage::seats(1, 4).await;
    let order = stage.buy(&stage.guest().await, &[1, 2, 3]).await;
    let lower = code_of(&order, 0).to_lowercase();
    assert_eq!(scan(&stage, &lower).await.ok(200)["seat_id"], json!(1));
    let code = code_of(&order, 1);
    let grouped = format!("{}-{}%20{}--{}", &code[..4], &code[4..8], &code[8..12], &code[12..]);
    assert_eq!(scan(&stage, &grouped).await.ok(200)["seat_id"], json!(2));
    let taken_for_others = code_of(&order, 2).replace('0', "o").replace('1', "l");
    assert_eq!(scan(&stage, &taken_for_others).await.ok(200)["seat_id"], json!(3));
    for unknown in ["0000000000000000", &code[1..], &format!("{code}0"), "U000000000000000", "%00", "x"] {
        scan(&stage, unknown).await.refused(404, "not_found");
    }
}

#[tokio::test]
async fn of_fifty_scans_at_once_one_opens_the_door() {
    let stage = Stage::seats(1, 2).await;
    let order = stage.buy(&stage.guest().await, &[1]).await;
    let code = code_of(&order, 0);
    let scans = (0..50).map(|_| scan(&stage, &code).into_future());
    let answers = futures_util::future::join_all(scans).await;
    let entered: Vec<Value> =
        answers.iter().filter(|answer| answer.status == 200).map(Answer::json).collect();
    let [entered] = &entered[..] else { panic!("{} got in", entered.len()) };
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(answer.refused(409, "already_used")["used_at"], entered["checked_in_at"]);
    }
    assert_eq!(attendance(&stage).await, (1, 1));
}

#[tokio::test]
async fn refunded_tickets_and_those_of_another_performance_do_not_let_in() {
    let stage = Stage::seats(1, 3).await;
    let guest = stage.guest().await;
    let (order, other) = (stage.buy(&guest, &[1, 2]).await, stage.buy(&guest, &[3]).await);
    let code = code_of(&order, 0);
    let matinee = stage.performance(&stage.organizer, &stage.event, &grid(1, 2)).await;
    let at = |performance: &str| {
        let body = json!({"performance_id": performance});
        stage.post(&format!("/tickets/{code}/check-in"), &body).by(&stage.organizer)
    };
    let refusal = at(&matinee).await.refused(409, "wrong_performance");
    assert_eq!(refusal["performance_id"], json!(stage.performance));
    assert_eq!(attendance(&stage).await, (3, 0), "and it was not used for that");
    at(&stage.performance).await.ok(200);
    let refund = format!("/orders/{}/refund", text(&order["id"]));
    stage.post(&refund, &json!({"keep_seats": true})).by(&stage.organizer).await.ok(200);
    for at in 0..2 {
        let refusal = scan(&stage, &code_of(&order, at)).await.refused(409, "ticket_void");
        assert_eq!(refusal["order_status"], json!("refunded"));
    }
    assert_eq!(attendance(&stage).await, (1, 0));
    scan(&stage, &code_of(&other, 0)).await.ok(200);
}

#[tokio::test]
async fn a_scan_by_mistake_is_taken_back() {
    let stage = Stage::seats(1, 2).await;
    let order = stage.buy(&stage.guest().await, &[1]).await;
    let code = code_of(&order, 0);
    let path = format!("/tickets/{code}/check-in");
    scan(&stage, &code).await.ok(200);
    for _ in 0..2 {
        stage.delete(&path).by(&stage.organizer).await.empty(204);
        assert_eq!(attendance(&stage).await, (1, 0));
    }
    scan(&stage, &code).await.ok(200);
}

#[tokio::test]
async fn only_the_event_s_organizer_and_admins_let_in() {
    let stage = Stage::seats(1, 2).await;
    let guest = stage.guest().await;
    let order = stage.buy(&guest, &[1]).await;
    let code = code_of(&order, 0);
    let other = stage.account("other@example.com", "organizer").await;
    let admin = stage.account("admin@example.com", "admin").await;
    let path = format!("/tickets/{code}/check-in");
    for call in [stage.post(&path, &json!({})), stage.delete(&path)] {
        call.clone().await.refused(401, "unauthenticated");
        call.clone().by(&guest).await.refused(403, "forbidden");
        call.by(&other).await.refused(404, "not_found");
    }
    for person in [&guest, &other] {
        stage.get(&stage.path("/check-ins")).by(person).await.refused(403, "forbidden");
    }
    stage.post(&path, &json!({})).by(&admin).await.ok(200);
    assert_eq!(attendance(&stage).await, (1, 1));
}

#[tokio::test]
async fn tickets_are_taken_along_by_their_buyer() {
    let stage = Stage::seats(2, 3).await;
    let guest = stage.guest().await;
    let order = stage.buy(&guest, &[2, 5]).await;
    let code = code_of(&order, 0);
    let paper = format!("/orders/{}/tickets.pdf", text(&order["id"]));
    let files = [
        (
            format!("{paper}?lang=ko&tz=Asia/Seoul"),
            "application/pdf",
            &b"%PDF-1."[..],
            "attachment; filename=\"tickets-",
        ),
        (paper.clone(), "application/pdf", b"%PDF-1.", "attachment; filename=\"tickets-"),
        (format!("/tickets/{code}/qr.png"), "image/png", b"\x89PNG\r\n", "inline; filename=\"ticket-"),
        (format!("/tickets/{code}/qr.svg"), "image/svg+xml", b"<svg ", "inline; filename=\"ticket-"),
    ];
    let (stranger, other) = (stage.guest().await, stage.account("other@example.com", "organizer").await);
    for (path, kind, beginning, named) in files {
        for person in [&guest, &stage.organizer] {
            let answer = stage.get(&path).by(person).await;
            assert_eq!((answer.status, answer.header("content-type")), (200, kind), "{answer:?}");
            assert!(answer.body.starts_with(beginning), "{answer:?}");
            assert!(answer.header("content-disposition").starts_with(named), "{answer:?}");
            assert!(!answer.header("content-disposition").contains(&code), "{answer:?}");
            assert_eq!(answer.header("cache-control"), "private, no-store");
        }
        stage.get(&path).await.refused(401, "unauthenticated");
        for person in [&stranger, &other] {
            stage.get(&path).by(person).await.refused(404, "not_found");
        }
    }
    for odd in ["lang=xx", "lang=", "tz=Nowhere/City", "tz=", "tz=../../etc/passwd", "lang=ko&lang=en"] {
        stage.get(&format!("{paper}?{odd}")).by(&guest).await.refused(400, "validation");
    }
}

#[tokio::test]
async fn what_is_refunded_is_no_ticket_to_take_along() {
    let stage = Stage::seats(1, 2).await;
    let guest = stage.guest().await;
    let order = stage.buy(&guest, &[1]).await;
    let (path, code) = (format!("/orders/{}", text(&order["id"])), code_of(&order, 0));
    stage.post(&format!("{path}/refund"), &json!({})).by(&stage.organizer).await.ok(200);
    stage.get(&format!("{path}/tickets.pdf")).by(&guest).await.refused(409, "order_state");
    for picture in ["png", "svg"] {
        stage.get(&format!("/tickets/{code}/qr.{picture}")).by(&guest).await.refused(409, "ticket_void");
    }
}

/// Many at once wait for each other, not for long, or are told to come again; nobody is left without an answer.
#[tokio::test]
async fn a_crowd_that_prints_is_served_or_told_to_come_again() {
    let stage = Stage::seats(1, 4).await;
    let guest = stage.guest().await;
    let order = stage.buy(&guest, &[1, 2, 3, 4]).await;
    let paper = format!("/orders/{}/tickets.pdf", text(&order["id"]));
    let calls = (0..100).map(|_| stage.get(&paper).by(&guest).into_future());
    let answers = futures_util::future::join_all(calls).await;
    let printed = answers.iter().filter(|answer| answer.status == 200).count();
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.refused(503, "unavailable");
        assert!(!answer.header("retry-after").is_empty());
    }
    assert!(printed >= 2, "{printed} were printed");
    assert_eq!(stage.get(&paper).by(&guest).await.status, 200);
}
