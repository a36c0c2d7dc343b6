//! What is kept of people: they see it, they erase it, and guests are forgotten in time.
//!
//! Invariant checked: the accounts stay right; who is erased can still be let in to what is to come.

use std::time::Duration;

use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::support::{FakedClock, Onsale, PASSWORD, Stage, eventually, grid, has, payment, text};

/// A performance that began so many hours ago and sells on.
fn begun(hours_ago: i64) -> Value {
    let starts_at = Timestamp::now() - hours_ago.hours();
    let mut performance = grid(2, 5);
    performance["starts_at"] = json!(starts_at.to_string());
    performance
}

async fn bought(stage: &Stage, buyer: &str, seats: &[u32]) -> Value {
    bought_at(stage, &stage.performance, buyer, seats).await
}

async fn bought_at(stage: &Stage, performance: &str, buyer: &str, seats: &[u32]) -> Value {
    let hold = format!("/performances/{performance}/reservations");
    let reservation = stage.post(&hold, &json!({"seat_ids": seats})).by(buyer).await.ok(201);
    let confirm = format!("/reservations/{}/confirm", text(&reservation["id"]));
    let buyer_details = json!({"name": "김서연", "phone": "010-1234-5678", "email": "seoyeon@example.com"});
    let body = json!({"buyer": buyer_details, "payment": payment("simulated")["payment"]});
    stage.post(&confirm, &body).by(buyer).await.ok(201)
}

#[tokio::test]
async fn a_buyer_sees_all_that_is_kept_and_nothing_of_others() {
    let stage = Stage::seats(2, 5).await;
    let buyer = stage.onsale.account("kim@example.com", "buyer").await;
    let order = bought(&stage, &buyer, &[1, 2]).await;
    let held = stage.hold(&buyer, &[3]).await;
    stage.buy(&stage.guest().await, &[4]).await;
    let data = stage.get("/me/data").by(&buyer).await.ok(200);
    has(&data, &["account_id", "created_at", "log_ins", "balance", "wishes", "reservations", "orders"]);
    assert_eq!((&data["email"], &data["kind"]), (&json!("kim@example.com"), &json!("account")));
    assert_eq!(data["log_ins"].as_array().unwrap().len(), 1);
    assert_eq!(data["log_ins"][0]["ended"], false);
    let begun_at: Timestamp = text(&data["log_ins"][0]["begun_at"]).parse().unwrap();
    assert!(Timestamp::now().duration_since(begun_at).as_secs() < 600);
    let orders = data["orders"]["items"].as_array().unwrap();
    assert_eq!(orders.len(), 1);
    assert_eq!((&orders[0]["id"], &orders[0]["buyer"]["name"]), (&order["id"], &json!("김서연")));
    let reservations = data["reservations"]["items"].as_array().unwrap();
    assert_eq!(reservations.len(), 2);
    assert_eq!(reservations[0]["id"], held["id"]);

    let nobody = stage.get("/me/data").by(&stage.guest().await).await.ok(200);
    assert_eq!(
        (&nobody["kind"], &nobody["name"], &nobody["created_at"]),
        (&json!("guest"), &json!(null), &json!(null))
    );
    for list in ["log_ins", "wishes"] {
        assert_eq!(nobody[list], json!([]));
    }
    for page in ["orders", "reservations"] {
        assert_eq!(nobody[page]["items"], json!([]));
    }
}

#[tokio::test]
async fn who_is_erased_is_gone_and_their_tickets_are_good() {
    let stage = Stage::seats(2, 5).await;
    let (onsale, organizer) = (&stage.onsale, &stage.organizer);
    let buyer = onsale.account("kim@example.com", "buyer").await;
    let tokens = onsale.log_in("kim@example.com").await;
    let over = onsale.performance(organizer, &stage.event, &begun(48)).await;
    let old = bought_at(&stage, &over, &buyer, &[1, 2]).await;
    let to_come = bought(&stage, &buyer, &[1]).await;
    let counts = stage.counts().await;

    let erased = stage.delete("/me/data").by(&buyer).await.ok(200);
    assert_eq!(erased, json!({"orders": 1, "orders_to_follow": 1}));
    stage.get("/me").by(&buyer).await.refused(401, "unauthenticated");
    stage.get("/me/data").by(&buyer).await.refused(401, "unauthenticated");
    let refresh = json!({"refresh_token": tokens["refresh_token"]});
    stage.post("/auth/refresh", &refresh).await.refused(401, "unauthenticated");
    let log_in = json!({"email": "kim@example.com", "password": PASSWORD});
    stage.post("/auth/login", &log_in).await.refused(401, "bad_credentials");

    let read = async |order: &Value| {
        stage.get(&format!("/orders/{}", text(&order["id"]))).by(organizer).await.ok(200)
    };
    let mut nameless = old.clone();
    nameless["buyer"] = json!({"name": "", "phone": null, "email": null});
    let now = read(&old).await;
    for member in ["buyer", "seats", "total", "status", "tickets", "refunded"] {
        assert_eq!(now[member], nameless[member], "{member}");
    }
    assert_eq!(read(&to_come).await["buyer"]["name"], "김서연", "who is let in is known until then");
    let check_in = format!("/tickets/{}/check-in", text(&to_come["tickets"][0]["code"]));
    stage.post(&check_in, &json!({"performance_id": stage.performance})).by(organizer).await.ok(200);
    assert_eq!(stage.counts().await, counts);

    // The address is free, and whoever takes it is somebody else.
    let again = onsale.sign_up("kim@example.com").await;
    assert_eq!(stage.get("/me/orders").by(&again).await.ok(200)["items"], json!([]));
}

#[tokio::test]
async fn who_manages_events_or_has_money_is_asked_to_settle_that_first() {
    let stage = Stage::seats(2, 5).await;
    stage.delete("/me/data").by(&stage.organizer).await.refused(403, "forbidden");
    let buyer = stage.onsale.account("kim@example.com", "buyer").await;
    let top_up = json!({"amount": {"amount": 1, "currency": "KRW"}});
    stage.post("/me/wallet/top-ups", &top_up).by(&buyer).await.ok(201);
    stage.delete("/me/data").by(&buyer).await.refused(409, "wallet_not_empty");
    assert_eq!(stage.get("/me").by(&buyer).await.ok(200)["email"], "kim@example.com", "nothing was erased");
    stage.delete("/me/data").await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn the_operator_erases_who_asks_by_letter() {
    let stage = Stage::seats(2, 5).await;
    stage.onsale.account("kim@example.com", "buyer").await;
    let over = stage.performance(&stage.organizer, &stage.event, &begun(48)).await;
    let order = bought_at(&stage, &over, &stage.guest().await, &[1]).await;
    let id = text(&order["id"]);
    let erased = stage.onsale.command(&["account", "erase", "--order", &id], "");
    assert_eq!(erased, [json!({"orders": 1, "orders_to_follow": 0})]);
    let read = stage.get(&format!("/orders/{id}")).by(&stage.organizer).await.ok(200);
    assert_eq!(read["buyer"]["name"], "");
    let erased = stage.onsale.command(&["account", "erase", "--email", "Kim@example.com"], "");
    assert_eq!(erased, [json!({"orders": 0, "orders_to_follow": 0})]);
    let log_in = json!({"email": "kim@example.com", "password": PASSWORD});
    stage.post("/auth/login", &log_in).await.refused(401, "bad_credentials");
}

#[tokio::test]
async fn guests_are_forgotten_after_their_time_and_accounts_are_not() {
    let Some(clock) = FakedClock::at("-3d") else { return };
    let [library, offset, uncached] = clock.settings();
    let retention = ("ONSALE_RETENTION__GUESTS_DAYS", "1");
    let onsale = Onsale::with(&[library, offset, uncached, retention]);
    let mut stage = Stage::on(onsale, &json!({}), &begun(80)).await;
    let account = stage.onsale.account("kim@example.com", "buyer").await;
    let by_guest = bought(&stage, &stage.guest().await, &[1]).await;
    let by_account = bought(&stage, &account, &[2]).await;
    stage.onsale.take_process().terminate().unwrap();
    clock.set("+0");
    stage.onsale.start_again();
    let log_in = json!({"email": "organizer@example.com", "password": PASSWORD});
    let organizer = text(&stage.post("/auth/login", &log_in).await.ok(200)["access_token"]);
    let name = async |order: &Value| {
        let path = format!("/orders/{}", text(&order["id"]));
        text(&stage.get(&path).by(&organizer).await.ok(200)["buyer"]["name"])
    };
    let forgotten = async || match name(&by_guest).await.as_str() {
        "" => Ok(()),
        known => Err(known.to_owned()),
    };
    eventually("the guest is forgotten", Duration::from_secs(30), forgotten).await;
    assert_eq!(name(&by_account).await, "김서연");
    let csv = stage.get(&format!("/events/{}/orders.csv", stage.event)).by(&organizer).await;
    assert_eq!(csv.text().lines().count(), 3, "both are in the books: {}", csv.text());
}
