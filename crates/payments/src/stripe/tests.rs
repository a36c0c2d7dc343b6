//! What Stripe's answers and events mean here. How calls go is tried against a mock of Stripe, in `tests/stripe`.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use onsale_testkit::{
    clock::{ManualClock, START},
    ledger::MemoryLedger,
};
use serde_json::{Value, json};

use super::*;

const SECRET: &str = "whsec_test";
const ORDER: &str = "01939d2c-0000-7000-8000-000000000001";

fn stripe() -> Stripe {
    let settings = StripeSettings {
        webhook_secrets: vec![SECRET.into()],
        publishable_key: Some("pk_test_1".into()),
        ..StripeSettings::of("sk_test_1")
    };
    Stripe::new(settings, Arc::new(MemoryLedger::new()), Arc::new(ManualClock::new())).unwrap()
}

fn intent(more: &Value) -> Intent {
    let mut document = json!({"id": "pi_1", "object": "payment_intent", "client_secret": "pi_1_secret_2",
        "last_payment_error": null, "next_action": null});
    document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(document).unwrap()
}

#[test]
fn every_status_has_one_meaning() {
    let stripe = stripe();
    let here = BuyerAction::InPage {
        client_secret: "pi_1_secret_2".into(),
        publishable_key: Some("pk_test_1".into()),
    };
    let there = BuyerAction::Redirect { url: "https://bank.example/3ds".into() };
    let in_script =
        json!({"status": "requires_action", "next_action": {"type": "use_stripe_sdk", "use_stripe_sdk": {}}});
    let at_the_bank = json!({"status": "requires_action",
        "next_action": {"type": "redirect_to_url", "redirect_to_url": {"url": "https://bank.example/3ds"}}});
    let in_page = json!({"status": "requires_payment_method", "metadata": {"confirmed_by": "buyer"}});
    let tried_in_page = json!({"status": "requires_payment_method", "metadata": {"confirmed_by": "buyer"},
        "last_payment_error": {"message": "Your card was declined."}});
    let failed = json!({"status": "requires_payment_method", "last_payment_error": {"message": "Your card was declined."}});
    let cases = [
        (json!({"status": "succeeded"}), Standing::Captured("pi_1".into())),
        (json!({"status": "canceled"}), Standing::Dead),
        (json!({"status": "requires_payment_method"}), Standing::Open),
        (in_page, Standing::AwaitsInstrument(here.clone())),
        (tried_in_page, Standing::AwaitsInstrument(here.clone())),
        (failed, Standing::Failed("Your card was declined.".into())),
        (in_script, Standing::AwaitsBuyer(here)),
        (at_the_bank, Standing::AwaitsBuyer(there)),
        (json!({"status": "processing"}), Standing::Open),
        (json!({"status": "requires_confirmation"}), Standing::Open),
        (json!({"status": "requires_capture"}), Standing::Open),
        (json!({"status": "something new"}), Standing::Open),
    ];
    for (answer, standing) in cases {
        assert_eq!(stripe.standing(&intent(&answer)), standing, "{answer}");
    }
}

fn notice(body: &[u8], seconds_ago: i64, secret: &str) -> Notice {
    let moment = START.as_millis() / 1000 - seconds_ago;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{moment}.").as_bytes());
    mac.update(body);
    let signature = format!("t={moment},v1={}", hex::encode(mac.finalize().into_bytes()));
    let headers = BTreeMap::from([("stripe-signature".to_owned(), signature)]);
    stripe().notice(&Delivery { headers: &headers, body }, START).unwrap()
}

fn event(object: &Value) -> Vec<u8> {
    json!({"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object": object}})
        .to_string()
        .into_bytes()
}

#[test]
fn a_genuine_event_names_an_order_and_nothing_more() {
    let about = Notice::About(ORDER.parse().unwrap());
    let ours = json!({"object": "payment_intent", "status": "canceled", "metadata": {"order_id": ORDER}});
    assert_eq!(notice(&event(&ours), 0, SECRET), about);
    assert_eq!(notice(&event(&ours), 299, SECRET), about);
    for other in [
        json!({"object": "payment_intent", "metadata": {}}),
        json!({"object": "payment_intent", "metadata": {"order_id": "4711"}}),
        json!({"object": "payment_intent", "metadata": {"order_id": 4711}}),
        json!({"object": "payout", "metadata": {"order_id": ORDER}}),
        json!({"metadata": null}),
        json!({}),
        json!([]),
    ] {
        assert_eq!(notice(&event(&other), 0, SECRET), Notice::Unrelated, "{other}");
    }
    for form in ["", "{}", "no json", "[]", "{\"data\":1}"] {
        assert_eq!(notice(form.as_bytes(), 0, SECRET), Notice::Unrelated, "{form}");
    }
}

#[test]
fn what_is_not_signed_or_was_long_ago_is_refused() {
    let ours = event(&json!({"object": "payment_intent", "metadata": {"order_id": ORDER}}));
    assert!(matches!(notice(&ours, 0, "whsec_other"), Notice::Refused(_)));
    assert!(matches!(notice(&ours, 86_400, SECRET), Notice::Refused(_)));
    let unsigned = Delivery { headers: &BTreeMap::new(), body: &ours };
    assert!(matches!(stripe().notice(&unsigned, START), Some(Notice::Refused(_))));
}

#[test]
fn settings_that_lead_nowhere_are_refused() {
    let with = |settings| {
        Stripe::new(settings, Arc::new(MemoryLedger::new()), Arc::new(ManualClock::new())).err().is_some()
    };
    assert!(with(StripeSettings::of("sk_test\n1")));
    assert!(with(StripeSettings { base_url: "nowhere".into(), ..StripeSettings::of("sk_test_1") }));
}
