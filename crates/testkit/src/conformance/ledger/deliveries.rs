//! Cases: deliveries, and the letters among them.
//!
//! Invariant checked: a letter is there when its cause is, once, and one at a time has it.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use std::sync::Arc;

use onsale_app::ports::ledger::{
    Content, Delivery, DeliveryStatus, Lane, Lease, Ledger, Letter, LetterKind, NewRefund, Order, RefundOf,
    SendLetter, SendLimits, Settlement, Writing,
};
use onsale_domain::{
    ids::{AccountId, DeliveryId, RefundId},
    time::Timestamp,
};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::stage::{Stage, at, id, later};
use crate::refunds::{give_back_all, give_back_units};

/// How letters to the buyers here are written.
fn writing() -> Writing {
    Writing { language: "ko".to_owned(), time_zone: "Asia/Seoul".to_owned() }
}

/// An order whose buyer is written to, paying.
async fn begun(stage: &Stage, owner: AccountId, numbers: &[u32]) -> Order {
    let mut order = stage.order(owner, numbers);
    order.buyer.letters = Some(writing());
    stage.begin(&order).await;
    order
}

/// The same, paid at a time.
async fn paid(stage: &Stage, numbers: &[u32], paid_at: Timestamp) -> Order {
    let order = begun(stage, stage.buyer().await, numbers).await;
    stage.ledger.pay_order(order.id, "receipt", paid_at).await.unwrap();
    order
}

fn letter(order: &Order, kind: LetterKind, refund: Option<RefundId>) -> Content {
    let to = order.buyer.email.clone().unwrap();
    Content::Letter(Letter { kind, order: order.id, refund, to, writing: writing() })
}

fn lease(now: Timestamp) -> Lease {
    Lease { id: id(), now, until: now.plus_ms(60_000) }
}

async fn claim(stage: &Stage, lease: Lease) -> Vec<Delivery> {
    stage.ledger.claim_deliveries(Lane::Mail, 10, lease).await.unwrap()
}

async fn latest(stage: &Stage, order: &Order) -> Option<Delivery> {
    stage.ledger.latest_letter(order.id, LetterKind::Tickets).await.unwrap()
}

/// Not before it is paid, then once, however often it is said to be paid.
pub async fn tickets_go_to_the_buyer_when_the_order_is_paid(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let order = begun(&stage, stage.buyer().await, &[1, 2]).await;
    assert_eq!(stage.ledger.order(order.id).await.unwrap(), Some(order.clone()), "and how it is written");
    assert_eq!(stage.ledger.due_lanes(at(100_000)).await.unwrap(), []);
    for second in [2, 3] {
        stage.ledger.pay_order(order.id, "receipt", at(second * 1_000)).await.unwrap();
    }
    assert_eq!(stage.ledger.due_lanes(at(1_999)).await.unwrap(), []);
    assert_eq!(stage.ledger.due_lanes(at(2_000)).await.unwrap(), [Lane::Mail]);
    let waiting = latest(&stage, &order).await.unwrap();
    assert_eq!(waiting, Delivery::new(waiting.id, letter(&order, LetterKind::Tickets, None), at(2_000)));
    let taken = lease(at(2_000));
    let claimed = Delivery { attempts: 1, due_at: taken.until, ..waiting };
    assert_eq!(claim(&stage, taken).await, [claimed]);
}

/// Of each one once, when its money is back: of some seats, then of the rest.
pub async fn a_buyer_is_told_of_each_refund(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let order = paid(&stage, &[1, 2, 3], at(1_000)).await;
    for _ in 0..2 {
        give_back_units(&*stage.ledger, order.id, &[2], at(2_000)).await.unwrap();
    }
    let latest = async || stage.ledger.latest_letter(order.id, LetterKind::Refund).await.unwrap().unwrap();
    assert_eq!(latest().await.created_at, at(2_000));
    for _ in 0..2 {
        give_back_all(&*stage.ledger, order.id, false, at(3_000)).await.unwrap();
    }
    assert_eq!(latest().await.created_at, at(3_000));
    let now = stage.ledger.order(order.id).await.unwrap().unwrap();
    let [some, rest] = [1, 0].map(|nth: usize| now.units[nth].refund.map(|refund| refund.id));
    let told: Vec<Content> = claim(&stage, lease(at(3_000))).await.into_iter().map(|d| d.content).collect();
    assert_eq!(
        told,
        [
            letter(&order, LetterKind::Tickets, None),
            letter(&order, LetterKind::Refund, some),
            letter(&order, LetterKind::Refund, rest)
        ]
    );
    assert!(some.is_some() && rest.is_some() && some != rest);
}

/// Their payment had failed, and they were told so.
pub async fn a_late_charge_that_goes_back_is_not_told_as_a_refund(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let order = begun(&stage, stage.buyer().await, &[1]).await;
    stage.ledger.fail_order(order.id, "declined", at(1_000)).await.unwrap();
    let new = NewRefund {
        id: RefundId(id()),
        order: order.id,
        of: RefundOf::LateCharge,
        keep_claim: true,
        at: at(2_000),
    };
    stage.ledger.begin_refund(&new).await.unwrap();
    stage.ledger.finish_refund(new.id, at(3_000)).await.unwrap().unwrap();
    assert_eq!(stage.ledger.latest_letter(order.id, LetterKind::Refund).await.unwrap(), None);
}

/// Neither without an address nor where nobody writes, and not of a payment that came to nothing.
pub async fn nothing_is_written_where_there_are_no_letters(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let buyer = stage.buyer().await;
    stage.paid(buyer, &[1]).await;
    let mut without_address = stage.order(buyer, &[2]);
    (without_address.buyer.email, without_address.buyer.letters) = (None, Some(writing()));
    stage.begin(&without_address).await;
    stage.ledger.pay_order(without_address.id, "receipt", at(1_000)).await.unwrap();
    let failed = begun(&stage, buyer, &[3]).await;
    stage.ledger.fail_order(failed.id, "declined", at(1_000)).await.unwrap();
    assert_eq!(stage.ledger.due_lanes(at(100_000_000)).await.unwrap(), []);
    assert_eq!(latest(&stage, &failed).await, None);
}

/// Afterwards the next one has it, who then knows that it was tried before.
pub async fn what_is_claimed_is_nobody_elses_until_the_lease_ends(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    paid(&stage, &[1], at(1_000)).await;
    assert_eq!(claim(&stage, lease(at(999))).await, [], "not due");
    let first = lease(at(1_000));
    assert_eq!(claim(&stage, first).await.len(), 1);
    assert_eq!(claim(&stage, lease(at(60_999))).await, []);
    assert_eq!(stage.ledger.due_lanes(at(60_999)).await.unwrap(), []);
    assert_eq!(stage.ledger.due_lanes(at(61_000)).await.unwrap(), [Lane::Mail]);
    let again = claim(&stage, lease(at(61_000))).await;
    assert_eq!((again.len(), again[0].attempts), (1, 2));
}

/// Twenty processes look for work at once: what is due is shared out among them.
pub async fn one_of_many_who_claim_at_once_has_it(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    for unit in 1..=8 {
        paid(&stage, &[unit], at(1_000)).await;
    }
    let mut claims = JoinSet::new();
    for _ in 0..20 {
        let (ledger, taken) = (stage.ledger.clone(), lease(at(2_000)));
        claims.spawn(async move { ledger.claim_deliveries(Lane::Mail, 3, taken).await.unwrap() });
    }
    let mut ids: Vec<DeliveryId> = Vec::new();
    for claimed in claims.join_all().await {
        assert!(claimed.len() <= 3, "{claimed:?}");
        ids.extend(claimed.iter().map(|delivery| delivery.id));
    }
    // Whoever looked while others were at all of it has found nothing, and looks again.
    while let claimed = claim(&stage, lease(at(2_000))).await
        && !claimed.is_empty()
    {
        ids.extend(claimed.iter().map(|delivery| delivery.id));
    }
    ids.sort_unstable();
    let all = ids.len();
    ids.dedup();
    assert_eq!((all, ids.len()), (8, 8), "each once");
}

/// Somebody who took too long must not undo what the next one has noted.
pub async fn whoever_has_lost_the_claim_settles_nothing(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let order = paid(&stage, &[1], at(1_000)).await;
    let (slow, next) = (lease(at(1_000)), lease(at(70_000)));
    let delivery = claim(&stage, slow).await.remove(0);
    claim(&stage, next).await;
    let settle = async |lease: Uuid, settlement: Settlement| {
        stage.ledger.settle_delivery(delivery.id, lease, &settlement).await.unwrap()
    };
    let dead = Settlement::Dead { at: at(71_000), error: "too late".to_owned() };
    assert!(!settle(slow.id, dead.clone()).await);
    assert!(settle(next.id, Settlement::Sent { at: at(72_000) }).await);
    assert!(!settle(next.id, dead).await, "settled is settled");
    let sent = latest(&stage, &order).await.unwrap();
    assert_eq!((sent.status, sent.settled_at), (DeliveryStatus::Sent, Some(at(72_000))));
    assert!(
        !stage
            .ledger
            .settle_delivery(DeliveryId(id()), id(), &Settlement::Sent { at: later() })
            .await
            .unwrap()
    );
}

/// Later, and from then on sent, withdrawn or dead, with what went wrong.
pub async fn a_delivery_is_settled_each_way(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let error = "nobody is there".to_owned();
    let ends = [
        (Settlement::Sent { at: at(90_000) }, DeliveryStatus::Sent, None),
        (
            Settlement::Withdrawn { at: at(90_000), why: error.clone() },
            DeliveryStatus::Withdrawn,
            Some(error.clone()),
        ),
        (
            Settlement::Dead { at: at(90_000), error: error.clone() },
            DeliveryStatus::Dead,
            Some(error.clone()),
        ),
    ];
    for (unit, (end, status, said)) in (1..).zip(ends) {
        let order = paid(&stage, &[unit], at(1_000)).await;
        let first = lease(at(1_000));
        let delivery = claim(&stage, first).await.remove(0);
        let pause = Settlement::Later { due_at: at(80_000), error: error.clone() };
        assert!(stage.ledger.settle_delivery(delivery.id, first.id, &pause).await.unwrap());
        let waiting = latest(&stage, &order).await.unwrap();
        let (due_at, last_error) = (at(80_000), Some(error.clone()));
        assert_eq!(waiting, Delivery { due_at, last_error, ..delivery.clone() });
        assert_eq!(claim(&stage, lease(at(79_999))).await, []);
        let second = lease(at(80_000));
        claim(&stage, second).await;
        assert!(stage.ledger.settle_delivery(delivery.id, second.id, &end).await.unwrap());
        let settled = latest(&stage, &order).await.unwrap();
        assert_eq!((settled.status, settled.last_error), (status, said));
        assert_eq!((settled.attempts, settled.settled_at), (2, Some(at(90_000))));
        assert_eq!(claim(&stage, lease(at(900_000))).await, [], "never again");
    }
}

/// And no more at once than were asked for.
pub async fn what_is_due_longest_is_claimed_first(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    for (unit, second) in [(1, 3), (2, 1), (3, 2)] {
        paid(&stage, &[unit], at(second * 1_000)).await;
    }
    let claimed = stage.ledger.claim_deliveries(Lane::Mail, 2, lease(at(5_000))).await.unwrap();
    let mut made: Vec<Timestamp> = claimed.iter().map(|delivery| delivery.created_at).collect();
    made.sort_unstable();
    assert_eq!(made, [at(1_000), at(2_000)]);
}

const LIMITS: SendLimits = SendLimits { gap_ms: 60_000, at_most: 3, span_ms: 1_000_000 };

fn another(order: &Order, asked_at: Timestamp) -> Delivery {
    Delivery::new(DeliveryId(id()), letter(order, LetterKind::Tickets, None), asked_at)
}

/// Not too soon, not too often; the first letter counts, those about other orders do not.
pub async fn letters_are_sent_again_within_limits(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let order = paid(&stage, &[1], at(0)).await;
    paid(&stage, &[2], at(50_000)).await;
    let send = async |letter: &Delivery| stage.ledger.send_letter(letter, LIMITS).await.unwrap();
    let ask = async |ms: u64| send(&another(&order, at(ms))).await;
    assert_eq!(ask(59_000).await, SendLetter::TooSoon { wait_ms: 1_000 });
    let second = another(&order, at(60_000));
    assert_eq!(send(&second).await, SendLetter::Queued);
    assert_eq!(send(&second).await, SendLetter::Queued, "the same again");
    assert_eq!(ask(200_000).await, SendLetter::Queued);
    assert_eq!(ask(400_000).await, SendLetter::TooSoon { wait_ms: 600_000 });
    assert_eq!(ask(1_000_000).await, SendLetter::Queued, "the first is long ago");
    assert_eq!(claim(&stage, lease(at(1_000_000))).await.len(), 5, "four of them, and the other order's");
}

/// Ten clicks at once are one letter.
pub async fn of_many_who_ask_at_once_one_sends_again(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let order = paid(&stage, &[1], at(0)).await;
    let mut asking = JoinSet::new();
    for _ in 0..10 {
        let (ledger, letter) = (stage.ledger.clone(), another(&order, at(100_000)));
        asking.spawn(async move { ledger.send_letter(&letter, LIMITS).await.unwrap() });
    }
    let answers = asking.join_all().await;
    assert_eq!(answers.iter().filter(|answer| **answer == SendLetter::Queued).count(), 1, "{answers:?}");
}

/// Also what was given up; what still waits stays.
pub async fn what_was_sent_is_forgotten_in_time(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let mut orders = Vec::new();
    for unit in 1..=4 {
        orders.push(paid(&stage, &[unit], at(1_000)).await);
    }
    let taken = lease(at(1_000));
    for delivery in claim(&stage, taken).await {
        let Content::Letter(letter) = &delivery.content else { panic!("{delivery:?}") };
        let settlement = match orders.iter().position(|order| order.id == letter.order).unwrap() {
            0 => Settlement::Sent { at: at(2_000) },
            1 => Settlement::Sent { at: at(3_000) },
            2 => Settlement::Dead { at: at(2_000), error: String::new() },
            _ => continue,
        };
        assert!(stage.ledger.settle_delivery(delivery.id, taken.id, &settlement).await.unwrap());
    }
    assert_eq!(stage.ledger.forget_deliveries(at(3_000), 0).await.unwrap(), 0);
    assert_eq!(stage.ledger.forget_deliveries(at(3_000), 10).await.unwrap(), 2);
    let mut left = Vec::new();
    for order in &orders {
        left.push(latest(&stage, order).await.is_some());
    }
    assert_eq!(left, [false, true, false, true]);
}
