//! A steady crowd at both processes, and what it wrote down.
//!
//! Every buyer carries on with one purchase until its end is known: what gets no answer, or 503, is asked again under
//! the same key, at either process. So at the end it is known exactly what there has to be.
//!
//! Invariants: seats of one's own are asked for by nobody else, so that a refusal of them is always wrong; whatever is
//! answered is answered in time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{ANSWERS_WITHIN, Pair, RECOVERS_WITHIN};
use crate::{
    calls::{Answer, Api, Call},
    support::{payment, seat_ids, text, won},
};

const BUYERS: u32 = 12;
/// Seats that only one buyer asks for.
const OWN: u32 = 60;
/// Seats that all ask for.
const SHARED: u32 = 180;
/// So many rows of so many seats are enough.
const ROWS: u32 = 45;
const COLUMNS: u32 = (BUYERS * OWN + SHARED) / ROWS;

/// What every buyer has to spend, in won; a seat is 1,000.
const WALLET: i64 = 1_000_000;
/// A buyer has so many seats at most, bought or held, so that there are always some to be had; more than anybody buys
/// while a test lasts, also on a quick machine.
const MOST: usize = 45;
/// How long one purchase may take, with all that goes wrong meanwhile.
const ENDS_WITHIN: Duration = Duration::from_secs(90);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(20);

/// How much happens before something fails, and how much afterwards.
pub(super) const SOME: usize = 100;

/// Two processes, and a crowd that has begun to buy.
pub(super) async fn crowded() -> Option<(Pair, Load)> {
    let pair = Pair::with(&json!({"hold_ttl_s": 3600, "max_seats_per_buyer": 50}), ROWS, COLUMNS).await?;
    let load = Load::on(&pair).await;
    load.sees(|happened| &happened.held, SOME).await;
    load.sees(|happened| &happened.paid, 5).await;
    Some((pair, load))
}

/// What happens, counted over all buyers.
#[derive(Debug, Default)]
pub(super) struct Happened {
    pub(super) held: AtomicUsize,
    pub(super) paid: AtomicUsize,
    pub(super) cancelled: AtomicUsize,
    /// Holds that were answered 503.
    pub(super) holds_not_now: AtomicUsize,
    /// Confirms that were answered 503.
    pub(super) confirms_not_now: AtomicUsize,
    /// Calls whose connection broke.
    broken: AtomicUsize,
}

/// How a purchase stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Known {
    Held,
    Cancelled,
    /// With the order that was answered.
    Paid(Value),
    /// Nobody knows of it any more, after Redis was emptied.
    Lost,
}

/// A reservation as it was answered, and what has become of it.
#[derive(Clone, Debug)]
pub(super) struct Purchase {
    pub(super) answered: Value,
    pub(super) known: Known,
}

impl Purchase {
    fn is_live(&self) -> bool {
        matches!(self.known, Known::Held | Known::Paid(_))
    }
}

/// A buyer with what they wrote down.
pub(super) struct Buyer {
    pub(super) token: String,
    has_wallet: bool,
    chance: StdRng,
    processes: [Api; 2],
    reservations: String,
    own: u32,
    pub(super) purchases: Vec<Purchase>,
    /// Tells keys apart.
    asked: u32,
    slowest: (Duration, String),
    happened: Arc<Happened>,
    emptied: Arc<AtomicBool>,
}

/// The crowd at work.
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    /// Redis has been emptied, or will be in a moment: holds that the ledger did not have may be gone, and what was
    /// cancelled just before may be held again.
    pub(super) emptied: Arc<AtomicBool>,
    buyers: Vec<JoinHandle<Buyer>>,
    pub(super) happened: Arc<Happened>,
}

impl Load {
    /// Lets buyers in. Half of them have a wallet, which the ledger keeps; the others pay as guests.
    pub(super) async fn on(pair: &Pair) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let emptied = Arc::new(AtomicBool::new(false));
        let happened = Arc::new(Happened::default());
        let mut tokens = pair.stage.guests(BUYERS as usize / 2);
        for number in tokens.len()..BUYERS as usize {
            let token = pair.stage.sign_up(&format!("buyer-{number}@example.com")).await;
            let top_up = json!({"amount": won(WALLET)});
            pair.stage.post("/me/wallet/top-ups", &top_up).by(&token).await.ok(201);
            tokens.push(token);
        }
        let buyers = tokens.into_iter().zip(0..).map(|(token, number)| {
            let buyer = Buyer {
                token,
                has_wallet: number >= BUYERS / 2,
                chance: StdRng::seed_from_u64(u64::from(number)),
                processes: pair.both().map(Api::clone),
                reservations: pair.stage.path("/reservations"),
                own: number * OWN,
                purchases: Vec::new(),
                asked: 0,
                slowest: (Duration::ZERO, String::new()),
                happened: Arc::clone(&happened),
                emptied: Arc::clone(&emptied),
            };
            tokio::spawn(buyer.shop(Arc::clone(&stop)))
        });
        Self { buyers: buyers.collect(), stop, emptied, happened }
    }

    /// Waits until something has happened so many times more.
    pub(super) async fn sees(&self, what: fn(&Happened) -> &AtomicUsize, times: usize) {
        let counter = what(&self.happened);
        let (begun, before) = (Instant::now(), counter.load(Ordering::Acquire));
        while counter.load(Ordering::Acquire) < before + times {
            assert!(begun.elapsed() < RECOVERS_WITHIN, "not {times} times more: {:?}", self.happened);
            // A buyer that failed says why.
            assert!(
                !self.buyers.iter().any(JoinHandle::is_finished),
                "a buyer has ended: {:?}",
                self.happened
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Lets everybody come to the end of what they are doing.
    pub(super) async fn end(self) -> Vec<Buyer> {
        self.stop.store(true, Ordering::Release);
        let mut buyers = Vec::new();
        for buyer in self.buyers {
            buyers.push(buyer.await.unwrap());
        }
        let slowest = buyers.iter().map(|buyer| &buyer.slowest).max().unwrap();
        assert!(slowest.0 < ANSWERS_WITHIN, "{slowest:?} {:?}", self.happened);
        buyers
    }
}

fn is_set(flag: &AtomicBool) -> bool {
    flag.load(Ordering::Acquire)
}

fn more(counter: &AtomicUsize) {
    counter.fetch_add(1, Ordering::AcqRel);
}

impl Buyer {
    async fn shop(mut self, stop: Arc<AtomicBool>) -> Self {
        while !is_set(&stop) {
            let has = self.purchases.iter().filter(|purchase| purchase.is_live());
            let has: usize = has.map(|purchase| seat_ids(&purchase.answered).len()).sum();
            let held = self.purchases.iter().position(|purchase| purchase.known == Known::Held);
            match (held, self.chance.random_range(0..100)) {
                (Some(purchase), 0..15) => self.pay(purchase).await,
                (Some(purchase), 15..55) => self.cancel(purchase).await,
                (Some(purchase), _) if has + 2 > MOST => self.cancel(purchase).await,
                _ if has + 2 > MOST => tokio::time::sleep(PAUSE).await,
                _ => self.hold().await,
            }
        }
        self
    }

    /// Asks either process until it gives an answer that is one; `None` from `look` is asked again.
    async fn ask<T>(
        &mut self,
        call: impl Fn(&Api) -> Call,
        not_now: fn(&Happened) -> &AtomicUsize,
        look: impl Fn(&Answer) -> Option<T>,
    ) -> T {
        let begun = Instant::now();
        loop {
            let at = self.chance.random_range(0..2);
            let call = call(&self.processes[at]).by(&self.token);
            let asked = Instant::now();
            let answered = call.attempt().await;
            let took = asked.elapsed();
            let shown = match answered {
                Ok(answer) if answer.status == 503 => {
                    answer.refused(503, "unavailable");
                    assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
                    more(not_now(&self.happened));
                    format!("{answer:?}")
                }
                Ok(answer) => match look(&answer) {
                    Some(found) => {
                        self.note(took, &answer.what);
                        return found;
                    }
                    None => format!("{answer:?}"),
                },
                Err(error) => {
                    more(&self.happened.broken);
                    error
                }
            };
            self.note(took, &shown);
            assert!(begun.elapsed() < ENDS_WITHIN, "no end of it: {shown}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn note(&mut self, took: Duration, what: &str) {
        if took > self.slowest.0 {
            self.slowest = (took, what.chars().take(400).collect());
        }
    }

    async fn hold(&mut self) {
        let is_own = self.chance.random_bool(0.7);
        let taken: BTreeSet<u32> = self
            .purchases
            .iter()
            .filter(|purchase| purchase.is_live())
            .flat_map(|purchase| seat_ids(&purchase.answered))
            .collect();
        let range = if is_own { self.own..self.own + OWN } else { BUYERS * OWN..BUYERS * OWN + SHARED };
        let free: Vec<u32> = range.map(|seat| seat + 1).filter(|seat| !taken.contains(seat)).collect();
        let Some(last) = free.len().checked_sub(1) else { return };
        let first = self.chance.random_range(0..=last);
        let wanted = free[first..(first + self.chance.random_range(1..=2)).min(free.len())].to_vec();
        self.asked += 1;
        let (path, key) = (self.reservations.clone(), format!("hold-{}", self.asked));
        let emptied = Arc::clone(&self.emptied);
        let held = self
            .ask(
                |api| api.post(&path, &json!({"seat_ids": wanted})).key(&key),
                |happened| &happened.holds_not_now,
                |answer| match answer.status {
                    409 => {
                        let problem = answer.json();
                        if problem["code"] == "in_flight" {
                            return None;
                        }
                        assert!(!is_own || is_set(&emptied), "a seat that nobody else asks for: {answer:?}");
                        let taken = answer.refused(409, "seat_taken")["unavailable"].clone();
                        assert!(taken.as_array().is_some_and(|taken| !taken.is_empty()), "{answer:?}");
                        Some(None)
                    }
                    _ => Some(Some(answer.ok(201))),
                },
            )
            .await;
        let Some(answered) = held else { return };
        assert_eq!(seat_ids(&answered), wanted);
        more(&self.happened.held);
        self.purchases.push(Purchase { answered, known: Known::Held });
    }

    async fn cancel(&mut self, purchase: usize) {
        let path = format!("/reservations/{}", text(&self.purchases[purchase].answered["id"]));
        let emptied = Arc::clone(&self.emptied);
        self.purchases[purchase].known = self
            .ask(
                |api| api.delete(&path),
                |happened| &happened.holds_not_now,
                |answer| {
                    if answer.status == 404 && is_set(&emptied) {
                        return Some(Known::Lost);
                    }
                    answer.empty(204);
                    Some(Known::Cancelled)
                },
            )
            .await;
        more(&self.happened.cancelled);
    }

    async fn pay(&mut self, purchase: usize) {
        let reservation = self.purchases[purchase].answered.clone();
        let path = format!("/reservations/{}/confirm", text(&reservation["id"]));
        let method = if self.has_wallet { "wallet" } else { "simulated" };
        let key = format!("pay-{}", text(&reservation["id"]));
        let emptied = Arc::clone(&self.emptied);
        let order = self
            .ask(
                |api| api.post(&path, &payment(method)).key(&key),
                |happened| &happened.confirms_not_now,
                |answer| {
                    if [404, 410].contains(&answer.status) && is_set(&emptied) {
                        return Some(None);
                    }
                    if answer.status != 409 {
                        return Some(Some(answer.ok(201)));
                    }
                    // An attempt before this one is still open.
                    let code = text(&answer.json()["code"]);
                    assert!(code == "in_flight" || code == "payment_under_way", "{answer:?}");
                    None
                },
            )
            .await;
        let Some(order) = order else {
            self.purchases[purchase].known = Known::Lost;
            return;
        };
        assert_eq!((&order["status"], &order["seats"]), (&json!("paid"), &reservation["seats"]));
        more(&self.happened.paid);
        self.purchases[purchase].known = Known::Paid(order);
    }
}

/// Waits until the ledger has everything and nothing is being paid for.
pub(super) async fn is_settled(pair: &Pair) {
    let begun = Instant::now();
    loop {
        let health = pair.stage.at_root("GET", "/health").await;
        if health.status == 200
            && health.json()["drain"]["lag_changes"] == 0
            && pair.stage.counts().await[2] == 0
        {
            return;
        }
        assert!(begun.elapsed() < ENDS_WITHIN, "{health:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What there is, is what the buyers were told: nothing is missing, nothing is there twice, and nothing has to be
/// repaired.
pub(super) async fn check(pair: &mut Pair, buyers: &[Buyer]) {
    is_settled(pair).await;
    let (mut held, mut sold) = (BTreeSet::new(), BTreeSet::new());
    let mut by_status: BTreeMap<&str, usize> = BTreeMap::new();
    for buyer in buyers {
        let mut spent = 0;
        for (number, purchase) in buyer.purchases.iter().enumerate() {
            let api = pair.living()[number % pair.living().len()];
            let path = format!("/reservations/{}", text(&purchase.answered["id"]));
            let found = api.get(&path).by(&buyer.token).await.ok(200);
            let status = match &purchase.known {
                Known::Held => "held",
                Known::Cancelled => "cancelled",
                Known::Paid(_) => "confirmed",
                Known::Lost => panic!("{purchase:?} is lost"),
            };
            *by_status.entry(status).or_default() += 1;
            assert_eq!(found["status"], status, "{purchase:?}, and there is {found}");
            for member in ["id", "seats", "total", "fence"] {
                assert_eq!(found[member], purchase.answered[member], "{member}: {purchase:?}, {found}");
            }
            if let Known::Paid(order) = &purchase.known {
                let path = format!("/orders/{}", text(&order["id"]));
                assert_eq!(api.get(&path).by(&buyer.token).await.ok(200), *order);
                spent += order["total"]["amount"].as_i64().unwrap();
            }
            let units = match purchase.known {
                Known::Held => &mut held,
                Known::Paid(_) => &mut sold,
                Known::Cancelled | Known::Lost => continue,
            };
            for seat in seat_ids(&purchase.answered) {
                assert!(units.insert(seat), "seat {seat} is in two: {purchase:?}");
            }
        }
        if buyer.has_wallet {
            let balance = pair.stage.get("/me/wallet").by(&buyer.token).await.ok(200);
            assert_eq!(balance["balance"], won(WALLET - spent), "charged for what was bought, once");
        }
    }
    assert!(held.is_disjoint(&sold), "{held:?} {sold:?}");
    check_stock(pair, &held, &sold).await;
    let rows = "SELECT status, count(*) FROM reservations GROUP BY status ORDER BY status";
    let expected: Vec<String> = by_status.iter().map(|(status, count)| format!("{status}|{count}")).collect();
    let postgres = pair.stage.onsale.stores.postgres().unwrap();
    assert_eq!(postgres.sql(rows).unwrap(), expected.join("\n"), "one row for each reservation");
}

/// The same after Redis was emptied: every order is there; a reservation is there as it was told, or as the ledger had
/// it before, and the stock is what they say.
pub(super) async fn check_after_loss(pair: &mut Pair, buyers: &[Buyer]) {
    is_settled(pair).await;
    let (mut held, mut sold) = (BTreeSet::new(), BTreeSet::new());
    for buyer in buyers {
        for purchase in &buyer.purchases {
            let path = format!("/reservations/{}", text(&purchase.answered["id"]));
            let found = pair.stage.get(&path).by(&buyer.token).await;
            if found.status == 404 {
                assert!(!matches!(purchase.known, Known::Paid(_)), "{purchase:?}");
                continue;
            }
            let found = found.ok(200);
            match (&purchase.known, found["status"].as_str().unwrap()) {
                (Known::Paid(order), "confirmed") => {
                    let path = format!("/orders/{}", text(&order["id"]));
                    assert_eq!(pair.other.get(&path).by(&buyer.token).await.ok(200), *order);
                    sold.extend(seat_ids(order));
                }
                (Known::Held | Known::Cancelled | Known::Lost, "held") => {
                    for seat in seat_ids(&found) {
                        assert!(held.insert(seat), "seat {seat} is in two: {purchase:?}");
                    }
                }
                (Known::Held | Known::Lost, "expired") | (Known::Cancelled, "cancelled" | "expired") => {}
                _ => panic!("{purchase:?}, and there is {found}"),
            }
        }
    }
    assert!(held.is_disjoint(&sold), "{held:?} {sold:?}");
    check_stock(pair, &held, &sold).await;
}

/// The stock is held and sold as these sets say, in both stores, and nothing has to be repaired.
pub(super) async fn check_stock(pair: &mut Pair, held: &BTreeSet<u32>, sold: &BTreeSet<u32>) {
    for (status, units) in [("held", held), ("sold", sold)] {
        for api in pair.living() {
            let seats = api.get(&pair.stage.path(&format!("/seats?status={status}"))).await.ok(200);
            assert_eq!(seat_ids(&seats), units.iter().copied().collect::<Vec<_>>(), "{status}");
        }
    }
    let (h, s) = (held.len() as u64, sold.len() as u64);
    assert_eq!(pair.stage.counts().await, [u64::from(ROWS * COLUMNS) - h - s, h, 0, s, 0]);
    let reconcile = pair.stage.call("POST", &pair.stage.path("/reconcile")).by(&pair.stage.organizer);
    assert_eq!(reconcile.await.ok(200), json!({"repaired": []}));
    let postgres = pair.stage.onsale.stores.postgres().unwrap();
    let claims = "SELECT count(*), count(DISTINCT unit) FROM order_units WHERE live";
    assert_eq!(postgres.sql(claims).unwrap(), format!("{s}|{s}"), "each sold seat once");
}
