//! Claims, attempts and payments.

use std::sync::Arc;

use onsale_app::ports::{
    StoreError,
    ledger::{BeginOrder, SettleOrder},
};

use super::*;

async fn payment_status(ledger: &SqlLedger, order: OrderId) -> String {
    only(ledger, &format!("SELECT status FROM payments WHERE order_id = x'{}'", order.0.simple())).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_orders_for_one_unit_one_begins_and_the_rest_learn_which_unit() {
    let ledger = Arc::new(SqlLedger::in_memory().await.unwrap());
    let performance = on_sale(&ledger).await;
    let mut attempts = tokio::task::JoinSet::new();
    for own in 10..30 {
        let ledger = Arc::clone(&ledger);
        let order = order(performance, ReservationId(id()), &[5, own]);
        attempts.spawn(async move { ledger.begin_order(&order, None).await.unwrap() });
    }
    let outcomes = attempts.join_all().await;
    let begun = outcomes.iter().filter(|outcome| **outcome == BeginOrder::Begun).count();
    let taken = outcomes.iter().filter(|outcome| **outcome == BeginOrder::UnitTaken(units([5]))).count();
    assert_eq!((begun, taken), (1, 19));
    assert_eq!(
        number(&ledger, "SELECT COUNT(*) FROM order_units").await,
        2,
        "a refused order leaves nothing"
    );
    assert_eq!(number(&ledger, "SELECT COUNT(*) FROM orders").await, 1);
}

#[tokio::test]
async fn a_refused_order_leaves_the_earlier_attempt_and_the_key_alone() {
    let ledger = SqlLedger::in_memory().await.unwrap();
    let (performance, hold, owner) = (on_sale(&ledger).await, ReservationId(id()), AccountId(id()));
    ledger.begin_order(&order(performance, ReservationId(id()), &[3]), None).await.unwrap();
    let earlier = order(performance, hold, &[1]);
    ledger.begin_order(&earlier, Some(key(owner, 1, 1))).await.unwrap();
    let refused =
        ledger.begin_order(&order(performance, hold, &[1, 3]), Some(key(owner, 1, 2))).await.unwrap();
    assert_eq!(refused, BeginOrder::UnitTaken(units([3])));
    assert_eq!(ledger.order(earlier.id).await.unwrap().unwrap().status, OrderStatus::Paying);
    let under_key = ledger.order_by_key(key(owner, 1, 1)).await.unwrap();
    assert_eq!(under_key, Some((key(owner, 1, 1).key, earlier.id)));
}

#[tokio::test]
async fn payment_and_claim_follow_the_order() {
    let ledger = SqlLedger::in_memory().await.unwrap();
    let (performance, hold) = (on_sale(&ledger).await, ReservationId(id()));
    let (first, second) = (order(performance, hold, &[1]), order(performance, hold, &[1]));
    ledger.begin_order(&first, None).await.unwrap();
    assert_eq!(payment_status(&ledger, first.id).await, "open");
    assert_eq!(ledger.begin_order(&second, None).await.unwrap(), BeginOrder::Begun);
    assert_eq!(payment_status(&ledger, first.id).await, "void");
    assert_eq!(ledger.order(first.id).await.unwrap().unwrap().status, OrderStatus::Failed);
    ledger.pay_order(second.id, "ref", START).await.unwrap();
    assert_eq!(payment_status(&ledger, second.id).await, "captured");
    let again = ledger.pay_order(second.id, "another", START).await.unwrap();
    assert!(matches!(again, SettleOrder::Done(order) if order.reference.as_deref() == Some("ref")));
    let live = "SELECT COUNT(*) FROM order_units WHERE live";
    give_back_all(&ledger, second.id, true, START).await.unwrap();
    assert_eq!(
        (payment_status(&ledger, second.id).await.as_str(), number(&ledger, live).await),
        ("refunded", 1)
    );
    give_back_all(&ledger, second.id, false, START).await.unwrap();
    assert_eq!(number(&ledger, live).await, 0, "the claim ends when it is no longer to be kept");
}

#[tokio::test]
async fn an_order_voided_before_it_began_cannot_begin_and_is_in_no_list() {
    let ledger = SqlLedger::in_memory().await.unwrap();
    let late = order(on_sale(&ledger).await, ReservationId(id()), &[1]);
    assert_eq!(ledger.void_order(late.id, START).await.unwrap(), None);
    assert_eq!(ledger.void_order(late.id, START).await.unwrap(), Some(OrderStatus::Failed));
    assert_eq!(ledger.begin_order(&late, None).await.unwrap(), BeginOrder::Exists(OrderStatus::Failed));
    assert_eq!(ledger.order(late.id).await.unwrap(), None);
    assert_eq!(ledger.pay_order(late.id, "ref", START).await.unwrap(), SettleOrder::NotFound);
    assert_eq!(number(&ledger, "SELECT COUNT(*) FROM order_units").await, 0);
}

#[tokio::test]
async fn there_is_no_order_for_a_performance_that_is_gone() {
    let ledger = SqlLedger::in_memory().await.unwrap();
    let gone = order(PerformanceId(id()), ReservationId(id()), &[1]);
    let refused = ledger.begin_order(&gone, None).await;
    assert!(matches!(refused, Err(onsale_app::ports::StoreError::Corrupt(_))), "{refused:?}");
    assert_eq!(ledger.order(gone.id).await.unwrap(), None);
}

/// Orders that are begun and paid at the same time share transactions; each of them goes its own way all the same.
#[tokio::test]
async fn what_is_written_together_is_decided_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("ledger.db").display());
    let ledger = Arc::new(SqlLedger::open(&url, LedgerSettings::default()).await.unwrap());
    ledger.migrate().await.unwrap();
    let performance = on_sale(&ledger).await;
    let gone = PerformanceId(id());
    // Of every four: one that gets its unit, one that wants the same, one for nothing, and one that is voided before.
    let mut begun = Vec::new();
    for number in 1..=50 {
        let (first, second) = (
            order(performance, ReservationId(id()), &[number]),
            order(performance, ReservationId(id()), &[number]),
        );
        let nowhere = order(gone, ReservationId(id()), &[number]);
        let voided = order(performance, ReservationId(id()), &[100 + number]);
        assert_eq!(ledger.void_order(voided.id, START).await.unwrap(), None);
        for order in [first, second, nowhere, voided] {
            let ledger = Arc::clone(&ledger);
            begun.push(tokio::spawn(async move {
                let outcome = ledger.begin_order(&order, Some(key(order.owner, 1, 1))).await;
                (order, outcome)
            }));
        }
    }
    let mut winners = Vec::new();
    for (at, task) in begun.into_iter().enumerate() {
        let (order, outcome) = task.await.unwrap();
        match at % 4 {
            0 => {
                assert_eq!(outcome.unwrap(), BeginOrder::Begun);
                winners.push(order);
            }
            1 => {
                let taken = order.units.iter().map(|unit| unit.unit.0);
                assert_eq!(outcome.unwrap(), BeginOrder::UnitTaken(units(taken)));
                assert_eq!(ledger.order(order.id).await.unwrap(), None, "nothing of it is there");
            }
            2 => assert!(matches!(outcome, Err(StoreError::Corrupt(_))), "{outcome:?}"),
            _ => assert_eq!(outcome.unwrap(), BeginOrder::Exists(OrderStatus::Failed)),
        }
    }
    // Each has a reference and a time of its own, and is told twice that it is paid; one is not there.
    let when = |at: usize| START.plus_ms(at as u64);
    let twice = winners.iter().enumerate().flat_map(|at| [at, at]).map(|(at, order)| (at, order.id));
    let paid = twice.chain([(0, OrderId(id()))]).map(|(at, id)| {
        let ledger = Arc::clone(&ledger);
        tokio::spawn(async move { ledger.pay_order(id, &format!("ref {at}"), when(at)).await.unwrap() })
    });
    let paid: Vec<SettleOrder> =
        futures_util::future::join_all(paid).await.into_iter().map(Result::unwrap).collect();
    let (unknown, paid) = paid.split_last().unwrap();
    assert_eq!(*unknown, SettleOrder::NotFound);
    for (at, (order, outcomes)) in winners.iter().zip(paid.chunks(2)).enumerate() {
        let reference = Some(format!("ref {at}"));
        let paid = Order { status: OrderStatus::Paid, reference, ..order.clone() };
        for outcome in outcomes {
            assert_eq!(*outcome, SettleOrder::Done(Box::new(paid.clone())));
        }
        assert_eq!(ledger.order(order.id).await.unwrap(), Some(paid));
        assert_eq!(payment_status(&ledger, order.id).await, "captured");
        let times = "SELECT settled_at + updated_at FROM orders JOIN payments ON order_id = id WHERE id = x";
        let times = number(&ledger, &format!("{times}'{}'", order.id.0.simple())).await;
        assert_eq!(times, when(at).as_millis() * 2);
        assert_eq!(ledger.order_by_key(key(order.owner, 1, 1)).await.unwrap().unwrap().1, order.id);
    }
    assert_eq!(number(&ledger, "SELECT COUNT(*) FROM order_units WHERE live").await, 50);
    ledger.close().await;
}
