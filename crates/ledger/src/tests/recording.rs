//! Recording changes, and reading the stock back.

use onsale_app::ports::ledger::{PageRequest, RecordedStatus};
use onsale_domain::{
    inventory::{Image, Inventory},
    reservations::HoldStatus,
    seating::Layout,
};

use super::*;

async fn image(ledger: &SqlLedger, performance: PerformanceId, now: Timestamp) -> Image {
    let layout = Layout::new(&SeatingPlan::grid(10, 10).unwrap(), &[]);
    let image = ledger.image(performance, layout, 9, now).await.unwrap();
    assert!(Inventory::from_image(image.clone()).unwrap().conserves(), "no unit is claimed twice");
    image
}

/// A history with every kind of change, two holds and their owner.
fn eventful(performance: PerformanceId) -> (Vec<Recorded>, [ReservationId; 2], AccountId) {
    let mut history = History::of(performance, 1);
    let (sold, kept, owner) = (ReservationId(id()), ReservationId(id()), AccountId(id()));
    let (declined, paid) = (OrderId(id()), OrderId(id()));
    let later = START.plus_ms(400_000);
    let changes = vec![
        history.held(sold, owner, &[1, 2]),
        history.next(Change::PaymentBegun { hold: sold, order: declined, units: units([1, 2]) }),
        history.next(Change::Blocked { units: units([8, 9]) }),
        history.next(Change::PaymentEnded {
            hold: sold,
            order: declined,
            units: units([1, 2]),
            expires_at: later,
        }),
        history.held(kept, owner, &[3]),
        history.next(Change::Unblocked { units: units([8]) }),
        history.next(Change::PaymentBegun { hold: sold, order: paid, units: units([1, 2]) }),
        history.next(Change::Extended { hold: kept, expires_at: later }),
        history.next(Change::Sold { hold: sold, order: paid, units: units([1, 2]) }),
        history.next(Change::Blocked { units: units([8]) }),
        history.next(Change::Unblocked { units: units([9]) }),
    ];
    (changes, [sold, kept], owner)
}

#[tokio::test]
async fn batches_of_any_length_repeated_or_late_come_to_the_same() {
    let performance = PerformanceId(id());
    let (changes, holds, owner) = eventful(performance);
    let whole = SqlLedger::in_memory().await.unwrap();
    whole.record(&changes).await.unwrap();
    for length in 1..=changes.len() {
        let ledger = SqlLedger::in_memory().await.unwrap();
        let batches: Vec<&[Recorded]> = changes.chunks(length).collect();
        for batch in &batches {
            ledger.record(batch).await.unwrap();
            ledger.record(batch).await.unwrap();
        }
        // Whatever comes late, alone and out of order, is passed over.
        for batch in batches.iter().rev() {
            ledger.record(batch).await.unwrap();
        }
        for hold in holds {
            let (found, wanted) =
                (ledger.reservation(hold).await.unwrap(), whole.reservation(hold).await.unwrap());
            assert!(found.is_some());
            assert_eq!(found, wanted, "batches of {length}");
        }
        assert_eq!(image(&ledger, performance, START).await, image(&whole, performance, START).await);
    }
    let page = whole.reservations_of(owner, PageRequest { limit: 5, after: None }).await.unwrap();
    let [kept, sold] = page.items.as_slice() else { panic!("{page:?}") };
    assert_eq!(
        (sold.status, sold.units.clone(), sold.sequence),
        (RecordedStatus::Confirmed, units([1, 2]), 1 << 32 | 1)
    );
    assert_eq!((kept.status, kept.extensions_used), (RecordedStatus::Held, 1));
    assert_eq!(kept.expires_at, START.plus_ms(400_000));
    assert_eq!(image(&whole, performance, START).await.blocked, [Unit(8)]);
}

#[tokio::test]
async fn a_batch_of_thousands_is_written_whole() {
    let ledger = SqlLedger::in_memory().await.unwrap();
    let owner = AccountId(id());
    let mut history = History::of(PerformanceId(id()), 1);
    let held: Vec<Recorded> =
        (1..=3_001).map(|seat| history.held(ReservationId(id()), owner, &[seat])).collect();
    let expired: Vec<Recorded> = held
        .iter()
        .map(|recorded| match &recorded.change {
            Change::Held { hold, units, .. } => {
                history.next(Change::Expired { hold: *hold, units: units.clone() })
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let blocked = history.next(Change::Blocked { units: units(4_000..14_000) });
    ledger.record(&held).await.unwrap();
    ledger.record(&expired).await.unwrap();
    ledger.record(&[blocked]).await.unwrap();
    assert_eq!(number(&ledger, "SELECT COUNT(*) FROM reservations WHERE status = 'expired'").await, 3_001);
    assert_eq!(number(&ledger, "SELECT COUNT(*) FROM blocked_units WHERE blocked").await, 10_000);
}

#[tokio::test]
async fn a_change_whose_beginning_is_lost_is_no_error() {
    let ledger = SqlLedger::in_memory().await.unwrap();
    let mut history = History::of(PerformanceId(id()), 2);
    let (lost, hold) = (ReservationId(id()), ReservationId(id()));
    let changes = [
        history.next(Change::Cancelled { hold: lost, units: units([1]) }),
        history.held(hold, AccountId(id()), &[1]),
        history.next(Change::Returned { order: OrderId(id()), units: units([2]) }),
    ];
    ledger.record(&changes).await.unwrap();
    assert_eq!(ledger.reservation(lost).await.unwrap(), None);
    assert!(ledger.reservation(hold).await.unwrap().is_some());
}

#[tokio::test]
async fn in_an_image_orders_win_over_holds_and_holds_over_blocks() {
    let ledger = SqlLedger::in_memory().await.unwrap();
    let performance = on_sale(&ledger).await;
    let mut history = History::of(performance, 1);
    let [paying, sold, older, newer, lost, over] = [(); 6].map(|()| ReservationId(id()));
    let owner = AccountId(id());
    let never_begun = OrderId(id());
    let mut changes = vec![
        history.next(Change::Blocked { units: units([2, 3, 6, 7, 50]) }),
        history.held(paying, owner, &[1, 2]),
        history.held(sold, owner, &[3, 4]),
        history.held(older, owner, &[5, 6]),
        history.held(newer, owner, &[6, 7]),
        history.held(ReservationId(id()), owner, &[4, 40]),
        history.held(lost, owner, &[10]),
        history.next(Change::PaymentBegun { hold: lost, order: never_begun, units: units([10]) }),
        history.held(over, owner, &[20]),
        history.next(Change::Cancelled { hold: over, units: units([20]) }),
    ];
    // A reservation of another performance is no concern of this one.
    changes.push(History::of(PerformanceId(id()), 1).held(ReservationId(id()), owner, &[99]));
    ledger.record(&changes).await.unwrap();
    let (open, paid) = (order(performance, paying, &[1, 2]), order(performance, sold, &[3, 4]));
    ledger.begin_order(&open, None).await.unwrap();
    ledger.begin_order(&paid, None).await.unwrap();
    ledger.pay_order(paid.id, "ref", START).await.unwrap();

    let found = image(&ledger, performance, START).await;
    assert_eq!(found.position, Position { epoch: 9, offset: 0 });
    let sales: Vec<_> = found.sales.iter().map(|sale| (sale.order, sale.owner, sale.units.clone())).collect();
    assert_eq!(sales, [(paid.id, paid.owner, units([3, 4]))]);
    let holds: Vec<_> = found.holds.iter().map(|hold| (hold.id, hold.units.clone(), hold.status)).collect();
    let under_way = HoldStatus::Paying { order: open.id, since: START };
    let mut expected = [
        (paying, units([1, 2]), under_way),
        (newer, units([6, 7]), HoldStatus::Held),
        (lost, units([10]), HoldStatus::Held),
    ];
    expected.sort_unstable_by_key(|hold| hold.0);
    assert_eq!(holds, expected);
    assert_eq!(found.holds.iter().find(|hold| hold.id == paying).unwrap().fence, open.fence);
    assert_eq!(found.blocked, [Unit(50)]);

    let lapsed = image(&ledger, performance, START.plus_ms(300_000)).await;
    assert_eq!(
        lapsed.holds.iter().map(|hold| hold.id).collect::<Vec<_>>(),
        [paying],
        "only a payment goes on"
    );
    assert_eq!(lapsed.blocked, units([6, 7, 50]).to_vec());
}

#[tokio::test]
async fn a_reservation_that_was_paid_for_does_not_come_back_after_a_refund() {
    let ledger = SqlLedger::in_memory().await.unwrap();
    let (performance, hold) = (on_sale(&ledger).await, ReservationId(id()));
    // The drain is behind: it has said nothing of the payment yet.
    ledger.record(&[History::of(performance, 1).held(hold, AccountId(id()), &[1])]).await.unwrap();
    let bought = order(performance, hold, &[1]);
    ledger.begin_order(&bought, None).await.unwrap();
    ledger.pay_order(bought.id, "ref", START).await.unwrap();
    give_back_all(&ledger, bought.id, true, START).await.unwrap();
    assert_eq!(image(&ledger, performance, START).await.sales.len(), 1, "the seat is kept off sale");
    give_back_all(&ledger, bought.id, false, START).await.unwrap();
    let found = image(&ledger, performance, START).await;
    assert_eq!((found.sales.len(), found.holds.len()), (0, 0));
}
