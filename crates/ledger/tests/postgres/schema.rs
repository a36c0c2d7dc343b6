//! The tables in PostgreSQL: made once, by whoever comes first, whole or not at all, and with constraints of their own.

use super::*;

/// Four processes that start at once on an empty database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_four_that_migrate_at_once_each_finds_the_tables() {
    let Some(server) = or_passed_over(Postgres::start(), "postgres") else { return };
    let starting: Vec<_> = (0..4)
        .map(|_| {
            let url = server.url();
            tokio::spawn(async move {
                let ledger = SqlLedger::open(&url, LedgerSettings::default()).await.unwrap();
                ledger.migrate().await.unwrap();
                ledger.migration_status().await.unwrap()
            })
        })
        .collect();
    for ledger in starting {
        let states = ledger.await.unwrap();
        assert!(states.iter().all(|migration| migration.applied), "{states:?}");
        let recorded = server.sql("SELECT count(*) FROM seaql_migrations").unwrap();
        assert_eq!(recorded, states.len().to_string());
    }
}

#[tokio::test]
async fn migrating_again_changes_nothing_and_a_newer_database_is_left_alone() {
    let Some(server) = or_passed_over(Postgres::start(), "postgres") else { return };
    let ledger = opened(&server, LedgerSettings::default()).await;
    let applied = ledger.migration_status().await.unwrap();
    ledger.migrate().await.unwrap();
    assert_eq!(ledger.migration_status().await.unwrap(), applied);
    server.sql("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_tomorrow', 1)").unwrap();
    let refusals = [ledger.migrate().await.unwrap_err(), ledger.migration_status().await.unwrap_err()];
    for refusal in refusals {
        assert!(matches!(&refusal, MigrateError::Newer { name } if name == "m9999_tomorrow"), "{refusal:?}");
    }
}

/// A migration that ends half way leaves nothing.
#[tokio::test]
async fn a_migration_that_cannot_be_finished_leaves_nothing() {
    let Some(server) = or_passed_over(Postgres::start(), "postgres") else { return };
    let ledger = SqlLedger::open(&server.url(), LedgerSettings::default()).await.unwrap();
    server.sql("CREATE TABLE wallets (in_the_way INT)").unwrap();
    assert!(ledger.migrate().await.is_err());
    let left = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'wallets'";
    assert_eq!(server.sql(left).unwrap(), "0");
    server.sql("DROP TABLE wallets").unwrap();
    ledger.migrate().await.unwrap();
}

#[tokio::test]
async fn a_letter_of_old_is_still_about_its_refund() {
    let Some(server) = or_passed_over(Postgres::start(), "postgres") else { return };
    let ledger = opened(&server, LedgerSettings::default()).await;
    let (_, performance) = on_sale(&ledger).await;
    let (sold, refund) = (order(performance, &[1]), id());
    ledger.begin_order(&sold, None).await.unwrap();
    let before = format!(
        "ALTER TABLE deliveries DROP COLUMN refund_id; \
         DELETE FROM seaql_migrations WHERE version = 'm0014_letters'; \
         INSERT INTO deliveries (id, lane, kind, order_id, body, status, attempts, due_at, begun_at, created_at) \
         VALUES ('{}', '{}', 'refund', '{}', '{refund}', 'waiting', 0, 1, 1, 1)",
        id(),
        id(),
        sold.id
    );
    server.sql(&before).unwrap();
    ledger.migrate().await.unwrap();
    let about = "SELECT refund_id FROM deliveries WHERE body IS NULL";
    assert_eq!(server.sql(about).unwrap(), refund.to_string());
}

#[tokio::test]
async fn the_constraints_are_the_databases_own() {
    let Some(server) = or_passed_over(Postgres::start(), "postgres") else { return };
    let ledger = opened(&server, LedgerSettings::default()).await;
    let (_, performance) = on_sale(&ledger).await;
    ledger.begin_order(&order(performance, &[1]), None).await.unwrap();
    let failed = order(performance, &[2]);
    ledger.begin_order(&failed, None).await.unwrap();
    ledger.fail_order(failed.id, "declined", NOW).await.unwrap();
    let second_claim = server.sql("UPDATE order_units SET unit = 1, live = TRUE WHERE NOT live").unwrap_err();
    assert!(second_claim.to_string().contains("order_units_claim"), "{second_claim}");
    ledger.top_up(id(), AccountId(id()), won(5), None, NOW).await.unwrap();
    let below_zero = server.sql("UPDATE wallets SET balance = balance - 6").unwrap_err();
    assert!(below_zero.to_string().contains("check constraint"), "{below_zero}");
}
