//! Stripe away for minutes, for longer than anybody wants, and failing at random: with the use cases in this process, so
//! that half an hour passes when a test says so, and Stripe's mock outside, so that its books are not ours.
//!
//! Invariant: in the end every order that is paid has exactly its money in the books, every other order none.

use std::{collections::BTreeSet, sync::Arc};

use futures_util::{StreamExt as _, stream};
use onsale_app::{
    App, Caller, CallerKind, Ports,
    catalogue::{NewPerformance, PlanChoice},
    errors::Reason,
    orders::Confirmation,
    ports::{
        admissions::Shown,
        clock::{Clock, Entropy},
        hot::Stock,
        ledger::{AreaOffer, BuyerDetails, Ledger, Orders, Refunds as _, Role},
        payments::{BuyerAction, Delivery},
    },
    reconciler::Reconciled,
    refunds::RefundRequest,
    reservations::Wish,
    waiting_room::Rooms,
};
use onsale_domain::{
    events::EventSettings,
    ids::{AccountId, OrderId, PerformanceId, ReservationId},
    money::{Currency, Money},
    orders::OrderStatus,
    time::Timestamp,
    units::Counts,
};
use onsale_hot::memory::{MemoryStore, journal::volatile::VolatileJournal};
use onsale_payments::{Stripe, StripeSettings};
use onsale_testkit::{
    clock::{ManualClock, SeededEntropy},
    ledger::MemoryLedger,
    servers::{
        or_passed_over,
        stripe::{
            Chances, DECLINED_CARD, Fault, GOOD_CARD, SECRET_KEY, StripeMock, WEBHOOK_SECRET, signature,
        },
    },
};
use uuid::Uuid;

const MINUTE_MS: u64 = 60_000;
const PRICE: i64 = 50;
/// How many buyers are at it at the same time: the mock is one process of a slow language.
const AT_A_TIME: usize = 16;

struct House {
    app: Arc<App>,
    store: MemoryStore,
    ledger: Arc<MemoryLedger>,
    clock: Arc<ManualClock>,
    stripe: StripeMock,
    performance: PerformanceId,
}

fn buyer(n: u128) -> Caller {
    Caller { account: AccountId(Uuid::from_u128(n + 1)), kind: CallerKind::Guest, role: Role::Buyer }
}

fn admin() -> Caller {
    Caller { role: Role::Admin, kind: CallerKind::Account, ..buyer(1_000_000) }
}

fn with(card: Option<&str>) -> Confirmation {
    let buyer = BuyerDetails { name: "Somebody".into(), phone: None, email: None, letters: None };
    Confirmation { method: "stripe".into(), instrument: card.map(str::to_owned), buyer, key: None }
}

impl House {
    /// A hall with so many places; `None` where there is no mock on this machine.
    async fn open(capacity: u32) -> Option<Self> {
        let stripe = or_passed_over(StripeMock::start().await, "localstripe")?;
        let (clock, ledger) = (Arc::new(ManualClock::new()), Arc::new(MemoryLedger::new()));
        let journal = Box::new(VolatileJournal::new());
        let store = MemoryStore::open_inline(journal, Arc::clone(&clock) as Arc<dyn Clock>).unwrap();
        let settings = StripeSettings {
            base_url: stripe.url().to_owned(),
            webhook_secrets: vec![WEBHOOK_SECRET.into()],
            ..StripeSettings::of(SECRET_KEY)
        };
        let orders = Arc::clone(&ledger) as Arc<dyn Orders>;
        let provider = Stripe::new(settings, orders, Arc::clone(&clock) as Arc<dyn Clock>).unwrap();
        let shared = Arc::new(store.clone());
        let entropy = Arc::new(SeededEntropy::new(1)) as Arc<dyn Entropy>;
        let clock_port = Arc::clone(&clock) as Arc<dyn Clock>;
        let rooms = Rooms::new(shared.clone(), Arc::clone(&ledger) as _, clock_port, Arc::clone(&entropy));
        let app = App::new(Ports {
            reservations: shared.clone(),
            stock: shared.clone(),
            log: shared.clone(),
            feed: shared,
            ledger: Arc::clone(&ledger) as Arc<dyn Ledger>,
            providers: vec![Arc::new(provider)],
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            admissions: Arc::new(rooms),
            sends_letters: false,
            entropy,
        });
        let organizer = admin();
        let settings = EventSettings { hold_ttl_s: 300, ..EventSettings::default() };
        let event = app.create_event(organizer, "Away".into(), None, settings, None).await.unwrap();
        let new = NewPerformance {
            starts_at: clock.now(),
            plan: PlanChoice::Grid { rows: 1, columns: 1 },
            areas: vec![AreaOffer {
                label: "Standing".into(),
                capacity,
                price: Money::new(PRICE, Currency::KRW),
            }],
            prices: vec![("standard".into(), Money::new(100, Currency::KRW))],
            sale_opens_at: None,
            sale_closes_at: None,
        };
        let performance = app.create_performance(organizer, event.id, new, None).await.unwrap().id;
        Some(Self { app: Arc::new(app), store, ledger, clock, stripe, performance })
    }

    async fn hold(&self, who: Caller) -> ReservationId {
        let wish = Wish::Area { area: 1, quantity: 1 };
        self.app.hold(who, self.performance, wish, None, &Shown::Nothing).await.unwrap().id
    }

    async fn counts(&self) -> Counts {
        self.store.availability(self.performance).await.unwrap().counts
    }

    /// What the organizer is shown as not over: whether it is a refund, how much, and how it stands.
    async fn shown(&self) -> Vec<(bool, i64, &'static str)> {
        let found = self.app.unsettled(admin()).await.unwrap();
        found.iter().map(|one| (one.refund.is_some(), one.amount.amount, one.standing.as_str())).collect()
    }

    /// Minutes go by, and the reconciler runs once.
    async fn pass_minutes(&self, minutes: u64) -> Reconciled {
        self.clock.advance(minutes * MINUTE_MS);
        self.store.expire_due();
        self.app.reconcile_in_turn().await.unwrap()
    }

    /// Nothing is open any more, and the books agree with the orders: gives how many places are paid.
    async fn settled(&self) -> usize {
        for _ in 0..20 {
            self.clock.advance(6 * MINUTE_MS);
            if self.app.reconcile_in_turn().await.unwrap().open == 0 {
                break;
            }
        }
        self.clock.advance(6 * MINUTE_MS);
        self.store.expire_due();
        let open = self.ledger.open_refunds(Timestamp(i64::MAX), None, 100).await.unwrap();
        assert_eq!(open, [], "no refund is open");
        let balances = self.stripe.balances().await.unwrap();
        let mut paid = 0;
        for (order, balance) in &balances {
            let order: OrderId = order.parse().unwrap();
            let known = self.ledger.order(order).await.unwrap().unwrap();
            let wanted = match known.status {
                OrderStatus::Paid => known.total.amount - known.refunded().amount,
                OrderStatus::Failed | OrderStatus::Refunded => 0,
                OrderStatus::Paying => panic!("{order} is open: {known:?}"),
            };
            assert_eq!(*balance, wanted, "{known:?}");
            let kept = known.units.iter().filter(|unit| unit.refund.is_none()).count();
            paid += if known.status == OrderStatus::Paid { kept } else { 0 };
        }
        let counts = self.counts().await;
        assert_eq!((counts.paying, counts.held, counts.sold as usize), (0, 0, paid), "{counts:?}");
        assert_eq!(self.stripe.misuses(), Vec::<String>::new());
        paid
    }
}

#[tokio::test]
async fn ten_minutes_without_stripe_while_two_hundred_payments_are_open() {
    const OPEN: usize = 200;
    let Some(house) = House::open(250).await else { return };
    // One in four is declined, one in four never arrives, two pay; none of the answers comes back.
    house.stripe.fail_next("read", &[Fault::LostRequest; OPEN * 3]);
    let confirm = async |n| {
        let me = buyer(n as u128);
        let held = house.hold(me).await;
        let card = if n % 4 == 0 { DECLINED_CARD } else { GOOD_CARD };
        house.app.confirm(me, held, with(Some(card))).await
    };
    let mut faults = vec![Fault::LostAnswer; OPEN * 2];
    faults.extend([Fault::LostRequest; OPEN * 2]);
    house.stripe.fail_next("confirm", &faults);
    let answers: Vec<_> = stream::iter(0..OPEN).map(confirm).buffer_unordered(AT_A_TIME).collect().await;
    for answer in answers {
        assert_eq!(answer.unwrap_err().reason(), Reason::Unavailable);
    }
    house.stripe.forget_faults();
    house.stripe.set_down(true);
    let calls = |house: &House| house.stripe.calls("read") + house.stripe.calls("cancel");
    let before = calls(&house);
    for _ in 0..4 {
        house.clock.advance(MINUTE_MS / 2);
        let run = house.pass_minutes(2).await;
        assert_eq!((run.finished, run.open, run.overdue), (0, OPEN, 0));
        let counts = house.counts().await;
        assert_eq!((counts.paying as usize, counts.held, counts.sold), (OPEN, 0, 0), "nothing is released");
    }
    let asked = calls(&house) - before;
    assert!((OPEN as u64..=OPEN as u64 * 3 * 4).contains(&asked), "three tries each time: {asked}");
    let again = calls(&house);
    house.app.reconcile_in_turn().await.unwrap();
    assert_eq!(calls(&house), again, "nobody is asked before their pause is over");
    house.stripe.set_down(false);
    let run = house.pass_minutes(6).await;
    assert_eq!(run.open, 0, "settled within a pause of Stripe's return: {run:?}");
    let paid = house.settled().await;
    assert!((OPEN / 4..OPEN).contains(&paid), "{paid}");
}

#[tokio::test]
async fn what_cannot_be_settled_for_half_an_hour_is_told_and_stays_safe() {
    let Some(house) = House::open(2).await else { return };
    let (me, other) = (buyer(1), buyer(2));
    let held = house.hold(me).await;
    house.stripe.fail_next("confirm", &[Fault::LostAnswer; 3]);
    house.stripe.fail_next("read", &[Fault::LostRequest; 3]);
    house.app.confirm(me, held, with(Some(GOOD_CARD))).await.unwrap_err();
    house.stripe.set_down(true);
    assert_eq!(house.shown().await, [], "it may be finished in a moment");
    let run = house.pass_minutes(29).await;
    assert_eq!((run.open, run.overdue), (1, 0));
    assert_eq!(house.shown().await, [(false, PRICE, "retried")]);
    let stranger = Caller { role: Role::Organizer, kind: CallerKind::Account, ..buyer(1_000_001) };
    assert_eq!(house.app.unsettled(stranger).await.unwrap(), [], "another organizer's");
    assert_eq!(house.app.unsettled(me).await.unwrap_err().reason(), Reason::Forbidden);
    let run = house.pass_minutes(1).await;
    assert_eq!((run.open, run.overdue, run.finished), (1, 1, 0));
    assert_eq!(house.shown().await, [(false, PRICE, "overdue")]);
    house.pass_minutes(24 * 60).await;
    assert_eq!(house.counts().await.paying, 1, "for as long as it takes");
    house.hold(other).await;
    let wish = Wish::Area { area: 1, quantity: 1 };
    let third = house.app.hold(buyer(3), house.performance, wish, None, &Shown::Nothing).await;
    assert_eq!(third.unwrap_err().reason(), Reason::SoldOut, "the place is not sold to anybody else");
    house.stripe.set_down(false);
    let run = house.pass_minutes(6).await;
    assert_eq!((run.open, run.overdue), (0, 0));
    assert_eq!(house.shown().await, []);
    assert_eq!(house.settled().await, 1);
}

#[tokio::test]
async fn a_buyer_who_does_not_come_back_is_ended_at_stripe_first() {
    let Some(house) = House::open(1).await else { return };
    let me = buyer(1);
    let held = house.hold(me).await;
    let asked = house.app.confirm(me, held, with(None)).await.unwrap();
    let Some(BuyerAction::InPage { client_secret, .. }) = asked.action else { panic!("{asked:?}") };
    let run = house.pass_minutes(9).await;
    assert_eq!(house.shown().await, [(false, PRICE, "awaits_buyer")]);
    assert_eq!((run.open, run.awaiting_buyer), (1, 1), "the hold would have ended after five minutes");
    // It cannot be cancelled, so it is not released.
    house.stripe.fail_next("cancel", &[Fault::LostRequest; 3]);
    let run = house.pass_minutes(1).await;
    assert_eq!((run.open, run.awaiting_buyer, house.counts().await.paying), (1, 0, 1));
    let run = house.pass_minutes(1).await;
    assert_eq!((run.open, run.finished), (0, 1), "tried again after a pause");
    let intents = house.stripe.intents().await.unwrap();
    assert_eq!((intents.len(), &intents[0]["status"]), (1, &serde_json::json!("canceled")));
    assert!(house.stripe.buyer_pays(&client_secret).await.is_err(), "Stripe takes no money for it any more");
    house.pass_minutes(6).await;
    let other = house.hold(buyer(2)).await;
    house.app.confirm(buyer(2), other, with(Some(GOOD_CARD))).await.unwrap();
    assert_eq!(house.settled().await, 1);
}

/// The order had been given up when its money came, and Stripe is away when it is to go back.
#[tokio::test]
async fn money_that_came_for_a_failed_order_goes_back_when_stripe_is_there_again() {
    let Some(house) = House::open(1).await else { return };
    let me = buyer(1);
    let held = house.hold(me).await;
    let asked = house.app.confirm(me, held, with(None)).await.unwrap();
    let (id, Some(BuyerAction::InPage { client_secret, .. })) = (asked.order.id, asked.action) else {
        panic!("the buyer has to pay in the page")
    };
    house.stripe.buyer_pays(&client_secret).await.unwrap();
    house.ledger.fail_order(id, "given up", house.clock.now()).await.unwrap();
    house.stripe.fail_next("refund", &[Fault::LostRequest; 3]);
    let event = serde_json::json!({"object": "event", "type": "payment_intent.succeeded", "data": {"object":
        {"object": "payment_intent", "metadata": {"order_id": id.to_string()}}}});
    let body = event.to_string();
    let moment = house.clock.now().as_millis() / 1_000;
    let signed = signature(WEBHOOK_SECRET, moment, body.as_bytes());
    let headers = std::iter::once(("stripe-signature".to_owned(), signed)).collect();
    let delivery = Delivery { headers: &headers, body: body.as_bytes() };
    house.app.notified("stripe", &delivery).await.unwrap_err();
    assert_eq!(house.stripe.balances().await.unwrap()[&id.to_string()], PRICE, "it could not go back");
    let run = house.pass_minutes(1).await;
    assert_eq!((run.refunds_open, run.refunds_overdue), (0, 0));
    let order = house.ledger.order(id).await.unwrap().unwrap();
    assert_eq!(
        (order.status, order.refunded().amount),
        (OrderStatus::Failed, PRICE),
        "and the buyer sees it"
    );
    house.app.notified("stripe", &delivery).await.unwrap();
    assert_eq!(house.stripe.refunds().await.unwrap().len(), 1);
    house.settled().await;
}

/// Refunds of two places of three, while Stripe is away: they are recorded, and made when it is back.
#[tokio::test]
async fn refunds_while_stripe_is_away_are_made_when_it_is_there_again() {
    const ORDERS: usize = 8;
    let Some(house) = House::open(ORDERS as u32 * 3).await else { return };
    let organizer = admin();
    let mut paid = Vec::new();
    for n in 0..ORDERS {
        let me = buyer(n as u128);
        let wish = Wish::Area { area: 1, quantity: 3 };
        let held = house.app.hold(me, house.performance, wish, None, &Shown::Nothing).await.unwrap().id;
        paid.push(house.app.confirm(me, held, with(Some(GOOD_CARD))).await.unwrap().order);
    }
    house.stripe.set_down(true);
    for order in &paid {
        let some: Vec<u32> = order.units.iter().skip(1).map(|unit| unit.unit.0).collect();
        let request = RefundRequest { units: Some(some), keep_seats: false };
        let told = house.app.refund(organizer, order.id, request).await.unwrap_err();
        assert_eq!(told.reason(), Reason::Unavailable);
    }
    let run = house.pass_minutes(29).await;
    assert_eq!((run.refunds_open, run.refunds_overdue), (ORDERS, 0));
    assert_eq!(house.shown().await, [(true, 2 * PRICE, "retried"); ORDERS]);
    let run = house.pass_minutes(6).await;
    assert_eq!((run.refunds_open, run.refunds_overdue, run.finished), (ORDERS, ORDERS, 0), "told, loudly");
    assert_eq!(
        house.counts().await.sold as usize,
        ORDERS * 3,
        "nothing goes back on sale before the money is back"
    );
    house.stripe.set_down(false);
    let run = house.pass_minutes(6).await;
    assert_eq!((run.refunds_open, run.finished), (0, ORDERS));
    let refunds = house.stripe.refunds().await.unwrap();
    assert_eq!(refunds.len(), ORDERS);
    assert!(refunds.iter().all(|refund| refund["amount"] == 2 * PRICE), "{refunds:?}");
    assert_eq!(house.settled().await, ORDERS);
}

/// Half of the buyers try again until they know; everything between them and Stripe fails now and then.
#[tokio::test]
async fn purchases_through_a_stripe_that_fails_at_random() {
    const BUYERS: usize = 120;
    let Some(house) = House::open(BUYERS as u32).await else { return };
    let chances = Chances { lost_request: 0.15, lost_answer: 0.15, late_answer: 0.2, ..Chances::default() };
    house.stripe.fail_by_chance(Some((chances, 7)));
    let purchase = async |n| {
        let me = buyer(n as u128);
        let held = house.hold(me).await;
        let cards = if n % 5 == 0 { [DECLINED_CARD, GOOD_CARD] } else { [GOOD_CARD; 2] };
        let mut told = None;
        for card in cards {
            match house.app.confirm(me, held, with(Some(card))).await {
                Ok(order) => told = Some(order.order.id),
                Err(error) if n % 2 == 0 => drop(error),
                Err(_) => break,
            }
        }
        told
    };
    let told: Vec<Option<OrderId>> =
        stream::iter(0..BUYERS).map(purchase).buffer_unordered(AT_A_TIME).collect().await;
    house.stripe.fail_by_chance(None);
    let paid = house.settled().await;
    let mut orders = BTreeSet::new();
    for order in told.into_iter().flatten() {
        assert_eq!(
            house.ledger.order(order).await.unwrap().unwrap().status,
            OrderStatus::Paid,
            "who was told so owns it"
        );
        orders.insert(order);
    }
    assert!(orders.len() <= paid && paid <= BUYERS, "{} were told, {paid} are paid", orders.len());
}
