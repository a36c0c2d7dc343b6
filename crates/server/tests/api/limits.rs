//! How often somebody may do something: by network address, by buyer, and by account where passwords are guessed.
//!
//! Invariant checked: a refusal says when to come again, and nobody is kept out by what others do.

use std::time::Duration;

use onsale_testkit::servers::Stores;
use serde_json::json;

use crate::{
    calls::{Answer, Api, Call},
    support::{Onsale, PASSWORD, Stage, WITH_LIMITS, grid},
};

/// Whoever asks is where `X-Forwarded-For` says.
const BEHIND_A_PROXY: [(&str, &str); 2] = [("ONSALE_TRUSTED_PROXIES", "127.0.0.1"), WITH_LIMITS];

fn from(call: Call, address: &str) -> Call {
    call.header("x-forwarded-for", address)
}

fn log_in(api: &Api, email: &str, password: &str, address: &str) -> Call {
    from(api.post("/auth/login", &json!({"email": email, "password": password})), address)
}

/// Checks what a refusal by a limit says beside its code.
#[track_caller]
fn says_when(answer: &Answer, limit: &str) {
    let refusal = answer.refused(429, "rate_limited");
    let seconds: u64 = answer.header("retry-after").parse().unwrap();
    assert!(seconds >= 1, "{refusal}");
    assert_eq!(seconds, refusal["retry_after_ms"].as_u64().unwrap().div_ceil(1_000), "{refusal}");
    assert_eq!(answer.header("ratelimit"), format!(r#""{limit}";r=0;t={seconds}"#));
    let policy =
        format!(r#""{limit}";q={};w={}"#, refusal["rate_limit"]["quota"], refusal["rate_limit"]["window_s"]);
    assert_eq!(answer.header("ratelimit-policy"), policy);
}

#[tokio::test]
async fn signing_up_is_limited_by_address() {
    let onsale = Onsale::with(&BEHIND_A_PROXY);
    let sign_up = |n: u32, address: &'static str| {
        // What is refused for its form costs nothing, and still counts.
        let body = json!({"email": format!("kim{n}"), "password": PASSWORD, "name": "Kim"});
        from(onsale.post("/auth/signup", &body), address)
    };
    let until_refused = async |address| {
        for n in 0..2_000 {
            let answer = sign_up(n, address).await;
            if answer.status == 429 {
                return (n, answer);
            }
            answer.refused(400, "validation");
        }
        panic!("no limit");
    };
    let (count, answer) = until_refused("198.51.100.7").await;
    assert!(count >= 300, "{count}");
    says_when(&answer, "signup");
    sign_up(0, "198.51.100.8").await.refused(400, "validation");
    // One subscriber has all addresses of their network.
    until_refused("2001:db8:1:2::1").await;
    assert_eq!(sign_up(0, "2001:db8:1:2:3::9").await.status, 429);
    assert_eq!(sign_up(0, "2001:db8:1:3::1").await.status, 400);
    let limited = onsale.at_root("GET", "/metrics").await.text();
    assert!(limited.contains(r#"onsale_rate_limited_total{limit="signup"} 3"#), "{limited}");
}

#[tokio::test]
async fn holding_is_limited_by_buyer() {
    let stage = Stage::on(Onsale::with(&[WITH_LIMITS]), &json!({}), &grid(2, 3)).await;
    let (greedy, other) = (stage.guest().await, stage.guest().await);
    let mut count = 0;
    let answer = loop {
        let answer = stage.holding_seats(&greedy, &[99]).await;
        if answer.status == 429 {
            break answer;
        }
        answer.refused(404, "seat_not_found");
        count += 1;
        assert!(count < 2_000, "no limit");
    };
    assert!(count >= 300, "{count}");
    says_when(&answer, "hold");
    stage.hold(&other, &[1]).await;
    let wait = Duration::from_millis(answer.refused(429, "rate_limited")["retry_after_ms"].as_u64().unwrap());
    tokio::time::sleep(wait).await;
    stage.hold(&greedy, &[2]).await;
}

#[tokio::test]
async fn who_guesses_at_a_password_is_slowed_and_the_owner_is_not() {
    let onsale = Onsale::with(&BEHIND_A_PROXY);
    let kim = "kim@example.com";
    onsale.sign_up(kim).await;
    log_in(&onsale, kim, PASSWORD, "203.0.113.1").await.ok(200);
    for _ in 0..10 {
        log_in(&onsale, kim, "not this one", "198.51.100.1").await.refused(401, "bad_credentials");
    }
    // Whether the next guess would be right is not looked at any more.
    let answer = log_in(&onsale, kim, PASSWORD, "198.51.100.1").await;
    says_when(&answer, "login");
    log_in(&onsale, "nobody@example.com", PASSWORD, "198.51.100.1").await.refused(401, "bad_credentials");
    log_in(&onsale, kim, PASSWORD, "203.0.113.9").await.ok(200);
    // A new address for each few guesses.
    for n in 2..=5 {
        for _ in 0..10 {
            let address = format!("198.51.100.{n}");
            log_in(&onsale, kim, "not this one", &address).await.refused(401, "bad_credentials");
        }
    }
    let stranger = log_in(&onsale, kim, PASSWORD, "198.51.100.6").await;
    says_when(&stranger, "login");
    // From where they have logged in before the owner goes on, and may also mistype.
    log_in(&onsale, kim, "slip of a finger", "203.0.113.9").await.refused(401, "bad_credentials");
    log_in(&onsale, kim, PASSWORD, "203.0.113.9").await.ok(200);
    // An address nobody has: told no more than of one that somebody has.
    for n in 1..=5 {
        for _ in 0..10 {
            let address = format!("198.51.101.{n}");
            log_in(&onsale, "ghost@example.com", "guess", &address).await.refused(401, "bad_credentials");
        }
    }
    says_when(&log_in(&onsale, "ghost@example.com", "guess", "198.51.101.6").await, "login");
}

#[tokio::test]
async fn a_wish_for_more_than_anybody_may_have_is_refused_at_once() {
    let stage = Stage::with(&json!({"max_seats_per_buyer": 2}), &grid(2, 3)).await;
    let buyer = stage.guest().await;
    for wish in [
        json!({"seat_ids": (1..=40_000).collect::<Vec<u32>>()}),
        json!({"area_id": 1, "quantity": 4_000_000_000_u32}),
        json!({"best_available": {"quantity": 3}}),
    ] {
        let refusal = stage.holding(&buyer, &wish).await.refused(409, "limit_exceeded");
        assert_eq!(refusal["limit"], 2);
    }
    assert_eq!(stage.counts().await, [6, 0, 0, 0, 0]);
}

#[tokio::test]
async fn two_processes_go_by_one_share() {
    let Some(stores) = Stores::cluster() else { return };
    let settings = stores.settings();
    let settings: Vec<(&str, &str)> =
        settings.iter().map(|(name, value)| (*name, value.as_str())).chain(BEHIND_A_PROXY).collect();
    let one = Onsale::on(stores, &BEHIND_A_PROXY);
    let other = Onsale::on(Stores::Embedded, &settings);
    let guest = |api: &Api| from(api.call("POST", "/auth/guest"), "198.51.100.7");
    let given_by = async |api: &Api| {
        let mut given = 0;
        while guest(api).await.status == 201 {
            given += 1;
            assert!(given < 20_000, "no limit");
        }
        given
    };
    let (first, second) = (given_by(&one).await, given_by(&other).await);
    assert!(first >= 2_000, "{first}");
    // The other asks once a quarter of a share is used there, a few times a second. Alone it would give as much again.
    assert!((400..1_800).contains(&second), "{second}");
    assert_eq!(from(other.call("POST", "/auth/guest"), "198.51.100.8").await.status, 201);
}
