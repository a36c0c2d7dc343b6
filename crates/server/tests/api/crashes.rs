//! `kill -9` under load, again and again on the same data: what was answered is there, what adds up added up before.
//!
//! Invariant: buyers write down every answer they receive and every request they do not get one to; the check after
//! a restart knows nothing else, and allows no difference that such a request does not explain.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use onsale_testkit::servers::Stores;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};

use crate::{
    calls::Api,
    support::{Onsale, Stage, grid, payment, seat_ids, seed, text, whole_list, won},
};

const ROUNDS: u32 = 24;
/// After so many rounds the sale goes on with a new performance; the old ones are still looked at.
const ROUNDS_PER_PERFORMANCE: u32 = 4;
const BUYERS: u64 = 24;
const SEATS: u32 = 400;
/// What every buyer has to spend, in won.
const WALLET: i64 = 1_000_000_000;
/// How long the ledger may be behind the journal after a restart.
const CATCHES_UP_WITHIN: Duration = Duration::from_secs(20);

/// What a buyer knows of a reservation of theirs.
#[derive(Clone, Debug, PartialEq)]
enum Known {
    Held,
    Cancelled,
    /// With the order that was answered.
    Confirmed(Value),
    /// A request was under way when the server died.
    Cancelling,
    Confirming,
}

#[derive(Clone, Debug)]
struct Kept {
    /// As it was answered; `None`: the answer to the hold was lost, and the reservation was found in the list.
    answered: Value,
    known: Known,
}

/// A buyer with what they wrote down.
struct Buyer {
    token: String,
    chance: StdRng,
    kept: BTreeMap<String, Kept>,
    /// Seats of holds without an answer.
    lost: Vec<Vec<u32>>,
    answers: usize,
}

impl Buyer {
    /// Holds, pays and cancels until the server is gone.
    async fn shop(mut self, api: Api, performance: String) -> Self {
        while self.step(&api, &performance).await.is_ok() {
            self.answers += 1;
        }
        self
    }

    /// Makes one request; an error is a request without an answer.
    async fn step(&mut self, api: &Api, performance: &str) -> Result<(), String> {
        let held: Vec<String> = self
            .kept
            .iter()
            .filter(|(_, kept)| kept.known == Known::Held)
            .map(|(id, _)| id.clone())
            .collect();
        let picked = held.choose(&mut self.chance).cloned();
        match (picked, self.chance.random_range(0..100)) {
            (Some(id), 0..12) => {
                let path = format!("/reservations/{id}/confirm");
                let method = ["simulated", "wallet"].choose(&mut self.chance).unwrap();
                self.know(&id, Known::Confirming);
                let answer = api.post(&path, &payment(method)).by(&self.token).attempt().await?;
                self.know(&id, Known::Confirmed(answer.ok(201)));
            }
            (Some(id), 12..50) => {
                self.know(&id, Known::Cancelling);
                api.delete(&format!("/reservations/{id}")).by(&self.token).attempt().await?.empty(204);
                self.know(&id, Known::Cancelled);
            }
            _ => self.hold(api, performance).await?,
        }
        Ok(())
    }

    async fn hold(&mut self, api: &Api, performance: &str) -> Result<(), String> {
        let count = self.chance.random_range(1..=3);
        let wanted: BTreeSet<u32> = (0..count).map(|_| self.chance.random_range(1..=SEATS)).collect();
        let wanted: Vec<u32> = wanted.into_iter().collect();
        self.lost.push(wanted.clone());
        let path = format!("/performances/{performance}/reservations");
        let answer = api.post(&path, &json!({"seat_ids": wanted})).by(&self.token).attempt().await?;
        self.lost.pop();
        if answer.status == 201 {
            let answered = answer.json();
            assert_eq!(seat_ids(&answered), wanted);
            self.kept.insert(text(&answered["id"]), Kept { answered, known: Known::Held });
        } else {
            let code = text(&answer.json()["code"]);
            assert!(code == "seat_taken" || code == "limit_exceeded", "{answer:?}");
            answer.refused(409, &code);
        }
        Ok(())
    }

    fn know(&mut self, id: &str, known: Known) {
        if let Some(kept) = self.kept.get_mut(id) {
            kept.known = known;
        }
    }
}

/// What a buyer finds after a restart.
struct Found {
    reservations: Vec<Value>,
    orders: Vec<Value>,
}

/// Compares what a buyer knows with what there is, reservation by reservation; from here on they know what there is.
async fn compare(api: &Api, buyer: &mut Buyer) {
    for (id, kept) in &mut buyer.kept {
        if kept.known == Known::Cancelled {
            continue;
        }
        let answer = api.get(&format!("/reservations/{id}")).by(&buyer.token).await;
        let found = answer.ok(200);
        let status = text(&found["status"]);
        let told = format!("{kept:?} was answered, {found} is there");
        for member in ["id", "performance_id", "seats", "total", "fence"] {
            assert_eq!(found[member], kept.answered[member], "{member}: {told}");
        }
        match (&kept.known, status.as_str()) {
            (Known::Held | Known::Cancelling | Known::Confirming, "held") => {
                assert_eq!(found["expires_at"], kept.answered["expires_at"], "{told}");
                kept.known = Known::Held;
            }
            (Known::Cancelling, "cancelled") => kept.known = Known::Cancelled,
            (Known::Confirming, "confirmed") => {
                let order =
                    api.get(&format!("/orders/{}", text(&found["order_id"]))).by(&buyer.token).await.ok(200);
                kept.known = Known::Confirmed(order);
            }
            (Known::Confirmed(order), "confirmed") => assert_eq!(found["order_id"], order["id"], "{told}"),
            _ => panic!("{told}"),
        }
        if let Known::Confirmed(order) = &kept.known {
            let there = api.get(&format!("/orders/{}", text(&order["id"]))).by(&buyer.token).await.ok(200);
            assert_eq!(there, *order);
            assert_eq!((&there["status"], &there["seats"]), (&json!("paid"), &kept.answered["seats"]));
            assert_eq!(there["tickets"].as_array().unwrap().len(), seat_ids(&there).len());
        }
    }
}

/// Looks for holds whose answer was lost, in the buyer's list; each has to be one that they asked for.
fn adopt(buyer: &mut Buyer, found: &Found) {
    for reservation in &found.reservations {
        let id = text(&reservation["id"]);
        if buyer.kept.contains_key(&id) {
            continue;
        }
        let seats = seat_ids(reservation);
        let asked = buyer.lost.iter().position(|lost| *lost == seats);
        let asked = asked.unwrap_or_else(|| panic!("nobody asked for {reservation}"));
        buyer.lost.remove(asked);
        assert_eq!(reservation["status"], "held");
        buyer.kept.insert(id, Kept { answered: reservation.clone(), known: Known::Held });
    }
    buyer.lost.clear();
}

/// The units of a performance in live reservations and in paid orders.
fn units_of(found: &[Found], performance: &str) -> (BTreeSet<u32>, BTreeSet<u32>) {
    let (mut held, mut sold) = (BTreeSet::new(), BTreeSet::new());
    for found in found {
        let here = |document: &&Value| document["performance_id"] == performance;
        for reservation in found.reservations.iter().filter(here) {
            match reservation["status"].as_str().unwrap() {
                "held" => add(&mut held, reservation),
                "confirmed" => {
                    let order = found.orders.iter().find(|order| order["id"] == reservation["order_id"]);
                    let order = order.unwrap_or_else(|| panic!("no order for {reservation}"));
                    assert_eq!((&order["status"], &order["seats"]), (&json!("paid"), &reservation["seats"]));
                }
                "cancelled" => {}
                _ => panic!("{reservation}"),
            }
        }
        for order in found.orders.iter().filter(here) {
            match order["status"].as_str().unwrap() {
                "paid" => add(&mut sold, order),
                "failed" => {}
                _ => panic!("{order}"),
            }
        }
    }
    assert!(held.is_disjoint(&sold), "{held:?} {sold:?}");
    (held, sold)
}

fn add(units: &mut BTreeSet<u32>, document: &Value) {
    for seat in seat_ids(document) {
        assert!(units.insert(seat), "seat {seat} is in two: {document}");
    }
}

/// How many units are held, paying and sold by the reservations in the lists.
fn listed(found: &[Found], performance: &str) -> [u64; 3] {
    ["held", "paying", "confirmed"].map(|status| {
        let reservations = found.iter().flat_map(|found| &found.reservations);
        let wanted = reservations.filter(|r| r["performance_id"] == performance && r["status"] == status);
        wanted.map(|reservation| seat_ids(reservation).len() as u64).sum()
    })
}

/// Reads everybody's lists, until the ledger has caught up with the journal.
async fn lists(stage: &Stage, performances: &[String], buyers: &[Buyer]) -> Vec<Found> {
    let begun = Instant::now();
    loop {
        let reading = buyers.iter().map(async |buyer| Found {
            reservations: whole_list(stage, "/me/reservations", &buyer.token).await,
            orders: whole_list(stage, "/me/orders", &buyer.token).await,
        });
        let found: Vec<Found> = futures_util::future::join_all(reading).await;
        let mut behind = Vec::new();
        for performance in performances {
            let [_, held, paying, sold, _] = stage.counts_of(performance).await;
            let listed = listed(&found, performance);
            if listed != [held, paying, sold] {
                behind.push((listed, [held, paying, sold]));
            }
        }
        if behind.is_empty() {
            return found;
        }
        assert!(begun.elapsed() < CATCHES_UP_WITHIN, "lists and stock differ: {behind:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What has left a wallet is what the paid orders cost, and nothing else.
async fn check_wallet(api: &Api, buyer: &Buyer, orders: &[Value]) {
    let paid = orders.iter().filter(|order| order["payment_method"] == "wallet" && order["status"] == "paid");
    let spent: i64 = paid.map(|order| order["total"]["amount"].as_i64().unwrap()).sum();
    let balance = api.get("/me/wallet").by(&buyer.token).await.ok(200);
    assert_eq!(balance["balance"], won(WALLET - spent));
}

/// The only process on its stores. Where others may share them, it leaves their payments alone for a while after its
/// start: that is `cluster`'s affair.
fn alone() -> Onsale {
    match Stores::asked_for() {
        Stores::Cluster(..) => Onsale::on(Stores::Embedded, &[]),
        stores => Onsale::on(stores, &[]),
    }
}

/// Everything that must hold after a restart.
async fn check(stage: &Stage, performances: &[String], buyers: &mut [Buyer]) {
    let api: &Api = stage;
    futures_util::future::join_all(buyers.iter_mut().map(|buyer| compare(api, buyer))).await;
    let found = lists(stage, performances, buyers).await;
    for (buyer, found) in buyers.iter_mut().zip(&found) {
        adopt(buyer, found);
        check_wallet(api, buyer, &found.orders).await;
        let listed = |id: &str| found.reservations.iter().find(|listed| listed["id"] == id);
        for (id, kept) in &buyer.kept {
            let status = listed(id).map_or("not there", |listed| listed["status"].as_str().unwrap());
            let wanted = match kept.known {
                Known::Held => "held",
                Known::Cancelled => "cancelled",
                Known::Confirmed(_) => "confirmed",
                Known::Cancelling | Known::Confirming => unreachable!("{kept:?} has been compared"),
            };
            assert_eq!(status, wanted, "{kept:?}");
        }
    }
    for performance in performances {
        let (held, sold) = units_of(&found, performance);
        let (h, s) = (held.len() as u64, sold.len() as u64);
        assert_eq!(stage.counts_of(performance).await, [u64::from(SEATS) - h - s, h, 0, s, 0]);
        for (status, units) in [("held", held), ("sold", sold)] {
            let path = format!("/performances/{performance}/seats?status={status}");
            let seats = seat_ids(&stage.get(&path).await.ok(200));
            assert_eq!(seats, units.into_iter().collect::<Vec<_>>(), "{status}");
        }
        let reconcile = stage.call("POST", &format!("/performances/{performance}/reconcile"));
        assert_eq!(reconcile.by(&stage.organizer).await.ok(200), json!({"repaired": []}));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_survives_kill_9() {
    let seed = seed();
    println!("TEST_SEED={seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let settings = json!({"hold_ttl_s": 3600, "max_seats_per_buyer": 50});
    let mut stage = Stage::on(alone(), &settings, &grid(20, 20)).await;
    let mut buyers = Vec::new();
    for number in 0..BUYERS {
        let token = stage.sign_up(&format!("buyer-{number}@example.com")).await;
        stage.post("/me/wallet/top-ups", &json!({"amount": won(WALLET)})).by(&token).await.ok(201);
        buyers.push(Buyer {
            token,
            chance: StdRng::seed_from_u64(seed.wrapping_mul(BUYERS).wrapping_add(number)),
            kept: BTreeMap::new(),
            lost: Vec::new(),
            answers: 0,
        });
    }
    let mut performances = vec![stage.performance.clone()];
    for round in 1..=ROUNDS {
        if round % ROUNDS_PER_PERFORMANCE == 0 {
            // Holds on the old one go on being paid and cancelled.
            stage.performance = stage.onsale.performance(&stage.organizer, &stage.event, &grid(20, 20)).await;
            performances.push(stage.performance.clone());
        }
        let shopping: Vec<_> = buyers
            .into_iter()
            .map(|buyer| tokio::spawn(buyer.shop((**stage).clone(), stage.performance.clone())))
            .collect();
        let lives = Duration::from_millis(chance.random_range(50..400));
        tokio::time::sleep(lives).await;
        stage.onsale.take_process().kill().unwrap();
        buyers = Vec::new();
        for shopper in shopping {
            buyers.push(shopper.await.unwrap());
        }
        stage.onsale.start_again();
        check(&stage, &performances, &mut buyers).await;
        let answers: usize = buyers.iter().map(|buyer| buyer.answers).sum();
        println!("round {round}: killed after {lives:?}, {answers} answers so far");
    }
    let answers: usize = buyers.iter().map(|buyer| buyer.answers).sum();
    assert!(answers > 1_000, "there was load: {answers} answers");
}

#[tokio::test]
async fn keys_survive_kill_9() {
    let mut stage = Stage::on(alone(), &json!({}), &grid(2, 5)).await;
    let kim = stage.sign_up("kim@example.com").await;
    let (mut before, mut after) = (Vec::new(), Vec::new());
    let mut id = String::new();
    for answers in [&mut before, &mut after] {
        let top_up = stage.post("/me/wallet/top-ups", &json!({"amount": won(5_000)})).by(&kim).key("top-up");
        answers.push(top_up.await.ok(201));
        let held = stage.holding_seats(&kim, &[1, 2]).key("hold").await.ok(201);
        id = text(&held["id"]);
        let path = format!("/reservations/{id}/confirm");
        answers.push(stage.post(&path, &payment("wallet")).by(&kim).key("confirm").await.ok(201));
        let event = stage.post("/events", &json!({"title": "A play"})).by(&stage.organizer).key("event");
        answers.push(event.await.ok(201));
        answers.push(held["id"].clone());
        stage.onsale.take_process().kill().unwrap();
        stage.onsale.start_again();
    }
    // The top-up says what there is after it, and by then the order has been paid for.
    after[0] = before[0].clone();
    assert_eq!(after, before);
    assert_eq!(stage.get("/me/wallet").by(&kim).await.ok(200), json!({"balance": won(3_000)}));
    assert_eq!(stage.counts().await, [8, 0, 0, 2, 0]);
    stage.holding_seats(&kim, &[3]).key("hold").await.refused(422, "idempotency_mismatch");
    let path = format!("/reservations/{id}/confirm");
    let other = stage.post(&path, &payment("simulated")).by(&kim).key("confirm").await;
    other.refused(422, "idempotency_mismatch");
}
