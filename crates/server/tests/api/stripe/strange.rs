//! Answers that are lost, a provider that is away, a process that is killed in the middle, the last second of a hold.

use super::*;

#[tokio::test]
async fn a_charge_without_an_answer_that_succeeded() {
    let Some(shop) = Shop::open().await else { return };
    shop.stripe.fail_next("confirm", &LOST);
    let held = shop.hold(&[1]).await;
    let order = shop.paying(&held, Some(GOOD_CARD)).await.ok(201);
    assert_eq!((shop.intents().await, shop.stripe.calls("confirm")), (vec!["succeeded".to_owned()], 3));
    shop.settled(&[&order]).await;
}

#[tokio::test]
async fn a_charge_that_never_arrived() {
    let Some(shop) = Shop::open().await else { return };
    let held = shop.hold(&[1]).await;
    shop.stripe.fail_next("create", &UNREACHABLE);
    shop.paying(&held, Some(GOOD_CARD)).key("k").await.refused(503, "unavailable");
    shop.stripe.fail_next("confirm", &UNREACHABLE);
    shop.paying(&held, Some(GOOD_CARD)).key("k").await.refused(503, "unavailable");
    let order = shop.paying(&held, Some(GOOD_CARD)).key("k").await.ok(201);
    assert_eq!(
        shop.intents().await,
        ["canceled", "succeeded"],
        "what was begun is cancelled before another begins"
    );
    shop.settled(&[&order]).await;
}

#[tokio::test]
async fn an_intent_whose_name_was_lost_is_never_paid() {
    let Some(shop) = Shop::open().await else { return };
    let held = shop.hold(&[1]).await;
    shop.stripe.fail_next("create", &LOST);
    shop.paying(&held, Some(GOOD_CARD)).await.refused(503, "unavailable");
    assert_eq!(shop.intents().await, ["requires_payment_method"], "nobody has its client secret");
    let order = shop.paying(&held, Some(GOOD_CARD)).await.ok(201);
    shop.settled(&[&order]).await;
}

#[tokio::test]
async fn errors_of_stripe_are_tried_again() {
    let Some(shop) = Shop::open().await else { return };
    shop.stripe.fail_next("create", &[Fault::Status(500), Fault::Status(429)]);
    shop.stripe.fail_next("confirm", &[Fault::Status(503), Fault::LostAnswer]);
    let held = shop.hold(&[1]).await;
    let order = shop.paying(&held, Some(GOOD_CARD)).await.ok(201);
    shop.stripe.fail_next("refund", &[Fault::LostAnswer, Fault::Status(502)]);
    shop.settled(&[&order]).await;
    shop.refund(&order).await;
    assert_eq!(shop.stripe.refunds().await.unwrap().len(), 1);
    shop.settled(&[]).await;
}

/// Stripe goes away between taking the money and saying so. The seats stay the buyer's.
#[tokio::test]
async fn a_provider_that_goes_away_in_the_middle() {
    let Some(shop) = Shop::open().await else { return };
    shop.stripe.webhooks(onsale_testkit::servers::stripe::WebhookFate::Kept);
    shop.stripe.fail_next("confirm", &LOST);
    shop.stripe.fail_next("read", &UNREACHABLE);
    let held = shop.hold(&[1]).await;
    shop.paying(&held, Some(GOOD_CARD)).await.refused(503, "unavailable");
    assert_eq!(shop.stage.reservation(&shop.buyer, &held).await["status"], "paying");
    assert_eq!(shop.stage.counts().await, [5, 0, 1, 0, 0]);
    wait_for(|| shop.stripe.kept() == 1).await;
    shop.stripe.set_down(true);
    shop.paying(&held, Some(GOOD_CARD)).await.refused(409, "payment_under_way");
    assert_eq!(shop.stripe.release_webhooks().await, [503], "to be delivered again");
    shop.stripe.set_down(false);
    let order = shop.paying(&held, Some(GOOD_CARD)).await.ok(201);
    assert_eq!(shop.intents().await, ["succeeded"]);
    shop.settled(&[&order]).await;
}

#[tokio::test]
async fn a_process_that_is_killed_at_any_step() {
    // What is under way, how its answer is kept back, and whether the money is taken when the process dies.
    for (step, fault, is_taken) in [
        ("create", Fault::LostRequest, false),
        ("create", Fault::LateAnswer(Duration::from_secs(5)), false),
        ("confirm", Fault::Status(503), false),
        ("confirm", Fault::LateAnswer(Duration::from_secs(5)), true),
    ] {
        let Some(mut shop) = Shop::open().await else { return };
        let held = shop.hold(&[1, 2]).await;
        shop.stripe.fail_next(step, &[fault; 3]);
        let confirming = tokio::spawn(shop.paying(&held, Some(GOOD_CARD)).attempt());
        wait_for(|| shop.stripe.calls(step) > 0).await;
        if is_taken {
            let deadline = Instant::now() + LIMIT;
            while shop.intents().await != ["succeeded"] {
                assert!(Instant::now() < deadline);
            }
        }
        shop.stage.onsale.take_process().kill().unwrap();
        assert!(confirming.await.unwrap().is_err(), "no answer from a dead process");
        // Stripe itself is well; only the process was not.
        shop.stripe.forget_faults();
        shop.stage.onsale.start_again();
        shop.listen();
        let read = shop.stage.reservation(&shop.buyer, &held).await;
        let story = format!("{step} {fault:?}: {read}");
        assert_eq!(read["status"], if is_taken { "confirmed" } else { "held" }, "{story}");
        let order = shop.paying(&held, Some(GOOD_CARD)).await.ok(201);
        if is_taken {
            assert_eq!(order["id"], read["order_id"], "{story}");
        }
        shop.settled(&[&order]).await;
    }
}

/// The buyer pays at Stripe while nobody is here to be told.
#[tokio::test]
async fn a_buyer_who_pays_while_the_process_is_away() {
    let Some(mut shop) = Shop::open().await else { return };
    let held = shop.hold(&[1]).await;
    let needed = shop.paying(&held, None).await.ok(202);
    shop.stage.onsale.take_process().kill().unwrap();
    shop.stripe.buyer_pays(&text(&needed["client_secret"])).await.unwrap();
    shop.stage.onsale.start_again();
    let order = shop.order(&text(&needed["order_id"])).await;
    assert_eq!(order["status"], "paid", "asked at the start, without a webhook");
    shop.settled(&[&order]).await;
}

#[tokio::test]
async fn a_buyer_who_waits_at_the_bank_is_waited_for() {
    let Some(mut shop) = Shop::open().await else { return };
    let (held, card) = (shop.hold(&[1]).await, shop.stripe.card_that_asks().await.unwrap());
    let needed = shop.paying(&held, Some(&card)).await.ok(202);
    shop.stage.onsale.take_process().kill().unwrap();
    shop.stage.onsale.start_again();
    shop.listen();
    assert_eq!(shop.paying(&held, Some(&card)).await.ok(202), needed, "a restart takes nothing from them");
    shop.stripe.buyer_answers_bank(&text(&needed["client_secret"]), true).await.unwrap();
    let order = shop.until(&text(&needed["order_id"]), "paid").await;
    shop.settled(&[&order]).await;
}

#[tokio::test]
async fn a_buyer_who_pays_in_the_last_second() {
    let Some(shop) = Shop::with(&json!({"hold_ttl_s": 10})).await else { return };
    let (held, let_go) = (shop.hold(&[1]).await, shop.hold(&[2]).await);
    // Asked with a second to go, answered when the hold would be long over.
    shop.stripe.fail_next("confirm", &[Fault::LateAnswer(Duration::from_secs(4))]);
    tokio::time::sleep(Duration::from_millis(8_800)).await;
    let order = shop.paying(&held, Some(GOOD_CARD)).await.ok(201);
    assert_eq!(
        shop.stage.reservation(&shop.buyer, &let_go).await["status"],
        "expired",
        "its time was up meanwhile"
    );
    shop.settled(&[&order]).await;
}
