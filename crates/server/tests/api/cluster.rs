//! Two processes on one Redis and one PostgreSQL: as one to the world, and each able to go on alone.
//!
//! Invariant checked: whichever process somebody asks, there is one stock; what fails is said in time, as 503, and
//! nothing that was accepted is missing afterwards.

mod draining;
mod faults;
mod leases;
mod load;

use std::time::{Duration, Instant};

use onsale_testkit::servers::Stores;
use serde_json::{Value, json};

use crate::{
    calls::{Answer, Api},
    live::{connect, news},
    races::at_once,
    support::{Onsale, Stage, grid, seat_ids, text},
};

/// No answer takes longer, whatever Redis does: the store's own limit, and what a busy machine adds.
const ANSWERS_WITHIN: Duration = Duration::from_secs(4);

/// How long it may take until all is well again.
const RECOVERS_WITHIN: Duration = Duration::from_secs(20);

/// Two processes; `None` where their stores are not on this machine.
struct Pair {
    stage: Stage,
    other: Onsale,
    other_lives: bool,
}

/// So that a database that does not answer is given up on as soon as Redis is.
const LIMITS: [(&str, &str); 2] =
    [("ONSALE_DATABASE__ACQUIRE_TIMEOUT_MS", "500"), ("ONSALE_DATABASE__STATEMENT_TIMEOUT_MS", "1000")];

impl Pair {
    async fn selling(rows: u32, columns: u32) -> Option<Self> {
        Self::with(&json!({}), rows, columns).await
    }

    /// Under these settings of the event.
    async fn with(event: &Value, rows: u32, columns: u32) -> Option<Self> {
        let stores = Stores::cluster()?;
        let settings = stores.settings();
        let mut settings: Vec<(&str, &str)> =
            settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        settings.extend(LIMITS);
        let one = Onsale::on(stores, &LIMITS);
        let other = Onsale::on(Stores::Embedded, &settings);
        Some(Self { stage: Stage::on(one, event, &grid(rows, columns)).await, other, other_lives: true })
    }

    fn both(&self) -> [&Api; 2] {
        [&self.stage, &self.other]
    }

    /// `kill -9` of the first process or the other; what is left is the first from then on.
    fn lose(&mut self, first: bool) {
        if first {
            let first = &mut self.stage.onsale;
            std::mem::swap(first, &mut self.other);
            std::mem::swap(&mut first.stores, &mut self.other.stores);
        }
        self.other.take_process().kill().unwrap();
        self.other_lives = false;
    }

    /// Those that have not been killed.
    fn living(&self) -> Vec<&Api> {
        self.both().into_iter().take(if self.other_lives { 2 } else { 1 }).collect()
    }

    fn holding(&self, api: &Api, buyer: &str, seat: u32) -> crate::calls::Call {
        api.post(&self.stage.path("/reservations"), &json!({"seat_ids": [seat]})).by(buyer)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_seat_and_500_buyers_at_two_processes() {
    let Some(pair) = Pair::selling(10, 10).await else { return };
    let guests = pair.stage.guests(500);
    let calls = guests.iter().map(|guest| pair.stage.holding_seats(guest, &[42])).collect();
    let answers = at_once(&pair.both(), calls).await;
    let (held, refused): (Vec<&Answer>, Vec<&Answer>) =
        answers.iter().partition(|answer| answer.status == 201);
    assert_eq!((held.len(), refused.len()), (1, 499));
    for answer in refused {
        answer.refused(409, "seat_taken");
    }
    assert_eq!(pair.stage.counts().await, [99, 1, 0, 0, 0]);
}

/// Held here, paid there, and seen by viewers of both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_may_change_processes_and_viewers_of_both_see_it() {
    const ROUNDS: u32 = 20;
    let Some(pair) = Pair::selling(5, 10).await else { return };
    let mut viewers = Vec::new();
    for api in pair.both() {
        let mut viewer = connect(api, &pair.stage.path("/live")).await.unwrap();
        assert_eq!(news(&mut viewer).await["type"], "snapshot");
        viewers.push(viewer);
    }
    let mut seen_after = Vec::new();
    for seat in 1..=ROUNDS {
        let guest = pair.stage.guest().await;
        let asked = Instant::now();
        let held = pair.holding(&pair.stage, &guest, seat).await.ok(201);
        for viewer in &mut viewers {
            assert_eq!(news(viewer).await["held"], json!([seat]));
            seen_after.push(asked.elapsed());
        }
        let confirm = format!("/reservations/{}/confirm", text(&held["id"]));
        let asked = Instant::now();
        let order = pair.other.post(&confirm, &crate::support::payment("simulated")).by(&guest).await.ok(201);
        assert_eq!((&order["status"], seat_ids(&order)), (&json!("paid"), vec![seat]));
        for viewer in &mut viewers {
            // Being paid for looks like being held.
            assert_eq!(news(viewer).await["sold"], json!([seat]));
            seen_after.push(asked.elapsed());
        }
    }
    seen_after.sort();
    let (median, last) = (seen_after[seen_after.len() / 2], seen_after[seen_after.len() - 1]);
    println!("seen by viewers of both processes: median {median:?}, last {last:?}");
    assert!(median < Duration::from_millis(250), "{median:?}");
    assert!(last < Duration::from_secs(5), "{last:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_dies_under_load_and_the_other_has_everything() {
    const SEATS: u32 = 200;
    let Some(mut pair) = Pair::selling(10, 20).await else { return };
    let guests = pair.stage.guests(SEATS as usize);
    let mut buyers = tokio::task::JoinSet::new();
    for (half, api) in pair.both().into_iter().enumerate() {
        let (api, path, guests) = (api.clone(), pair.stage.path("/reservations"), guests.clone());
        buyers.spawn(async move {
            let mut held = Vec::new();
            for seat in (1..=SEATS).skip(half).step_by(2) {
                let guest = &guests[seat as usize - 1];
                let Ok(answer) = api.post(&path, &json!({"seat_ids": [seat]})).by(guest).attempt().await
                else {
                    // Dead: whether this one was held nobody was told.
                    break;
                };
                held.push((guest.clone(), answer.ok(201)));
            }
            held
        });
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    pair.other.take_process().kill().unwrap();
    let held = buyers.join_all().await;
    assert!(held.iter().any(|half| half.len() == SEATS as usize / 2), "the other one goes on");
    let told: Vec<_> = held.into_iter().flatten().collect();
    for (guest, reservation) in &told {
        assert_eq!(pair.stage.reservation(guest, reservation).await["status"], "held");
    }
    let [available, held, ..] = pair.stage.counts().await;
    // At most the one that was under way when it died.
    assert!((told.len() as u64..=told.len() as u64 + 1).contains(&held), "{held} of {}", told.len());
    assert_eq!(available + held, u64::from(SEATS));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_was_emptied_is_filled_from_the_ledger_under_a_new_epoch() {
    let Some(mut pair) = Pair::selling(2, 10).await else { return };
    let guest = pair.stage.guest().await;
    let order = pair.stage.buy(&guest, &[1, 2]).await;
    let held = pair.stage.hold(&guest, &[3]).await;
    // What the ledger does not have yet is lost with Redis; this it has.
    let recorded = Instant::now();
    while pair.stage.get("/me/reservations").by(&guest).await.ok(200)["items"].as_array().unwrap().len() < 2 {
        assert!(recorded.elapsed() < RECOVERS_WITHIN);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut viewer = connect(&pair.other, &pair.stage.path("/live")).await.unwrap();
    let before = news(&mut viewer).await;
    pair.stage.onsale.stores.redis().unwrap().ask(&["FLUSHALL"]).unwrap();
    let late = pair.stage.guest().await;
    pair.holding(&pair.other, &late, 2).await.refused(409, "seat_taken");
    pair.holding(&pair.stage, &late, 3).await.refused(409, "seat_taken");
    assert_eq!(pair.stage.counts().await, [17, 1, 0, 2, 0]);
    assert_eq!(pair.stage.reservation(&guest, &held).await["status"], "held");
    let found = pair.other.get(&format!("/orders/{}", text(&order["id"]))).by(&guest).await.ok(200);
    assert_eq!(found["status"], "paid");
    let after = news(&mut viewer).await;
    assert_eq!((&after["type"], &after["states"]), (&json!("snapshot"), &before["states"]));
    assert_ne!(
        text(&after["position"]).split_once(':').unwrap().0,
        text(&before["position"]).split_once(':').unwrap().0
    );
    pair.holding(&pair.other, &late, 4).await.ok(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_away_is_said_to_be_and_comes_back_by_itself() {
    let Some(mut pair) = Pair::selling(2, 10).await else { return };
    let guest = pair.stage.guest().await;
    let held = pair.stage.hold(&guest, &[1]).await;
    for away in ["killed", "frozen"] {
        let redis = pair.stage.onsale.stores.redis().unwrap();
        if away == "killed" {
            redis.kill().unwrap();
        } else {
            redis.freeze().unwrap();
        }
        for api in pair.both() {
            for seat in [1, 2] {
                let asked = Instant::now();
                let answer = pair.holding(api, &guest, seat).await;
                answer.refused(503, "unavailable");
                assert!(!answer.header("retry-after").is_empty());
                assert!(asked.elapsed() < ANSWERS_WITHIN, "{away}: {:?}", asked.elapsed());
            }
        }
        let redis = pair.stage.onsale.stores.redis().unwrap();
        if away == "killed" {
            redis.start_again().unwrap();
        } else {
            redis.thaw().unwrap();
        }
        let back = Instant::now();
        while pair.stage.get(&pair.stage.path("/availability")).await.status != 200
            || pair.other.get(&pair.stage.path("/availability")).await.status != 200
        {
            assert!(back.elapsed() < RECOVERS_WITHIN, "{away}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(pair.stage.reservation(&guest, &held).await["status"], "held");
    }
    pair.holding(&pair.other, &pair.stage.guest().await, 1).await.refused(409, "seat_taken");
}
