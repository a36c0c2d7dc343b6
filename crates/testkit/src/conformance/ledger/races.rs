//! Cases: commands that meet. Each of them is decided one way, and all of them agree on which.
//!
//! Invariant checked: whatever is under way at once, the outcome is one that some order of the same commands, one
//! after the other, would have had; and none of them fails for having met another.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use std::sync::Arc;

use onsale_app::ports::ledger::{
    BeginOrder, BeginRefund, Created, DeleteOutcome, Ledger, Login, Order, RecordedStatus, Rotation,
    SettleOrder, WalletOutcome,
};
use onsale_domain::{
    changes::Change,
    ids::{LoginId, OrderId},
    money::Currency,
    orders::OrderStatus,
};
use tokio::{sync::Barrier, task::JoinSet};

use super::stage::{Stage, at, id, key, later, new_account, new_performance, new_plan, units, won};
use crate::{refunds::give_back_all, stocks};

/// Runs these at once, as far as there are threads; gives what they gave, in their order.
async fn at_once<T: Send + 'static, F>(commands: impl IntoIterator<Item = F>) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
{
    let commands: Vec<F> = commands.into_iter().collect();
    let start = Arc::new(Barrier::new(commands.len()));
    let mut tasks = JoinSet::new();
    for (number, command) in commands.into_iter().enumerate() {
        let start = Arc::clone(&start);
        tasks.spawn(async move {
            start.wait().await;
            (number, command.await)
        });
    }
    let mut answers = tasks.join_all().await;
    answers.sort_unstable_by_key(|(number, _)| *number);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// Twenty attempts of one reservation: each replaces the one before it, and one is left.
pub async fn of_many_attempts_at_once_the_last_is_left(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let buyer = stage.buyer().await;
    let reservation = stage.reservation_id();
    let orders: Vec<Order> =
        (0..20).map(|_| Order { reservation, ..stage.order(buyer, &[1, 2, 3]) }).collect();
    let answers = at_once(orders.iter().cloned().map(|order| {
        let ledger = stage.ledger.clone();
        async move { ledger.begin_order(&order, Some(key(order.owner, 1, 1))).await.unwrap() }
    }))
    .await;
    assert!(answers.iter().all(|answer| *answer == BeginOrder::Begun), "{answers:?}");
    let mut paying = Vec::new();
    for order in &orders {
        match stage.status(order).await {
            OrderStatus::Paying => paying.push(order.id),
            status => assert_eq!(status, OrderStatus::Failed),
        }
    }
    assert_eq!(paying.len(), 1);
    let (_, under_key) = stage.ledger.order_by_key(key(buyer, 1, 1)).await.unwrap().unwrap();
    assert_eq!(under_key, paying[0], "the key points at the attempt that is left");
}

/// Orders that name the same units in different orders: one has them all, and nobody waits for somebody who waits.
pub async fn overlapping_orders_do_not_block_each_other(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let buyer = stage.buyer().await;
    for round in 0..10_u32 {
        let mut wanted = [1, 2, 3, 4, 5, 6].map(|number| (number + round) % 6 + 1);
        let orders = (0..8).map(|turn| {
            wanted.rotate_left(turn % 6);
            if turn % 2 == 0 {
                wanted.reverse();
            }
            stage.order(buyer, &wanted)
        });
        let orders: Vec<Order> = orders.collect();
        let answers = at_once(orders.iter().cloned().map(|order| {
            let ledger = stage.ledger.clone();
            async move { ledger.begin_order(&order, None).await.unwrap() }
        }))
        .await;
        let begun: Vec<&Order> = orders
            .iter()
            .zip(&answers)
            .filter(|(_, answer)| **answer == BeginOrder::Begun)
            .map(|(order, _)| order)
            .collect();
        assert_eq!(begun.len(), 1, "{answers:?}");
        stage.ledger.fail_order(begun[0].id, "declined", later()).await.unwrap();
    }
}

/// An order is begun or voided, and both callers are told the same.
pub async fn voiding_against_beginning_has_one_answer(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let buyer = stage.buyer().await;
    for _ in 0..10 {
        let order = stage.order(buyer, &[1]);
        let (beginning, voiding, wanted) = (stage.ledger.clone(), stage.ledger.clone(), order.clone());
        let begin = tokio::spawn(async move { beginning.begin_order(&wanted, None).await.unwrap() });
        let id = order.id;
        let void = tokio::spawn(async move { voiding.void_order(id, later()).await.unwrap() });
        match (begin.await.unwrap(), void.await.unwrap()) {
            (BeginOrder::Begun, Some(OrderStatus::Paying)) => {
                stage.ledger.fail_order(order.id, "declined", later()).await.unwrap();
            }
            (BeginOrder::Exists(OrderStatus::Failed), None) => {}
            both => panic!("{both:?}"),
        }
    }
}

/// A payment that comes through while the next attempt begins: one of the two has the units.
pub async fn paying_against_replacing_has_one_answer(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let buyer = stage.buyer().await;
    for number in 1..=10 {
        let first = stage.begun(buyer, &[number]).await;
        let second = Order { reservation: first.reservation, ..stage.order(buyer, &[number]) };
        let (paying, replacing, next) = (stage.ledger.clone(), stage.ledger.clone(), second.clone());
        let pay = tokio::spawn(async move { paying.pay_order(first.id, "receipt", later()).await.unwrap() });
        let replace = tokio::spawn(async move { replacing.begin_order(&next, None).await.unwrap() });
        match (pay.await.unwrap(), replace.await.unwrap()) {
            (SettleOrder::Done(paid), BeginOrder::UnitTaken(taken)) => {
                assert_eq!((paid.status, taken), (OrderStatus::Paid, units(&[number])));
            }
            (SettleOrder::Otherwise(OrderStatus::Failed), BeginOrder::Begun) => {
                assert_eq!(stage.status(&second).await, OrderStatus::Paying);
            }
            both => panic!("{both:?}"),
        }
    }
}

/// Forty who pay, fail and refund one order at once: it goes one way, and its unit is free or not accordingly.
pub async fn an_order_settled_by_many_goes_one_way(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let buyer = stage.buyer().await;
    for number in 1..=5 {
        let id = stage.begun(buyer, &[number]).await.id;
        let answers = at_once((0..12).map(|turn| {
            let ledger = stage.ledger.clone();
            async move {
                match turn % 3 {
                    0 => ledger.pay_order(id, "receipt", later()).await.unwrap(),
                    1 => ledger.fail_order(id, "declined", later()).await.unwrap(),
                    _ => match give_back_all(&*ledger, id, false, later()).await.unwrap() {
                        BeginRefund::Otherwise(status) => SettleOrder::Otherwise(status),
                        BeginRefund::Recorded { .. } => SettleOrder::Otherwise(OrderStatus::Paid),
                        other => panic!("{other:?}"),
                    },
                }
            }
        }))
        .await;
        let was_paid = answers
            .iter()
            .any(|answer| matches!(answer, SettleOrder::Done(order) if order.status == OrderStatus::Paid));
        let was_failed = answers
            .iter()
            .any(|answer| matches!(answer, SettleOrder::Done(order) if order.status == OrderStatus::Failed));
        assert!(was_paid != was_failed, "{answers:?}");
        let status = stage.ledger.order(id).await.unwrap().unwrap().status;
        assert_eq!(stage.is_free(&[number]).await, status != OrderStatus::Paid, "{status:?}: {answers:?}");
    }
}

/// An event goes or an order of it begins, never both.
pub async fn deleting_against_beginning_has_one_answer(ledger: Arc<dyn Ledger>) {
    for _ in 0..10 {
        let stage = Stage::new(ledger.clone()).await;
        let order = stage.order(stage.buyer().await, &[1]);
        let (deleting, beginning) = (stage.ledger.clone(), stage.ledger.clone());
        let event = stage.event.id;
        let wanted = order.clone();
        let delete = tokio::spawn(async move { deleting.delete_event(event).await.unwrap() });
        let begin = tokio::spawn(async move { beginning.begin_order(&wanted, None).await });
        let (deleted, begun) = (delete.await.unwrap(), begin.await.unwrap());
        let is_there = stage.ledger.order(order.id).await.unwrap().is_some();
        match deleted {
            DeleteOutcome::Deleted => assert!(begun.is_err() && !is_there, "{begun:?}"),
            DeleteOutcome::HasOrders => assert!(is_there, "{begun:?}"),
            DeleteOutcome::NotFound => panic!("it was there"),
        }
    }
}

/// Top-ups and charges of one wallet at once: it ends with what came less what went.
pub async fn a_busy_wallet_adds_up(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let account = stage.buyer().await;
    let moved = at_once((0..40_u32).map(|turn| {
        let ledger = stage.ledger.clone();
        async move {
            if turn % 2 == 0 {
                ledger.top_up(id(), account, won(70), None, later()).await.unwrap();
                return 70;
            }
            match ledger.charge(OrderId(id()), account, won(100), later()).await.unwrap() {
                WalletOutcome::Moved(balance) => {
                    assert!(balance.amount >= 0, "{balance:?}");
                    -100
                }
                WalletOutcome::Insufficient(balance) => {
                    assert!((0..100).contains(&balance.amount), "{balance:?}");
                    0
                }
                WalletOutcome::Cancelled => panic!("nobody cancelled"),
            }
        }
    }))
    .await;
    let balance = stage.ledger.balance(account, Currency::KRW).await.unwrap().amount;
    assert_eq!(balance, moved.iter().sum::<i64>());
    assert!(balance >= 0, "{balance}");
}

/// The same top-up under one key, sent twenty times at once, each time under another id.
pub async fn a_key_among_many_at_once_tops_up_once(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let account = stage.buyer().await;
    let answers =
        at_once(
            (0..20).map(|_| {
                let ledger = stage.ledger.clone();
                async move {
                    ledger.top_up(id(), account, won(5), Some(key(account, 1, 1)), later()).await.unwrap()
                }
            }),
        )
        .await;
    let made = answers.iter().filter(|answer| **answer == Created::New(won(5))).count();
    let told = answers.iter().filter(|answer| **answer == Created::Repeated(won(5))).count();
    assert_eq!((made, told), (1, 19), "{answers:?}");
    assert_eq!(stage.ledger.balance(account, Currency::KRW).await.unwrap(), won(5));
}

/// The same plan and the same performance under one key each, and a performance without one under its id.
pub async fn what_is_created_many_times_at_once_is_there_once(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let owner = stage.organizer;
    let plans = at_once((0..10).map(|_| {
        let ledger = stage.ledger.clone();
        async move {
            ledger.create_plan(&new_plan(), owner, &stocks::plan(), Some(key(owner, 1, 1))).await.unwrap()
        }
    }))
    .await;
    assert_eq!(plans.iter().filter(|plan| matches!(plan, Created::New(_))).count(), 1, "{plans:?}");
    let with_key = || (new_performance(&stage.event, &stage.plan), Some(key(owner, 2, 1)));
    let same = new_performance(&stage.event, &stage.plan);
    let wanted: Vec<_> = (0..10).map(|_| with_key()).chain((0..10).map(|_| (same.clone(), None))).collect();
    let made = at_once(wanted.into_iter().map(|(performance, key)| {
        let ledger = stage.ledger.clone();
        async move { ledger.create_performance(&performance, key).await.unwrap() }
    }))
    .await;
    for group in made.chunks(10) {
        assert_eq!(group.iter().filter(|one| matches!(one, Created::New(_))).count(), 1, "{group:?}");
        let number = |one: &Created<_>| match one {
            Created::New(made) | Created::Repeated(made) => {
                onsale_app::ports::ledger::Performance::clone(made)
            }
            Created::KeyMismatch => panic!("it was the same request"),
        };
        assert!(group.iter().all(|one| number(one) == number(&group[0])), "{group:?}");
    }
}

/// Whoever logs out while a token is exchanged is logged out.
pub async fn ending_a_login_against_its_rotation_ends_it(ledger: Arc<dyn Ledger>) {
    let account = new_account("kim");
    ledger.create_account(&account).await.unwrap();
    for round in 0..10_u8 {
        let [token, next] = [[2 * round + 1; 32], [2 * round + 2; 32]];
        ledger
            .begin_login(
                Login { id: LoginId(id()), account: account.id, address: [0; 16] },
                token,
                at(3_600_000),
            )
            .await
            .unwrap();
        let (rotating, ending) = (ledger.clone(), ledger.clone());
        let rotate =
            tokio::spawn(async move { rotating.rotate(token, next, at(3_600_000), at(1)).await.unwrap() });
        let end = tokio::spawn(async move { ending.end_login(token).await.unwrap() });
        rotate.await.unwrap();
        end.await.unwrap();
        let after = ledger.rotate(next, [255; 32], at(3_600_000), at(2)).await.unwrap();
        assert_eq!(after, Rotation::Unknown);
    }
}

/// Several drains with the same record, as when one was thought dead: each reservation comes to the same end.
pub async fn a_record_written_by_many_at_once_is_written_once(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let owner = stage.buyer().await;
    let mut history = Vec::new();
    let mut holds = Vec::new();
    for number in 1..=12 {
        let (hold, held) = stage.held(owner, &[number], at(500_000));
        history.push(held);
        holds.push((hold, OrderId(id())));
    }
    for (hold, order) in &holds {
        let (hold, order, units) = (*hold, *order, units(&[1]));
        history.push(Change::PaymentBegun { hold, order, units: units.clone() });
        history.push(Change::Sold { hold, order, units });
    }
    let recorded: Vec<_> =
        history.into_iter().zip(1..).map(|(change, offset)| stage.change(offset, change)).collect();
    at_once((1..=6).map(|length| {
        let (ledger, recorded) = (stage.ledger.clone(), recorded.clone());
        async move {
            for batch in recorded.chunks(length * 2) {
                ledger.record(batch).await.unwrap();
            }
        }
    }))
    .await;
    for (hold, order) in holds {
        let found = stage.ledger.reservation(hold).await.unwrap().unwrap();
        assert_eq!((found.status, found.order), (RecordedStatus::Confirmed, Some(order)));
    }
}

/// An image taken while orders begin, are paid and fail is of one moment: no unit twice, and nothing half.
pub async fn an_image_is_of_one_moment(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let buyer = stage.buyer().await;
    let selling: Vec<_> = (1..=4)
        .map(|number| {
            let stage = stage.clone();
            tokio::spawn(async move {
                for _ in 0..10 {
                    let order = stage.begun(buyer, &[number, number + 4, number + 8]).await;
                    stage.ledger.pay_order(order.id, "receipt", later()).await.unwrap();
                    give_back_all(&*stage.ledger, order.id, false, later()).await.unwrap();
                }
            })
        })
        .collect();
    while !selling.iter().all(tokio::task::JoinHandle::is_finished) {
        let image = stage.image_meanwhile(7, at(0)).await;
        for units in
            image.holds.iter().map(|hold| &hold.units).chain(image.sales.iter().map(|sale| &sale.units))
        {
            assert_eq!(units.len(), 3, "half an order in {image:?}");
        }
    }
    for seller in selling {
        seller.await.unwrap();
    }
    let image = stage.image(7, at(0)).await;
    assert!(image.holds.is_empty() && image.sales.is_empty(), "{image:?}");
}
