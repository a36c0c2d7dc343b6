//! Files, readers and waiting.

use std::path::Path;

use onsale_app::ports::{StoreError, ledger::LedgerHealth};

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
