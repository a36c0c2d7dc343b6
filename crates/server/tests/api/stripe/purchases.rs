//! Two thousand purchases while everything goes wrong: cards that are declined, answers and webhooks that are lost, late
//! or come twice, a provider that goes away, buyers who do, and a process that is killed again and again.
//!
//! Invariant: at the end only the books of the mock and what buyers can read count: for each order whose money was taken
//! and not given back there is one paid order of the same amount, and the other way round; no seat is in two of them;
//! nothing is held, paying or open any more.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use onsale_testkit::servers::{Stores, stripe::Chances};
use parking_lot::RwLock;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::*;
use crate::{
    calls::{Answer, Api},
    support::{seat_ids, seed, whole_list},
};

const PURCHASES: usize = 2_000;
const AT_ONCE: usize = 96;
const ROWS: u32 = 50;
const COLUMNS: u32 = 60;

/// Short, so that some run out under way.
const HOLD_TTL_S: u32 = 20;

/// The least that can be set: abandoned payments are given back after it.
const BUYER_ACTS_WITHIN_S: &str = "60";

/// How long a buyer tries to get an answer: longer than a payment of a process that is gone stays open.
const PATIENCE: Duration = Duration::from_secs(150);

/// How long until nothing is open any more, once nothing goes wrong any more.
const SETTLES_WITHIN: Duration = Duration::from_mins(4);

const CHANCES: Chances = Chances {
    lost_request: 0.04,
    lost_answer: 0.05,
    late_answer: 0.08,
    lost_webhook: 0.4,
    webhook_twice: 0.2,
};

/// What buyers share.
struct Hall {
    /// Where the program listens now.
    api: RwLock<Api>,
    stripe: StripeMock,
    organizer: String,
    performance: String,
    card_that_asks: String,
    begun: AtomicUsize,
}

/// How somebody means to pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    GoodCard,
    DeclinedCard,
    /// The bank asks, and is answered so; after a no with another card.
    Bank(bool),
    Page,
    /// Opens the payment and goes away.
    Abandoned,
}

/// What a buyer was told in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Paid(String),
    Refunded(String),
    /// Declined, out of time, or gone.
    Nothing,
}

struct Buyer {
    hall: Arc<Hall>,
    token: String,
    chance: StdRng,
    keys: u32,
    since: Instant,
}

impl Buyer {
    /// Makes a call until it is answered with something that can be understood.
    async fn answered(&mut self, call: impl Fn(&Api) -> Call) -> Answer {
        loop {
            let call = call(&self.hall.api.read());
            let answer = call.by(&self.token).attempt().await;
            match answer {
                Ok(answer) if !is_not_now(&answer) => return answer,
                other => assert!(self.since.elapsed() < PATIENCE, "for too long: {other:?}"),
            }
            self.pause().await;
        }
    }

    async fn pause(&mut self) {
        let pause = Duration::from_millis(self.chance.random_range(50..250));
        tokio::time::sleep(pause).await;
    }

    fn next_key(&mut self) -> String {
        self.keys += 1;
        format!("k-{}", self.keys)
    }

    async fn purchase(mut self) -> Told {
        let held = self.hold().await;
        let mut way = match self.chance.random_range(0..100) {
            0..62 => Way::GoodCard,
            62..72 => Way::DeclinedCard,
            72..80 => Way::Bank(true),
            80..84 => Way::Bank(false),
            84..96 => Way::Page,
            _ => Way::Abandoned,
        };
        let mut key = self.next_key();
        loop {
            let answer = self.confirm(&held, way, &key).await;
            match answer.status {
                201 => return self.keep(&text(&answer.ok(201)["id"])).await,
                202 if way == Way::Abandoned => return Told::Nothing,
                202 => {
                    self.act(way, &answer.ok(202)).await;
                    if way == Way::Bank(false) {
                        (way, key) = (Way::GoodCard, self.next_key());
                    }
                    assert!(self.since.elapsed() < PATIENCE, "asked for too long: {}", answer.text());
                    self.pause().await;
                }
                // Another card, or no.
                402 if self.chance.random_bool(0.7) => {
                    way = Way::GoodCard;
                    key = self.next_key();
                }
                402 => {
                    let path = format!("/reservations/{}", text(&held["id"]));
                    let gone = self.answered(|api| api.delete(&path)).await;
                    gone.empty(204);
                    return Told::Nothing;
                }
                _ => {
                    answer.refused(410, "hold_expired");
                    return Told::Nothing;
                }
            }
        }
    }

    /// Holds a seat or two that nobody has.
    async fn hold(&mut self) -> Value {
        loop {
            let count = self.chance.random_range(1..=2);
            let seats: BTreeSet<u32> =
                (0..count).map(|_| self.chance.random_range(1..=ROWS * COLUMNS)).collect();
            let (key, path) =
                (self.next_key(), format!("/performances/{}/reservations", self.hall.performance));
            let answer = self.answered(|api| api.post(&path, &json!({"seat_ids": seats})).key(&key)).await;
            if answer.status == 201 {
                return answer.ok(201);
            }
            answer.refused(409, "seat_taken");
        }
    }

    async fn confirm(&mut self, held: &Value, way: Way, key: &str) -> Answer {
        let card = match way {
            Way::GoodCard => Some(GOOD_CARD),
            Way::DeclinedCard => Some(DECLINED_CARD),
            Way::Bank(_) => Some(self.hall.card_that_asks.as_str()),
            Way::Page | Way::Abandoned => None,
        };
        let body =
            json!({"payment": {"method": "stripe", "payment_method": card}, "buyer": {"name": "Kim Min-ji"}});
        let path = format!("/reservations/{}/confirm", text(&held["id"]));
        self.answered(|api| api.post(&path, &body).key(key)).await
    }

    /// What the buyer does in the page, or at the bank. The attempt may be over by now: then it comes to nothing.
    async fn act(&mut self, way: Way, needed: &Value) {
        let secret = text(&needed["client_secret"]);
        let _ = match way {
            Way::Bank(answer) => self.hall.stripe.buyer_answers_bank(&secret, answer).await,
            _ => self.hall.stripe.buyer_pays(&secret).await,
        };
    }

    /// Has bought; some get their money back.
    async fn keep(&mut self, order: &str) -> Told {
        if !self.chance.random_bool(0.06) {
            return Told::Paid(order.to_owned());
        }
        self.token.clone_from(&self.hall.organizer);
        let path = format!("/orders/{order}/refund");
        let refunded = self.answered(|api| api.post(&path, &json!({}))).await.ok(200);
        assert_eq!(refunded["status"], "refunded", "{refunded}");
        Told::Refunded(order.to_owned())
    }
}

/// Whether nothing was decided: ask again.
fn is_not_now(answer: &Answer) -> bool {
    let code = || text(&answer.json()["code"]);
    match answer.status {
        503 => true,
        409 => ["in_flight", "payment_under_way"].contains(&code().as_str()),
        _ => false,
    }
}

/// Buys in the name of one after the other, until all have bought.
async fn worker(hall: Arc<Hall>, tokens: Arc<Vec<String>>, seed: u64) -> Vec<Told> {
    let mut told = Vec::new();
    loop {
        let number = hall.begun.fetch_add(1, Ordering::AcqRel);
        let Some(token) = tokens.get(number).cloned() else { return told };
        let chance = StdRng::seed_from_u64(seed.wrapping_mul(PURCHASES as u64).wrapping_add(number as u64));
        let hall = Arc::clone(&hall);
        told.push(Buyer { hall, token, chance, keys: 0, since: Instant::now() }.purchase().await);
    }
}

/// Kills the process and takes the provider away, again and again, while there are buyers.
async fn spoil(hall: &Hall, onsale: &mut Onsale, chance: &mut StdRng) -> (usize, usize) {
    // Over shared stores a payment is nobody's some ten seconds after its process was seen for the last time. Who is killed
    // before that looks into nothing.
    let calm_ms = if matches!(onsale.stores, Stores::Embedded) { 2_000..8_000 } else { 14_000..20_000 };
    let (mut kills, mut outages) = (0, 0);
    while hall.begun.load(Ordering::Acquire) < PURCHASES {
        tokio::time::sleep(Duration::from_millis(chance.random_range(calm_ms.clone()))).await;
        if chance.random_bool(0.3) {
            outages += 1;
            hall.stripe.set_down(true);
            tokio::time::sleep(Duration::from_millis(chance.random_range(500..4_000))).await;
            hall.stripe.set_down(false);
        } else {
            kills += 1;
            onsale.take_process().kill().unwrap();
            tokio::time::sleep(Duration::from_millis(chance.random_range(0..500))).await;
            onsale.start_again();
            deliver_to(&hall.stripe, onsale);
            hall.api.write().clone_from(onsale);
        }
    }
    (kills, outages)
}

/// Waits until nothing is held or being paid for; gives how many are sold.
async fn nothing_open(onsale: &Onsale, hall: &Hall) -> u64 {
    let deadline = Instant::now() + SETTLES_WITHIN;
    let path = format!("/performances/{}/stats", hall.performance);
    loop {
        let stats = onsale.get(&path).by(&hall.organizer).await.ok(200);
        assert_eq!(stats["drift"], 0, "{stats}");
        if stats["held"] == 0 && stats["paying"] == 0 {
            return stats["sold"].as_u64().unwrap();
        }
        assert!(Instant::now() < deadline, "still open: {stats} {}", onsale.log());
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// The paid orders that the buyers have, with their amounts; each seat is in one of them.
async fn paid_orders(onsale: &Onsale, tokens: &[String], sold: u64) -> BTreeMap<String, i64> {
    let (mut paid, mut seats) = (BTreeMap::new(), BTreeSet::new());
    for token in tokens {
        for order in whole_list(onsale, "/me/orders", token).await {
            match text(&order["status"]).as_str() {
                "paid" => {
                    for seat in seat_ids(&order) {
                        assert!(seats.insert(seat), "seat {seat} twice: {order}");
                    }
                    paid.insert(text(&order["id"]), order["total"]["amount"].as_i64().unwrap());
                }
                status => assert_eq!(status, "refunded", "{order}"),
            }
        }
    }
    assert_eq!(seats.len() as u64, sold);
    paid
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_purchases_while_everything_goes_wrong() {
    let Some(stripe) = or_passed_over(StripeMock::start().await, "localstripe") else { return };
    let seed = seed();
    println!("TEST_SEED={seed}");
    let more = [
        ("ONSALE_PAYMENTS__STRIPE__BUYER_ACTS_WITHIN_S", BUYER_ACTS_WITHIN_S),
        ("ONSALE_LIMITS__ENABLED", "false"),
    ];
    let onsale = paid_through(&stripe, &more);
    let Stage { mut onsale, organizer, performance, .. } =
        Stage::on(onsale, &json!({"hold_ttl_s": HOLD_TTL_S}), &grid(ROWS, COLUMNS)).await;
    let tokens = Arc::new(onsale.guests(PURCHASES));
    deliver_to(&stripe, &onsale);
    let card_that_asks = stripe.card_that_asks().await.unwrap();
    stripe.fail_by_chance(Some((CHANCES, seed)));
    let hall = Arc::new(Hall {
        api: RwLock::new(Api::clone(&onsale)),
        stripe,
        organizer,
        performance,
        card_that_asks,
        begun: AtomicUsize::new(0),
    });

    let begun = Instant::now();
    let workers: Vec<_> =
        (0..AT_ONCE).map(|_| tokio::spawn(worker(Arc::clone(&hall), Arc::clone(&tokens), seed))).collect();
    let (kills, outages) = spoil(&hall, &mut onsale, &mut StdRng::seed_from_u64(seed)).await;
    let mut told = Vec::new();
    for worker in workers {
        told.extend(worker.await.unwrap());
    }
    hall.stripe.fail_by_chance(None);
    let bought = begun.elapsed();
    assert_eq!(told.len(), PURCHASES);

    let sold = nothing_open(&onsale, &hall).await;
    let paid = paid_orders(&onsale, &tokens, sold).await;
    let mut books = hall.stripe.balances().await.unwrap();
    books.retain(|_, balance| *balance != 0);
    assert_eq!(books, paid, "what the provider has, and what was bought with it");
    for told in &told {
        match told {
            Told::Paid(order) => assert!(paid.contains_key(order), "{order} was answered as paid"),
            Told::Refunded(order) => assert!(!paid.contains_key(order), "{order} was answered as refunded"),
            Told::Nothing => {}
        }
    }
    assert_eq!(hall.stripe.misuses(), Vec::<String>::new());
    let refunded = told.iter().filter(|told| matches!(told, Told::Refunded(_))).count();
    let settled = begun.elapsed().saturating_sub(bought);
    println!(
        "{} paid, {refunded} refunded, {kills} kills, {outages} outages; {bought:.0?} and {settled:.0?} to the end",
        paid.len()
    );
    assert!(paid.len() > PURCHASES / 2 && refunded > 0 && kills > 0, "too little happened");
}
