//! Migrations, and the constraints they make.

use std::collections::BTreeSet;

use super::*;
use crate::MigrateError;

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let ledger = SqlLedger::open("sqlite::memory:", LedgerSettings::default()).await.unwrap();
    assert!(ledger.migration_status().await.unwrap().iter().all(|migration| !migration.applied));
    ledger.migrate().await.unwrap();
    let applied = ledger.migration_status().await.unwrap();
    assert!(applied.iter().all(|migration| migration.applied));
    ledger.migrate().await.unwrap();
    assert_eq!(ledger.migration_status().await.unwrap(), applied);
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let ledger = SqlLedger::in_memory().await.unwrap();
    execute(&ledger, "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_tomorrow', 1)")
        .await
        .unwrap();
    let refusals = [ledger.migrate().await.unwrap_err(), ledger.migration_status().await.unwrap_err()];
    for refusal in refusals {
        assert!(matches!(&refusal, MigrateError::Newer { name } if name == "m9999_tomorrow"), "{refusal:?}");
    }
}

#[tokio::test]
async fn a_second_live_claim_on_a_unit_is_refused_by_the_database_itself() {
    let ledger = SqlLedger::in_memory().await.unwrap();
    let (performance, first) = (on_sale(&ledger).await, ReservationId(id()));
    ledger.begin_order(&order(performance, first, &[1]), None).await.unwrap();
    let failed = order(performance, ReservationId(id()), &[2]);
    ledger.begin_order(&failed, None).await.unwrap();
    ledger.fail_order(failed.id, "declined", START).await.unwrap();
    let copy = |live: bool| {
        format!(
            "INSERT INTO order_units (order_id, unit, performance_id, price, currency, ticket_code, live) \
             SELECT x'{}', 1, performance_id, price, currency, '{live}', {live} FROM order_units WHERE unit = 1",
            failed.id.0.simple()
        )
    };
    let refusal = execute(&ledger, &copy(true)).await.unwrap_err();
    assert!(refusal.to_string().contains("UNIQUE"), "{refusal}");
    assert_eq!(execute(&ledger, &copy(false)).await.unwrap(), 1, "a claim that has ended is in nobody's way");
    let revive = "UPDATE order_units SET live = TRUE WHERE unit = 1";
    assert!(execute(&ledger, revive).await.is_err(), "nor may one be revived beside another");
}

#[tokio::test]
async fn a_balance_below_zero_is_refused_by_the_database_itself() {
    let ledger = SqlLedger::in_memory().await.unwrap();
    ledger.top_up(id(), AccountId(id()), won(5), None, START).await.unwrap();
    let refusal = execute(&ledger, "UPDATE wallets SET balance = balance - 6").await.unwrap_err();
    assert!(refusal.to_string().contains("CHECK"), "{refusal}");
}

#[tokio::test]
async fn the_lookups_of_a_busy_sale_use_their_indexes() {
    let ledger = SqlLedger::in_memory().await.unwrap();
    let lookups = [
        ("SELECT unit FROM order_units WHERE performance_id = x'00' AND live", "order_units_claim"),
        ("SELECT id FROM orders WHERE status = 'paying' AND created_at < 5", "orders_open"),
        ("SELECT id FROM orders WHERE owner_id = x'00' AND id < x'01' ORDER BY id DESC", "orders_owner"),
        (
            "SELECT id FROM reservations WHERE performance_id = x'00' AND expires_at > 5",
            "reservations_performance",
        ),
        (
            "SELECT id FROM reservations WHERE owner_id = x'00' AND id < x'01' ORDER BY id DESC",
            "reservations_owner",
        ),
        (
            "SELECT id FROM wishes WHERE performance_id = x'00' AND status = 'waiting' ORDER BY position, id",
            "wishes_waiting",
        ),
        ("SELECT id FROM wishes WHERE status = 'offered' AND id > x'00' ORDER BY id", "wishes_offered"),
        ("SELECT id FROM wishes WHERE event_id = x'00' AND owner_id = x'01'", "wishes_owner"),
    ];
    let db = ledger.db.reader();
    for (lookup, index) in lookups {
        let explain =
            Statement::from_string(db.get_database_backend(), format!("EXPLAIN QUERY PLAN {lookup}"));
        let plan: String = db.query_one_raw(explain).await.unwrap().unwrap().try_get("", "detail").unwrap();
        assert!(plan.contains(index), "{lookup}: {plan}");
    }
}

/// A table that is added has to be moved as well.
#[tokio::test]
async fn all_tables_move_but_those_about_the_database_itself() {
    let ledger = SqlLedger::in_memory().await.unwrap();
    let db = ledger.db.reader();
    let ask = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), ask)).await.unwrap();
    let there: BTreeSet<String> = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
    let moved = ledger.tallies().await.unwrap().into_iter().map(|tally| tally.table);
    let known: BTreeSet<String> = moved.chain(["arrivals", "seaql_migrations"]).map(str::to_owned).collect();
    assert_eq!(there, known);
}
