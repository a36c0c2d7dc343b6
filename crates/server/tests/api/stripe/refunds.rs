//! Money given back through Stripe: in parts, at once, with answers that are lost, and by a process that is killed.

use futures_util::future::join_all;

use super::*;

/// How long to wait for another process' refund; over shared stores it is left alone for 45 s.
const GONE_ON_WITHIN: Duration = Duration::from_secs(90);

impl Shop {
    fn refunding(&self, order: &Value, body: &Value) -> Call {
        let path = format!("/orders/{}/refund", text(&order["id"]));
        self.stage.post(&path, body).by(&self.stage.organizer)
    }

    async fn bought(&self, seats: &[u32]) -> Value {
        let held = self.hold(seats).await;
        self.paying(&held, Some(GOOD_CARD)).await.ok(201)
    }

    /// What the books say was given back, refund by refund, sorted.
    async fn given_back(&self) -> Vec<i64> {
        let refunds = self.stripe.refunds().await.unwrap();
        let mut amounts: Vec<i64> = refunds.iter().map(|refund| refund["amount"].as_i64().unwrap()).collect();
        amounts.sort_unstable();
        amounts
    }

    /// Waits until so much of an order is given back.
    async fn until_refunded(&self, order: &Value, amount: i64) -> Value {
        let deadline = Instant::now() + GONE_ON_WITHIN;
        loop {
            let now = self.order(&text(&order["id"])).await;
            if now["refunded"]["amount"] == amount {
                return now;
            }
            assert!(Instant::now() < deadline, "{now} {}", self.stage.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn a_card_gets_its_money_back_seat_by_seat() {
    let Some(shop) = Shop::open().await else { return };
    let order = shop.bought(&[1, 2, 3]).await;
    for _ in 0..2 {
        let some = shop.refunding(&order, &json!({"seat_ids": [2]})).await.ok(200);
        assert_eq!((&some["status"], &some["refunded"]["amount"]), (&json!("paid"), &json!(1_000)));
        assert_eq!(shop.given_back().await, [1_000]);
        shop.settled(&[&some]).await;
    }
    let refunds = shop.stripe.refunds().await.unwrap();
    assert_eq!(refunds[0]["metadata"]["order_id"], order["id"]);
    assert_eq!(shop.refund(&order).await["status"], "refunded");
    assert_eq!(shop.given_back().await, [1_000, 2_000]);
    shop.settled(&[]).await;
}

/// Twenty at once, the whole order among them: by Stripe's books the price goes back once.
#[tokio::test]
async fn overlapping_refunds_at_once_are_the_price_at_most() {
    let Some(shop) = Shop::open().await else { return };
    let order = shop.bought(&[1, 2, 3, 4]).await;
    let calls = (0..20_u32).map(|turn| {
        let body = match turn {
            13 => json!({}),
            _ => json!({"seat_ids": [turn % 3 + 1, 4]}),
        };
        shop.refunding(&order, &body).into_future()
    });
    for answer in join_all(calls).await {
        // One may have to ask again while another has Stripe's ear; that is for the end.
        assert!([200, 503].contains(&answer.status), "{answer:?}");
    }
    let refunded = shop.refund(&order).await;
    assert_eq!((&refunded["status"], &refunded["refunded"]["amount"]), (&json!("refunded"), &json!(4_000)));
    assert_eq!(shop.given_back().await.iter().sum::<i64>(), 4_000);
    shop.settled(&[]).await;
}

#[tokio::test]
async fn a_refund_whose_answers_are_lost_is_made_once() {
    let Some(shop) = Shop::open().await else { return };
    let order = shop.bought(&[1, 2]).await;
    shop.stripe.fail_next("refund", &LOST);
    let body = json!({"seat_ids": [1]});
    shop.refunding(&order, &body).await.refused(503, "unavailable");
    let now = shop.order(&text(&order["id"])).await;
    assert_eq!((&now["seats"][0]["refund"], &now["tickets"][0]["seat_id"]), (&json!("refunding"), &json!(2)));
    assert_eq!(shop.given_back().await, [1_000], "it was made all the same");
    let some = shop.refunding(&order, &body).await.ok(200);
    assert_eq!(some["refunded"]["amount"], 1_000);
    assert_eq!(shop.given_back().await, [1_000]);
    shop.settled(&[&some]).await;
    // And one that never arrived is made when it is asked for again.
    shop.stripe.fail_next("refund", &UNREACHABLE);
    shop.refunding(&order, &json!({})).await.refused(503, "unavailable");
    assert_eq!(shop.given_back().await, [1_000]);
    shop.refunding(&order, &json!({})).await.ok(200);
    assert_eq!(shop.given_back().await, [1_000, 1_000]);
    shop.settled(&[]).await;
}

/// Whether Stripe had made it or not when the process died, the next one brings it to its end, and makes it once.
#[tokio::test]
async fn a_process_that_is_killed_while_it_gives_back() {
    // What is under way when the process dies: looking whether Stripe has it, or making it.
    for (step, is_made) in [("read", false), ("refund", true)] {
        let Some(mut shop) = Shop::open().await else { return };
        let order = shop.bought(&[1, 2, 3]).await;
        let before = shop.stripe.calls(step);
        shop.stripe.fail_next(step, &[Fault::LateAnswer(Duration::from_secs(5)); 3]);
        let asking = tokio::spawn(shop.refunding(&order, &json!({"seat_ids": [1, 2]})).attempt());
        wait_for(|| shop.stripe.calls(step) > before).await;
        if is_made {
            let deadline = Instant::now() + LIMIT;
            while shop.given_back().await.is_empty() {
                assert!(Instant::now() < deadline);
            }
        }
        shop.stage.onsale.take_process().kill().unwrap();
        assert!(asking.await.unwrap().is_err(), "no answer from a dead process");
        shop.stripe.forget_faults();
        shop.stage.onsale.start_again();
        shop.listen();
        let some = shop.until_refunded(&order, 2_000).await;
        assert_eq!((&some["status"], shop.given_back().await), (&json!("paid"), vec![2_000]), "{step}");
        let deadline = Instant::now() + LIMIT;
        while shop.stage.counts().await != [5, 0, 0, 1, 0] {
            assert!(Instant::now() < deadline, "{step}: the seats are not back on sale");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        shop.settled(&[&some]).await;
    }
}
