//! Orders: confirm, pay, repeat, be declined, give money back.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Onsale, Stage, grid, has, ids, payment, seat_ids, text, won};

async fn balance(stage: &Stage, token: &str) -> Value {
    stage.get("/me/wallet").by(token).await.ok(200)["balance"].clone()
}

async fn top_up(stage: &Stage, token: &str, amount: i64) {
    stage.post("/me/wallet/top-ups", &json!({"amount": won(amount)})).by(token).await.ok(201);
}

#[tokio::test]
async fn a_reservation_is_paid_for_and_becomes_an_order_with_tickets() {
    let stage = Stage::seats(2, 3).await;
    let guest = stage.guest().await;
    let held = stage.hold(&guest, &[2, 5]).await;
    let order = stage.confirming(&guest, &held, "simulated").await.ok(201);
    has(&order, &["id", "reservation_id", "status", "seats", "total", "tickets", "sequence"]);
    assert_eq!((&order["reservation_id"], &order["status"]), (&held["id"], &json!("paid")));
    assert_eq!((&order["seats"], &order["total"]), (&held["seats"], &won(2_000)));
    let tickets = order["tickets"].as_array().unwrap();
    let named: Vec<_> =
        tickets.iter().map(|ticket| (ticket["seat_id"].clone(), ticket["label"].clone())).collect();
    assert_eq!(named, [(json!(2), json!("A-2")), (json!(5), json!("B-2"))]);
    assert_ne!(tickets[0]["code"], tickets[1]["code"]);
    assert!(tickets.iter().all(|ticket| text(&ticket["code"]).len() >= 12), "{tickets:?}");
    let path = format!("/orders/{}", text(&order["id"]));
    assert_eq!(stage.get(&path).by(&guest).await.ok(200), order);
    assert_eq!(
        stage.get("/me/orders").by(&guest).await.ok(200),
        json!({"items": [order], "next_cursor": null})
    );
    let read = stage.reservation(&guest, &held).await;
    assert_eq!((&read["status"], &read["order_id"]), (&json!("confirmed"), &order["id"]));
    assert_eq!((stage.state_of(2).await, stage.counts().await), ("sold".to_owned(), [4, 0, 0, 2, 0]));
    let later = stage.buy(&guest, &[1]).await;
    assert!(later["sequence"].as_u64().unwrap() > order["sequence"].as_u64().unwrap());
    let page = stage.get("/me/orders?limit=1").by(&guest).await.ok(200);
    assert_eq!(ids(&page), [text(&later["id"])], "newest first");
    let next = format!("/me/orders?limit=1&cursor={}", text(&page["next_cursor"]));
    let page = stage.get(&next).by(&guest).await.ok(200);
    assert_eq!((ids(&page), &page["next_cursor"]), (vec![text(&order["id"])], &Value::Null));
}

#[tokio::test]
async fn an_order_is_seen_by_its_buyer_and_organizer_only() {
    let stage = Stage::seats(1, 3).await;
    let (kim, lee) = (stage.guest().await, stage.guest().await);
    let order = stage.buy(&kim, &[1]).await;
    let path = format!("/orders/{}", text(&order["id"]));
    let other = stage.account("other@example.com", "organizer").await;
    for stranger in [&lee, &other] {
        stage.get(&path).by(stranger).await.refused(404, "not_found");
        stage.post(&format!("{path}/refund"), &json!({})).by(stranger).await.refused(404, "not_found");
        assert!(ids(&stage.get("/me/orders").by(stranger).await.ok(200)).is_empty());
    }
    stage.post(&format!("{path}/refund"), &json!({})).by(&kim).await.refused(403, "forbidden");
    assert_eq!(stage.get(&path).by(&stage.organizer).await.ok(200), order);
    assert_eq!(stage.counts().await, [2, 0, 0, 1, 0]);
}

#[tokio::test]
async fn confirming_twice_is_one_order_charged_once() {
    let stage = Stage::seats(1, 3).await;
    let kim = stage.sign_up("kim@example.com").await;
    top_up(&stage, &kim, 10_000).await;
    let held = stage.hold(&kim, &[1, 2]).await;
    let order = stage.confirming(&kim, &held, "wallet").await.ok(201);
    assert_eq!(balance(&stage, &kim).await, won(8_000));
    assert_eq!(stage.confirming(&kim, &held, "wallet").await.ok(201), order);
    assert_eq!(stage.confirming(&kim, &held, "simulated").await.ok(201), order);
    assert_eq!(balance(&stage, &kim).await, won(8_000));
    stage.cancel(&kim, &held).await.refused(409, "already_confirmed");
    assert_eq!(
        (stage.counts().await, ids(&stage.get("/me/orders").by(&kim).await.ok(200)).len()),
        ([1, 0, 0, 2, 0], 1)
    );
}

#[tokio::test]
async fn a_key_confirms_once() {
    let stage = Stage::seats(1, 4).await;
    let kim = stage.sign_up("kim@example.com").await;
    top_up(&stage, &kim, 10_000).await;
    let (one, other) = (stage.hold(&kim, &[1]).await, stage.hold(&kim, &[2]).await);
    let order = stage.confirming(&kim, &one, "wallet").key("k-1").await.ok(201);
    assert_eq!(stage.confirming(&kim, &one, "wallet").key("k-1").await.ok(201), order);
    stage.confirming(&kim, &one, "simulated").key("k-1").await.refused(422, "idempotency_mismatch");
    stage.confirming(&kim, &other, "wallet").key("k-1").await.refused(422, "idempotency_mismatch");
    assert_eq!(balance(&stage, &kim).await, won(9_000));
    assert_eq!(stage.counts().await, [2, 1, 0, 1, 0]);
}

#[tokio::test]
async fn confirms_at_once_are_one_order_charged_once() {
    let stage = Stage::with(&json!({"max_seats_per_buyer": 50}), &grid(4, 10)).await;
    let kim = stage.sign_up("kim@example.com").await;
    top_up(&stage, &kim, 100_000).await;
    for round in 1..=30 {
        let held = stage.hold(&kim, &[round]).await;
        let call = |key: Option<&str>| {
            let call = stage.confirming(&kim, &held, "wallet");
            key.map_or(call.clone(), |key| call.key(key)).into_future()
        };
        // Every other round under a key, which has to be of each confirm's own.
        let key = format!("k-{round}");
        let key = (round % 2 == 0).then_some(key.as_str());
        let answers = futures_util::future::join_all((0..4).map(|_| call(key))).await;
        let mut orders = Vec::new();
        for answer in &answers {
            if answer.status == 201 {
                orders.push(text(&answer.json()["id"]));
            } else {
                let code = text(&answer.json()["code"]);
                assert!(["payment_under_way", "in_flight"].contains(&code.as_str()), "{answer:?}");
                answer.refused(409, &code);
            }
        }
        orders.dedup();
        assert_eq!(orders.len(), 1, "{answers:?}");
        assert_eq!(balance(&stage, &kim).await, won(100_000 - i64::from(round) * 1_000));
    }
    assert_eq!(stage.counts().await, [10, 0, 0, 30, 0]);
    assert_eq!(ids(&stage.get("/me/orders").by(&kim).await.ok(200)).len(), 30);
}

#[tokio::test]
async fn of_cancelling_and_confirming_at_once_exactly_one_succeeds() {
    let stage = Stage::with(&json!({"max_seats_per_buyer": 50}), &grid(3, 10)).await;
    let kim = stage.sign_up("kim@example.com").await;
    top_up(&stage, &kim, 100_000).await;
    let (mut paid, mut seat) = (0, 1);
    for round in 0..30 {
        let held = stage.hold(&kim, &[seat]).await;
        let confirm = stage.confirming(&kim, &held, "wallet").into_future();
        let cancel = stage.cancel(&kim, &held);
        let (confirmed, cancelled) = if round % 2 == 0 {
            tokio::join!(confirm, cancel)
        } else {
            let (cancelled, confirmed) = tokio::join!(cancel, confirm);
            (confirmed, cancelled)
        };
        let status = text(&stage.reservation(&kim, &held).await["status"]);
        match (confirmed.status, cancelled.status) {
            (201, 409) => {
                let code = text(&cancelled.json()["code"]);
                assert!(["already_confirmed", "payment_under_way"].contains(&code.as_str()), "{cancelled:?}");
                assert_eq!(status, "confirmed");
                (paid, seat) = (paid + 1, seat + 1);
            }
            (410, 204) => {
                confirmed.refused(410, "hold_expired");
                assert_eq!(status, "cancelled");
            }
            _ => panic!("{confirmed:?} {cancelled:?}"),
        }
        assert_eq!(stage.counts().await, [30 - paid, 0, 0, paid, 0]);
    }
    let left = 100_000 - i64::try_from(paid).unwrap() * 1_000;
    assert_eq!(balance(&stage, &kim).await, won(left));
}

#[tokio::test]
async fn a_declined_payment_leaves_the_hold_and_the_key() {
    let mut onsale = Onsale::with(&[("ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE", "1")]);
    onsale.installation.set("ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE", "0");
    let mut stage = Stage::on(onsale, &json!({}), &grid(1, 3)).await;
    let guest = stage.guest().await;
    let held = stage.hold(&guest, &[1, 2]).await;
    for _ in 0..2 {
        let problem =
            stage.confirming(&guest, &held, "simulated").key("k-1").await.refused(402, "payment_declined");
        assert_eq!(problem["expires_at"], held["expires_at"]);
        let read = stage.reservation(&guest, &held).await;
        assert_eq!((&read["status"], &read["seats"]), (&json!("held"), &held["seats"]));
        assert_eq!(stage.counts().await, [1, 2, 0, 0, 0]);
    }
    let orders = stage.get("/me/orders").by(&guest).await.ok(200);
    let items = orders["items"].as_array().unwrap();
    assert!(
        items.iter().all(|order| order["status"] == "failed" && order["tickets"] == json!([])),
        "{orders}"
    );
    // A bank that says yes, and the same key.
    assert!(stage.onsale.take_process().terminate().unwrap().success());
    stage.onsale.start_again();
    let order = stage.confirming(&guest, &held, "simulated").key("k-1").await.ok(201);
    assert_eq!((&order["status"], seat_ids(&order)), (&json!("paid"), vec![1, 2]));
    assert_eq!(stage.confirming(&guest, &held, "simulated").key("k-1").await.ok(201), order);
    assert_eq!(stage.counts().await, [1, 0, 0, 2, 0]);
}

#[tokio::test]
async fn a_wallet_that_does_not_cover_it_may_be_filled_and_tried_again() {
    let stage = Stage::seats(1, 3).await;
    let kim = stage.sign_up("kim@example.com").await;
    top_up(&stage, &kim, 1_999).await;
    let held = stage.hold(&kim, &[1, 2]).await;
    let confirm = || stage.confirming(&kim, &held, "wallet").key("k-1");
    let problem = confirm().await.refused(402, "payment_declined");
    has(&problem, &["expires_at"]);
    assert_eq!((balance(&stage, &kim).await, stage.counts().await), (won(1_999), [1, 2, 0, 0, 0]));
    top_up(&stage, &kim, 2).await;
    let order = confirm().await.ok(201);
    assert_eq!(confirm().await.ok(201), order);
    assert_eq!((balance(&stage, &kim).await, stage.counts().await), (won(1), [1, 0, 0, 2, 0]));
}

#[tokio::test]
async fn what_costs_nothing_is_confirmed_without_money() {
    let body = json!({"starts_at": "2030-12-24T20:00:00Z", "plan": {"rows": 1, "columns": 2}});
    let stage = Stage::with(&json!({}), &body).await;
    let kim = stage.sign_up("kim@example.com").await;
    let held = stage.hold(&kim, &[1]).await;
    let order = stage.confirming(&kim, &held, "wallet").await.ok(201);
    assert_eq!(
        (&order["status"], &order["total"], balance(&stage, &kim).await),
        (&json!("paid"), &won(0), won(0))
    );
}

#[tokio::test]
async fn a_refund_gives_money_and_seats_back() {
    let stage = Stage::seats(1, 3).await;
    let (kim, lee) = (stage.sign_up("kim@example.com").await, stage.guest().await);
    top_up(&stage, &kim, 5_000).await;
    let held = stage.hold(&kim, &[1, 2]).await;
    let order = stage.confirming(&kim, &held, "wallet").await.ok(201);
    let path = format!("/orders/{}/refund", text(&order["id"]));
    let refund = |body: &Value| stage.post(&path, body).by(&stage.organizer);
    let refunded = refund(&json!({})).await.ok(200);
    assert_eq!((&refunded["status"], &refunded["tickets"]), (&json!("refunded"), &json!([])));
    assert_eq!((balance(&stage, &kim).await, stage.counts().await), (won(5_000), [3, 0, 0, 0, 0]));
    let sold = stage.buy(&lee, &[1]).await;
    assert_eq!(refund(&json!({})).await.ok(200)["status"], "refunded");
    assert_eq!(stage.call("POST", &path).by(&stage.organizer).await.ok(200)["status"], "refunded");
    assert_eq!((balance(&stage, &kim).await, stage.counts().await), (won(5_000), [2, 0, 0, 1, 0]));
    let theirs = stage.get(&format!("/orders/{}", text(&sold["id"]))).by(&lee).await.ok(200);
    assert_eq!(theirs["status"], "paid", "a late repeat takes nothing from whoever bought since");
    // Refunded seats count no more against the buyer's limit.
    stage.hold(&kim, &[2, 3]).await;
}

#[tokio::test]
async fn a_refund_may_keep_the_seats_off_sale() {
    let mut stage = Stage::seats(1, 3).await;
    let guest = stage.guest().await;
    let order = stage.buy(&guest, &[1, 2]).await;
    let path = format!("/orders/{}/refund", text(&order["id"]));
    let refunded = stage.post(&path, &json!({"keep_seats": true})).by(&stage.organizer).await.ok(200);
    assert_eq!(refunded["status"], "refunded");
    assert_eq!(stage.counts().await, [1, 0, 0, 2, 0]);
    stage.holding_seats(&stage.guest().await, &[1]).await.refused(409, "seat_taken");
    stage.onsale.take_process().kill().unwrap();
    stage.onsale.start_again();
    assert_eq!(stage.counts().await, [1, 0, 0, 2, 0], "also after a restart");
    let reconcile = stage.call("POST", &stage.path("/reconcile")).by(&stage.organizer).await.ok(200);
    assert_eq!((reconcile, stage.counts().await), (json!({"repaired": []}), [1, 0, 0, 2, 0]));
}

/// Whatever a second refund asks for, what one can hold one can also buy.
#[tokio::test]
async fn seats_that_were_kept_are_either_off_sale_or_can_be_bought() {
    let stage = Stage::seats(1, 3).await;
    let (kim, lee) = (stage.guest().await, stage.guest().await);
    let order = stage.buy(&kim, &[1, 2]).await;
    let path = format!("/orders/{}/refund", text(&order["id"]));
    stage.post(&path, &json!({"keep_seats": true})).by(&stage.organizer).await.ok(200);
    stage.post(&path, &json!({"keep_seats": false})).by(&stage.organizer).await.ok(200);
    let held = stage.holding_seats(&lee, &[1, 2]).await;
    if held.status == 201 {
        stage.confirming(&lee, &held.json(), "simulated").await.ok(201);
    } else {
        held.refused(409, "seat_taken");
    }
    assert_eq!(stage.counts().await, [1, 0, 0, 2, 0]);
}

/// What was bought and given back stays in the buyer's list, whatever becomes of the event.
#[tokio::test]
async fn refunded_orders_can_be_read_after_the_event_is_gone() {
    let stage = Stage::seats(1, 3).await;
    let guest = stage.guest().await;
    let order = stage.buy(&guest, &[1]).await;
    let path = format!("/orders/{}", text(&order["id"]));
    stage.post(&format!("{path}/refund"), &json!({})).by(&stage.organizer).await.ok(200);
    let deleted = stage.delete(&format!("/events/{}", stage.event)).by(&stage.organizer).await;
    if deleted.status == 204 {
        stage.get("/me/reservations").by(&guest).await.ok(200);
        let listed = ids(&stage.get("/me/orders").by(&guest).await.ok(200));
        assert!(listed.is_empty() || listed == [text(&order["id"])], "{listed:?}");
    } else {
        deleted.refused(409, "has_orders");
        assert_eq!(stage.get(&path).by(&guest).await.ok(200)["status"], "refunded");
    }
}

/// The same, where nothing ever came of the order.
#[tokio::test]
async fn failed_orders_do_not_hide_the_others_after_the_event_is_gone() {
    let stage = Stage::seats(1, 3).await;
    let kim = stage.sign_up("kim@example.com").await;
    let held = stage.hold(&kim, &[1]).await;
    stage.confirming(&kim, &held, "wallet").await.refused(402, "payment_declined");
    stage.cancel(&kim, &held).await.empty(204);
    let event = stage.onsale.event(&stage.organizer, &json!({})).await;
    let performance = stage.onsale.performance(&stage.organizer, &event, &grid(1, 1)).await;
    let path = format!("/performances/{performance}/reservations");
    let other = stage.post(&path, &json!({"seat_ids": [1]})).by(&kim).await.ok(201);
    let order = stage.confirming(&kim, &other, "simulated").await.ok(201);
    stage.delete(&format!("/events/{}", stage.event)).by(&stage.organizer).await.empty(204);
    assert!(ids(&stage.get("/me/orders").by(&kim).await.ok(200)).contains(&text(&order["id"])));
}

/// A bank that takes its time: the seats are neither lost nor to be had meanwhile.
#[tokio::test]
async fn while_a_payment_is_under_way_the_hold_stays_as_it_is() {
    let onsale = Onsale::with(&[("ONSALE_PAYMENTS__SIMULATED__DELAY_MS", "3000")]);
    let stage = Stage::on(onsale, &json!({}), &grid(1, 3)).await;
    let guest = stage.guest().await;
    let held = stage.hold(&guest, &[1]).await;
    let confirm = tokio::spawn(stage.confirming(&guest, &held, "simulated").key("k-1").into_future());
    let begun = Instant::now();
    while stage.reservation(&guest, &held).await["status"] != "paying" {
        assert!(begun.elapsed() < Duration::from_secs(2), "the payment has not begun");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!((stage.counts().await, stage.state_of(1).await), ([2, 0, 1, 0, 0], "held".to_owned()));
    stage.cancel(&guest, &held).await.refused(409, "payment_under_way");
    stage.confirming(&guest, &held, "simulated").await.refused(409, "payment_under_way");
    let again = stage.confirming(&guest, &held, "simulated").key("k-1").await;
    let code = text(&again.json()["code"]);
    assert!(["in_flight", "payment_under_way"].contains(&code.as_str()), "{again:?}");
    let extend = format!("/reservations/{}/extend", text(&held["id"]));
    stage.call("POST", &extend).by(&guest).await.refused(409, "payment_under_way");
    let delete = stage.delete(&format!("/events/{}", stage.event)).by(&stage.organizer).await;
    delete.refused(409, "has_orders");
    let order = confirm.await.unwrap().ok(201);
    assert_eq!((&order["status"], stage.counts().await), (&json!("paid"), [2, 0, 0, 1, 0]));
    assert_eq!(stage.confirming(&guest, &held, "simulated").key("k-1").await.ok(201), order);
}

#[tokio::test]
async fn buyers_have_names_and_payments_a_method_there_is() {
    let stage = Stage::seats(1, 1).await;
    let guest = stage.guest().await;
    let held = stage.hold(&guest, &[1]).await;
    let path = format!("/reservations/{}/confirm", text(&held["id"]));
    let mut nameless = payment("simulated");
    nameless["buyer"]["name"] = json!(" ");
    let mut mailless = payment("simulated");
    mailless["buyer"]["email"] = json!("nowhere");
    for body in [nameless, mailless, payment("cash"), payment(""), payment("Simulated")] {
        stage.post(&path, &body).by(&guest).await.refused(400, "validation");
        assert_eq!(stage.counts().await, [0, 1, 0, 0, 0]);
    }
}
