//! What must not be read in the log, however much is logged.
//!
//! Invariant checked: whoever may read the log can neither log in, nor buy, nor enter as anybody.

use onsale_testkit::servers::Stores;
use serde_json::json;

use crate::support::{Onsale, PASSWORD, Stage, eventually, grid, text};

const SECRET: &str = "a secret of this installation, 0123456789";
const MAIL_PASSWORD: &str = "the-password-of-the-mail-server";
const STRIPE_KEY: &str = "sk_test_51abcdefghijklmnopqrstuv";
const STRIPE_WEBHOOKS: &str = "whsec_0123456789abcdefghijklmnop";

/// Everything is logged, and all there is to be kept is set.
const TALKATIVE: [(&str, &str); 9] = [
    ("ONSALE_LOG__LEVEL", "trace"),
    ("ONSALE_LOG__FORMAT", "json"),
    ("ONSALE_SECRET", SECRET),
    ("ONSALE_MAIL__HOST", "127.0.0.1"),
    ("ONSALE_MAIL__PORT", "1"),
    ("ONSALE_MAIL__USER", "onsale"),
    ("ONSALE_MAIL__PASSWORD", MAIL_PASSWORD),
    ("ONSALE_MAIL__FROM", "tickets@example.com"),
    ("ONSALE_MAIL__PUBLIC_URL", "https://tickets.example.com"),
];

const STRIPE: [(&str, &str); 4] = [
    ("ONSALE_PAYMENTS__SIMULATED__ENABLED", "true"),
    ("ONSALE_PAYMENTS__STRIPE__SECRET_KEY", STRIPE_KEY),
    ("ONSALE_PAYMENTS__STRIPE__WEBHOOK_SECRETS", STRIPE_WEBHOOKS),
    // Nobody is there.
    ("ONSALE_PAYMENTS__STRIPE__BASE_URL", "http://127.0.0.1:1"),
];

/// Buys, enters and fails in every way; gives what must not be told, by name.
async fn everything(stage: &Stage) -> Vec<(&'static str, String)> {
    let mut kept = vec![
        ("the secret", SECRET.to_owned()),
        ("the mail server's password", MAIL_PASSWORD.to_owned()),
        ("the key for Stripe", STRIPE_KEY.to_owned()),
        ("the secret of Stripe's webhooks", STRIPE_WEBHOOKS.to_owned()),
        ("a password", PASSWORD.to_owned()),
    ];
    let email = "kim@example.com";
    let access = stage.sign_up(email).await;
    let login = stage.log_in(email).await;
    let refreshed =
        stage.post("/auth/refresh", &json!({"refresh_token": login["refresh_token"]})).await.ok(200);
    // A second use is somebody else's.
    stage
        .post("/auth/refresh", &json!({"refresh_token": login["refresh_token"]}))
        .await
        .refused(401, "unauthenticated");
    let wrong = json!({"email": email, "password": "hunter2 hunter2"});
    stage.post("/auth/login", &wrong).await.refused(401, "bad_credentials");
    stage.get("/me").by(&format!("{access}x")).await.refused(401, "unauthenticated");
    kept.push(("a wrong password", "hunter2".to_owned()));
    kept.push(("an access token", access.clone()));
    for set in [&login, &refreshed] {
        kept.push(("an access token", text(&set["access_token"])));
        kept.push(("a refresh token", text(&set["refresh_token"])));
    }

    let guest = stage.guest().await;
    kept.push(("a guest's token", guest.clone()));
    let queue = format!("/events/{}/queue", stage.event);
    let ticket = text(&stage.post(&queue, &json!({})).by(&guest).await.ok(201)["ticket"]);
    let (pass, _) = eventually("the turn", std::time::Duration::from_secs(10), async || {
        let entered =
            stage.call("POST", &format!("{queue}/enter")).by(&guest).header("queue-ticket", &ticket).await;
        if entered.status == 200 { Ok(text(&entered.json()["pass"])) } else { Err(entered.text()) }
    })
    .await;
    let stream = format!("{queue}/stream?ticket={ticket}x");
    stage.get(&stream).await.refused(403, "ticket_invalid");
    let seats = json!({"seat_ids": [1]});
    stage.holding(&guest, &seats).header("queue-pass", "forged").await.refused(403, "pass_invalid");
    let held = stage.holding(&guest, &seats).header("queue-pass", &pass).await.ok(201);
    // Nobody is at the other end: the buyer's card must not be told of either.
    let card = json!({"payment": {"method": "stripe", "payment_method": "pm_card_4242424242424242"},
        "buyer": {"name": "Kim Min-ji", "email": email}});
    let confirm = format!("/reservations/{}/confirm", text(&held["id"]));
    assert!(stage.post(&confirm, &card).by(&guest).await.status >= 400);
    kept.extend([
        ("a queue ticket", ticket),
        ("a pass", pass),
        ("a means of payment", "pm_card_4242424242424242".to_owned()),
    ]);
    kept
}

#[tokio::test]
async fn nothing_that_lets_somebody_in_is_logged() {
    let settings: Vec<(&str, &str)> = TALKATIVE.into_iter().chain(STRIPE).collect();
    let onsale = Onsale::on(Stores::Embedded, &settings);
    let stage = Stage::on(onsale, &json!({"waiting_room": {"mode": "on"}}), &grid(2, 3)).await;
    let kept = everything(&stage).await;

    // Another event without a waiting room: what is bought there is entered with.
    let (organizer, stranger) = (&stage.organizer, stage.guest().await);
    let show = stage.event(organizer, &json!({})).await;
    let performance = stage.performance(organizer, &show, &grid(1, 2)).await;
    let hold = format!("/performances/{performance}/reservations");
    let held = stage.post(&hold, &json!({"seat_ids": [1]})).by(&stranger).await.ok(201);
    let order = stage.confirming(&stranger, &held, "simulated").await.ok(201);
    let code = text(&order["tickets"][0]["code"]);
    stage.get(&format!("/tickets/{code}/qr.svg")).by(&stranger).await;
    let check_in = format!("/tickets/{code}/check-in");
    stage.post(&check_in, &json!({"performance_id": performance})).by(organizer).await.ok(200);
    stage
        .post(&check_in, &json!({"performance_id": performance}))
        .by(organizer)
        .await
        .refused(409, "already_used");
    let hooks = json!({"url": "https://hooks.invalid/", "events": ["order.paid"]});
    let hook = stage.post("/webhook-endpoints", &hooks).by(organizer).await.ok(201);

    let mut kept = kept;
    kept.push(("a ticket's code", code));
    kept.push(("a webhook's secret", text(&hook["secret"])));
    kept.push(("an organizer's token", organizer.clone()));
    let log = stage.whole_log();
    for line in ["\"TRACE\"", "charge without an answer", "let in", "a refresh token was used twice"] {
        assert!(log.contains(line), "{line} is not logged: {log}");
    }
    let told: Vec<_> = kept
        .iter()
        .flat_map(|(what, secret)| {
            assert!(secret.len() >= 6, "{what} is too short to be looked for");
            log.lines().filter(move |line| line.contains(secret.as_str())).map(move |line| (what, line))
        })
        .map(|(what, line)| format!("{what}: {}", line.chars().take(400).collect::<String>()))
        .collect();
    assert!(told.is_empty(), "{} lines tell\n{}", told.len(), told.join("\n"));
}
