//! Accounts: sign up, log in, refresh, log out, guests, wallets, roles, and who a gateway vouches for.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Onsale, PASSWORD, has, text, won};

const KIM: &str = "kim@example.com";

fn refresh(token: &Value) -> Value {
    json!({"refresh_token": token})
}

#[tokio::test]
async fn somebody_signs_up_logs_in_and_is_known() {
    let onsale = Onsale::start();
    let body = json!({"email": " Kim@Example.com ", "password": "8 chars.", "name": "Kim Min-ji"});
    let account = onsale.post("/auth/signup", &body).await.ok(201);
    assert_eq!((&account["email"], &account["name"]), (&json!(KIM), &json!("Kim Min-ji")));
    let body = json!({"email": "KIM@example.com", "password": "8 chars."});
    let tokens = onsale.post("/auth/login", &body).await.ok(200);
    assert_eq!(tokens["token_type"], "Bearer");
    assert!(tokens["expires_in"].as_u64().unwrap() > 0 && tokens["refresh_token"].is_string());
    let me = onsale.get("/me").by(&text(&tokens["access_token"])).await.ok(200);
    assert_eq!(
        me,
        json!({"account_id": account["account_id"], "kind": "account", "email": KIM, "name": "Kim Min-ji",
            "roles": ["buyer"]})
    );
}

#[tokio::test]
async fn an_address_signs_up_once_and_passwords_have_eight_characters() {
    let onsale = Onsale::start();
    onsale.sign_up(KIM).await;
    let again = json!({"email": "KIM@example.com", "password": PASSWORD, "name": "Kim"});
    onsale.post("/auth/signup", &again).await.refused(409, "email_taken");
    let short = json!({"email": "lee@example.com", "password": "7 chars", "name": "Lee"});
    onsale.post("/auth/signup", &short).await.refused(400, "validation");
}

#[tokio::test]
async fn a_failed_login_does_not_tell_whether_there_is_an_account() {
    let onsale = Onsale::start();
    onsale.sign_up(KIM).await;
    let mut said = Vec::new();
    let mut least = Vec::new();
    for email in [KIM, "nobody@example.com"] {
        let body = json!({"email": email, "password": "not the password"});
        let mut times = Vec::new();
        for _ in 0..7 {
            let begun = Instant::now();
            let mut problem = onsale.post("/auth/login", &body).await.refused(401, "bad_credentials");
            times.push(begun.elapsed());
            problem["request_id"].take();
            said.push(problem);
        }
        // The least of several: a busy machine makes calls slower, never faster.
        least.push(times.into_iter().min().unwrap_or(Duration::MAX));
    }
    assert!(said.iter().all(|problem| *problem == said[0]), "{said:?}");
    let (known, unknown) = (least[0], least[1]);
    assert!(unknown < known * 3 && known < unknown * 3, "{known:?} for a known address, else {unknown:?}");
}

#[tokio::test]
async fn refresh_tokens_rotate_and_one_used_twice_ends_the_login() {
    let onsale = Onsale::start();
    onsale.sign_up(KIM).await;
    let first = onsale.log_in(KIM).await;
    let elsewhere = onsale.log_in(KIM).await;
    let second = onsale.post("/auth/refresh", &refresh(&first["refresh_token"])).await.ok(200);
    has(&second, &["access_token", "token_type", "expires_in", "refresh_token"]);
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    onsale.get("/me").by(&text(&second["access_token"])).await.ok(200);
    onsale.post("/auth/refresh", &refresh(&first["refresh_token"])).await.refused(401, "unauthenticated");
    onsale.post("/auth/refresh", &refresh(&second["refresh_token"])).await.refused(401, "unauthenticated");
    onsale.post("/auth/refresh", &refresh(&elsewhere["refresh_token"])).await.ok(200);
}

#[tokio::test]
async fn of_two_refreshes_at_once_at_most_one_succeeds() {
    let onsale = Onsale::start();
    onsale.sign_up(KIM).await;
    for _ in 0..10 {
        let token = refresh(&onsale.log_in(KIM).await["refresh_token"]);
        let call = || onsale.post("/auth/refresh", &token).into_future();
        let (one, other) = tokio::join!(call(), call());
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401]);
    }
}

#[tokio::test]
async fn logging_out_ends_this_login_only() {
    let onsale = Onsale::start();
    onsale.sign_up(KIM).await;
    let (here, elsewhere) = (onsale.log_in(KIM).await, onsale.log_in(KIM).await);
    onsale.call("POST", "/auth/logout").by(&text(&here["access_token"])).await.empty(204);
    onsale.call("POST", "/auth/logout").by(&text(&here["access_token"])).await.empty(204);
    onsale.post("/auth/refresh", &refresh(&here["refresh_token"])).await.refused(401, "unauthenticated");
    onsale.post("/auth/refresh", &refresh(&elsewhere["refresh_token"])).await.ok(200);
}

#[tokio::test]
async fn every_guest_is_somebody_else() {
    let onsale = Onsale::start();
    let guest = onsale.post("/auth/guest", &json!({})).await.ok(201);
    assert_eq!((&guest["token_type"], &guest["refresh_token"]), (&json!("Bearer"), &Value::Null));
    assert!(guest["expires_in"].as_u64().unwrap() >= 3_600);
    let me = onsale.get("/me").by(&text(&guest["access_token"])).await.ok(200);
    assert_eq!(
        me,
        json!({"account_id": me["account_id"], "kind": "guest", "email": null, "name": null, "roles": ["buyer"]})
    );
    let other = onsale.guest().await;
    assert_ne!(onsale.get("/me").by(&other).await.ok(200)["account_id"], me["account_id"]);
}

#[tokio::test]
async fn a_wallet_is_topped_up_once_a_key() {
    let onsale = Onsale::start();
    let kim = onsale.sign_up(KIM).await;
    let balance = async || onsale.get("/me/wallet").by(&kim).await.ok(200);
    assert_eq!(balance().await, json!({"balance": won(0)}));
    let top_up = |amount: i64| onsale.post("/me/wallet/top-ups", &json!({"amount": won(amount)})).by(&kim);
    assert_eq!(top_up(5_000).await.ok(201), json!({"balance": won(5_000)}));
    assert_eq!(top_up(700).key("once").await.ok(201), json!({"balance": won(5_700)}));
    assert_eq!(top_up(700).key("once").await.ok(201), json!({"balance": won(5_700)}));
    top_up(800).key("once").await.refused(422, "idempotency_mismatch");
    assert_eq!(balance().await, json!({"balance": won(5_700)}));
    let lee = onsale.sign_up("lee@example.com").await;
    let body = json!({"amount": won(700)});
    let other = onsale.post("/me/wallet/top-ups", &body).by(&lee).key("once").await.ok(201);
    assert_eq!(other, json!({"balance": won(700)}), "keys are each buyer's own");
}

#[tokio::test]
async fn many_top_ups_under_one_key_at_once_are_one() {
    let onsale = Onsale::start();
    let kim = onsale.sign_up(KIM).await;
    let body = json!({"amount": won(100)});
    let calls = (0..20).map(|_| onsale.post("/me/wallet/top-ups", &body).by(&kim).key("once").into_future());
    let answers = futures_util::future::join_all(calls).await;
    for answer in &answers {
        match answer.status {
            201 => assert_eq!(answer.json(), json!({"balance": won(100)})),
            _ => drop(answer.refused(409, "in_flight")),
        }
    }
    assert!(answers.iter().any(|answer| answer.status == 201));
    assert_eq!(onsale.get("/me/wallet").by(&kim).await.ok(200), json!({"balance": won(100)}));
}

#[tokio::test]
async fn guests_have_no_wallet_to_fill_and_wallets_are_in_won() {
    let onsale = Onsale::start();
    let body = json!({"amount": won(700)});
    let guest = onsale.guest().await;
    onsale.post("/me/wallet/top-ups", &body).by(&guest).await.refused(403, "forbidden");
    let kim = onsale.sign_up(KIM).await;
    for amount in [json!({"amount": 1, "currency": "USD"}), won(0), won(-1), won(10_000_000_001)] {
        let body = json!({"amount": amount});
        onsale.post("/me/wallet/top-ups", &body).by(&kim).await.refused(400, "validation");
    }
}

#[tokio::test]
async fn roles_come_from_the_command_line_and_each_includes_the_lower() {
    let onsale = Onsale::start();
    let title = json!({"title": "A play"});
    let kim = onsale.sign_up(KIM).await;
    onsale.post("/events", &title).by(&kim).await.refused(403, "forbidden");
    let cheat = json!({"email": "x@example.com", "password": PASSWORD, "name": "X", "role": "admin",
        "roles": ["admin"]});
    onsale.post("/auth/signup", &cheat).await.ok(201);
    let cheat = text(&onsale.log_in("x@example.com").await["access_token"]);
    assert_eq!(onsale.get("/me").by(&cheat).await.ok(200)["roles"], json!(["buyer"]));
    let given = onsale.command(&["account", "role", "--email", KIM, "--role", "organizer"], "");
    assert_eq!(given[0]["role"], "organizer");
    let kim = text(&onsale.log_in(KIM).await["access_token"]);
    assert_eq!(onsale.get("/me").by(&kim).await.ok(200)["roles"], json!(["buyer", "organizer"]));
    let event = text(&onsale.post("/events", &title).by(&kim).await.ok(201)["id"]);
    let path = format!("/events/{event}");
    let lee = onsale.account("lee@example.com", "organizer").await;
    onsale.patch(&path, &title).by(&lee).await.refused(403, "forbidden");
    let admin = onsale.account("admin@example.com", "admin").await;
    assert_eq!(onsale.get("/me").by(&admin).await.ok(200)["roles"], json!(["buyer", "organizer", "admin"]));
    onsale.patch(&path, &title).by(&admin).await.ok(200);
}

#[tokio::test]
async fn a_trusted_gateway_names_the_buyer() {
    let onsale = Onsale::with(&[
        ("ONSALE_TRUSTED_PROXIES", "10.0.0.0/8,127.0.0.1"),
        ("ONSALE_IDENTITY_HEADER", "X-User"),
    ]);
    let me = async |name: &str| onsale.get("/me").header("x-user", name).await.ok(200);
    let kim = me("kim").await;
    assert_eq!((&kim["kind"], &kim["roles"]), (&json!("account"), &json!(["buyer"])));
    assert_eq!(me("kim").await["account_id"], kim["account_id"]);
    assert_ne!(me("lee").await["account_id"], kim["account_id"]);
    onsale.get("/me").await.refused(401, "unauthenticated");
    onsale.get("/me").header("x-user", "").await.refused(401, "unauthenticated");
    // Whoever shows a token is who the token says, and a bad one is not made good by a header.
    let guest = onsale.guest().await;
    assert_eq!(onsale.get("/me").by(&guest).header("x-user", "kim").await.ok(200)["kind"], "guest");
    onsale.get("/me").by("nonsense").header("x-user", "kim").await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn nobody_else_names_the_buyer() {
    let settings: [&[(&str, &str)]; 3] = [
        &[],
        &[("ONSALE_IDENTITY_HEADER", "x-user")],
        &[("ONSALE_IDENTITY_HEADER", "x-user"), ("ONSALE_TRUSTED_PROXIES", "10.0.0.0/8,::1")],
    ];
    for settings in settings {
        let onsale = Onsale::with(settings);
        let call = onsale.get("/me").header("x-user", "kim").header("x-forwarded-for", "10.0.0.1");
        call.await.refused(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_page_of_another_site_does_not_act_for_whom_a_gateway_vouches() {
    let allowed = [
        ("ONSALE_IDENTITY_HEADER", "x-user"),
        ("ONSALE_TRUSTED_PROXIES", "127.0.0.1"),
        ("ONSALE_CORS__ALLOWED_ORIGINS", "https://shop.example.com"),
    ];
    let onsale = Onsale::with(&allowed);
    let top_up = |origin: &str| {
        // Without a type, as a form or a script of another site may send it without being asked about.
        let call = onsale.call("POST", "/me/wallet/top-ups").header("x-user", "kim").header("origin", origin);
        call.untyped(json!({"amount": won(100)}).to_string())
    };
    for elsewhere in ["https://evil.example.com", "null", "http://shop.example.com", "https://127.0.0.1"] {
        top_up(elsewhere).await.refused(403, "forbidden");
    }
    let balance =
        onsale.get("/me/wallet").header("x-user", "kim").header("origin", "https://evil.example.com");
    assert_eq!(balance.await.ok(200)["balance"]["amount"], 0);
    top_up(&format!("https://{}", onsale.address())).await.ok(201);
    top_up("https://shop.example.com").await.ok(201);
    // A token is not sent along by itself, so whoever has it may use it from anywhere.
    let park = onsale.sign_up("park@example.com").await;
    let wallet = onsale.post("/me/wallet/top-ups", &json!({"amount": won(100)}));
    wallet.by(&park).header("origin", "https://evil.example.com").await.ok(201);
    let two = onsale.get("/me").header("x-user", "kim").another_header("x-user", "park");
    two.await.refused(401, "unauthenticated");
}
