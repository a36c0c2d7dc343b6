//! What the pages need for a card form, and coming back to a payment that was begun there.

use onsale_testkit::servers::stripe::DECLINED_CARD;
use serde_json::json;

use super::{Shop, paid_through};
use crate::support::{Onsale, text};

/// Nothing of it in a policy unless it is used.
#[tokio::test]
async fn pages_may_load_the_form_of_a_provider_that_is_used_and_nothing_else() {
    let Some(shop) = Shop::open().await else { return };
    let policy = |page: &crate::calls::Answer| page.header("content-security-policy").to_owned();
    let with = policy(&shop.stage.at_root("GET", "/").await);
    for part in [
        "script-src 'self' https://js.stripe.com https://*.js.stripe.com;",
        "frame-src https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com;",
        "connect-src 'self' https://api.stripe.com",
        "frame-ancestors 'none'",
    ] {
        assert!(with.contains(part), "{part} in {with}");
    }
    assert!(!policy(&shop.stage.at_root("GET", "/wait").await).contains("stripe"), "nothing is paid there");
    assert_eq!(
        shop.stage.get("/payment-methods").await.ok(200),
        json!({"items": [{"method": "wallet"}, {"method": "stripe", "form": {
            "script_url": "https://js.stripe.com/v3/", "publishable_key": "pk_test_for_tests_only"}}]})
    );
    let elsewhere = ("ONSALE_PAYMENTS__STRIPE__SCRIPT_URL", "http://127.0.0.1:9/mock/v3/");
    let other = policy(&paid_through(&shop.stripe, &[elsewhere]).at_root("GET", "/").await);
    assert!(
        other.contains("script-src 'self' http://127.0.0.1:9;") && !other.contains("stripe.com"),
        "{other}"
    );
    let without = Onsale::start();
    assert!(!policy(&without.at_root("GET", "/").await).contains("stripe"));
    assert_eq!(
        without.get("/payment-methods").await.ok(200),
        json!({"items": [{"method": "simulated"}, {"method": "wallet"}]})
    );
}

#[tokio::test]
async fn a_decline_says_why_in_a_code() {
    let Some(shop) = Shop::open().await else { return };
    let held = shop.hold(&[1]).await;
    let problem = shop.paying(&held, Some(DECLINED_CARD)).await.refused(402, "payment_declined");
    assert_eq!(problem["decline_code"], "declined", "{problem}");
    shop.settled(&[]).await;
}

#[tokio::test]
async fn a_buyer_comes_back_from_the_bank() {
    let Some(shop) = Shop::open().await else { return };
    let (held, card) = (shop.hold(&[1]).await, shop.stripe.card_that_asks().await.unwrap());
    let resume = format!("/reservations/{}/resume", text(&held["id"]));
    let resumed = || shop.stage.post(&resume, &json!({})).by(&shop.buyer);
    resumed().await.empty(204);
    // Webhooks would settle it before the buyer is back.
    shop.stripe.deliver_to("http://127.0.0.1:9/");

    let needed = shop.paying(&held, Some(&card)).await.ok(202);
    assert_eq!(resumed().await.ok(202), needed, "the page was loaded again");
    shop.stripe.buyer_answers_bank(&text(&needed["client_secret"]), false).await.unwrap();
    resumed().await.empty(204);
    assert_eq!(shop.stage.reservation(&shop.buyer, &held).await["status"], "held", "at once");
    resumed().await.empty(204);

    let needed = shop.paying(&held, Some(&card)).await.ok(202);
    shop.stripe.buyer_answers_bank(&text(&needed["client_secret"]), true).await.unwrap();
    let order = resumed().await.ok(200);
    assert_eq!((&order["status"], &order["id"]), (&json!("paid"), &needed["order_id"]));
    assert_eq!(resumed().await.ok(200), order);
    assert_eq!(shop.intents().await, ["canceled", "succeeded"]);
    shop.settled(&[&order]).await;
}
