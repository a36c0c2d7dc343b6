//! Balances against the entries behind them.

use std::sync::Arc;

use onsale_app::ports::ledger::{GiveBack, WalletOutcome};
use onsale_domain::ids::RefundId;

use super::*;

const OF_ACCOUNT: &str = "SELECT COALESCE(SUM(amount), 0) FROM wallet_entries WHERE side = 'account'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_fifty_charges_at_once_the_balance_is_the_sum_of_the_entries() {
    let ledger = Arc::new(SqlLedger::in_memory().await.unwrap());
    let account = AccountId(id());
    ledger.top_up(id(), account, won(2_050), None, START).await.unwrap();
    let mut charges = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let ledger = Arc::clone(&ledger);
        charges.spawn(async move { ledger.charge(OrderId(id()), account, won(100), START).await.unwrap() });
    }
    let outcomes = charges.join_all().await;
    let moved = outcomes.iter().filter(|outcome| matches!(outcome, WalletOutcome::Moved(_))).count();
    let refused = outcomes.iter().filter(|outcome| **outcome == WalletOutcome::Insufficient(won(50))).count();
    assert_eq!((moved, refused), (20, 30));
    assert_eq!(ledger.balance(account, Currency::KRW).await.unwrap(), won(50));
    assert_eq!(number(&ledger, OF_ACCOUNT).await, 50);
    assert_eq!(number(&ledger, "SELECT SUM(amount) FROM wallet_entries").await, 0);
    assert_eq!(
        number(&ledger, "SELECT COUNT(*) FROM wallet_charges").await,
        20,
        "a refused charge leaves no trace"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_charged_or_cancelled_never_both() {
    let ledger = Arc::new(SqlLedger::in_memory().await.unwrap());
    let account = AccountId(id());
    ledger.top_up(id(), account, won(1_000), None, START).await.unwrap();
    for _ in 0..20 {
        let order = OrderId(id());
        let (charging, settling) = (Arc::clone(&ledger), Arc::clone(&ledger));
        let charge =
            tokio::spawn(async move { charging.charge(order, account, won(10), START).await.unwrap() });
        let settle = tokio::spawn(async move { settling.settle(order, START).await.unwrap() });
        let (charge, taken) = (charge.await.unwrap(), settle.await.unwrap());
        assert_eq!(matches!(charge, WalletOutcome::Moved(_)), taken, "{charge:?}");
        for _ in 0..2 {
            let given = ledger.give_back(order, RefundId(order.0), won(10), START).await.unwrap();
            assert_eq!(given, if taken { GiveBack::Given } else { GiveBack::NeverCharged });
        }
    }
    assert_eq!(ledger.balance(account, Currency::KRW).await.unwrap(), won(1_000));
    assert_eq!(number(&ledger, OF_ACCOUNT).await, 1_000);
}

#[tokio::test]
async fn every_movement_has_two_entries_that_add_up_to_zero() {
    let ledger = SqlLedger::in_memory().await.unwrap();
    let (account, order) = (AccountId(id()), OrderId(id()));
    let top_up = id();
    for _ in 0..2 {
        ledger.top_up(top_up, account, won(300), None, START).await.unwrap();
        ledger.charge(order, account, won(200), START).await.unwrap();
        ledger.give_back(order, RefundId(order.0), won(200), START).await.unwrap();
    }
    let uneven = "SELECT COUNT(*) FROM (SELECT 1 FROM wallet_entries GROUP BY movement_id, kind \
                  HAVING COUNT(*) <> 2 OR SUM(amount) <> 0)";
    assert_eq!(number(&ledger, uneven).await, 0);
    assert_eq!(number(&ledger, "SELECT COUNT(*) FROM wallet_entries").await, 6);
    let sides = "SELECT group_concat(side) FROM (SELECT DISTINCT side FROM wallet_entries ORDER BY side)";
    assert_eq!(only::<String>(&ledger, sides).await, "account,sales,top_up");
}

#[tokio::test]
async fn wallets_of_two_currencies_do_not_mix() {
    let ledger = SqlLedger::in_memory().await.unwrap();
    let account = AccountId(id());
    let dollars = Money::new(7, "USD".parse().unwrap());
    ledger.top_up(id(), account, won(300), None, START).await.unwrap();
    ledger.top_up(id(), account, dollars, None, START).await.unwrap();
    assert_eq!(ledger.balance(account, dollars.currency).await.unwrap(), dollars);
    let too_much = Money::new(8, dollars.currency);
    let refused = ledger.charge(OrderId(id()), account, too_much, START).await.unwrap();
    assert_eq!(refused, WalletOutcome::Insufficient(dollars));
}
