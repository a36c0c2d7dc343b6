//! Cases: giving money back, whole orders and units.
//!
//! Invariant checked: a unit is in one refund at most, so that all refunds of an order together are never more than its
//! price; a claim ends only after the money is back.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use std::{collections::BTreeSet, sync::Arc};

use onsale_app::ports::ledger::{
    Attendance, BeginRefund, CheckIn, CheckInOutcome, Ledger, NewRefund, Order, Refund, RefundOf,
};
use onsale_domain::{
    ids::{OrderId, RefundId},
    orders::{OrderStatus, RefundStatus},
};
use tokio::task::JoinSet;

use super::stage::{Stage, at, id, later, units, won};

fn new(order: &Order, of: RefundOf) -> NewRefund {
    NewRefund { id: RefundId(id()), order: order.id, of, keep_claim: false, at: later() }
}

fn of_units(order: &Order, numbers: &[u32]) -> NewRefund {
    new(order, RefundOf::Units(units(numbers)))
}

/// What was recorded; fails where it was refused.
#[track_caller]
fn recorded(begun: BeginRefund) -> (Order, Vec<Refund>) {
    match begun {
        BeginRefund::Recorded { order, open } => (*order, open),
        other => panic!("should be recorded: {other:?}"),
    }
}

impl Stage {
    async fn begin_refund(&self, new: &NewRefund) -> (Order, Vec<Refund>) {
        recorded(self.ledger.begin_refund(new).await.unwrap())
    }

    async fn finish(&self, refund: RefundId) -> Refund {
        self.ledger.finish_refund(refund, later()).await.unwrap().unwrap()
    }

    async fn open(&self) -> Vec<RefundId> {
        let open = self.ledger.open_refunds(at(99_000_000), None, 100).await.unwrap();
        open.into_iter().map(|refund| refund.id).collect()
    }
}

/// All of it; the claims end with it, once: a repeat does not free what somebody else claimed since.
pub async fn refunds_once_and_frees_the_units(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let order = stage.paid(stage.buyer().await, &[1, 2]).await;
    let refunded = stage.refund(&order, false).await;
    assert_eq!((refunded.status, refunded.refunded()), (OrderStatus::Refunded, order.total));
    assert_eq!(refunded.released(), units(&[1, 2]));
    stage.begun(stage.buyer().await, &[1, 2]).await;
    assert_eq!(stage.refund(&order, false).await, refunded);
    assert!(!stage.is_free(&[1]).await);
    assert_eq!(stage.open().await, []);
}

/// The money is given back, the units stay off sale.
pub async fn a_refund_may_keep_the_units(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let order = stage.paid(stage.buyer().await, &[1, 2]).await;
    let kept = stage.refund(&order, true).await;
    assert_eq!((kept.status, kept.released().len()), (OrderStatus::Refunded, 0));
    assert!(!stage.is_free(&[1]).await);
    assert!(!stage.is_free(&[2]).await);
    // Who asks again without keeping them is about to put them back on sale.
    stage.refund(&order, false).await;
    assert!(stage.is_free(&[1, 2]).await);
}

/// Their refund is open again until the stock has them, and closes only for who has given back all that is released.
pub async fn kept_units_are_released_one_by_one(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let order = stage.paid(stage.buyer().await, &[1, 2, 3]).await;
    let keeping = NewRefund { keep_claim: true, ..of_units(&order, &[1, 2]) };
    stage.begin_refund(&keeping).await;
    let none = stage.ledger.release_refunded(order.id, &units(&[1, 2]), later()).await.unwrap();
    assert_eq!(none, [], "nothing is released before the money is back");
    let finished = stage.finish(keeping.id).await;
    assert_eq!((finished.status, finished.released.len()), (RefundStatus::Done, 0));
    let release = async |numbers: &[u32]| {
        let asked = units(numbers);
        let mut released = stage.ledger.release_refunded(order.id, &asked, later()).await.unwrap();
        assert!(released.len() <= 1, "{released:?}");
        released.pop()
    };
    let first = release(&[1, 3]).await.unwrap();
    assert_eq!((first.status, first.released.clone()), (RefundStatus::Returned, units(&[1])));
    assert!(stage.is_free(&[1]).await);
    assert!(!stage.is_free(&[2]).await);
    assert_eq!(release(&[1]).await, None, "it is released already");
    let second = release(&[2]).await.unwrap();
    assert_eq!(second.released, units(&[1, 2]));
    stage.ledger.close_refund(keeping.id, &first.released, later()).await.unwrap();
    assert_eq!(stage.open().await, [keeping.id], "the second unit is not in the stock yet");
    stage.ledger.close_refund(keeping.id, &second.released, later()).await.unwrap();
    assert_eq!(stage.open().await, []);
    assert_eq!(stage.status(&order).await, OrderStatus::Paid);
}

/// The order stays paid until the last of its units is refunded.
pub async fn units_are_refunded_one_by_one(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let order = stage.paid(stage.buyer().await, &[1, 2, 13]).await;
    let first = of_units(&order, &[2]);
    let (begun, open) = stage.begin_refund(&first).await;
    assert_eq!((open.len(), open[0].amount, open[0].units.clone()), (1, won(1_002), units(&[2])));
    assert_eq!((open[0].status, open[0].released.len()), (RefundStatus::Open, 0));
    assert_eq!((begun.status, begun.refunded()), (OrderStatus::Paid, won(0)), "not before the money is back");
    assert!(!stage.is_free(&[2]).await, "nor free");
    let finished = stage.finish(first.id).await;
    assert_eq!((finished.status, finished.released), (RefundStatus::Returned, units(&[2])));
    let now = stage.ledger.order(order.id).await.unwrap().unwrap();
    assert_eq!((now.status, now.refunded(), now.kept()), (OrderStatus::Paid, won(1_002), units(&[1, 13])));
    assert!(stage.is_free(&[2]).await);
    assert!(!stage.is_free(&[1]).await);
    // The rest; of what is asked for, only what is left.
    let rest = of_units(&order, &[2, 1, 13]);
    let (_, open) = stage.begin_refund(&rest).await;
    assert_eq!(open.iter().map(|refund| refund.id).collect::<Vec<_>>(), [first.id, rest.id]);
    assert_eq!((open[1].units.clone(), open[1].amount), (units(&[1, 13]), won(2_014)));
    stage.finish(rest.id).await;
    let now = stage.ledger.order(order.id).await.unwrap().unwrap();
    assert_eq!((now.status, now.refunded(), now.kept().len()), (OrderStatus::Refunded, order.total, 0));
    assert!(stage.is_free(&[1, 13]).await);
    let (_, open) = stage.begin_refund(&new(&order, RefundOf::Everything)).await;
    assert_eq!(open.len(), 2, "nothing is recorded beside the two");
}

/// Whoever asks again for the same is given what was recorded, until it is done.
pub async fn a_repeat_finds_the_same_refund(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let order = stage.paid(stage.buyer().await, &[1, 2, 3]).await;
    let first = of_units(&order, &[1, 2]);
    let (_, open) = stage.begin_refund(&first).await;
    for again in [of_units(&order, &[1, 2]), of_units(&order, &[2]), first.clone()] {
        assert_eq!(stage.begin_refund(&again).await.1, open);
    }
    assert_eq!(stage.begin_refund(&of_units(&order, &[3])).await.1.len(), 1, "another is none of its affair");
    let finished = stage.finish(first.id).await;
    assert_eq!(stage.finish(first.id).await, finished, "once");
    stage.ledger.close_refund(first.id, &finished.released, later()).await.unwrap();
    assert_eq!(stage.begin_refund(&of_units(&order, &[1, 2])).await.1, []);
    assert_eq!(stage.finish(first.id).await.status, RefundStatus::Done);
    assert_eq!(stage.ledger.finish_refund(RefundId(id()), later()).await.unwrap(), None);
}

/// Nothing is recorded where something is asked for that the order does not have, or it is not paid.
pub async fn units_of_other_orders_are_not_refunded(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let buyer = stage.buyer().await;
    let (order, _other) = (stage.paid(buyer, &[1, 2]).await, stage.paid(buyer, &[3]).await);
    let begin = async |new: &NewRefund| stage.ledger.begin_refund(new).await.unwrap();
    for (asked, strange) in [(&[3][..], &[3][..]), (&[1, 3, 9], &[3, 9]), (&[0], &[0])] {
        assert_eq!(begin(&of_units(&order, asked)).await, BeginRefund::NotInOrder(units(strange)));
    }
    let unknown = NewRefund { order: OrderId(id()), ..new(&order, RefundOf::Everything) };
    assert_eq!(begin(&unknown).await, BeginRefund::NotFound);
    let late = begin(&new(&order, RefundOf::LateCharge)).await;
    assert_eq!(late, BeginRefund::Otherwise(OrderStatus::Paid));
    let paying = stage.begun(buyer, &[4]).await;
    for of in [RefundOf::Everything, RefundOf::LateCharge, RefundOf::Units(units(&[4]))] {
        assert_eq!(begin(&new(&paying, of)).await, BeginRefund::Otherwise(OrderStatus::Paying));
    }
    assert_eq!(stage.ledger.order(order.id).await.unwrap(), Some(order));
    assert_eq!(stage.open().await, []);
}

/// Found by the reconciler, oldest first, page by page, whoever began it.
pub async fn a_refund_is_open_until_it_is_closed(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let buyer = stage.buyer().await;
    let mut begun = Vec::new();
    for number in 1..=4 {
        let order = stage.paid(buyer, &[number]).await;
        let new = NewRefund { at: at(u64::from(number / 2) * 1_000), ..new(&order, RefundOf::Everything) };
        begun.push(stage.begin_refund(&new).await.1.remove(0));
    }
    begun.sort_by_key(|refund| (refund.created_at, refund.id));
    let open = async |before_ms, after: Option<&Refund>, limit| {
        let after = after.map(|refund| (refund.created_at, refund.id));
        stage.ledger.open_refunds(at(before_ms), after, limit).await.unwrap()
    };
    assert_eq!(open(9_000, None, 10).await, begun);
    assert_eq!(open(1_000, None, 10).await, begun[..1], "not those since that very time");
    assert_eq!(open(9_000, None, 2).await, begun[..2]);
    assert_eq!(open(9_000, Some(&begun[1]), 10).await, begun[2..], "two of one moment are told apart");
    let finished = stage.finish(begun[0].id).await;
    assert_eq!(
        open(9_000, None, 1).await,
        std::slice::from_ref(&finished),
        "the stock does not have the unit yet"
    );
    stage.ledger.close_refund(finished.id, &finished.released, later()).await.unwrap();
    assert_eq!(open(9_000, None, 10).await, begun[1..]);
    stage.ledger.close_refund(begun[1].id, &units(&[]), later()).await.unwrap();
    assert_eq!(open(9_000, None, 10).await, begun[1..], "the money is not back yet");
}

/// From the moment the refund is recorded; who is inside already stays counted nowhere.
pub async fn a_refunded_unit_has_no_ticket(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let order = stage.paid(stage.buyer().await, &[1, 2, 3]).await;
    let check_in = CheckIn { at: at(5_000), by: stage.organizer };
    let scan =
        async |place: usize| stage.ledger.check_in(&order.units[place].ticket_code, check_in).await.unwrap();
    assert!(matches!(scan(0).await, CheckInOutcome::CheckedIn(_)));
    let new = NewRefund { keep_claim: true, ..of_units(&order, &[1, 2]) };
    let (begun, _) = stage.begin_refund(&new).await;
    let good: Vec<bool> = begun.units.iter().map(|unit| begun.has_ticket_for(unit)).collect();
    assert_eq!(good, [false, false, true]);
    let attended = |sold, checked_in| Attendance { sold, checked_in };
    for step in ["recorded", "money back", "order refunded"] {
        for place in [0, 1] {
            let scanned = scan(place).await;
            let CheckInOutcome::Void(ticket) = scanned else { panic!("{step}: {scanned:?}") };
            assert!(ticket.is_refunded && !ticket.is_good(), "{step}: {ticket:?}");
        }
        let sold = u64::from(step != "order refunded");
        assert_eq!(stage.ledger.attendance(stage.p()).await.unwrap(), attended(sold, 0), "{step}");
        match step {
            "recorded" => drop(stage.finish(new.id).await),
            "money back" => drop(stage.refund(&order, true).await),
            _ => assert!(matches!(scan(2).await, CheckInOutcome::Void(_))),
        }
    }
}

/// An order that has failed stays failed; its price goes back once, and its units, which others may have, are not
/// touched.
pub async fn money_that_came_late_is_refunded(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let buyer = stage.buyer().await;
    let order = stage.begun(buyer, &[1, 2]).await;
    stage.ledger.fail_order(order.id, "abandoned", later()).await.unwrap();
    let other = stage.paid(buyer, &[1, 2]).await;
    let late = NewRefund { keep_claim: true, ..new(&order, RefundOf::LateCharge) };
    let (_, open) = stage.begin_refund(&late).await;
    assert_eq!((open.len(), open[0].amount), (1, order.total));
    let again = NewRefund { id: RefundId(id()), ..late.clone() };
    assert_eq!(stage.begin_refund(&again).await.1, open, "once");
    assert_eq!(stage.finish(late.id).await.status, RefundStatus::Done);
    assert_eq!(stage.begin_refund(&again).await.1, []);
    let now = stage.ledger.order(order.id).await.unwrap().unwrap();
    assert_eq!((now.status, now.refunded()), (OrderStatus::Failed, order.total));
    assert_eq!(stage.ledger.order(other.id).await.unwrap(), Some(other));
    assert!(!stage.is_free(&[1]).await);
}

/// Twenty at once for pairs and triples of five units, and the whole order among them.
pub async fn of_overlapping_refunds_at_once_each_unit_is_in_one(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    for _ in 0..3 {
        let order = stage.paid(stage.buyer().await, &[1, 2, 3, 4, 5]).await;
        let mut refunding = JoinSet::new();
        for turn in 0..20_u32 {
            let (first, second) = (turn % 5 + 1, (turn + 1) % 5 + 1);
            let new = match turn {
                11 => new(&order, RefundOf::Everything),
                _ => of_units(&order, &[first.min(second), first.max(second)]),
            };
            let ledger = stage.ledger.clone();
            refunding.spawn(async move {
                let (_, open) = recorded(ledger.begin_refund(&new).await.unwrap());
                for refund in &open {
                    let finished = ledger.finish_refund(refund.id, later()).await.unwrap().unwrap();
                    ledger.close_refund(refund.id, &finished.released, later()).await.unwrap();
                }
                open
            });
        }
        let told: Vec<Refund> = refunding.join_all().await.into_iter().flatten().collect();
        let now = stage.ledger.order(order.id).await.unwrap().unwrap();
        assert_eq!((now.status, now.refunded()), (OrderStatus::Refunded, order.total));
        let there: BTreeSet<RefundId> = now.units.iter().filter_map(|unit| Some(unit.refund?.id)).collect();
        let mut seen = BTreeSet::new();
        let mut given_back = 0;
        for id in &there {
            let refund = told.iter().find(|refund| refund.id == *id).unwrap();
            assert!(refund.units.iter().all(|unit| seen.insert(*unit)), "{refund:?}");
            given_back += refund.amount.amount;
        }
        assert_eq!((seen.len(), given_back), (5, order.total.amount));
        assert!(told.iter().all(|refund| there.contains(&refund.id)), "nobody was told of another");
        assert!(stage.is_free(&[1, 2, 3, 4, 5]).await);
        assert_eq!(stage.open().await, []);
    }
}

/// From a wallet, twenty at once: each asks for what it was told to.
pub async fn refunds_at_once_never_exceed_the_price(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let buyer = stage.buyer().await;
    let order = stage.paid(buyer, &[1, 2, 3]).await;
    stage.ledger.top_up(id(), buyer, order.total, None, later()).await.unwrap();
    stage.ledger.charge(order.id, buyer, order.total, later()).await.unwrap();
    let mut refunding = JoinSet::new();
    for turn in 0..20_u32 {
        let new = of_units(&order, if turn % 2 == 0 { &[1, 2] } else { &[2, 3] });
        let ledger = stage.ledger.clone();
        refunding.spawn(async move {
            let (_, open) = recorded(ledger.begin_refund(&new).await.unwrap());
            for refund in open {
                let given = ledger.give_back(refund.order, refund.id, refund.amount, later()).await.unwrap();
                assert_eq!(given, onsale_app::ports::ledger::GiveBack::Given);
                ledger.finish_refund(refund.id, later()).await.unwrap();
            }
        });
    }
    refunding.join_all().await;
    let balance = stage.ledger.balance(buyer, order.total.currency).await.unwrap();
    assert_eq!(balance, order.total);
    assert_eq!(stage.status(&order).await, OrderStatus::Refunded);
}
