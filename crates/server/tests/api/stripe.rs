//! Paying through Stripe, asked of the real program and a mock of Stripe: the usual, the late and the strange.
//!
//! Invariant: however a story goes, it ends in an order that is paid with its seats, or in the money being where it was;
//! the books of the mock say so, not the program.

use std::time::{Duration, Instant};

use onsale_testkit::servers::{
    or_passed_over,
    stripe::{DECLINED_CARD, Fault, GOOD_CARD, SECRET_KEY, StripeMock, WEBHOOK_SECRET},
};
use serde_json::{Value, json};

use crate::{
    calls::Call,
    support::{Onsale, Stage, grid, text},
};

mod forms;
mod late;
mod purchases;
mod refunds;
mod strange;

/// How long to wait for what has to happen by itself.
const LIMIT: Duration = Duration::from_secs(30);

const LOST: [Fault; 3] = [Fault::LostAnswer; 3];
const UNREACHABLE: [Fault; 3] = [Fault::LostRequest; 3];

/// A performance on sale, paid for through Stripe.
struct Shop {
    stage: Stage,
    stripe: StripeMock,
    buyer: String,
}

impl Shop {
    /// Two rows of three seats; `None` where there is no mock on this machine.
    async fn open() -> Option<Self> {
        Self::with(&json!({})).await
    }

    async fn with(settings: &Value) -> Option<Self> {
        let stripe = or_passed_over(StripeMock::start().await, "localstripe")?;
        let onsale = paid_through(&stripe, &[]);
        let stage = Stage::on(onsale, settings, &grid(2, 3)).await;
        let buyer = stage.guest().await;
        let shop = Self { stage, stripe, buyer };
        shop.listen();
        Some(shop)
    }

    /// Webhooks go to the program where it listens now.
    fn listen(&self) {
        deliver_to(&self.stripe, &self.stage);
    }

    async fn hold(&self, seats: &[u32]) -> Value {
        self.stage.hold(&self.buyer, seats).await
    }

    /// Confirms with a card, or in the page.
    fn paying(&self, reservation: &Value, card: Option<&str>) -> Call {
        let path = format!("/reservations/{}/confirm", text(&reservation["id"]));
        let body =
            json!({"payment": {"method": "stripe", "payment_method": card}, "buyer": {"name": "Kim Min-ji"}});
        self.stage.post(&path, &body).by(&self.buyer)
    }

    async fn order(&self, id: &str) -> Value {
        self.stage.get(&format!("/orders/{id}")).by(&self.buyer).await.ok(200)
    }

    /// Waits until an order is in a state.
    async fn until(&self, order: &str, status: &str) -> Value {
        let deadline = Instant::now() + LIMIT;
        loop {
            let now = self.order(order).await;
            if now["status"] == status {
                return now;
            }
            assert!(Instant::now() < deadline, "{order} should be {status}: {now} {}", self.stage.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until so many webhooks have been answered; gives the answers.
    async fn answered_webhooks(&self, count: usize) -> Vec<u16> {
        wait_for(|| self.stripe.delivered().len() >= count).await;
        self.stripe.delivered()
    }

    async fn refund(&self, order: &Value) -> Value {
        let path = format!("/orders/{}/refund", text(&order["id"]));
        self.stage.post(&path, &json!({})).by(&self.stage.organizer).await.ok(200)
    }

    /// The end of every story: the books agree with the orders the buyer has, and the client has kept to the rules.
    async fn settled(&self, paid: &[&Value]) {
        let balances = self.stripe.balances().await.unwrap();
        for (order, balance) in &balances {
            let wanted = paid.iter().find(|paid| paid["id"] == *order).map_or(0, |paid| {
                let amount = |member: &str| paid[member]["amount"].as_i64().unwrap();
                amount("total") - amount("refunded")
            });
            assert_eq!(*balance, wanted, "{order} of {balances:?}");
        }
        for order in paid {
            assert!(balances.contains_key(&text(&order["id"])), "{order} is not in the books");
            assert_eq!(self.order(&text(&order["id"])).await["status"], "paid");
        }
        let seats = paid.iter().map(|order| order["tickets"].as_array().unwrap().len() as u64).sum::<u64>();
        let [_, _, paying, sold, _] = self.stage.counts().await;
        assert_eq!((paying, sold), (0, seats));
        assert_eq!(self.stripe.misuses(), Vec::<String>::new());
    }

    /// The states of all intents in the books, sorted.
    async fn intents(&self) -> Vec<String> {
        let mut states: Vec<String> =
            self.stripe.intents().await.unwrap().iter().map(|intent| text(&intent["status"])).collect();
        states.sort();
        states
    }
}

/// A program that is paid through this Stripe, with more settings.
fn paid_through(stripe: &StripeMock, more: &[(&str, &str)]) -> Onsale {
    let secrets = format!("whsec_of_next_year,{WEBHOOK_SECRET}");
    let account = [
        ("ONSALE_PAYMENTS__STRIPE__SECRET_KEY", SECRET_KEY),
        ("ONSALE_PAYMENTS__STRIPE__PUBLISHABLE_KEY", "pk_test_for_tests_only"),
        ("ONSALE_PAYMENTS__STRIPE__BASE_URL", stripe.url()),
        ("ONSALE_PAYMENTS__STRIPE__WEBHOOK_SECRETS", &secrets),
    ];
    Onsale::with(&[&account[..], more].concat())
}

/// Webhooks go to a program where it listens now.
fn deliver_to(stripe: &StripeMock, onsale: &Onsale) {
    stripe.deliver_to(&format!("http://{}/api/v1/webhooks/stripe", onsale.address()));
}

/// Waits for something that has to happen by itself.
async fn wait_for(happened: impl Fn() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !happened() {
        assert!(Instant::now() < deadline, "it did not happen");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_card_pays_once_and_is_given_back_once() {
    let Some(shop) = Shop::open().await else { return };
    let held = shop.hold(&[1, 2]).await;
    let order = shop.paying(&held, Some(GOOD_CARD)).key("k-1").await.ok(201);
    assert_eq!((&order["status"], &order["payment_method"]), (&json!("paid"), &json!("stripe")));
    assert_eq!(shop.paying(&held, Some(GOOD_CARD)).key("k-1").await.ok(201), order);
    assert_eq!(shop.paying(&held, None).await.ok(201), order);
    let intents = shop.stripe.intents().await.unwrap();
    assert_eq!(
        (intents.len(), &intents[0]["amount"], &intents[0]["currency"]),
        (1, &json!(2_000), &json!("krw"))
    );
    assert_eq!(intents[0]["metadata"]["order_id"], order["id"]);
    assert_eq!(shop.answered_webhooks(1).await, [204], "after the answer");
    shop.settled(&[&order]).await;
    for _ in 0..2 {
        assert_eq!(shop.refund(&order).await["status"], "refunded");
    }
    assert_eq!(shop.stripe.refunds().await.unwrap().len(), 1);
    shop.settled(&[]).await;
}

#[tokio::test]
async fn a_declined_card_leaves_the_seats_for_another() {
    let Some(shop) = Shop::open().await else { return };
    let held = shop.hold(&[1]).await;
    let problem = shop.paying(&held, Some(DECLINED_CARD)).key("k-1").await.refused(402, "payment_declined");
    assert_eq!(
        (&problem["detail"], &problem["expires_at"]),
        (&json!("Your card was declined."), &held["expires_at"])
    );
    let unknown = shop.paying(&held, Some("pm_that_nobody_made")).await;
    unknown.refused(402, "payment_declined");
    let order = shop.paying(&held, Some(GOOD_CARD)).key("k-2").await.ok(201);
    assert_eq!(shop.intents().await, ["canceled", "canceled", "succeeded"]);
    shop.settled(&[&order]).await;
}

#[tokio::test]
async fn a_bank_that_asks_is_answered_and_the_order_is_paid() {
    let Some(shop) = Shop::open().await else { return };
    let (held, card) = (shop.hold(&[1]).await, shop.stripe.card_that_asks().await.unwrap());
    let needed = shop.paying(&held, Some(&card)).key("k-1").await.ok(202);
    assert_eq!(
        (&needed["status"], &needed["publishable_key"]),
        (&json!("requires_action"), &json!("pk_test_for_tests_only"))
    );
    assert_eq!(
        shop.paying(&held, Some(&card)).key("k-1").await.ok(202),
        needed,
        "the same once more, by the key"
    );
    assert_eq!(
        shop.paying(&held, Some(GOOD_CARD)).await.ok(202),
        needed,
        "and without: one payment at a time"
    );
    assert_eq!(shop.stage.reservation(&shop.buyer, &held).await["status"], "paying");
    shop.stage.cancel(&shop.buyer, &held).await.refused(409, "payment_under_way");
    shop.stripe.buyer_answers_bank(&text(&needed["client_secret"]), true).await.unwrap();
    let order = shop.until(&text(&needed["order_id"]), "paid").await;
    assert_eq!(shop.paying(&held, Some(&card)).key("k-1").await.ok(201), order);
    shop.settled(&[&order]).await;
}

#[tokio::test]
async fn a_bank_that_says_no_leaves_the_seats_for_another_card() {
    let Some(shop) = Shop::open().await else { return };
    let (held, card) = (shop.hold(&[1]).await, shop.stripe.card_that_asks().await.unwrap());
    let needed = shop.paying(&held, Some(&card)).await.ok(202);
    shop.stripe.buyer_answers_bank(&text(&needed["client_secret"]), false).await.unwrap();
    let order = shop.paying(&held, Some(GOOD_CARD)).await.ok(201);
    assert_eq!(shop.order(&text(&needed["order_id"])).await["status"], "failed");
    assert_eq!(shop.intents().await, ["canceled", "succeeded"]);
    shop.settled(&[&order]).await;
}

#[tokio::test]
async fn a_buyer_pays_in_the_page() {
    let Some(shop) = Shop::open().await else { return };
    let held = shop.hold(&[1, 2]).await;
    let needed = shop.paying(&held, None).await.ok(202);
    assert_eq!(shop.paying(&held, None).await.ok(202), needed, "closed the page and came back");
    assert_eq!(shop.intents().await, ["requires_payment_method"]);
    shop.stripe.buyer_pays(&text(&needed["client_secret"])).await.unwrap();
    let order = shop.until(&text(&needed["order_id"]), "paid").await;
    assert_eq!(shop.paying(&held, None).await.ok(201), order);
    shop.settled(&[&order]).await;
}

#[tokio::test]
async fn card_numbers_go_no_further_than_the_door() {
    let Some(shop) = Shop::open().await else { return };
    let held = shop.hold(&[1]).await;
    let number = "4242424242424242";
    let problem = shop.paying(&held, Some(number)).await.refused(400, "validation");
    assert!(!problem.to_string().contains(number) && !shop.stage.log().contains(number), "{problem}");
    let order = shop.paying(&held, Some(GOOD_CARD)).await.ok(201);
    assert!(
        !shop.stage.log().contains(GOOD_CARD) && !shop.stage.log().contains(SECRET_KEY),
        "{}",
        shop.stage.log()
    );
    assert_eq!(shop.stripe.calls("create"), 1);
    shop.settled(&[&order]).await;
}

#[tokio::test]
async fn who_takes_real_money_takes_no_play_money() {
    let Some(shop) = Shop::open().await else { return };
    let held = shop.hold(&[1]).await;
    shop.stage.confirming(&shop.buyer, &held, "simulated").await.refused(400, "validation");
    let kim = shop.stage.sign_up("kim@example.com").await;
    let top_up =
        shop.stage.post("/me/wallet/top-ups", &json!({"amount": crate::support::won(1_000)})).by(&kim).await;
    top_up.refused(403, "forbidden");
    shop.settled(&[]).await;
}
