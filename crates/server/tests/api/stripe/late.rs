//! Answers and webhooks that come before, after, twice, in the wrong order or not at all.

use onsale_testkit::servers::stripe::{WebhookFate, signature};

use super::*;

/// Confirms while the answer is kept back for so long.
async fn confirm_slowly(
    shop: &Shop,
    held: &Value,
    late: Duration,
) -> tokio::task::JoinHandle<crate::calls::Answer> {
    shop.stripe.fail_next("confirm", &[Fault::LateAnswer(late)]);
    let call = shop.paying(held, Some(GOOD_CARD));
    let confirming = tokio::spawn(call.into_future());
    wait_for(|| shop.stripe.calls("confirm") > 0).await;
    confirming
}

#[tokio::test]
async fn a_webhook_before_the_answer() {
    let Some(shop) = Shop::open().await else { return };
    let held = shop.hold(&[1]).await;
    let confirming = confirm_slowly(&shop, &held, Duration::from_secs(4)).await;
    assert_eq!(shop.answered_webhooks(1).await, [204]);
    assert!(!confirming.is_finished(), "the answer is still under way");
    let told = shop.stage.reservation(&shop.buyer, &held).await;
    assert_eq!(told["status"], "confirmed", "the webhook has settled it");
    let order = confirming.await.unwrap().ok(201);
    assert_eq!(told["order_id"], order["id"]);
    shop.settled(&[&order]).await;
}

#[tokio::test]
async fn a_webhook_that_comes_twice() {
    let Some(shop) = Shop::open().await else { return };
    shop.stripe.webhooks(WebhookFate::Twice);
    let held = shop.hold(&[1]).await;
    let order = shop.paying(&held, Some(GOOD_CARD)).await.ok(201);
    assert_eq!(shop.answered_webhooks(2).await, [204, 204]);
    shop.settled(&[&order]).await;
}

#[tokio::test]
async fn a_webhook_that_never_comes() {
    let Some(shop) = Shop::open().await else { return };
    shop.stripe.webhooks(WebhookFate::Lost);
    let held = shop.hold(&[1]).await;
    let needed = shop.paying(&held, None).await.ok(202);
    shop.stripe.buyer_pays(&text(&needed["client_secret"])).await.unwrap();
    let order = shop.paying(&held, None).await.ok(201);
    assert_eq!(order["id"], needed["order_id"], "whoever comes back finds it paid");
    shop.settled(&[&order]).await;
}

#[tokio::test]
async fn webhooks_in_the_wrong_order() {
    let Some(shop) = Shop::open().await else { return };
    shop.stripe.webhooks(WebhookFate::Kept);
    let held = shop.hold(&[1]).await;
    shop.paying(&held, Some(DECLINED_CARD)).await.refused(402, "payment_declined");
    let needed = shop.paying(&held, None).await.ok(202);
    shop.stripe.buyer_pays(&text(&needed["client_secret"])).await.unwrap();
    wait_for(|| shop.stripe.kept() == 2).await;
    assert_eq!(shop.order(&text(&needed["order_id"])).await["status"], "paying");
    assert_eq!(shop.stripe.release_webhooks().await, [204, 204], "succeeded first, then declined");
    let order = shop.order(&text(&needed["order_id"])).await;
    assert_eq!(order["status"], "paid");
    shop.settled(&[&order]).await;
}

/// What an event says is not believed: it may be old, or about what has changed since.
#[tokio::test]
async fn events_that_are_not_true_any_more_change_nothing() {
    let Some(shop) = Shop::open().await else { return };
    shop.stripe.webhooks(WebhookFate::Lost);
    let (open, paid) = (shop.hold(&[1]).await, shop.hold(&[2]).await);
    let needed = shop.paying(&open, None).await.ok(202);
    let order = shop.paying(&paid, Some(GOOD_CARD)).await.ok(201);
    for id in [&needed["order_id"], &order["id"]] {
        for (kind, status) in [
            ("payment_intent.succeeded", "succeeded"),
            ("payment_intent.canceled", "canceled"),
            ("payment_intent.payment_failed", "requires_payment_method"),
            ("payment_intent.processing", "processing"),
        ] {
            deliver(&shop, &event(kind, status, id), 0, WEBHOOK_SECRET).await.empty(204);
        }
    }
    assert_eq!(shop.order(&text(&needed["order_id"])).await["status"], "paying");
    assert_eq!(shop.order(&text(&order["id"])).await, order);
    shop.stripe.buyer_pays(&text(&needed["client_secret"])).await.unwrap();
    deliver(&shop, &event("payment_intent.succeeded", "succeeded", &needed["order_id"]), 0, WEBHOOK_SECRET)
        .await
        .empty(204);
    let other = shop.order(&text(&needed["order_id"])).await;
    shop.settled(&[&order, &other]).await;
}

#[tokio::test]
async fn deliveries_of_nothing_of_ours() {
    let Some(shop) = Shop::open().await else { return };
    shop.stripe.webhooks(WebhookFate::Lost);
    let held = shop.hold(&[1]).await;
    let needed = shop.paying(&held, None).await.ok(202);
    shop.stripe.buyer_pays(&text(&needed["client_secret"])).await.unwrap();
    let ours = event("payment_intent.succeeded", "succeeded", &needed["order_id"]);
    let stranger =
        event("payment_intent.succeeded", "succeeded", &json!("01939d2c-0000-7000-8000-000000000001"));
    let payout = json!({"id": "evt_1", "type": "payout.paid", "data": {"object": {"object": "payout"}}});
    for unrelated in [&stranger, &payout, &json!({"some": "thing"})] {
        deliver(&shop, unrelated, 0, WEBHOOK_SECRET).await.empty(204);
    }
    // The money is there; nobody else may say so, and nobody may say it again tomorrow.
    deliver(&shop, &ours, 0, "whsec_of_somebody_else").await.refused(400, "validation");
    deliver(&shop, &ours, 86_400, WEBHOOK_SECRET).await.refused(400, "validation");
    deliver(&shop, &ours, -86_400, WEBHOOK_SECRET).await.refused(400, "validation");
    let unsigned = shop.stage.post("/webhooks/stripe", &ours).await;
    unsigned.refused(400, "validation");
    for nobody in ["wallet", "simulated", "paypal"] {
        shop.stage.post(&format!("/webhooks/{nobody}"), &ours).await.refused(404, "not_found");
    }
    let large = shop.stage.call("POST", "/webhooks/stripe").text(vec![b' '; 300_000]).await;
    large.refused(413, "body_too_large");
    assert_eq!(shop.order(&text(&needed["order_id"])).await["status"], "paying");
    deliver(&shop, &ours, 299, "whsec_of_next_year").await.empty(204);
    let order = shop.order(&text(&needed["order_id"])).await;
    shop.settled(&[&order]).await;
}

fn event(kind: &str, status: &str, order: &Value) -> Value {
    json!({"id": "evt_1", "object": "event", "type": kind, "data": {"object": {"object": "payment_intent",
        "id": "pi_1", "status": status, "metadata": {"order_id": order}}}})
}

/// Delivers an event as if it had been signed so many seconds ago.
async fn deliver(shop: &Shop, event: &Value, seconds_ago: i64, secret: &str) -> crate::calls::Answer {
    let now = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let body = event.to_string();
    let signed = signature(secret, i64::try_from(now.as_secs()).unwrap() - seconds_ago, body.as_bytes());
    shop.stage.call("POST", "/webhooks/stripe").text(body).header("stripe-signature", signed).await
}
