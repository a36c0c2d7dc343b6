//! Cases: how an order ends.
//!
//! Invariant checked: PAYING → PAID | FAILED, PAID → REFUNDED and nothing else, however often and late it is said.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use std::sync::Arc;

use onsale_app::ports::ledger::{BeginOrder, BeginRefund, Ledger, Order, SettleOrder};
use onsale_domain::{ids::OrderId, orders::OrderStatus};

use super::stage::{Stage, at, first_page, id, later};
use crate::refunds::give_back_all;

fn done(answer: SettleOrder) -> Order {
    match answer {
        SettleOrder::Done(order) => *order,
        other => panic!("should be done: {other:?}"),
    }
}

/// The first name stays, whatever becomes of the order; what has no payment gets no name.
pub async fn a_payment_is_named_once(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let order = stage.begun(stage.buyer().await, &[1]).await;
    let name = async |name| stage.ledger.name_payment(order.id, name, later()).await.unwrap();
    assert_eq!(name("intent 1").await.as_deref(), Some("intent 1"));
    assert_eq!(name("intent 2").await.as_deref(), Some("intent 1"));
    let named = Order { reference: Some("intent 1".to_owned()), ..order.clone() };
    assert_eq!(stage.ledger.order(order.id).await.unwrap(), Some(named), "and nothing else has changed");
    done(stage.ledger.fail_order(order.id, "declined", later()).await.unwrap());
    assert_eq!(name("intent 3").await.as_deref(), Some("intent 1"));
    let unknown = OrderId(id());
    assert_eq!(stage.ledger.name_payment(unknown, "intent 1", later()).await.unwrap(), None);
}

/// All are told the same.
pub async fn of_many_names_at_once_one_stands(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let order = stage.begun(stage.buyer().await, &[1]).await.id;
    let mut naming = tokio::task::JoinSet::new();
    for n in 0..8 {
        let ledger = Arc::clone(&stage.ledger);
        naming
            .spawn(async move { ledger.name_payment(order, &format!("intent {n}"), later()).await.unwrap() });
    }
    let named = naming.join_all().await;
    assert!(named[0].is_some() && named.iter().all(|name| *name == named[0]), "{named:?}");
}

/// With the provider's reference; a repeat answers with the order as the first call left it.
pub async fn pays_once(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let order = stage.begun(stage.buyer().await, &[1, 2]).await;
    let paid = Order { status: OrderStatus::Paid, reference: Some("receipt 1".to_owned()), ..order.clone() };
    assert_eq!(done(stage.ledger.pay_order(order.id, "receipt 1", later()).await.unwrap()), paid);
    assert_eq!(done(stage.ledger.pay_order(order.id, "receipt 2", later()).await.unwrap()), paid);
    assert_eq!(stage.ledger.order(order.id).await.unwrap(), Some(paid));
    assert!(!stage.is_free(&[1]).await);
    assert!(stage.ledger.open_orders(at(99_000), None, 10).await.unwrap().is_empty());
}

/// The claim ends with it, once: a repeat does not free what somebody else claimed since.
pub async fn fails_once_and_frees_the_units(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let order = stage.begun(stage.buyer().await, &[1, 2]).await;
    let failed = Order { status: OrderStatus::Failed, ..order.clone() };
    assert_eq!(done(stage.ledger.fail_order(order.id, "declined", later()).await.unwrap()), failed);
    stage.begun(stage.buyer().await, &[1, 2]).await;
    assert_eq!(done(stage.ledger.fail_order(order.id, "again", later()).await.unwrap()), failed);
    assert!(!stage.is_free(&[1]).await);
    assert_eq!(stage.ledger.order(order.id).await.unwrap(), Some(failed), "it is not forgotten");
}

/// Whoever comes later is told how the order stands, and moves nothing.
pub async fn an_order_is_settled_one_way(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let (ledger, buyer) = (&stage.ledger, stage.buyer().await);
    let pay = async |order: &Order| ledger.pay_order(order.id, "receipt", later()).await.unwrap();
    let fail = async |order: &Order| ledger.fail_order(order.id, "declined", later()).await.unwrap();
    let refund = async |order: &Order| give_back_all(&**ledger, order.id, false, later()).await.unwrap();

    let paying = stage.begun(buyer, &[1]).await;
    assert_eq!(refund(&paying).await, BeginRefund::Otherwise(OrderStatus::Paying));
    assert_eq!(stage.status(&paying).await, OrderStatus::Paying);

    let failed = stage.begun(buyer, &[2]).await;
    done(fail(&failed).await);
    assert_eq!(pay(&failed).await, SettleOrder::Otherwise(OrderStatus::Failed));
    assert_eq!(refund(&failed).await, BeginRefund::Otherwise(OrderStatus::Failed));
    assert_eq!(stage.status(&failed).await, OrderStatus::Failed);
    assert!(stage.is_free(&[2]).await);

    let paid = stage.paid(buyer, &[3]).await;
    assert_eq!(fail(&paid).await, SettleOrder::Otherwise(OrderStatus::Paid));
    assert_eq!(stage.status(&paid).await, OrderStatus::Paid);
    assert!(!stage.is_free(&[3]).await);

    refund(&paid).await;
    assert_eq!(fail(&paid).await, SettleOrder::Otherwise(OrderStatus::Refunded));
    assert_eq!(pay(&paid).await, SettleOrder::Otherwise(OrderStatus::Refunded));
    assert_eq!(stage.status(&paid).await, OrderStatus::Refunded);
}

/// What is not there can be neither paid nor refunded.
pub async fn unknown_orders_are_not_found(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    assert_eq!(
        stage.ledger.pay_order(OrderId(id()), "receipt", later()).await.unwrap(),
        SettleOrder::NotFound
    );
    let refunded = give_back_all(&*stage.ledger, OrderId(id()), false, later()).await.unwrap();
    assert_eq!(refunded, BeginRefund::NotFound);
    assert_eq!(
        stage.ledger.fail_order(OrderId(id()), "unknown", later()).await.unwrap(),
        SettleOrder::NotFound
    );
}

/// Voiding is for what was never begun: an attempt that is there goes on, whatever its state.
pub async fn voiding_leaves_an_order_that_is_there_as_it_is(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let buyer = stage.buyer().await;
    let order = stage.order(buyer, &[1]);
    assert_eq!(stage.ledger.begin_order(&order, None).await.unwrap(), BeginOrder::Begun);
    assert_eq!(stage.ledger.void_order(order.id, later()).await.unwrap(), Some(OrderStatus::Paying));
    let paid = stage.ledger.pay_order(order.id, "receipt", later()).await.unwrap();
    assert!(matches!(paid, SettleOrder::Done(_)), "{paid:?}");
    assert_eq!(stage.ledger.void_order(order.id, later()).await.unwrap(), Some(OrderStatus::Paid));
    assert!(!stage.is_free(&[1]).await);
}

/// The reconciler was first: whoever comes to begin the order then is told that it has failed.
pub async fn an_order_voided_before_it_began_cannot_begin(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let buyer = stage.buyer().await;
    let order = stage.order(buyer, &[1]);
    assert_eq!(stage.ledger.void_order(order.id, later()).await.unwrap(), None);
    assert_eq!(stage.ledger.void_order(order.id, later()).await.unwrap(), Some(OrderStatus::Failed));
    for _ in 0..2 {
        let begun = stage.ledger.begin_order(&order, None).await.unwrap();
        assert_eq!(begun, BeginOrder::Exists(OrderStatus::Failed));
    }
    let paid = stage.ledger.pay_order(order.id, "receipt", later()).await.unwrap();
    assert!(!matches!(paid, SettleOrder::Done(_)), "{paid:?}");
    assert!(stage.is_free(&[1]).await);
    assert!(stage.ledger.open_orders(at(99_000), None, 10).await.unwrap().is_empty());
    assert!(stage.ledger.orders_of(buyer, first_page()).await.unwrap().items.is_empty());
}

/// Where paying and failing race, one of them wins and the other is told so.
pub async fn paid_or_failed_but_never_both(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let buyer = stage.buyer().await;
    for _ in 0..10 {
        let order = stage.begun(buyer, &[1]).await;
        let (payer, failer) = (stage.ledger.clone(), stage.ledger.clone());
        let pay = tokio::spawn(async move { payer.pay_order(order.id, "receipt", later()).await.unwrap() });
        let fail =
            tokio::spawn(async move { failer.fail_order(order.id, "declined", later()).await.unwrap() });
        match (pay.await.unwrap(), fail.await.unwrap()) {
            (SettleOrder::Done(paid), SettleOrder::Otherwise(OrderStatus::Paid)) => {
                assert!(!stage.is_free(&[1]).await);
                stage.refund(&paid, false).await;
            }
            (SettleOrder::Otherwise(OrderStatus::Failed), SettleOrder::Done(_)) => {}
            both => panic!("{both:?}"),
        }
        assert!(stage.is_free(&[1]).await);
    }
}
