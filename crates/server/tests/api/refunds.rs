//! Refunds: seat by seat, at once, twice, and by a process that dies.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    calls::Call,
    support::{Onsale, Stage, grid, seat_ids, text, won},
};

/// How long to wait for what happens by itself; over shared stores a refund of another process is left alone for 45 s.
const LIMIT: Duration = Duration::from_secs(90);

fn refunding(stage: &Stage, order: &Value, body: &Value) -> Call {
    stage.post(&format!("/orders/{}/refund", text(&order["id"])), body).by(&stage.organizer)
}

async fn refund(stage: &Stage, order: &Value, seats: &[u32]) -> Value {
    refunding(stage, order, &json!({"seat_ids": seats})).await.ok(200)
}

/// The order as its organizer sees it now.
async fn now(stage: &Stage, order: &Value) -> Value {
    stage.get(&format!("/orders/{}", text(&order["id"]))).by(&stage.organizer).await.ok(200)
}

/// Seat by seat: what is said of its refund, `null` where there is none.
fn states(order: &Value) -> Vec<Value> {
    order["seats"].as_array().unwrap().iter().map(|seat| seat["refund"].clone()).collect()
}

fn ticketed(order: &Value) -> Vec<Value> {
    order["tickets"].as_array().unwrap().iter().map(|ticket| ticket["seat_id"].clone()).collect()
}

/// Somebody with a wallet, and what is in it.
struct Payer<'a> {
    stage: &'a Stage,
    token: String,
}

impl<'a> Payer<'a> {
    async fn with(stage: &'a Stage, amount: i64) -> Self {
        let token = stage.sign_up("kim@example.com").await;
        stage.post("/me/wallet/top-ups", &json!({"amount": won(amount)})).by(&token).await.ok(201);
        Self { stage, token }
    }

    async fn buys(&self, seats: &[u32]) -> Value {
        let held = self.stage.hold(&self.token, seats).await;
        self.stage.confirming(&self.token, &held, "wallet").await.ok(201)
    }

    async fn balance(&self) -> Value {
        self.stage.get("/me/wallet").by(&self.token).await.ok(200)["balance"].clone()
    }
}

#[tokio::test]
async fn seats_are_given_back_one_by_one() {
    let stage = Stage::seats(1, 4).await;
    let kim = Payer::with(&stage, 5_000).await;
    let order = kim.buys(&[1, 2, 3]).await;
    assert_eq!((&order["refunded"], states(&order)), (&won(0), vec![Value::Null; 3]));
    let code = text(&order["tickets"][1]["code"]);
    let some = refund(&stage, &order, &[2]).await;
    assert_eq!(
        (&some["status"], &some["refunded"], &some["total"]),
        (&json!("paid"), &won(1_000), &won(3_000))
    );
    assert_eq!(states(&some), [Value::Null, json!("refunded"), Value::Null]);
    assert_eq!((ticketed(&some), seat_ids(&some)), (vec![json!(1), json!(3)], vec![1, 2, 3]));
    assert_eq!((kim.balance().await, stage.counts().await), (won(3_000), [2, 0, 0, 2, 0]));
    let scan = |code: &str| stage.post(&format!("/tickets/{code}/check-in"), &json!({})).by(&stage.organizer);
    let void = scan(&code).await.refused(409, "ticket_void");
    assert_eq!(void["order_status"], "refunded");
    scan(&text(&some["tickets"][0]["code"])).await.ok(200);
    // Again, and together with another: what is given back already is passed over.
    assert_eq!(refund(&stage, &order, &[2]).await, some);
    let more = refund(&stage, &order, &[3, 2]).await;
    assert_eq!((&more["status"], &more["refunded"]), (&json!("paid"), &won(2_000)));
    let stranger = stage.guest().await;
    stage.buy(&stranger, &[2]).await;
    let all = refunding(&stage, &order, &json!({})).await.ok(200);
    assert_eq!((&all["status"], &all["refunded"], ticketed(&all)), (&json!("refunded"), &won(3_000), vec![]));
    assert_eq!(refund(&stage, &order, &[1, 2, 3]).await, all);
    assert_eq!((kim.balance().await, stage.counts().await), (won(5_000), [3, 0, 0, 1, 0]));
    assert_eq!(stage.state_of(2).await, "sold", "whoever bought it since keeps it");
    let listed = stage.get("/me/orders").by(&kim.token).await.ok(200);
    assert_eq!(listed["items"], json!([all]));
}

#[tokio::test]
async fn places_without_a_number_are_given_back_by_the_ids_of_their_tickets() {
    let mut body = grid(1, 2);
    body["areas"] = json!([{"label": "Standing", "capacity": 5, "price": won(500)}]);
    let stage = Stage::with(&json!({}), &body).await;
    let guest = stage.guest().await;
    let held = stage.holding(&guest, &json!({"area_id": 1, "quantity": 3})).await.ok(201);
    let order = stage.confirming(&guest, &held, "simulated").await.ok(201);
    let place = u32::try_from(order["tickets"][1]["seat_id"].as_u64().unwrap()).unwrap();
    let some = refund(&stage, &order, &[place]).await;
    assert_eq!((&some["refunded"], ticketed(&some).len()), (&won(500), 2));
    assert_eq!(stage.counts().await, [5, 0, 0, 2, 0]);
    refund(&stage, &order, &seat_ids(&order)).await;
    assert_eq!(stage.counts().await, [7, 0, 0, 0, 0]);
}

#[tokio::test]
async fn seats_may_be_kept_off_sale_one_by_one() {
    let mut stage = Stage::seats(1, 4).await;
    let guest = stage.guest().await;
    let order = stage.buy(&guest, &[1, 2, 3]).await;
    let keep = json!({"seat_ids": [1, 2], "keep_seats": true});
    let kept = refunding(&stage, &order, &keep).await.ok(200);
    assert_eq!((&kept["refunded"], stage.counts().await), (&won(2_000), [1, 0, 0, 3, 0]));
    stage.holding_seats(&stage.guest().await, &[1]).await.refused(409, "seat_taken");
    // Given up after all, one of them.
    refund(&stage, &order, &[2]).await;
    assert_eq!(stage.counts().await, [2, 0, 0, 2, 0]);
    stage.onsale.take_process().kill().unwrap();
    stage.onsale.start_again();
    assert_eq!(stage.counts().await, [2, 0, 0, 2, 0], "also after a restart");
    let reconcile = stage.call("POST", &stage.path("/reconcile")).by(&stage.organizer).await.ok(200);
    assert_eq!(reconcile, json!({"repaired": []}));
    let lee = stage.guest().await;
    stage.buy(&lee, &[2]).await;
    assert_eq!(now(&stage, &order).await["status"], "paid");
}

#[tokio::test]
async fn what_the_order_does_not_have_is_refused() {
    let stage = Stage::seats(1, 4).await;
    let guest = stage.guest().await;
    let order = stage.buy(&guest, &[1, 2]).await;
    stage.buy(&guest, &[3]).await;
    for seats in [json!([3]), json!([1, 3]), json!([9]), json!([0]), json!([]), json!([1, 1]), Value::Null] {
        let body = json!({"seat_ids": seats});
        refunding(&stage, &order, &body).await.refused(400, "validation");
    }
    let unknown = refunding(&stage, &order, &json!({"seat_ids": [1, 3, 4]})).await.refused(400, "validation");
    assert_eq!((&unknown["field"], &unknown["unknown"]), (&json!("seat_ids"), &json!([3, 4])));
    assert_eq!((now(&stage, &order).await, stage.counts().await), (order.clone(), [1, 0, 0, 3, 0]));
    // Whose affair it is does not change with the part.
    let path = format!("/orders/{}/refund", text(&order["id"]));
    let body = json!({"seat_ids": [1]});
    stage.post(&path, &body).by(&guest).await.refused(403, "forbidden");
    stage.post(&path, &body).by(&stage.guest().await).await.refused(404, "not_found");
}

#[tokio::test]
async fn twenty_overlapping_refunds_at_once_give_the_price_back_once() {
    let stage = Stage::with(&json!({"max_seats_per_buyer": 50}), &grid(2, 10)).await;
    let kim = Payer::with(&stage, 20_000).await;
    for round in 0..3_u32 {
        let first = round * 6 + 1;
        let seats: Vec<u32> = (first..first + 6).collect();
        let order = kim.buys(&seats).await;
        let calls = (0..20_u32).map(|turn| {
            let (one, other) = (first + turn % 5, first + (turn + 2) % 5);
            // The sixth seat is left, except where everything is asked for as well.
            let body = match (round, turn) {
                (2, 7) => json!({}),
                _ if one == other => json!({"seat_ids": [one]}),
                _ => json!({"seat_ids": [one, other]}),
            };
            refunding(&stage, &order, &body).into_future()
        });
        for answer in join_all(calls).await {
            answer.ok(200);
        }
        let now = now(&stage, &order).await;
        let (status, back) = if round == 2 { ("refunded", 6_000) } else { ("paid", 5_000) };
        assert_eq!((&now["status"], &now["refunded"]), (&json!(status), &won(back)));
    }
    // Two orders have one seat left each.
    assert_eq!((kim.balance().await, stage.counts().await), (won(18_000), [18, 0, 0, 2, 0]));
    let orders = stage.get("/me/orders").by(&kim.token).await.ok(200);
    let tickets: usize = orders["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|order| order["tickets"].as_array().unwrap().len())
        .sum();
    assert_eq!(tickets, 2);
}

/// The provider has the request, and the process dies: the next one goes on with it, and nobody has to ask again.
#[tokio::test]
async fn a_refund_whose_process_dies_is_gone_on_with() {
    let onsale = Onsale::with(&[("ONSALE_PAYMENTS__SIMULATED__DELAY_MS", "2000")]);
    let mut stage = Stage::on(onsale, &json!({}), &grid(1, 4)).await;
    let guest = stage.guest().await;
    let order = stage.buy(&guest, &[1, 2, 3]).await;
    let call = refunding(&stage, &order, &json!({"seat_ids": [1, 3]}));
    let asked = tokio::spawn(call.attempt());
    let deadline = Instant::now() + LIMIT;
    loop {
        let now = now(&stage, &order).await;
        if states(&now) == [json!("refunding"), Value::Null, json!("refunding")] {
            assert_eq!(
                (&now["status"], &now["refunded"], ticketed(&now)),
                (&json!("paid"), &won(0), vec![json!(2)])
            );
            break;
        }
        assert!(Instant::now() < deadline, "it was not recorded: {now}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stage.onsale.take_process().kill().unwrap();
    assert!(asked.await.unwrap().is_err(), "no answer from a dead process");
    stage.onsale.start_again();
    let deadline = Instant::now() + LIMIT;
    loop {
        let now = now(&stage, &order).await;
        if now["refunded"] == won(2_000) && stage.counts().await == [3, 0, 0, 1, 0] {
            assert_eq!((&now["status"], ticketed(&now)), (&json!("paid"), vec![json!(2)]));
            return;
        }
        assert!(Instant::now() < deadline, "it was not gone on with: {now} {}", stage.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
