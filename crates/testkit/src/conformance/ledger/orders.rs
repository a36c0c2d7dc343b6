//! Cases: beginning, finding and listing orders.
//!
//! Invariant checked: a unit is in at most one order that is paying or paid.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use std::sync::Arc;

use onsale_app::ports::ledger::{BeginOrder, BuyerDetails, Ledger, Order, OrderFilter, OrderUnit};
use onsale_domain::{ids::OrderId, orders::OrderStatus, units::Units};

use super::stage::{Stage, all_pages, at, first_page, id, key, later, units};
use crate::refunds::give_back_all;

fn sorted(mut units: Units) -> Units {
    units.sort_unstable();
    units
}

/// With its units, buyer and everything else; unknown ones are not there.
pub async fn an_order_comes_back_as_it_was(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let owner = stage.buyer().await;
    let mut order = stage.order(owner, &[2, 7, 13]);
    order.buyer =
        BuyerDetails { name: "Lee".to_owned(), phone: Some("010".to_owned()), email: None, letters: None };
    stage.begin(&order).await;
    assert_eq!(stage.ledger.order(order.id).await.unwrap(), Some(order));
    assert_eq!(stage.ledger.order(OrderId(id())).await.unwrap(), None);
}

/// An id is begun once; a repeat is told how the order stands by now, and changes nothing.
pub async fn beginning_again_says_how_it_stands(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let order = stage.begun(stage.buyer().await, &[1]).await;
    let again = async || stage.ledger.begin_order(&order, None).await.unwrap();
    assert_eq!(again().await, BeginOrder::Exists(OrderStatus::Paying));
    assert_eq!(stage.ledger.order(order.id).await.unwrap(), Some(order.clone()));
    stage.ledger.pay_order(order.id, "receipt", later()).await.unwrap();
    assert_eq!(again().await, BeginOrder::Exists(OrderStatus::Paid));
    stage.refund(&order, false).await;
    assert_eq!(again().await, BeginOrder::Exists(OrderStatus::Refunded));
    assert!(stage.is_free(&[1]).await);
}

/// Exactly the units that other orders claim, paying or paid.
pub async fn says_which_units_are_taken(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let (one, two) = (stage.buyer().await, stage.buyer().await);
    stage.begun(one, &[2, 3]).await;
    stage.paid(one, &[5]).await;
    for (asked, taken) in [(&[1, 2][..], &[2][..]), (&[3, 4, 5], &[3, 5]), (&[1, 2, 3, 4, 5, 6], &[2, 3, 5])]
    {
        match stage.ledger.begin_order(&stage.order(two, asked), None).await.unwrap() {
            BeginOrder::UnitTaken(found) => assert_eq!(sorted(found), units(taken), "of {asked:?}"),
            other => panic!("{asked:?}: {other:?}"),
        }
    }
}

/// Where one unit is taken, no other is claimed, there is no order, and the key points where it did.
pub async fn a_refused_order_leaves_no_trace(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let (one, two) = (stage.buyer().await, stage.buyer().await);
    stage.begun(one, &[2]).await;
    let refused = stage.order(two, &[1, 2, 3]);
    let answer = stage.ledger.begin_order(&refused, Some(key(two, 1, 1))).await.unwrap();
    assert_eq!(answer, BeginOrder::UnitTaken(units(&[2])));
    assert_eq!(stage.ledger.order(refused.id).await.unwrap(), None);
    assert_eq!(stage.ledger.order_by_key(key(two, 1, 1)).await.unwrap(), None);
    assert!(stage.is_free(&[1, 3]).await);
    stage.ledger.begin_order(&stage.order(two, &[1, 3]), Some(key(two, 1, 1))).await.unwrap();
}

/// Of thirty orders at once for overlapping units, those that were begun do not overlap.
pub async fn one_of_many_orders_has_the_unit(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let buyer = stage.buyer().await;
    let attempts: Vec<_> = (0..30_u32)
        .map(|n| {
            let order = stage.order(buyer, &[6, 7 + n % 3]);
            let ledger = stage.ledger.clone();
            tokio::spawn(async move { ledger.begin_order(&order, None).await.unwrap() })
        })
        .collect();
    let mut begun = 0;
    for attempt in attempts {
        match attempt.await.unwrap() {
            BeginOrder::Begun => begun += 1,
            BeginOrder::UnitTaken(taken) => assert!(taken.contains(&units(&[6])[0]), "{taken:?}"),
            other @ BeginOrder::Exists(_) => panic!("{other:?}"),
        }
    }
    assert_eq!(begun, 1);
}

/// Unit 1 of one performance is not unit 1 of another.
pub async fn performances_have_their_own_units(ledger: Arc<dyn Ledger>) {
    let one = Stage::new(ledger).await;
    let two = one.another_performance().await;
    let buyer = one.buyer().await;
    one.paid(buyer, &[1, 2]).await;
    two.paid(buyer, &[1, 2]).await;
}

/// The hot store admits a new attempt only when the old one is over, so the ledger ends it: in the same step.
pub async fn a_later_attempt_replaces_an_earlier_one(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let buyer = stage.buyer().await;
    let first = stage.begun(buyer, &[1, 2]).await;
    let unrelated = stage.begun(buyer, &[3]).await;
    let second = Order { reservation: first.reservation, ..stage.order(buyer, &[1, 2]) };
    stage.begin(&second).await;
    assert_eq!(stage.status(&first).await, OrderStatus::Failed);
    assert_eq!(stage.status(&second).await, OrderStatus::Paying);
    assert_eq!(stage.status(&unrelated).await, OrderStatus::Paying);
    let late = stage.ledger.fail_order(first.id, "late", later()).await.unwrap();
    assert!(matches!(late, onsale_app::ports::ledger::SettleOrder::Done(_)), "{late:?}");
    assert!(!stage.is_free(&[1]).await, "ending the old one again does not free what the new one claims");
}

/// What is paid is not replaced: its units are taken, for its own reservation too.
pub async fn a_later_attempt_does_not_replace_a_paid_one(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let buyer = stage.buyer().await;
    let paid = stage.paid(buyer, &[1, 2]).await;
    let second = Order { reservation: paid.reservation, ..stage.order(buyer, &[1, 2]) };
    let answer = stage.ledger.begin_order(&second, None).await.unwrap();
    assert_eq!(answer, BeginOrder::UnitTaken(units(&[1, 2])));
    assert_eq!(stage.status(&paid).await, OrderStatus::Paid);
}

/// With the digest of the request that it was used for, whatever is asked with.
pub async fn a_key_points_at_its_order(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let (buyer, other) = (stage.buyer().await, stage.buyer().await);
    let order = stage.order(buyer, &[1]);
    let used = key(buyer, 1, 1);
    assert_eq!(stage.ledger.order_by_key(used).await.unwrap(), None);
    assert_eq!(stage.ledger.begin_order(&order, Some(used)).await.unwrap(), BeginOrder::Begun);
    for asked in [used, key(buyer, 1, 2)] {
        assert_eq!(stage.ledger.order_by_key(asked).await.unwrap(), Some((used.key, order.id)));
    }
    for unused in [key(buyer, 2, 1), key(other, 1, 1)] {
        assert_eq!(stage.ledger.order_by_key(unused).await.unwrap(), None);
    }
    stage.ledger.pay_order(order.id, "receipt", later()).await.unwrap();
    assert_eq!(stage.ledger.order_by_key(used).await.unwrap(), Some((used.key, order.id)));
}

/// After a declined payment the same key may try again, and points at the new order then.
pub async fn a_key_of_a_failed_order_points_at_the_next(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let buyer = stage.buyer().await;
    let used = key(buyer, 1, 1);
    let first = stage.order(buyer, &[1]);
    stage.ledger.begin_order(&first, Some(used)).await.unwrap();
    stage.ledger.fail_order(first.id, "declined", later()).await.unwrap();
    assert_eq!(stage.ledger.order_by_key(used).await.unwrap(), Some((used.key, first.id)));
    let second = Order { reservation: first.reservation, ..stage.order(buyer, &[1]) };
    assert_eq!(stage.ledger.begin_order(&second, Some(used)).await.unwrap(), BeginOrder::Begun);
    assert_eq!(stage.ledger.order_by_key(used).await.unwrap(), Some((used.key, second.id)));
}

/// Only what was paid at some time, of one owner, page by page.
pub async fn paid_orders_are_listed_newest_first(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let (owner, other) = (stage.buyer().await, stage.buyer().await);
    let mut made = Vec::new();
    for number in 1..=5 {
        made.push(stage.paid(owner, &[number]).await.id);
    }
    give_back_all(&*stage.ledger, made[2], false, later()).await.unwrap();
    stage.begun(owner, &[6]).await;
    let failed = stage.begun(owner, &[7]).await;
    stage.ledger.fail_order(failed.id, "declined", later()).await.unwrap();
    stage.paid(other, &[8]).await;
    made.reverse();
    for limit in [1, 2, 5, 200] {
        let listed = all_pages(limit, async |page| stage.ledger.orders_of(owner, page).await.unwrap()).await;
        assert_eq!(listed.iter().map(|order| order.id).collect::<Vec<_>>(), made, "in pages of {limit}");
    }
    let newest = &stage.ledger.orders_of(owner, first_page()).await.unwrap().items[0];
    let numbers: Vec<&OrderUnit> = newest.units.iter().collect();
    assert_eq!((numbers.len(), newest.status), (1, OrderStatus::Paid), "with its units");
}

/// Those that have been paying since before a time, as many as asked for.
pub async fn open_orders_are_listed_oldest_first(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let buyer = stage.buyer().await;
    let mut begun = Vec::new();
    for number in 1..=5 {
        let order = Order { created_at: at(u64::from(number) * 1_000), ..stage.order(buyer, &[number]) };
        stage.begin(&order).await;
        begun.push(order);
    }
    stage.ledger.pay_order(begun[1].id, "receipt", later()).await.unwrap();
    stage.ledger.fail_order(begun[3].id, "declined", later()).await.unwrap();
    let open = async |before_ms, limit| stage.ledger.open_orders(at(before_ms), None, limit).await.unwrap();
    let [first, _, third, _, fifth] = &begun[..] else { panic!("five were begun") };
    assert_eq!(open(9_000, 10).await, [first.clone(), third.clone(), fifth.clone()]);
    assert_eq!(open(9_000, 2).await, [first.clone(), third.clone()]);
    assert_eq!(open(5_000, 10).await, [first.clone(), third.clone()], "not those since that very time");
    assert_eq!(open(1_000, 10).await, []);
    let after = async |order: &Order| {
        let after = Some((order.created_at, order.id));
        stage.ledger.open_orders(at(9_000), after, 10).await.unwrap()
    };
    assert_eq!(after(first).await, [third.clone(), fifth.clone()]);
    assert_eq!(after(fifth).await, []);
    // Two of one moment are told apart by their ids.
    let twin = Order { created_at: fifth.created_at, ..stage.order(buyer, &[6]) };
    stage.begin(&twin).await;
    let mut both = [fifth.clone(), twin];
    both.sort_by_key(|order| order.id);
    assert_eq!(after(third).await, both);
    assert_eq!(after(&both[0]).await, both[1..]);
}

/// By part of who bought, by its id or the code of a ticket as a whole, by how it stands; of that event only.
pub async fn orders_of_an_event_are_found(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let buyer = stage.buyer().await;
    let buying = async |stage: &Stage, seat: u32, name: &str, phone: Option<&str>| {
        let mut order = stage.order(buyer, &[seat]);
        name.clone_into(&mut order.buyer.name);
        order.buyer.phone = phone.map(str::to_owned);
        order.buyer.email = Some(format!("seat{seat}@Example.org"));
        stage.begin(&order).await;
        order.id
    };
    let second = stage.another_performance().await;
    let kim = buying(&stage, 1, "Kim Min-ji", Some("010-1234-5678")).await;
    let lee = buying(&second, 2, "이서연", None).await;
    let odd = buying(&stage, 3, "100% O\\'Neil_x", None).await;
    stage.ledger.pay_order(lee, "receipt", later()).await.unwrap();
    let elsewhere = Stage::new(stage.ledger.clone()).await;
    buying(&elsewhere, 1, "Kim Min-ji", None).await;

    let find = async |text: Option<&str>, status: Option<OrderStatus>| {
        let filter = OrderFilter { text: text.map(str::to_owned), status };
        let page = async |page| stage.ledger.find_orders(stage.event.id, &filter, page).await.unwrap();
        all_pages(2, page).await.iter().map(|order| order.id).collect::<Vec<_>>()
    };
    assert_eq!(find(None, None).await, [odd, lee, kim], "newest first");
    assert_eq!(find(Some("MIN-JI"), None).await, [kim], "whatever the case");
    assert_eq!(find(Some("서연"), None).await, [lee]);
    assert_eq!(find(Some("1234-56"), None).await, [kim]);
    assert_eq!(find(Some("seat2@example"), None).await, [lee]);
    for literal in ["100%", "neil_", "o\\'"] {
        assert_eq!(find(Some(literal), None).await, [odd], "{literal} stands for itself");
    }
    for nothing in ["%", "_in", "1%8", "nobody"] {
        let found = find(Some(nothing), None).await;
        assert!(found.is_empty() || found == [odd], "{nothing}: {found:?}");
    }
    assert_eq!(find(Some(&kim.to_string()), None).await, [kim]);
    let ticket = stage.ledger.order(lee).await.unwrap().unwrap().units[0].ticket_code.to_lowercase();
    assert_eq!(find(Some(&ticket), None).await, [lee]);
    assert_eq!(find(Some(&ticket[..ticket.len() - 1]), None).await, [], "as a whole");
    assert_eq!(find(None, Some(OrderStatus::Paid)).await, [lee]);
    assert_eq!(find(Some("kim"), Some(OrderStatus::Paid)).await, []);
    assert_eq!(find(None, Some(OrderStatus::Paying)).await, [odd, kim]);
}
