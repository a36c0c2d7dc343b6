//! Cases: the ledger read as books.
//!
//! Invariant checked: every order is in the books once, with all that belongs to it, and what it comes to is what it cost.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use std::sync::Arc;

use onsale_app::{
    audit::audit,
    findings::Findings,
    ports::ledger::{BookPage, BookedOrder, Ledger, NewRefund, Order, RefundOf},
};
use onsale_domain::{
    ids::{OrderId, RefundId},
    money::Currency,
    time::Timestamp,
};

use super::stage::{Stage, at, id, later, units, won};
use crate::refunds::give_back;

const EVER: Timestamp = Timestamp(i64::MAX);

async fn page(stage: &Stage, page: BookPage) -> Vec<BookedOrder> {
    stage.ledger.booked_orders(page).await.unwrap()
}

fn all(stage: &Stage) -> BookPage {
    BookPage { performance: Some(stage.p()), before: EVER, after: None, limit: 1_000 }
}

/// Gives these units back, from the buyer's wallet where it was paid from there.
async fn refunded(stage: &Stage, order: &Order, numbers: &[u32]) {
    let of = RefundOf::Units(units(numbers));
    let new = NewRefund { id: RefundId(id()), order: order.id, of, keep_claim: false, at: later() };
    if order.method == "wallet" {
        let price = order.units.iter().filter(|unit| numbers.contains(&unit.unit.0));
        let amount = won(price.map(|unit| unit.price.amount).sum());
        stage.ledger.give_back(order.id, new.id, amount, later()).await.unwrap();
    }
    give_back(&*stage.ledger, &new).await.unwrap();
}

/// Begins, charges and pays an order from a wallet that covers it.
async fn paid_from_wallet(stage: &Stage, numbers: &[u32]) -> Order {
    let buyer = stage.buyer().await;
    let order = Order { method: "wallet".to_owned(), ..stage.order(buyer, numbers) };
    stage.ledger.top_up(id(), buyer, won(10_000), None, later()).await.unwrap();
    stage.begin(&order).await;
    stage.ledger.charge(order.id, buyer, order.total, later()).await.unwrap();
    stage.ledger.pay_order(order.id, "receipt", later()).await.unwrap();
    stage.ledger.order(order.id).await.unwrap().unwrap()
}

/// In the order of their ids, page by page, of one performance or all, none of those begun later.
pub async fn the_books_are_read_page_by_page(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let other = stage.another_performance().await;
    let buyer = stage.buyer().await;
    let mut made = Vec::new();
    for number in 1..=7 {
        let order = Order { created_at: at(u64::from(number) * 1_000), ..stage.order(buyer, &[number]) };
        stage.begin(&order).await;
        made.push(order.id);
    }
    let foreign = other.paid(buyer, &[1]).await;
    for limit in [1, 3, 7, 1_000] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let some = page(&stage, BookPage { after, limit, ..all(&stage) }).await;
            assert!(some.len() <= limit as usize);
            let Some(last) = some.last() else { break };
            after = Some(last.id);
            found.extend(some.into_iter().map(|order| order.id));
        }
        assert_eq!(found, made, "in pages of {limit}");
    }
    let before = page(&stage, BookPage { before: at(3_000), ..all(&stage) }).await;
    assert_eq!(before.iter().map(|order| order.id).collect::<Vec<OrderId>>(), made[..2]);
    let every = page(&stage, BookPage { performance: None, ..all(&stage) }).await;
    assert!(every.len() == 8 && every.iter().any(|order| order.id == foreign.id));
}

/// Units, payment, refunds, and what its wallet has booked.
pub async fn an_order_is_booked_with_all_that_belongs_to_it(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let order = paid_from_wallet(&stage, &[1, 2, 3]).await;
    refunded(&stage, &order, &[2]).await;
    let booked = page(&stage, all(&stage)).await.remove(0);
    assert_eq!((booked.id, booked.status.as_str(), booked.owner), (order.id, "paid", Some(order.owner)));
    assert_eq!((booked.total.amount, booked.total.currency.as_str()), (order.total.amount, "KRW"));
    assert_eq!((&booked.buyer, booked.created_at), (&order.buyer, order.created_at));
    let units: Vec<_> = booked
        .units
        .iter()
        .map(|it| (it.unit.0, it.price.amount, it.refund.is_some(), it.is_claimed))
        .collect();
    assert_eq!(units, [(1, 1_001, false, true), (2, 1_002, true, false), (3, 1_003, false, true)]);
    let payment = booked.payment.as_ref().unwrap();
    assert_eq!((payment.method.as_str(), payment.status.as_str()), ("wallet", "captured"));
    assert_eq!((payment.money.amount, payment.reference.as_deref()), (3_006, Some("receipt")));
    assert_eq!((booked.refunds.len(), booked.refunds[0].money.amount), (1, 1_002));
    assert_eq!(booked.refunds[0].status, "done");
    let charge = booked.charge.as_ref().unwrap();
    assert_eq!((charge.status.as_str(), charge.amount, charge.given_back), ("charged", 3_006, 1_002));
    let mut entries: Vec<_> = booked
        .entries
        .iter()
        .map(|entry| (entry.kind.as_str(), entry.side.as_str(), entry.money.amount))
        .collect();
    entries.sort_unstable();
    let expected = [
        ("charge", "account", -3_006),
        ("charge", "sales", 3_006),
        ("give_back", "account", 1_002),
        ("give_back", "sales", -1_002),
    ];
    assert_eq!(entries, expected);
}

/// Orders in every state, from wallets and otherwise, given back in every way: an audit finds nothing, and adds up.
pub async fn an_audit_of_an_honest_ledger_finds_nothing(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let buyer = stage.buyer().await;
    stage.begun(buyer, &[1]).await;
    let failed = stage.begun(buyer, &[2]).await;
    stage.ledger.fail_order(failed.id, "declined", later()).await.unwrap();
    stage.ledger.void_order(OrderId(id()), later()).await.unwrap();
    stage.paid(buyer, &[3]).await;
    let some = stage.paid(buyer, &[4, 5]).await;
    refunded(&stage, &some, &[5]).await;
    let kept = stage.paid(buyer, &[6]).await;
    stage.refund(&kept, true).await;
    let begun = stage.paid(buyer, &[7, 8]).await;
    let of = RefundOf::Units(units(&[8]));
    let new = NewRefund { id: RefundId(id()), order: begun.id, of, keep_claim: false, at: later() };
    stage.ledger.begin_refund(&new).await.unwrap();
    let late = stage.begun(buyer, &[9]).await;
    stage.ledger.fail_order(late.id, "abandoned", later()).await.unwrap();
    let new = NewRefund {
        id: RefundId(id()),
        order: late.id,
        of: RefundOf::LateCharge,
        keep_claim: true,
        at: later(),
    };
    give_back(&*stage.ledger, &new).await.unwrap();
    let wallet = paid_from_wallet(&stage, &[10, 11]).await;
    refunded(&stage, &wallet, &[10]).await;
    refunded(&stage, &wallet, &[11]).await;
    paid_from_wallet(&stage, &[12]).await;

    let audited = audit(&*stage.ledger, &[], EVER).await.unwrap();
    assert_eq!(audited.findings, Findings::default());
    assert_eq!((audited.units, audited.refunds), (12, 6));
    let flow = audited.flows["KRW"];
    // Units 3, 4, 7, 8 and 12 are kept, 8 until its money is back.
    assert_eq!(flow.kept, 1_003 + 1_004 + 1_007 + 1_008 + 1_012);
    assert_eq!(flow.captured - flow.refunded, flow.kept);
    let wallets = audited.wallets.iter().find(|sums| sums.currency == Currency::KRW.as_str()).unwrap();
    assert_eq!((wallets.sum, wallets.balance, wallets.entries), (0, 20_000 - 1_012, 12));
}
