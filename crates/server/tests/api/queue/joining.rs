//! What joining asks for where the event or the operator wants it so: one place an address, some work, not too often.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Queue, staged, staged_on};
use crate::support::{Onsale, WITH_LIMITS, text};

#[tokio::test]
async fn one_place_an_address_where_the_event_says_so() {
    let proxied = Onsale::with(&[("ONSALE_TRUSTED_PROXIES", "127.0.0.1")]);
    let (stage, queue) = staged_on(proxied, &json!({"one_place_per": "address"}), 1, 4).await;
    let guests = stage.guests(4);
    let from = |guest: &str, address: &str| queue.joining(guest).header("x-forwarded-for", address);
    let place = from(&guests[0], "192.0.2.1").await.ok(201);
    from(&guests[1], "192.0.2.1").await.refused(409, "duplicate");
    from(&guests[1], "192.0.2.2").await.ok(201);
    assert_eq!(from(&guests[0], "192.0.2.1").await.ok(200)["position"], place["position"]);
    from(&guests[2], "2001:db8:1:2::1").await.ok(201);
    from(&guests[3], "2001:db8:1:2:ffff::9").await.refused(409, "duplicate");
    from(&guests[3], "2001:db8:1:3::1").await.ok(201);
    // The place has ended, and with it what it kept from others.
    queue.leaving(&text(&place["ticket"])).await.empty(204);
    let late = stage.guest().await;
    from(&late, "192.0.2.1").await.ok(201);
    from(&guests[0], "192.0.2.1").await.refused(409, "duplicate");
}

/// SHA-256("onsale work v1" ‖ challenge ‖ number, big-endian) has to begin with so many zero bits.
fn solved(refusal: &Value) -> String {
    let challenge = hex::decode(text(&refusal["challenge"])).unwrap();
    let bits = u32::try_from(refusal["bits"].as_u64().unwrap()).unwrap();
    let work = Sha256::new().chain_update(b"onsale work v1").chain_update(challenge);
    let number = (0_u64..1 << 32).find(|number| {
        let hash = work.clone().chain_update(number.to_be_bytes()).finalize();
        u64::from_be_bytes(hash[..8].try_into().unwrap()).leading_zeros() >= bits
    });
    format!("{:016x}", number.unwrap())
}

#[tokio::test]
async fn work_is_asked_for_where_the_event_says_so() {
    let (stage, queue) = staged(&json!({"proof_of_work_bits": 12}), 1, 4).await;
    let (guest, other) = (stage.guest().await, stage.guest().await);
    let with = |guest: &str, proof: &Value| stage.post(&queue.path(""), &json!({"proof": proof})).by(guest);
    let refusal = queue.joining(&guest).await.refused(428, "work_required");
    assert_eq!((&refusal["bits"], text(&refusal["challenge"]).len()), (&json!(12), 96), "{refusal}");
    let proof = solved(&refusal);
    let shorter = json!(proof.trim_start_matches('0'));
    for bad in [json!(""), json!("nonsense"), shorter, json!(format!("+{}", &proof[1..])), Value::Null] {
        with(&guest, &bad).await.refused(428, "work_required");
    }
    assert_eq!(with(&guest, &json!(proof)).await.ok(201)["position"], 1);
    // What was done for one is nothing for another, but for one time in 4,096: then it is done anew for the next.
    let mut lucky = 0;
    for buyer in stage.guests(3) {
        lucky += usize::from(with(&buyer, &json!(proof)).await.refusal(428, "work_required").is_err());
    }
    assert!(lucky < 3, "work counts for anybody");
    let own = solved(&queue.joining(&other).await.refused(428, "work_required"));
    with(&other, &json!(own)).await.ok(201);
}

/// Joins until it is refused, at most so often; gives how often it was not.
async fn joins(queue: &Queue, guest: &str, most: usize) -> usize {
    for count in 0..most {
        let answer = queue.joining(guest).await;
        if answer.status != 200 && answer.status != 201 {
            let refusal = answer.refused(429, "rate_limited");
            let seconds: u64 = answer.header("retry-after").parse().unwrap();
            assert!((1..=2).contains(&seconds), "{refusal}");
            return count;
        }
    }
    most
}

#[tokio::test]
async fn joins_are_limited_by_address_and_nothing_else_is() {
    let proxied = Onsale::with(&[("ONSALE_TRUSTED_PROXIES", "127.0.0.1"), WITH_LIMITS]);
    let (stage, queue) = staged_on(proxied, &json!({}), 1, 4).await;
    let (guest, other) = (stage.guest().await, stage.guest().await);
    let ticket = queue.ticket(&guest).await;
    let count = joins(&queue, &guest, 2_000).await;
    assert!((299..2_000).contains(&count), "{count}");
    queue.joining(&other).await.refused(429, "rate_limited");
    queue.joining(&other).header("x-forwarded-for", "192.0.2.7").await.ok(201);
    // Who has a place is not kept from it.
    queue.enter(&guest, &ticket).await;
}

#[tokio::test]
async fn without_limits_joins_are_not_limited() {
    let unlimited = Onsale::start();
    let (stage, queue) = staged_on(unlimited, &json!({}), 1, 4).await;
    let guest = stage.guest().await;
    assert_eq!(joins(&queue, &guest, 600).await, 600);
}
