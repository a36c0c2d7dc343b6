//! The lease from hold to sale, each step at another process than the one before.
//!
//! Invariant checked: what one process gave back the other sells, and what one decided the other does not undo.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Pair, RECOVERS_WITHIN};
use crate::{
    calls::{Answer, Api},
    support::{payment, seat_ids, text},
};

async fn confirm(api: &Api, buyer: &str, reservation: &Value, method: &str) -> Answer {
    let path = format!("/reservations/{}/confirm", text(&reservation["id"]));
    api.post(&path, &payment(method)).by(buyer).await
}

async fn cancel(api: &Api, buyer: &str, reservation: &Value) -> Answer {
    api.delete(&format!("/reservations/{}", text(&reservation["id"]))).by(buyer).await
}

async fn status(api: &Api, buyer: &str, reservation: &Value) -> String {
    let path = format!("/reservations/{}", text(&reservation["id"]));
    text(&api.get(&path).by(buyer).await.ok(200)["status"])
}

/// Waits until the ledger has as many reservations.
async fn recorded(pair: &mut Pair, rows: usize) {
    let begun = Instant::now();
    let postgres = pair.stage.onsale.stores.postgres().unwrap();
    while postgres.sql("SELECT count(*) FROM reservations").unwrap() != rows.to_string() {
        assert!(begun.elapsed() < RECOVERS_WITHIN, "the drain is behind");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seat_that_was_cancelled_at_one_process_sells_at_the_other() {
    let Some(pair) = Pair::selling(1, 2).await else { return };
    let (kim, lee) = (pair.stage.guest().await, pair.stage.guest().await);
    let held = pair.holding(&pair.stage, &kim, 1).await.ok(201);
    pair.holding(&pair.other, &lee, 1).await.refused(409, "seat_taken");
    cancel(&pair.other, &kim, &held).await.empty(204);
    let second = pair.holding(&pair.stage, &lee, 1).await.ok(201);
    // Late steps of the first change nothing.
    cancel(&pair.stage, &kim, &held).await.empty(204);
    confirm(&pair.other, &kim, &held, "simulated").await.refused(410, "hold_expired");
    let order = confirm(&pair.other, &lee, &second, "simulated").await.ok(201);
    assert_eq!(seat_ids(&order), [1]);
    assert_eq!(pair.stage.counts().await, [1, 0, 0, 1, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seat_whose_hold_lapsed_sells_at_either_process() {
    let Some(pair) = Pair::with(&json!({"hold_ttl_s": 10}), 1, 2).await else { return };
    let (kim, lee) = (pair.stage.guest().await, pair.stage.guest().await);
    let mut held = Vec::new();
    for (api, seat) in pair.both().into_iter().zip([1, 2]) {
        held.push(pair.holding(api, &kim, seat).await.ok(201));
    }
    let begun = Instant::now();
    for (reservation, api) in held.iter().zip([&pair.other, &*pair.stage]) {
        while status(api, &kim, reservation).await == "held" {
            assert!(begun.elapsed() < RECOVERS_WITHIN, "still held");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(status(api, &kim, reservation).await, "expired");
    }
    for (seat, api) in [1, 2].into_iter().zip([&pair.other, &*pair.stage]) {
        let reservation = pair.holding(api, &lee, seat).await.ok(201);
        confirm(api, &lee, &reservation, "simulated").await.ok(201);
    }
    for reservation in &held {
        confirm(&pair.stage, &kim, reservation, "simulated").await.refused(410, "hold_expired");
    }
    assert_eq!(pair.stage.counts().await, [0, 0, 0, 2, 0]);
}

/// A lock keeps the drain from writing a single row, and says so: what the purchase needs, it finds without it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_is_paid_for_although_the_drain_has_not_run() {
    let Some(mut pair) = Pair::selling(1, 2).await else { return };
    let guest = pair.stage.guest().await;
    let postgres = pair.stage.onsale.stores.postgres().unwrap();
    let locked = "SELECT count(*) FROM pg_locks WHERE mode = 'ExclusiveLock' AND granted \
                  AND relation = 'reservations'::regclass";
    let lock =
        postgres.session("BEGIN; LOCK TABLE reservations IN EXCLUSIVE MODE; SELECT pg_sleep(60)").unwrap();
    let begun = Instant::now();
    while postgres.sql(locked).unwrap() != "1" {
        assert!(begun.elapsed() < RECOVERS_WITHIN, "no lock");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let held = pair.holding(&pair.stage, &guest, 1).await.ok(201);
    let order = confirm(&pair.other, &guest, &held, "simulated").await.ok(201);
    assert_eq!((&order["status"], seat_ids(&order)), (&json!("paid"), vec![1]));
    assert_eq!(status(&pair.stage, &guest, &held).await, "confirmed");
    assert_eq!(pair.stage.counts().await, [1, 0, 0, 1, 0]);
    let postgres = pair.stage.onsale.stores.postgres().unwrap();
    assert_eq!(postgres.sql("SELECT count(*) FROM reservations").unwrap(), "0", "the drain has not run");
    drop(lock);
    recorded(&mut pair, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_confirm_here_and_a_cancel_there_exactly_one_succeeds() {
    const ROUNDS: u32 = 30;
    let event = json!({"max_seats_per_buyer": 50});
    let Some(pair) = Pair::with(&event, 1, ROUNDS).await else { return };
    let guest = pair.stage.guest().await;
    let mut paid = 0;
    for seat in 1..=ROUNDS {
        let held = pair.holding(&pair.stage, &guest, seat).await.ok(201);
        let [first, other] = pair.both();
        let (here, there) = if seat % 2 == 0 { (first, other) } else { (other, first) };
        // A confirm looks into the database before it is at the stock; so the cancel comes a little later, or later.
        let after = Duration::from_millis(u64::from(seat % 6) * 3);
        let late = async {
            tokio::time::sleep(after).await;
            cancel(there, &guest, &held).await
        };
        let (confirmed, cancelled) = tokio::join!(confirm(here, &guest, &held, "simulated"), late);
        let now = status(there, &guest, &held).await;
        match (confirmed.status, cancelled.status) {
            (201, 409) => {
                let code = text(&cancelled.json()["code"]);
                assert!(["already_confirmed", "payment_under_way"].contains(&code.as_str()), "{cancelled:?}");
                assert_eq!(now, "confirmed");
                paid += 1;
            }
            (410, 204) => {
                confirmed.refused(410, "hold_expired");
                assert_eq!(now, "cancelled");
            }
            _ => panic!("{confirmed:?} {cancelled:?}"),
        }
    }
    println!("{paid} of {ROUNDS} were paid for");
    assert_eq!(pair.stage.counts().await, [u64::from(ROUNDS) - paid, 0, 0, paid, 0]);
}

/// Somebody's account is gone from the ledger: their hold ends like any other, is written down without being in the
/// drain's way, and nobody can hold anything in their name with what they could have in hand.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_buyer_that_no_longer_exists_holds_nothing() {
    let Some(mut pair) = Pair::with(&json!({"hold_ttl_s": 10}), 1, 2).await else { return };
    let lee = pair.stage.guest().await;
    let kim = pair.stage.sign_up("kim@example.com").await;
    let login = pair.stage.log_in("kim@example.com").await;
    let held = pair.holding(&pair.stage, &kim, 1).await.ok(201);
    let postgres = pair.stage.onsale.stores.postgres().unwrap();
    let gone = "DELETE FROM logins WHERE account_id IN (SELECT id FROM accounts WHERE email = 'kim@example.com'); \
                DELETE FROM accounts WHERE email = 'kim@example.com'";
    postgres.sql(gone).unwrap();
    let refresh = json!({"refresh_token": login["refresh_token"]});
    pair.other.post("/auth/refresh", &refresh).await.refused(401, "unauthenticated");
    let begun = Instant::now();
    while pair.stage.state_of(1).await == "held" {
        assert!(begun.elapsed() < RECOVERS_WITHIN, "still held");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    confirm(&pair.other, &kim, &held, "simulated").await.refused(410, "hold_expired");
    let second = pair.holding(&pair.other, &lee, 1).await.ok(201);
    confirm(&pair.stage, &lee, &second, "simulated").await.ok(201);
    recorded(&mut pair, 2).await;
    assert_eq!(pair.stage.counts().await, [1, 0, 0, 1, 0]);
}
