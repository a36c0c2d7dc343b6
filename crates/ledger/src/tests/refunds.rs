//! What an earlier version had refunded, under the tables of this one.

use onsale_app::{
    audit::audit,
    ports::ledger::{GiveBack, Refunds},
};
use onsale_domain::{ids::RefundId, orders::RefundStatus};

use super::*;
use crate::migrations;

/// The last migration before refunds had tables.
const BEFORE_REFUNDS: u32 = 8;

struct Old {
    order: OrderId,
    account: AccountId,
}

/// An order of two units as an earlier version wrote it; `live`: its claims.
async fn order_of_old(ledger: &SqlLedger, unit: u32, method: &str, status: &str, live: bool) -> Old {
    let old = Old { order: OrderId(id()), account: AccountId(id()) };
    let blob = |id: Uuid| format!("x'{}'", id.simple());
    let (order, account) = (blob(old.order.0), blob(old.account.0));
    let payment = if status == "refunded" { "refunded" } else { "captured" };
    let refunded_at = if status == "refunded" { "1800000005000" } else { "NULL" };
    let performance = blob(Uuid::from_u128(7));
    execute(
        ledger,
        &format!(
            "INSERT INTO orders (id, reservation_id, performance_id, owner_id, fence, status, total, currency, \
             buyer_name, sequence, created_at, settled_at, refunded_at) VALUES ({order}, {}, {performance}, \
             {account}, 1, '{status}', 2000, 'KRW', 'Kim', 1, 1800000000000, 1800000000001, {refunded_at})",
            blob(id())
        ),
    )
    .await
    .unwrap();
    for number in [unit, unit + 1] {
        execute(
            ledger,
            &format!(
                "INSERT INTO order_units (order_id, unit, performance_id, price, currency, ticket_code, live) \
                 VALUES ({order}, {number}, {performance}, 1000, 'KRW', 'T{number}', {live})"
            ),
        )
        .await
        .unwrap();
    }
    execute(
        ledger,
        &format!(
            "INSERT INTO payments (order_id, method, reference, status, amount, currency, updated_at) \
             VALUES ({order}, '{method}', 'receipt', '{payment}', 2000, 'KRW', 1800000000001)"
        ),
    )
    .await
    .unwrap();
    old
}

/// What a wallet had booked for it.
async fn from_wallet(ledger: &SqlLedger, old: &Old, is_given_back: bool) {
    let (order, account) = (old.order.0.simple().to_string(), old.account.0.simple().to_string());
    let status = if is_given_back { "given_back" } else { "charged" };
    let left = if is_given_back { 2_000 } else { 0 };
    let mut statements = vec![
        format!("INSERT INTO wallets VALUES (x'{account}', 'KRW', {left})"),
        format!(
            "INSERT INTO wallet_charges (order_id, status, account_id, amount, currency, updated_at) \
             VALUES (x'{order}', '{status}', x'{account}', 2000, 'KRW', 1)"
        ),
    ];
    let mut entries =
        vec![(account.as_str(), "top_up", "top_up", 2_000), (order.as_str(), "charge", "sales", -2_000)];
    if is_given_back {
        entries.push((order.as_str(), "give_back", "sales", 2_000));
    }
    for (movement, kind, house, amount) in entries {
        for (side, amount) in [("account", amount), (house, -amount)] {
            statements.push(format!(
                "INSERT INTO wallet_entries (movement_id, kind, side, account_id, amount, currency, created_at) \
                 VALUES (x'{movement}', '{kind}', '{side}', x'{account}', {amount}, 'KRW', 1)"
            ));
        }
    }
    for statement in statements {
        execute(ledger, &statement).await.unwrap();
    }
}

#[tokio::test]
async fn what_was_refunded_before_there_were_refunds_has_one() {
    let ledger = SqlLedger::open("sqlite::memory:", LedgerSettings::default()).await.unwrap();
    migrations::up_to(&ledger.db, BEFORE_REFUNDS).await.unwrap();
    let refunded = order_of_old(&ledger, 1, "wallet", "refunded", false).await;
    from_wallet(&ledger, &refunded, true).await;
    let kept = order_of_old(&ledger, 3, "simulated", "refunded", true).await;
    let paid = order_of_old(&ledger, 5, "wallet", "paid", true).await;
    from_wallet(&ledger, &paid, false).await;
    // The wallet had given it back, and the process died before the order said so.
    let half = order_of_old(&ledger, 7, "wallet", "paid", true).await;
    from_wallet(&ledger, &half, true).await;
    ledger.migrate().await.unwrap();

    let read = async |old: &Old| ledger.order(old.order).await.unwrap().unwrap();
    for (old, is_released) in [(&refunded, true), (&kept, false)] {
        let order = read(old).await;
        assert_eq!((order.status, order.refunded()), (OrderStatus::Refunded, won(2_000)));
        let states: Vec<_> = order.units.iter().filter_map(|unit| unit.refund).collect();
        assert!(
            states.iter().all(|it| it.status == RefundStatus::Done && it.is_released == is_released),
            "{order:?}"
        );
        assert_eq!(states.len(), 2);
    }
    assert!(read(&paid).await.units.iter().all(|unit| unit.refund.is_none()));
    let open = ledger.open_refunds(Timestamp(i64::MAX), None, 10).await.unwrap();
    assert_eq!(open.iter().map(|refund| refund.order).collect::<Vec<_>>(), [half.order]);
    // Gone on with, it moves nothing again.
    let refund = &open[0];
    let given = ledger.give_back(half.order, refund.id, refund.amount, START).await.unwrap();
    assert_eq!(given, GiveBack::Given);
    assert_eq!(ledger.balance(half.account, Currency::KRW).await.unwrap(), won(2_000));
    let again = ledger.give_back(refunded.order, RefundId(id()), won(1), START).await.unwrap();
    assert_eq!(again, GiveBack::TooMuch, "all of it was given back then");
    let finished = ledger.finish_refund(refund.id, START).await.unwrap().unwrap();
    ledger.close_refund(refund.id, &finished.released, START).await.unwrap();
    assert_eq!(read(&half).await.status, OrderStatus::Refunded);
    let audited = audit(&ledger, &[], Timestamp(i64::MAX)).await.unwrap();
    assert_eq!((audited.findings.listed, audited.orders, audited.refunds), (Vec::<String>::new(), 4, 3));
}

#[tokio::test]
async fn a_letter_of_old_is_still_about_its_refund() {
    let ledger = SqlLedger::in_memory().await.unwrap();
    let before = "ALTER TABLE deliveries DROP COLUMN refund_id; \
                  DELETE FROM seaql_migrations WHERE version = 'm0014_letters'";
    execute(&ledger, before).await.unwrap();
    let refund = id();
    for (kind, order, body) in [
        ("refund", "x'02'", format!("'{refund}'")),
        ("tickets", "x'02'", "NULL".into()),
        ("order.paid", "NULL", "'{}'".into()),
    ] {
        let row = format!(
            "INSERT INTO deliveries (id, lane, kind, order_id, body, status, attempts, due_at, begun_at, created_at) \
             VALUES (x'{}', x'00', '{kind}', {order}, {body}, 'waiting', 0, 1, 1, 1)",
            id().simple()
        );
        execute(&ledger, &row).await.unwrap();
    }
    ledger.migrate().await.unwrap();
    let of = |kind: &str| {
        format!(
            "SELECT COALESCE(hex(refund_id), '') || '/' || COALESCE(body, '') FROM deliveries WHERE kind = '{kind}'"
        )
    };
    assert_eq!(only::<String>(&ledger, &of("refund")).await, format!("{:X}/", refund.simple()));
    assert_eq!(only::<String>(&ledger, &of("tickets")).await, "/");
    assert_eq!(only::<String>(&ledger, &of("order.paid")).await, "/{}");
}
