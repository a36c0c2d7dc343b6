//! Keys, numbers and deletion.

use onsale_app::ports::ledger::DeleteOutcome;

use super::*;

#[tokio::test]
async fn a_key_older_than_a_day_counts_as_unused_and_old_ones_are_deleted() {
    let ledger = SqlLedger::in_memory().await.unwrap();
    let owner = AccountId(id());
    let first = event(owner);
    assert_eq!(
        ledger.create_event(&first, Some(key(owner, 1, 1))).await.unwrap(),
        Created::New(first.clone())
    );
    for other in 2..20 {
        ledger.create_event(&event(owner), Some(key(owner, other, 1))).await.unwrap();
    }
    let within = Event { created_at: START.plus_ms(DAY_MS - 1), ..event(owner) };
    assert_eq!(ledger.create_event(&within, Some(key(owner, 1, 1))).await.unwrap(), Created::Repeated(first));
    assert_eq!(ledger.create_event(&within, Some(key(owner, 1, 2))).await.unwrap(), Created::KeyMismatch);
    let later = Event { created_at: START.plus_ms(DAY_MS), ..event(owner) };
    assert_eq!(
        ledger.create_event(&later, Some(key(owner, 1, 2))).await.unwrap(),
        Created::New(later.clone())
    );
    for other in 30..33 {
        let event = Event { created_at: later.created_at, ..event(owner) };
        ledger.create_event(&event, Some(key(owner, other, 1))).await.unwrap();
    }
    assert_eq!(
        number(&ledger, "SELECT COUNT(*) FROM idempotency_keys").await,
        4,
        "only those of today are left"
    );
}

#[tokio::test]
async fn a_key_used_for_one_noun_is_no_key_for_another() {
    let ledger = SqlLedger::in_memory().await.unwrap();
    let owner = AccountId(id());
    ledger.create_event(&event(owner), Some(key(owner, 1, 1))).await.unwrap();
    let top_up = ledger.top_up(id(), owner, won(5), Some(key(owner, 1, 1)), START).await.unwrap();
    assert_eq!(top_up, Created::KeyMismatch);
    assert_eq!(ledger.balance(owner, Currency::KRW).await.unwrap(), won(0));
}

#[tokio::test]
async fn numbers_are_not_given_again_after_a_deletion() {
    let ledger = SqlLedger::in_memory().await.unwrap();
    let (one, other) = (event(AccountId(id())), event(AccountId(id())));
    ledger.create_event(&one, None).await.unwrap();
    ledger.create_event(&other, None).await.unwrap();
    assert_eq!(performance_of(&ledger, &one).await.number, PerformanceNumber(1));
    assert_eq!(performance_of(&ledger, &one).await.number, PerformanceNumber(2));
    assert_eq!(ledger.delete_event(one.id).await.unwrap(), DeleteOutcome::Deleted);
    assert_eq!(performance_of(&ledger, &other).await.number, PerformanceNumber(3));
}

#[tokio::test]
async fn an_event_goes_with_its_performances_and_reservations_but_not_its_orders() {
    let ledger = SqlLedger::in_memory().await.unwrap();
    let event = event(AccountId(id()));
    ledger.create_event(&event, None).await.unwrap();
    let performance = performance_of(&ledger, &event).await;
    let (hold, mut history) = (ReservationId(id()), History::of(performance.id, 1));
    let changes =
        [history.held(hold, AccountId(id()), &[1]), history.next(Change::Blocked { units: units([2]) })];
    ledger.record(&changes).await.unwrap();
    let bought = order(performance.id, hold, &[1]);
    ledger.begin_order(&bought, None).await.unwrap();
    assert_eq!(ledger.delete_event(event.id).await.unwrap(), DeleteOutcome::HasOrders);
    ledger.pay_order(bought.id, "ref", START).await.unwrap();
    assert_eq!(ledger.delete_event(event.id).await.unwrap(), DeleteOutcome::HasOrders);
    give_back_all(&ledger, bought.id, true, START).await.unwrap();
    assert_eq!(ledger.delete_event(event.id).await.unwrap(), DeleteOutcome::HasOrders, "its seats are kept");
    give_back_all(&ledger, bought.id, false, START).await.unwrap();
    assert_eq!(ledger.delete_event(event.id).await.unwrap(), DeleteOutcome::Deleted);
    assert_eq!(ledger.delete_event(event.id).await.unwrap(), DeleteOutcome::NotFound);
    assert_eq!(ledger.performance(performance.id).await.unwrap(), None);
    assert_eq!(ledger.reservation(hold).await.unwrap(), None);
    assert_eq!(number(&ledger, "SELECT COUNT(*) FROM blocked_units").await, 0);
    assert_eq!(ledger.order(bought.id).await.unwrap().unwrap().status, OrderStatus::Refunded);
}
