//! Cases: letting people in.
//!
//! Invariant checked: a ticket lets in once while its order is paid, and not at all otherwise.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use std::sync::Arc;

use onsale_app::ports::ledger::{Attendance, CheckIn, CheckInOutcome, Ledger, Order, Ticket};
use onsale_domain::orders::OrderStatus;
use tokio::task::JoinSet;

use super::stage::{Stage, at, later};

/// The ticket of an order's first unit, not used.
fn first_of(order: &Order) -> Ticket {
    let unit = &order.units[0];
    Ticket {
        code: unit.ticket_code.clone(),
        order: order.id,
        order_status: order.status,
        owner: order.owner,
        buyer_name: order.buyer.name.clone(),
        performance: order.performance,
        unit: unit.unit,
        price: unit.price,
        is_refunded: unit.refund.is_some(),
        checked_in: None,
    }
}

fn attended(sold: u64, checked_in: u64) -> Attendance {
    Attendance { sold, checked_in }
}

/// By its code, with all that a door needs to know.
pub async fn a_ticket_is_found_by_its_code(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let order = stage.paid(stage.buyer().await, &[3, 4]).await;
    let ticket = first_of(&order);
    assert_eq!(stage.ledger.ticket(&ticket.code).await.unwrap(), Some(ticket));
    assert_eq!(stage.ledger.ticket("NONE").await.unwrap(), None);
}

/// The first scan lets in, each later one is told when that was; other tickets of the order are their own.
pub async fn a_ticket_lets_in_once(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let order = stage.paid(stage.buyer().await, &[1, 2]).await;
    let ticket = first_of(&order);
    let first = CheckIn { at: at(5_000), by: stage.organizer };
    let used = Ticket { checked_in: Some(first), ..ticket.clone() };
    let scan = async |check_in| stage.ledger.check_in(&ticket.code, check_in).await.unwrap();
    assert_eq!(scan(first).await, CheckInOutcome::CheckedIn(used.clone()));
    let second = CheckIn { at: at(6_000), by: stage.buyer().await };
    assert_eq!(scan(second).await, CheckInOutcome::AlreadyUsed(used.clone()));
    assert_eq!(scan(first).await, CheckInOutcome::AlreadyUsed(used.clone()));
    assert_eq!(stage.ledger.ticket(&ticket.code).await.unwrap(), Some(used));
    assert_eq!(stage.ledger.check_in("NONE", first).await.unwrap(), CheckInOutcome::NotFound);
    let other = stage.ledger.check_in(&order.units[1].ticket_code, second).await.unwrap();
    assert!(matches!(other, CheckInOutcome::CheckedIn(_)), "{other:?}");
}

/// Fifty doors scan copies of one ticket at once: one of them opens, and the others all name that one.
pub async fn one_of_fifty_scans_at_once_lets_in(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let order = stage.paid(stage.buyer().await, &[1]).await;
    let mut scans = JoinSet::new();
    for door in 0..50 {
        let (ledger, code) = (stage.ledger.clone(), order.units[0].ticket_code.clone());
        let check_in = CheckIn { at: at(1_000 + door), by: stage.organizer };
        scans.spawn(async move { ledger.check_in(&code, check_in).await.unwrap() });
    }
    let (mut let_in, mut used) = (Vec::new(), Vec::new());
    for outcome in scans.join_all().await {
        match outcome {
            CheckInOutcome::CheckedIn(ticket) => let_in.push(ticket),
            CheckInOutcome::AlreadyUsed(ticket) => used.push(ticket),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((let_in.len(), used.len()), (1, 49));
    assert!(used.iter().all(|ticket| *ticket == let_in[0]), "{used:?}");
}

/// Neither before it is paid, nor after it failed or was refunded, kept off sale or not.
pub async fn only_tickets_of_paid_orders_let_in(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let buyer = stage.buyer().await;
    let check_in = CheckIn { at: later(), by: stage.organizer };
    let (paying, failed) = (stage.begun(buyer, &[1]).await, stage.begun(buyer, &[2]).await);
    stage.ledger.fail_order(failed.id, "declined", later()).await.unwrap();
    let (refunded, kept) = (stage.paid(buyer, &[3]).await, stage.paid(buyer, &[4]).await);
    stage.refund(&refunded, false).await;
    stage.refund(&kept, true).await;
    for (order, status) in [
        (&paying, OrderStatus::Paying),
        (&failed, OrderStatus::Failed),
        (&refunded, OrderStatus::Refunded),
        (&kept, OrderStatus::Refunded),
    ] {
        let is_refunded = status == OrderStatus::Refunded;
        let ticket = Ticket { order_status: status, is_refunded, ..first_of(order) };
        let outcome = stage.ledger.check_in(&ticket.code, check_in).await.unwrap();
        assert_eq!(outcome, CheckInOutcome::Void(ticket));
    }
    stage.ledger.pay_order(paying.id, "receipt", later()).await.unwrap();
    let outcome = stage.ledger.check_in(&paying.units[0].ticket_code, check_in).await.unwrap();
    assert!(matches!(outcome, CheckInOutcome::CheckedIn(_)), "{outcome:?}");
}

/// A mistake at the door is taken back, as often as one likes; then the ticket is as new.
pub async fn a_check_in_is_undone(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let order = stage.paid(stage.buyer().await, &[1]).await;
    let ticket = first_of(&order);
    let check_in = CheckIn { at: later(), by: stage.organizer };
    stage.ledger.check_in(&ticket.code, check_in).await.unwrap();
    for _ in 0..2 {
        assert!(stage.ledger.undo_check_in(&ticket.code).await.unwrap());
        assert_eq!(stage.ledger.ticket(&ticket.code).await.unwrap(), Some(ticket.clone()));
    }
    let again = stage.ledger.check_in(&ticket.code, check_in).await.unwrap();
    assert!(matches!(again, CheckInOutcome::CheckedIn(_)), "{again:?}");
    assert!(!stage.ledger.undo_check_in("NONE").await.unwrap());
}

/// Tickets of paid orders, of one performance, and those of them that were used.
pub async fn those_who_came_are_counted(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let other = stage.another_performance().await;
    let buyer = stage.buyer().await;
    let count = async || stage.ledger.attendance(stage.p()).await.unwrap();
    assert_eq!(count().await, attended(0, 0));
    let (one, two) = (stage.paid(buyer, &[1, 2, 3]).await, stage.paid(buyer, &[4]).await);
    let elsewhere = other.paid(buyer, &[1, 2]).await;
    stage.begun(buyer, &[5]).await;
    for ticket in [&one.units[0], &one.units[2], &two.units[0], &elsewhere.units[0]] {
        let check_in = CheckIn { at: later(), by: stage.organizer };
        stage.ledger.check_in(&ticket.ticket_code, check_in).await.unwrap();
    }
    assert_eq!(count().await, attended(4, 3));
    assert_eq!(stage.ledger.attendance(other.p()).await.unwrap(), attended(2, 1));
    stage.refund(&two, true).await;
    stage.ledger.undo_check_in(&one.units[0].ticket_code).await.unwrap();
    assert_eq!(count().await, attended(3, 1));
}
