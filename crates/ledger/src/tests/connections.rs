//! Files, readers and waiting.

use std::{path::Path, sync::Arc, time::Duration};

use onsale_app::ports::{
    StoreError,
    ledger::{BeginOrder, LedgerHealth, SettleOrder},
};

use super::*;

async fn open(path: &Path, acquire_timeout_ms: u64) -> SqlLedger {
    let settings = LedgerSettings { acquire_timeout_ms, ..LedgerSettings::default() };
    let ledger = SqlLedger::open(&format!("sqlite://{}", path.display()), settings).await.unwrap();
    ledger.migrate().await.unwrap();
    ledger
}

#[tokio::test]
async fn everything_is_there_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let (owner, hold) = (AccountId(id()), ReservationId(id()));
    let bought = {
        let ledger = open(&path, 3_000).await;
        let performance = on_sale(&ledger).await;
        let bought = order(performance, hold, &[1, 2]);
        let mut history = History::of(performance, 1);
        ledger.record(&[history.held(hold, owner, &[1, 2])]).await.unwrap();
        ledger.begin_order(&bought, Some(key(owner, 1, 1))).await.unwrap();
        ledger.pay_order(bought.id, "ref", START).await.unwrap();
        ledger.top_up(id(), owner, won(500), None, START).await.unwrap();
        // Dropped without being closed, as by a crash.
        bought
    };
    let ledger = open(&path, 3_000).await;
    let reservation = ledger.reservation(hold).await.unwrap().unwrap();
    assert_eq!((reservation.owner, reservation.units.clone()), (owner, units([1, 2])));
    let paid = Order { status: OrderStatus::Paid, reference: Some("ref".into()), ..bought.clone() };
    assert_eq!(ledger.order(bought.id).await.unwrap(), Some(paid));
    assert_eq!(ledger.balance(owner, Currency::KRW).await.unwrap(), won(500));
    let under_key = ledger.order_by_key(key(owner, 1, 1)).await.unwrap();
    assert_eq!(under_key.map(|(_, order)| order), Some(bought.id));
    ledger.close().await;
}

#[tokio::test]
async fn the_file_is_in_wal_mode_synced_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(&folder.path().join("ledger.db"), 3_000).await;
    let db = ledger.db.writer();
    let mut found = Vec::new();
    for pragma in ["synchronous", "foreign_keys", "busy_timeout"] {
        let statement = Statement::from_string(db.get_database_backend(), format!("PRAGMA {pragma}"));
        found.push(db.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index::<i64>(0).unwrap());
    }
    assert_eq!(found, [2, 1, 5_000]);
    assert_eq!(only::<String>(&ledger, "PRAGMA journal_mode").await, "wal");
}

#[tokio::test]
async fn readers_cannot_write() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(&folder.path().join("ledger.db"), 3_000).await;
    let refusal = ledger.db.reader().execute_unprepared("DELETE FROM accounts").await.unwrap_err();
    assert!(refusal.to_string().contains("readonly"), "{refusal}");
}

#[tokio::test]
async fn a_command_that_cannot_get_the_writer_says_unavailable_and_reads_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(&folder.path().join("ledger.db"), 50).await;
    let busy = ledger.db.begin_write().await.unwrap();
    let refused = ledger.top_up(id(), AccountId(id()), won(1), None, START).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert_eq!(ledger.balance(AccountId(id()), Currency::KRW).await.unwrap(), won(0));
    ledger.ping().await.unwrap();
    drop(busy);
    ledger.top_up(id(), AccountId(id()), won(1), None, START).await.unwrap();
}

#[tokio::test]
async fn an_abandoned_command_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(&folder.path().join("ledger.db"), 3_000).await;
    let account = AccountId(id());
    for after in 0..40 {
        let top_up = ledger.top_up(id(), account, won(1), None, START);
        let _ = tokio::time::timeout(std::time::Duration::from_micros(after * 50), top_up).await;
    }
    // What was abandoned while it was being committed may still be on its way; the writer is free when it is through.
    drop(ledger.db.begin_write().await.unwrap());
    let balance = ledger.balance(account, Currency::KRW).await.unwrap().amount;
    assert_eq!(
        number(&ledger, "SELECT COALESCE(SUM(amount), 0) FROM wallet_entries WHERE side = 'account'").await,
        balance
    );
    assert_eq!(number(&ledger, "SELECT COALESCE(SUM(amount), 0) FROM wallet_entries").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_pays_does_not_wait_for_all_that_is_written_behind() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Arc::new(open(&folder.path().join("ledger.db"), 3_000).await);
    let mut history = History::of(PerformanceId(id()), 1);
    let owner = AccountId(id());
    let changes: Vec<_> =
        (1..=50_000).map(|unit: u32| history.held(ReservationId(id()), owner, &[unit])).collect();
    let all = 50_000;
    let behind = tokio::spawn({
        let ledger = Arc::clone(&ledger);
        async move { ledger.record(&changes).await.unwrap() }
    });
    let recorded = loop {
        ledger.top_up(id(), AccountId(id()), won(1), None, START).await.unwrap();
        let recorded = number(&ledger, "SELECT COUNT(*) FROM reservations").await;
        if recorded > 0 {
            break recorded;
        }
    };
    assert!(recorded < all, "{recorded} of {all} were written first");
    behind.await.unwrap();
    assert_eq!(number(&ledger, "SELECT COUNT(*) FROM reservations").await, all);
}

#[tokio::test]
async fn an_order_is_put_off_when_others_have_waited_long_and_a_payment_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Arc::new(open(&folder.path().join("ledger.db"), 10_000).await);
    let performance = on_sale(&ledger).await;
    let begin = |unit: u32| {
        let (ledger, order) = (Arc::clone(&ledger), order(performance, ReservationId(id()), &[unit]));
        async move { (order.id, ledger.begin_order(&order, None).await) }
    };
    let (paying, begun) = begin(1).await;
    begun.unwrap();
    let busy = ledger.db.begin_write().await.unwrap();
    let waiting = [tokio::spawn(begin(2)), tokio::spawn(begin(3))];
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let (_, put_off) = begin(4).await;
    assert!(matches!(put_off, Err(StoreError::Unavailable(_))), "{put_off:?}");
    let paid = tokio::spawn({
        let ledger = Arc::clone(&ledger);
        async move { ledger.pay_order(paying, "ref", START).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!paid.is_finished(), "it waits");
    drop(busy);
    for order in waiting {
        assert_eq!(order.await.unwrap().1.unwrap(), BeginOrder::Begun);
    }
    assert!(matches!(paid.await.unwrap().unwrap(), SettleOrder::Done(_)));
    assert_eq!(begin(4).await.1.unwrap(), BeginOrder::Begun, "and now it is not");
}
