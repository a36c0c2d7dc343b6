//! Cases: the image of a stock, made from orders and reservations.
//!
//! Invariant checked: an image can be loaded, and whatever was paid for, or may be, is in it.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use std::sync::Arc;

use onsale_app::ports::ledger::Ledger;
use onsale_domain::{
    changes::Change,
    ids::OrderId,
    inventory::{Image, Sale},
    position::Position,
    reservations::{Hold, HoldStatus},
    units::Unit,
};

use super::stage::{Stage, at, id, later, layout, units};

/// Nothing but the layout and the epoch asked for.
pub async fn nothing_recorded_is_an_untouched_stock(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    for epoch in [1, 5] {
        assert_eq!(stage.image(epoch, at(0)).await, Image::untouched(layout(), epoch));
    }
}

/// Live holds as they stand; lapsed, cancelled and expired ones not.
pub async fn holds_are_in_the_image_until_they_lapse(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let owner = stage.buyer().await;
    let (short, held_short) = stage.held(owner, &[1, 13], at(1_000));
    let (extended, held_extended) = stage.held(owner, &[2], at(1_000));
    let (cancelled, held_cancelled) = stage.held(owner, &[3], at(9_000));
    let (expired, held_expired) = stage.held(owner, &[4], at(9_000));
    let steps = [
        held_short,
        held_extended,
        held_cancelled,
        held_expired,
        Change::Extended { hold: extended, expires_at: at(5_000) },
        Change::Cancelled { hold: cancelled, units: units(&[3]) },
        Change::Expired { hold: expired, units: units(&[4]) },
    ];
    let batch: Vec<_> = (1..).zip(steps).map(|(offset, change)| stage.change(offset, change)).collect();
    stage.ledger.record(&batch).await.unwrap();

    let image = stage.image(2, at(500)).await;
    let first = Hold {
        id: short,
        owner,
        units: units(&[1, 13]),
        made_at: at(1),
        expires_at: at(1_000),
        fence: Position { epoch: 1, offset: 1 }.fence(),
        extensions_used: 0,
        status: HoldStatus::Held,
    };
    let second = Hold {
        id: extended,
        units: units(&[2]),
        made_at: at(2),
        expires_at: at(5_000),
        fence: Position { epoch: 1, offset: 2 }.fence(),
        extensions_used: 1,
        ..first.clone()
    };
    assert_eq!(image.holds, [first, second.clone()]);
    assert_eq!(image.sales, []);
    assert_eq!(stage.image(3, at(2_000)).await.holds, [second], "the short one has lapsed");
    assert_eq!(stage.image(4, at(6_000)).await.holds, [], "both have");
}

/// A claim without its money yet: the hold is paying under that order, also when its time is up.
pub async fn a_paying_order_is_a_paying_hold(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let owner = stage.buyer().await;
    let (hold, begun) = stage.held(owner, &[1, 2], at(1_000));
    stage.ledger.record(&[stage.change(1, begun)]).await.unwrap();
    let mut order = stage.order(owner, &[1, 2]);
    (order.reservation, order.fence) = (hold, Position { epoch: 1, offset: 1 }.fence());
    stage.begin(&order).await;
    for now in [at(10), at(99_000)] {
        let image = stage.image(2, now).await;
        let [paying] = &image.holds[..] else { panic!("{:?}", image.holds) };
        assert!(
            matches!(paying.status, HoldStatus::Paying { order: under, .. } if under == order.id),
            "{paying:?}"
        );
        assert_eq!((paying.id, paying.owner, paying.fence), (hold, owner, order.fence));
        assert_eq!((&paying.units, paying.expires_at), (&units(&[1, 2]), at(1_000)));
        assert_eq!(image.sales, []);
    }
}

/// The order alone says it, where the drain was behind when the hot store was lost.
pub async fn a_paying_order_needs_no_reservation_written_down(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let owner = stage.buyer().await;
    let order = stage.begun(owner, &[4, 5]).await;
    let image = stage.image(2, at(0)).await;
    let [paying] = &image.holds[..] else { panic!("{:?}", image.holds) };
    assert!(
        matches!(paying.status, HoldStatus::Paying { order: under, .. } if under == order.id),
        "{paying:?}"
    );
    assert_eq!((paying.id, paying.owner, paying.fence), (order.reservation, owner, order.fence));
    assert_eq!(paying.units, units(&[4, 5]));
}

/// A payment was begun in the hot store and got no further, or was declined: the hold is there until it lapses.
pub async fn a_payment_that_never_claimed_is_a_hold(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let owner = stage.buyer().await;
    let (lost, held_lost) = stage.held(owner, &[1], at(1_000));
    let (declined, held_declined) = stage.held(owner, &[2], at(1_000));
    let mut order = stage.order(owner, &[2]);
    order.reservation = declined;
    stage.begin(&order).await;
    let steps = [
        held_lost,
        held_declined,
        Change::PaymentBegun { hold: lost, order: OrderId(id()), units: units(&[1]) },
        Change::PaymentBegun { hold: declined, order: order.id, units: units(&[2]) },
    ];
    let batch: Vec<_> = (1..).zip(steps).map(|(offset, change)| stage.change(offset, change)).collect();
    stage.ledger.record(&batch).await.unwrap();
    stage.ledger.fail_order(order.id, "declined", later()).await.unwrap();
    let image = stage.image(2, at(500)).await;
    let begun: Vec<_> = image.holds.iter().map(|hold| (hold.id, hold.status)).collect();
    assert_eq!(begun, [(lost, HoldStatus::Held), (declined, HoldStatus::Held)]);
    assert_eq!(stage.image(3, at(2_000)).await.holds, []);
}

/// Also where the record still has the reservation as held or paying.
pub async fn a_paid_order_is_a_sale(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let owner = stage.buyer().await;
    let (hold, begun) = stage.held(owner, &[1, 2], at(9_000));
    stage.ledger.record(&[stage.change(1, begun)]).await.unwrap();
    let mut order = stage.order(owner, &[1, 2]);
    order.reservation = hold;
    stage.begin(&order).await;
    stage.ledger.pay_order(order.id, "receipt", later()).await.unwrap();
    let in_area = stage.paid(owner, &[13]).await;
    let image = stage.image(2, at(10)).await;
    assert_eq!(image.holds, [], "what is sold is not begun");
    let mut sales = image.sales;
    sales.sort_by_key(|sale| sale.order);
    let sale = |order, numbers| Sale { order, owner, units: units(numbers) };
    assert_eq!(sales, [sale(order.id, &[1, 2]), sale(in_area.id, &[13])]);
}

/// What the buyer gave back is free, unless the organizer keeps it off sale.
pub async fn what_is_refunded_is_free_unless_it_is_kept(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let owner = stage.buyer().await;
    let (given, kept) = (stage.paid(owner, &[1]).await, stage.paid(owner, &[2]).await);
    stage.refund(&given, false).await;
    stage.refund(&kept, true).await;
    let image = stage.image(2, at(0)).await;
    let sold = image.sales.iter().flat_map(|sale| sale.units.iter().copied());
    let taken: Vec<Unit> = sold.chain(image.blocked.iter().copied()).collect();
    assert_eq!(taken, [Unit(2)]);
    assert_eq!(image.holds, []);
}

/// Where a hold or a block says one thing about a unit and an order another, the order is right.
pub async fn the_claims_of_orders_win(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let (one, two) = (stage.buyer().await, stage.buyer().await);
    let (_, begun) = stage.held(one, &[1, 2], at(9_000));
    let (beside, held_beside) = stage.held(one, &[5], at(9_000));
    let steps = [begun, held_beside, Change::Blocked { units: units(&[3, 4]) }];
    let batch: Vec<_> = (1..).zip(steps).map(|(offset, change)| stage.change(offset, change)).collect();
    stage.ledger.record(&batch).await.unwrap();
    let paid = stage.paid(two, &[2, 3]).await;
    let image = stage.image(2, at(10)).await;
    assert_eq!(image.sales, [Sale { order: paid.id, owner: two, units: units(&[2, 3]) }]);
    assert_eq!(image.blocked, [Unit(4)]);
    let live: Vec<_> = image.holds.iter().filter(|hold| hold.id == beside).collect();
    assert_eq!(live.len(), 1, "a hold that is in nobody's way stays");
}

/// Blocked and not unblocked since.
pub async fn blocked_seats_are_blocked(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let steps = [
        Change::Blocked { units: units(&[1, 2, 3]) },
        Change::Unblocked { units: units(&[2]) },
        Change::Blocked { units: units(&[8]) },
    ];
    let batch: Vec<_> = (1..).zip(steps).map(|(offset, change)| stage.change(offset, change)).collect();
    stage.ledger.record(&batch).await.unwrap();
    assert_eq!(stage.image(2, at(10)).await.blocked, [Unit(1), Unit(3), Unit(8)]);
}

/// Each has its own holds, orders and blocked seats.
pub async fn images_of_performances_do_not_mix(ledger: Arc<dyn Ledger>) {
    let one = Stage::new(ledger).await;
    let two = one.another_performance().await;
    let owner = one.buyer().await;
    let (_, begun) = one.held(owner, &[1], at(9_000));
    let batch = [one.change(1, begun), one.change(2, Change::Blocked { units: units(&[2]) })];
    one.ledger.record(&batch).await.unwrap();
    one.paid(owner, &[3]).await;
    one.begun(owner, &[4]).await;
    assert_eq!(two.image(1, at(10)).await, Image::untouched(layout(), 1));
    let image = one.image(1, at(10)).await;
    assert_eq!((image.holds.len(), image.sales.len(), image.blocked.len()), (2, 1, 1));
}
