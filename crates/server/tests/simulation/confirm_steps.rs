//! Confirm, step by step: each step failed, and each repeated. Whatever happens, in the end there is no charge
//! without an order and no seat in limbo.

use std::sync::Arc;

use onsale_app::{
    App, Caller, Ports,
    errors::Reason,
    orders::Confirmation,
    ports::{
        admissions::Shown,
        clock::Clock,
        hot::Stock,
        ledger::{BuyerDetails, Ledger},
        payments::PaymentProvider,
    },
    reservations::Wish,
    waiting_room::Rooms,
};
use onsale_domain::{ids::AccountId, orders::OrderStatus};
use onsale_payments::simulated::Entry;
use onsale_testkit::{
    clock::SeededEntropy,
    faults::{FailNth, Faults, FaultyHot, FaultyLedger, FaultyProvider, When},
};
use uuid::Uuid;

use crate::{
    checks, play,
    world::{Plan, World},
};

/// The steps of a confirm, in order, and who carries them out.
const STEPS: [(&str, Who); 5] = [
    ("begin_payment", Who::Hot),
    ("begin_order", Who::Ledger),
    ("charge", Who::Provider),
    ("pay_order", Who::Ledger),
    ("sell", Who::Hot),
];

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Hot,
    Ledger,
    Provider,
}

/// A world without chance: one buyer, no declines, no faults but those that a test asks for.
pub(crate) fn calm() -> Plan {
    let mut plan = Plan::of(0);
    (plan.declines, plan.lives, plan.buyers) = (0.0, 1, 1);
    for faults in [&mut plan.stores, &mut plan.provider] {
        (faults.fail_before, faults.fail_after, faults.yields) = (0.0, 0.0, 0);
    }
    plan
}

/// The process of a world with one exact fault.
pub(crate) fn with_fault(world: &World, step: &'static str, who: Who, when: When) -> App {
    let exact = |me| {
        let faults = if me == who { vec![FailNth { call: Some(step), nth: 1, when }] } else { Vec::new() };
        Arc::new(Faults::exactly(faults))
    };
    let store = Arc::new(world.process.store.clone());
    let hot = Arc::new(FaultyHot::new(store.clone(), store.clone(), store.clone(), exact(Who::Hot)));
    let ledger: Arc<dyn Ledger> = world.ledger.clone();
    let provider = FaultyProvider::new(world.bank.clone() as Arc<dyn PaymentProvider>, exact(Who::Provider));
    let (clock, entropy) = (world.clock.clone() as Arc<dyn Clock>, Arc::new(SeededEntropy::new(7)));
    let rooms = Rooms::new(store.clone(), ledger.clone() as _, clock.clone(), entropy.clone());
    App::new(Ports {
        reservations: hot.clone(),
        stock: hot.clone(),
        log: hot,
        feed: store,
        ledger: Arc::new(FaultyLedger::new(ledger, exact(Who::Ledger))),
        providers: vec![Arc::new(provider)],
        admissions: Arc::new(rooms),
        sends_letters: false,
        clock,
        entropy,
    })
}

pub(crate) fn by_card() -> Confirmation {
    let buyer = BuyerDetails { name: "Somebody".into(), phone: None, email: None, letters: None };
    Confirmation { method: "simulated".into(), instrument: None, buyer, key: None }
}

/// Fails one step, then lets the buyer try again until there is an answer, with or without a crash in between.
async fn fail_one_step(step: &'static str, who: Who, when: When, crash: bool) {
    let context = format!("{step}, {when:?}, crash {crash}");
    let mut world = World::new(calm()).await;
    let me = world.organizer;
    let app = with_fault(&world, step, who, when);
    let held = app.hold(me, world.performance, Wish::Seats(vec![1, 2]), None, &Shown::Nothing).await.unwrap();
    world.told.lock().held.insert(held.id, (me, held.clone()));
    let first = app.confirm(me, held.id, by_card()).await;
    if crash {
        drop(app);
        world.restart();
    }
    // Only what was begun before this moment was left behind.
    world.clock.advance(1);
    world.process.app.reconcile_payments(0).await.unwrap();
    let again = world.process.app.confirm(me, held.id, by_card()).await;
    let order = again.unwrap_or_else(|error| panic!("{context}: first {first:?}, then {error}"));
    assert_eq!(order.order.status, OrderStatus::Paid, "{context}");
    if let Ok(first) = first {
        assert_eq!(first.order.id, order.order.id, "{context}: one order, answered twice");
    }
    let captured = world.bank.books().values().filter(|entry| matches!(entry, Entry::Captured(_))).count();
    assert_eq!(captured, 1, "{context}: charged once");
    world.told.lock().paid.insert(order.order.id, order);
    world.settle().await;
    checks::everything(&world).await;
}

#[test]
fn a_step_that_fails_leaves_no_charge_without_an_order_and_no_seat_in_limbo() {
    for (step, who) in STEPS {
        for crash in [false, true] {
            play(fail_one_step(step, who, When::Before, crash));
            // What the in-process store calls unavailable has not happened, so it loses no answers.
            if who != Who::Hot {
                play(fail_one_step(step, who, When::After, crash));
            }
        }
    }
}

/// A declined payment whose end cannot be recorded: as long as its claim stands nobody else is given the seats, who could
/// not pay for them.
async fn decline_unrecorded(when: When) {
    let mut plan = calm();
    plan.declines = 1.0;
    let mut world = World::new(plan).await;
    let (me, other) =
        (world.organizer, Caller { account: AccountId(Uuid::from_u128(77)), ..world.organizer });
    let app = with_fault(&world, "fail_order", Who::Ledger, when);
    let hold = |who| app.hold(who, world.performance, Wish::Seats(vec![1, 2]), None, &Shown::Nothing);
    let held = hold(me).await.unwrap();
    let declined = app.confirm(me, held.id, by_card()).await.unwrap_err();
    assert_eq!(declined.reason(), Reason::PaymentDeclined);
    world.clock.advance(10 * 60_000);
    assert_eq!(hold(other).await.unwrap_err().reason(), Reason::SeatTaken);
    app.reconcile_payments(0).await.unwrap();
    let held = hold(other).await.unwrap();
    let declined = app.confirm(other, held.id, by_card()).await.unwrap_err();
    assert_eq!(declined.reason(), Reason::PaymentDeclined, "not that the seats belong to another order");
    world.settle().await;
    checks::everything(&world).await;
}

#[test]
fn seats_of_a_declined_payment_go_to_others_only_when_the_ledger_has_given_them_up() {
    for when in [When::Before, When::After] {
        play(decline_unrecorded(when));
    }
}

#[test]
fn every_step_may_come_twice() {
    play(async {
        use onsale_app::ports::{
            hot::{PaymentStep, Reservations},
            ledger::{BeginOrder, Orders, SettleOrder},
            payments::{Charge, Charged},
        };
        use onsale_domain::reservations::{BeginOutcome, FinishOutcome};

        let mut world = World::new(calm()).await;
        let (me, p) = (world.organizer, world.performance);
        let held = world.process.app.hold(me, p, Wish::Seats(vec![3]), None, &Shown::Nothing).await.unwrap();
        world.told.lock().held.insert(held.id, (me, held.clone()));
        let view = world.process.app.confirm(me, held.id, by_card()).await.unwrap();
        let order = view.order.clone();
        let step = PaymentStep { hold: held.id, fence: order.fence, order: order.id };
        for _ in 0..2 {
            let begun = world.process.store.begin_payment(p, held.id, me.account, order.id).await.unwrap();
            assert!(matches!(begun.outcome, BeginOutcome::Ended(_)));
            let recorded = world.ledger.begin_order(&order, None).await.unwrap();
            assert_eq!(recorded, BeginOrder::Exists(OrderStatus::Paid));
            let charge =
                Charge { order: order.id, account: me.account, amount: order.total, instrument: None };
            assert!(matches!(world.bank.charge(&charge).await, Ok(Charged::Captured(_))));
            let paid = world.ledger.pay_order(order.id, "again", order.created_at).await.unwrap();
            assert!(matches!(paid, SettleOrder::Done(_)));
            let sold = world.process.store.sell(p, step).await.unwrap();
            assert_eq!((sold.outcome, sold.sequence), (FinishOutcome::Done, None));
            let ended = world.process.store.end_payment(p, step, 0).await.unwrap();
            assert_eq!(ended.outcome, FinishOutcome::Stale);
        }
        assert_eq!(world.process.store.availability(p).await.unwrap().counts.sold, 1);
        world.told.lock().paid.insert(order.id, view);
        world.settle().await;
        checks::everything(&world).await;
    });
}
