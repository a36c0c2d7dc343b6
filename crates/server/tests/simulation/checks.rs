//! What has to be true at the end of every history, whatever failed on the way. Written from the promises, not
//! from the code: it looks at the books of everybody and compares them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use onsale_app::{
    audit::audit,
    findings::Findings,
    ports::{
        hot::Stock,
        ledger::{Order, OrderUnit, RecordedStatus},
        payments::PaymentProvider,
    },
};
use onsale_domain::{
    ids::{OrderId, ReservationId},
    inventory::Inventory,
    orders::{OrderStatus, RefundStatus},
    time::Timestamp,
    units::Unit,
};
use onsale_hot::memory::journal::{self, Journal};
use onsale_payments::simulated::Entry;
use onsale_testkit::ledger::WalletSide;

use crate::world::World;

pub(crate) async fn everything(world: &World) {
    let orders: BTreeMap<OrderId, Order> =
        world.ledger.all_orders().into_iter().map(|order| (order.id, order)).collect();
    nothing_is_open(world, &orders);
    no_unit_twice(&orders);
    money_agrees(world, &orders);
    an_audit_finds_nothing(world).await;
    the_history_was_possible(world).await;
    the_stock_agrees(world, &orders).await;
    people_were_told_the_truth(world, &orders);
    the_record_is_written_behind(world);
}

fn nothing_is_open(world: &World, orders: &BTreeMap<OrderId, Order>) {
    for order in orders.values() {
        assert_ne!(order.status, OrderStatus::Paying, "order {} stays open", order.id);
    }
    for refund in world.ledger.all_refunds() {
        assert_eq!(refund.status, RefundStatus::Done, "{refund:?} stays open");
    }
}

/// G1.
fn no_unit_twice(orders: &BTreeMap<OrderId, Order>) {
    let mut owners: BTreeMap<Unit, OrderId> = BTreeMap::new();
    for order in orders.values().filter(|order| order.status == OrderStatus::Paid) {
        // What was given back may be somebody else's.
        for unit in order.units.iter().filter(|unit| unit.refund.is_none()) {
            let other = owners.insert(unit.unit, order.id);
            assert_eq!(other, None, "unit {:?} is in {} too", unit.unit, order.id);
        }
    }
}

/// What `onsale verify ledger` looks for, with the provider's books at hand.
async fn an_audit_finds_nothing(world: &World) {
    let bank: Arc<dyn PaymentProvider> = world.bank.clone();
    let audited = audit(world.ledger.as_ref(), &[bank], Timestamp(i64::MAX)).await.unwrap();
    assert_eq!(audited.findings, Findings::default());
}

/// What `onsale verify journal` looks for.
async fn the_history_was_possible(world: &World) {
    let mut reader = world.journal.reader().unwrap();
    let mut history = journal::history(reader.as_mut()).unwrap();
    history.compare(world.ledger.as_ref()).await.unwrap();
    assert_eq!(history.findings, Findings::default());
    assert!(history.changes > 0 || history.compared == 0);
}

/// What of an order's price the units cost that are not given back.
fn owed(order: &Order) -> i64 {
    let kept = order.units.iter().filter(|unit| unit.refund.is_none());
    kept.map(|unit| unit.price.amount).sum()
}

/// G3: by the provider's own books, what was captured is a paid order, less the prices of the units that are refunded.
fn money_agrees(world: &World, orders: &BTreeMap<OrderId, Order>) {
    let books = world.bank.books();
    for (id, entry) in &books {
        let status = orders.get(id).map(|order| order.status);
        let (captured, returned) = match entry {
            Entry::Captured(captured) => (*captured, 0),
            Entry::Refunded { captured, returned } => (*captured, returned.amount),
            Entry::Dead(_) => {
                assert_ne!(status, Some(OrderStatus::Paid), "{id} was never charged");
                continue;
            }
        };
        let order = &orders[id];
        assert_eq!(captured, order.total, "{id} was charged another amount");
        let left = if order.status == OrderStatus::Paid { owed(order) } else { 0 };
        assert_eq!(captured.amount - returned, left, "{id} is {status:?}: {order:?}");
    }
    for order in orders.values().filter(|order| order.status == OrderStatus::Paid) {
        assert!(order.units.iter().any(|unit| unit.refund.is_none()), "{} is paid and has nothing", order.id);
        if order.method == "simulated" && order.total.amount > 0 {
            let is_charged =
                matches!(books.get(&order.id), Some(Entry::Captured(_) | Entry::Refunded { .. }));
            assert!(is_charged, "{} is not charged", order.id);
        }
    }
    // Wallets: what was topped up is what is left plus what paid orders cost.
    let mut balances: BTreeMap<_, i64> = BTreeMap::new();
    let paid_by_wallet = orders.values().filter(|o| o.method == "wallet" && o.status == OrderStatus::Paid);
    let mut spent: BTreeMap<_, i64> = BTreeMap::new();
    for order in paid_by_wallet {
        *spent.entry(order.owner).or_insert(0) += owed(order);
    }
    for entry in world.ledger.wallet_entries() {
        if entry.side == WalletSide::Account {
            *balances.entry(entry.account).or_insert(0) += entry.amount.amount;
        }
    }
    for (account, balance) in balances {
        assert!(balance >= 0, "{account} is below zero");
        assert_eq!(balance, 300 - spent.get(&account).copied().unwrap_or(0), "wallet of {account}");
    }
}

/// What the hot store has sold is what the ledger's orders claim; nothing is held or paying any more.
async fn the_stock_agrees(world: &World, orders: &BTreeMap<OrderId, Order>) {
    let image = world.process.store.image(world.performance).await.unwrap();
    assert!(Inventory::from_image(image.clone()).unwrap().conserves());
    assert!(image.holds.is_empty(), "{:?}", image.holds);
    let sold: BTreeMap<OrderId, BTreeSet<Unit>> =
        image.sales.iter().map(|sale| (sale.order, sale.units.iter().copied().collect())).collect();
    let mut claimed: BTreeMap<OrderId, BTreeSet<Unit>> = BTreeMap::new();
    for ((_, unit), order) in world.ledger.live_claims() {
        claimed.entry(order).or_default().insert(unit);
    }
    assert_eq!(sold, claimed);
    for order in claimed.keys() {
        assert!(matches!(orders[order].status, OrderStatus::Paid | OrderStatus::Refunded));
    }
    for order in orders.values().filter(|order| order.status == OrderStatus::Paid) {
        let theirs = order.units.iter().filter(|unit| unit.refund.is_none()).map(|unit| unit.unit);
        let claimed = claimed.get(&order.id).cloned().unwrap_or_default();
        assert!(theirs.into_iter().all(|unit| claimed.contains(&unit)), "{} without its seats", order.id);
    }
}

fn people_were_told_the_truth(world: &World, orders: &BTreeMap<OrderId, Order>) {
    let told = world.told.lock();
    for (id, view) in &told.paid {
        let order = &orders[id];
        assert!(matches!(order.status, OrderStatus::Paid | OrderStatus::Refunded), "{id} was answered 201");
        let bare = |order: &Order| -> Vec<OrderUnit> {
            order.units.iter().map(|unit| OrderUnit { refund: None, ..unit.clone() }).collect()
        };
        assert_eq!(bare(order), bare(&view.order), "seats and tickets of {id}");
        let asked = told.refunds.get(id).cloned().unwrap_or_default();
        for unit in &order.units {
            // Nobody gets what was not asked for, and who asked gets it, with the seat kept or not.
            let kept = unit.refund.map(|refund| !refund.is_released);
            assert_eq!(kept, asked.get(&unit.unit.0).copied(), "unit {:?} of {id}", unit.unit);
        }
        assert_eq!(order.status == OrderStatus::Refunded, asked.len() == order.units.len(), "{id}");
    }
    let mut attempts: BTreeMap<ReservationId, Vec<OrderId>> = BTreeMap::new();
    for order in
        orders.values().filter(|order| matches!(order.status, OrderStatus::Paid | OrderStatus::Refunded))
    {
        attempts.entry(order.reservation).or_default().push(order.id);
    }
    for (reservation, paid) in &attempts {
        assert_eq!(paid.len(), 1, "reservation {reservation} was paid more than once");
        assert!(!told.cancelled.contains(reservation), "reservation {reservation} was cancelled and paid");
    }
}

/// H8, H9: in the end the ledger has every reservation, and how it ended.
fn the_record_is_written_behind(world: &World) {
    let records: BTreeMap<ReservationId, _> =
        world.ledger.all_reservations().into_iter().map(|record| (record.id, record)).collect();
    let orders = world.ledger.all_orders();
    for (id, (owner, view)) in &world.told.lock().held {
        let record = records.get(id).unwrap_or_else(|| panic!("reservation {id} is not recorded"));
        assert_eq!(record.owner, owner.account);
        let units: Vec<Unit> = view.units.iter().map(|unit| unit.unit).collect();
        assert_eq!(record.units.as_slice(), units, "{id}");
        let paid = orders.iter().any(|order| {
            order.reservation == *id && matches!(order.status, OrderStatus::Paid | OrderStatus::Refunded)
        });
        assert_eq!(record.status == RecordedStatus::Confirmed, paid, "{id} is {:?}", record.status);
        assert!(!matches!(record.status, RecordedStatus::Held | RecordedStatus::Paying), "{id} never ended");
    }
}
