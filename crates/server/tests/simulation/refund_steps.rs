//! A refund, step by step: each step failed, before and after its effect, and the process ended behind it or not. What was
//! recorded comes to its end by itself, and what was not has given nothing back.

use std::collections::BTreeMap;

use onsale_app::{
    ports::{admissions::Shown, hot::Stock as _, ledger::Orders as _},
    refunds::RefundRequest,
    reservations::Wish,
};
use onsale_domain::orders::OrderStatus;
use onsale_payments::simulated::Entry;
use onsale_testkit::faults::When;

use crate::{
    checks,
    confirm_steps::{Who, by_card, calm, with_fault},
    play,
    world::World,
};

/// The steps of a refund, in order, and who carries them out.
const STEPS: [(&str, Who); 6] = [
    ("begin_refund", Who::Ledger),
    ("refund", Who::Provider),
    ("finish_refund", Who::Ledger),
    ("sell", Who::Hot),
    ("give_back", Who::Hot),
    ("close_refund", Who::Ledger),
];

/// Refunds two of three seats, or all, with one fault.
async fn fail_one_step(step: &'static str, who: Who, when: When, crash: bool, all: bool) {
    let context = format!("{step}, {when:?}, crash {crash}, all {all}");
    let mut world = World::new(calm()).await;
    let (me, p) = (world.organizer, world.performance);
    let wish = Wish::Seats(vec![1, 2, 3]);
    let held = world.process.app.hold(me, p, wish, None, &Shown::Nothing).await.unwrap();
    world.told.lock().held.insert(held.id, (me, held.clone()));
    let view = world.process.app.confirm(me, held.id, by_card()).await.unwrap();
    let id = view.order.id;
    world.told.lock().paid.insert(id, view);
    let app = with_fault(&world, step, who, when);
    let units = if all { vec![1, 2, 3] } else { vec![1, 3] };
    let request = RefundRequest { units: (!all).then(|| units.clone()), keep_seats: false };
    let answered = app.refund(me, id, request).await;
    assert!(answered.is_err(), "{context}: {answered:?}");
    if crash {
        drop(app);
        world.restart();
    }
    // Only what was begun before this moment was left behind.
    world.clock.advance(1);
    while world.process.app.reconcile_payments(0).await.unwrap() > 0 {}
    let order = world.ledger.order(id).await.unwrap().unwrap();
    let was_recorded = (step, when) != ("begin_refund", When::Before);
    let back = if was_recorded { i64::try_from(units.len()).unwrap() * 100 } else { 0 };
    assert_eq!(order.refunded().amount, back, "{context}");
    let wanted = if all && was_recorded { OrderStatus::Refunded } else { OrderStatus::Paid };
    assert_eq!(order.status, wanted, "{context}");
    let sold = world.process.store.availability(p).await.unwrap().counts.sold;
    assert_eq!(i64::from(sold) * 100, 300 - back, "{context}");
    let returned = match world.bank.books()[&id] {
        Entry::Refunded { returned, .. } => returned.amount,
        Entry::Captured(_) => 0,
        entry @ Entry::Dead(_) => panic!("{context}: {entry:?}"),
    };
    assert_eq!(returned, back, "{context}: by the provider's books");
    // Whoever had no answer asks again, which gives nothing twice.
    let asked: BTreeMap<u32, bool> = units.into_iter().map(|unit| (unit, false)).collect();
    world.told.lock().refunds.insert(id, asked);
    world.settle().await;
    checks::everything(&world).await;
}

#[test]
fn a_refund_that_was_recorded_comes_to_its_end() {
    for (step, who) in STEPS {
        for (crash, all) in [(false, false), (true, false), (false, true), (true, true)] {
            play(fail_one_step(step, who, When::Before, crash, all));
            // What the in-process store calls unavailable has not happened, so it loses no answers.
            if who != Who::Hot {
                play(fail_one_step(step, who, When::After, crash, all));
            }
        }
    }
}
