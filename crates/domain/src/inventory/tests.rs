//! Rules of the stock that are easier to see in small examples than in the model.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::{
    ids::PerformanceNumber,
    reservations::{GRACE_AFTER_DECLINE_MS, RequestKey},
    seating::SeatingPlan,
};

const TTL_MS: u64 = 10_000;

fn stock(seats: u32, areas: &[u32]) -> Inventory {
    let plan = SeatingPlan::grid(1, seats).unwrap();
    Inventory::new(Arc::new(Layout::new(&plan, areas)), 1)
}

fn owner(n: u128) -> AccountId {
    AccountId(Uuid::from_u128(n))
}

fn name(n: u64) -> ReservationId {
    ReservationId::compose(n, PerformanceNumber(1), n)
}

fn order(n: u128) -> OrderId {
    OrderId(Uuid::from_u128(n))
}

fn wish(n: u64, who: u128, seats: &[u32]) -> HoldRequest {
    HoldRequest {
        id: name(n),
        owner: owner(who),
        choice: Choice::Seats(seats.iter().copied().map(Unit).collect()),
        ttl_ms: TTL_MS,
        max_per_owner: 4,
        key: None,
        is_key_new: false,
    }
}

fn held(inventory: &mut Inventory, request: &HoldRequest, at: i64) -> Hold {
    match inventory.hold(request, Timestamp(at), &mut Vec::new()) {
        HoldOutcome::Held(hold) => hold,
        other => panic!("not held: {other:?}"),
    }
}

#[test]
fn a_hold_ends_at_its_millisecond_and_frees_its_seats_once() {
    let mut stock = stock(3, &[]);
    let hold = held(&mut stock, &wish(1, 1, &[1, 2]), 0);
    assert_eq!(hold.expires_at, Timestamp(10_000));
    let mut steps = Vec::new();
    stock.expire(Timestamp(9_999), &mut steps);
    assert!(steps.is_empty());
    stock.expire(Timestamp(10_000), &mut steps);
    stock.expire(Timestamp(10_001), &mut steps);
    assert!(matches!(steps.as_slice(), [(_, Change::Expired { hold, .. })] if *hold == name(1)));
    assert_eq!(stock.counts().available, 3);
    assert_eq!(stock.find(name(1)).unwrap().ended, Some(Ending::Expired));
}

#[test]
fn a_seat_whose_hold_is_due_can_be_had_without_waiting_for_the_clock_job() {
    let mut stock = stock(1, &[]);
    held(&mut stock, &wish(1, 1, &[1]), 0);
    let mut steps = Vec::new();
    let outcome = stock.hold(&wish(2, 2, &[1]), Timestamp(10_000), &mut steps);
    assert!(matches!(outcome, HoldOutcome::Held(_)));
    assert!(matches!(steps[0].1, Change::Expired { .. }), "the old hold ends in the same step");
    assert!(matches!(steps[1].1, Change::Held { .. }));
}

#[test]
fn all_or_nothing_and_the_refusal_names_exactly_what_is_taken() {
    let mut stock = stock(4, &[]);
    held(&mut stock, &wish(1, 1, &[2, 3]), 0);
    let outcome = stock.hold(&wish(2, 2, &[1, 2, 3]), Timestamp(1), &mut Vec::new());
    let taken: Units = [Unit(2), Unit(3)].into_iter().collect();
    assert_eq!(outcome, HoldOutcome::Refused(HoldRefusal::SeatTaken(taken)));
    assert_eq!(stock.counts().available, 2, "seat 1 stays free");
}

#[test]
fn paying_does_not_lapse_and_a_decline_leaves_time_to_try_again() {
    let mut stock = stock(1, &[]);
    let hold = held(&mut stock, &wish(1, 1, &[1]), 0);
    let mut steps = Vec::new();
    let begun = stock.begin_payment(hold.id, owner(1), order(7), Timestamp(9_999), &mut steps);
    assert!(matches!(begun, BeginOutcome::Begun(_)));
    stock.expire(Timestamp(1_000_000), &mut steps);
    assert_eq!(stock.counts().paying, 1, "a slow bank costs nobody their seat");
    let ended = stock.end_payment(
        hold.id,
        hold.fence,
        order(7),
        GRACE_AFTER_DECLINE_MS,
        Timestamp(20_000),
        &mut steps,
    );
    assert_eq!(ended, FinishOutcome::Done);
    assert_eq!(stock.find(hold.id).unwrap().hold.expires_at, Timestamp(80_000));
}

#[test]
fn an_abandoned_payment_that_is_dead_lets_a_lapsed_hold_go_at_once() {
    let mut stock = stock(1, &[]);
    let hold = held(&mut stock, &wish(1, 1, &[1]), 0);
    let mut steps = Vec::new();
    stock.begin_payment(hold.id, owner(1), order(7), Timestamp(1), &mut steps);
    stock.end_payment(hold.id, hold.fence, order(7), 0, Timestamp(50_000), &mut steps);
    assert_eq!(stock.counts().available, 1);
}

#[test]
fn a_late_step_cannot_touch_what_somebody_else_holds_by_now() {
    let mut stock = stock(1, &[]);
    let mut steps = Vec::new();
    let first = held(&mut stock, &wish(1, 1, &[1]), 0);
    stock.begin_payment(first.id, owner(1), order(7), Timestamp(1), &mut steps);
    stock.end_payment(first.id, first.fence, order(7), 0, Timestamp(20_000), &mut steps);
    let second = held(&mut stock, &wish(2, 2, &[1]), 20_001);
    assert!(second.fence > first.fence);
    steps.clear();
    let late_sale = stock.sell(first.id, first.fence, order(7), Timestamp(20_002), &mut steps);
    let late_end = stock.end_payment(first.id, first.fence, order(7), 0, Timestamp(20_002), &mut steps);
    assert_eq!((late_sale, late_end), (FinishOutcome::Stale, FinishOutcome::Stale));
    stock.begin_payment(second.id, owner(2), order(8), Timestamp(20_003), &mut steps);
    let wrong_order = stock.sell(second.id, second.fence, order(7), Timestamp(20_004), &mut steps);
    assert_eq!(wrong_order, FinishOutcome::Stale);
    assert_eq!(stock.counts().paying, 1);
}

#[test]
fn a_refund_frees_only_what_the_order_still_has() {
    let mut stock = stock(2, &[]);
    let mut steps = Vec::new();
    let first = held(&mut stock, &wish(1, 1, &[1, 2]), 0);
    stock.begin_payment(first.id, owner(1), order(7), Timestamp(1), &mut steps);
    stock.sell(first.id, first.fence, order(7), Timestamp(2), &mut steps);
    assert_eq!(stock.give_back(order(7), &[Unit(1)], Timestamp(3), &mut steps), FinishOutcome::Done);
    let second = held(&mut stock, &wish(2, 2, &[1]), 4);
    stock.begin_payment(second.id, owner(2), order(8), Timestamp(5), &mut steps);
    stock.sell(second.id, second.fence, order(8), Timestamp(6), &mut steps);
    // The first refund comes again, late.
    assert_eq!(stock.give_back(order(7), &[Unit(1)], Timestamp(7), &mut steps), FinishOutcome::Stale);
    assert_eq!(stock.counts().sold, 2);
}

#[test]
fn the_limit_counts_held_and_sold_and_forgets_what_came_back() {
    let mut stock = stock(10, &[]);
    let mut steps = Vec::new();
    let first = held(&mut stock, &wish(1, 1, &[1, 2, 3]), 0);
    let refused = stock.hold(&wish(2, 1, &[4, 5]), Timestamp(1), &mut steps);
    assert_eq!(refused, HoldOutcome::Refused(HoldRefusal::LimitExceeded { limit: 4, owned: 3 }));
    stock.cancel(first.id, owner(1), Timestamp(2), &mut steps);
    held(&mut stock, &wish(3, 1, &[4, 5, 6, 7]), 3);
}

#[test]
fn an_area_sells_each_place_once_and_not_one_more() {
    let mut stock = stock(2, &[5]);
    let area = |n: u64, quantity| HoldRequest {
        choice: Choice::Area { area: 1, quantity },
        ..wish(n, u128::from(n), &[])
    };
    let first = held(&mut stock, &area(1, 3), 0);
    assert!(first.units.iter().all(|unit| unit.0 > 2), "places come after the seats");
    let too_many = stock.hold(&area(2, 3), Timestamp(1), &mut Vec::new());
    assert_eq!(too_many, HoldOutcome::Refused(HoldRefusal::SoldOut));
    held(&mut stock, &area(3, 2), 2);
    let unknown = HoldRequest { choice: Choice::Area { area: 2, quantity: 1 }, ..wish(4, 4, &[]) };
    assert_eq!(
        stock.hold(&unknown, Timestamp(3), &mut Vec::new()),
        HoldOutcome::Refused(HoldRefusal::AreaNotFound(2))
    );
}

#[test]
fn a_key_is_remembered_for_a_day() {
    let mut stock = stock(4, &[]);
    let key = |request| Some(RequestKey { key: [1; 16], request: [request; 16] });
    let first = held(&mut stock, &HoldRequest { key: key(1), ..wish(1, 1, &[1]) }, 0);
    let again = HoldRequest { key: key(1), ..wish(2, 1, &[1]) };
    let mut steps = Vec::new();
    assert_eq!(stock.hold(&again, Timestamp(1), &mut steps), HoldOutcome::Repeated(first.id));
    let other = HoldRequest { key: key(2), ..wish(3, 1, &[2]) };
    assert_eq!(stock.hold(&other, Timestamp(2), &mut steps), HoldOutcome::KeyMismatch);
    let somebody_else = HoldRequest { key: key(2), ..wish(4, 2, &[2]) };
    assert!(matches!(stock.hold(&somebody_else, Timestamp(3), &mut steps), HoldOutcome::Held(_)));
}

/// One step of a random history.
#[derive(Clone, Debug)]
enum Move {
    Hold(u8, u8, Vec<u8>),
    Area(u8, u8, u8),
    Cancel(u8, u8),
    Begin(u8, u8),
    End(u8),
    Sell(u8),
    GiveBack(u8, u8),
    Block(u8, bool),
    Wait(u16),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        4 => (any::<u8>(), 0..4_u8, prop::collection::btree_set(1..7_u8, 1..4))
            .prop_map(|(n, who, seats)| Move::Hold(n, who, seats.into_iter().collect())),
        2 => (any::<u8>(), 0..4_u8, 1..4_u8).prop_map(|(n, who, quantity)| Move::Area(n, who, quantity)),
        2 => (any::<u8>(), 0..4_u8).prop_map(|(n, who)| Move::Cancel(n, who)),
        3 => (any::<u8>(), 0..4_u8).prop_map(|(n, who)| Move::Begin(n, who)),
        1 => any::<u8>().prop_map(Move::End),
        3 => any::<u8>().prop_map(Move::Sell),
        2 => (any::<u8>(), 1..10_u8).prop_map(|(n, unit)| Move::GiveBack(n, unit)),
        1 => (1..7_u8, any::<bool>()).prop_map(|(seat, blocked)| Move::Block(seat, blocked)),
        2 => any::<u16>().prop_map(Move::Wait),
    ];
    prop::collection::vec(one, 1..80)
}

proptest! {
    /// Whatever happens, nothing is lost or doubled; and the record alone gives the same state again, from the
    /// beginning as well as from an image taken anywhere on the way.
    #[test]
    fn replay_gives_the_same_state(moves in moves(), image_after in 0..80_usize) {
        let mut live = stock(6, &[4]);
        let mut record: Vec<(Timestamp, Step)> = Vec::new();
        let mut image = live.image();
        let mut now = Timestamp(0);
        for (index, one) in moves.into_iter().enumerate() {
            let mut steps = Vec::new();
            // Names repeat on purpose: 16 of them.
            let id = |n: u8| name(u64::from(n % 16));
            let fence = |stock: &Inventory, n: u8| stock.find(id(n)).map_or(Fence(0), |view| view.hold.fence);
            let paying = |n: u8| order(u128::from(n % 16));
            match one {
                Move::Hold(n, who, seats) => {
                    let seats: Vec<u32> = seats.into_iter().map(u32::from).collect();
                    live.hold(&wish(u64::from(n % 16), u128::from(who), &seats), now, &mut steps);
                }
                Move::Area(n, who, quantity) => {
                    let choice = Choice::Area { area: 1, quantity: u32::from(quantity) };
                    let request = HoldRequest { choice, ..wish(u64::from(n % 16), u128::from(who), &[]) };
                    live.hold(&request, now, &mut steps);
                }
                Move::Cancel(n, who) => { live.cancel(id(n), owner(u128::from(who)), now, &mut steps); }
                Move::Begin(n, who) => {
                    live.begin_payment(id(n), owner(u128::from(who)), paying(n), now, &mut steps);
                }
                Move::End(n) => {
                    let fence = fence(&live, n);
                    live.end_payment(id(n), fence, paying(n), 0, now, &mut steps);
                }
                Move::Sell(n) => {
                    let fence = fence(&live, n);
                    live.sell(id(n), fence, paying(n), now, &mut steps);
                }
                Move::GiveBack(n, unit) => {
                    live.give_back(paying(n), &[Unit(u32::from(unit))], now, &mut steps);
                }
                Move::Block(seat, blocked) => {
                    live.block(&[Unit(u32::from(seat))], blocked, now, &mut steps);
                }
                Move::Wait(ms) => {
                    now = now.plus_ms(u64::from(ms));
                    live.expire(now, &mut steps);
                }
            }
            prop_assert!(live.conserves());
            record.extend(steps.into_iter().map(|step| (now, step)));
            if index == image_after {
                image = live.image();
            }
        }
        let replay = |mut from: Inventory| {
            for (at, (position, change)) in &record {
                if *position > from.position() {
                    from.apply(*position, *at, change);
                }
            }
            from
        };
        prop_assert_eq!(replay(stock(6, &[4])).image(), live.image());
        prop_assert_eq!(replay(Inventory::from_image(image).unwrap()).image(), live.image());
    }
}
