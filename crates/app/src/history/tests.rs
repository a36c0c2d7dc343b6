//! Histories in which one thing is not as it should be, each with what has to be said of it.

use onsale_domain::{
    changes::Change,
    ids::AccountId,
    inventory::Inventory,
    position::Position,
    reservations::{Hold, HoldStatus},
    seating::{Layout, SeatingPlan},
    time::Timestamp,
};
use rstest::rstest;
use uuid::Uuid;

use super::*;

mod line;

const P: PerformanceId = PerformanceId(Uuid::from_u128(77));
const TTL_MS: i64 = 10_000;

fn hold(n: u128) -> ReservationId {
    ReservationId(Uuid::from_u128(n))
}

fn order(n: u128) -> OrderId {
    OrderId(Uuid::from_u128(n))
}

fn units(numbers: &[u32]) -> Units {
    numbers.iter().copied().map(Unit).collect()
}

/// Everything that is written down of a sale.
struct Written {
    rows: Vec<(u64, Vec<Recorded>)>,
    checkpoint: Image,
    drained_to: u64,
    reservations: Vec<ReservationRecord>,
    sales: Vec<Sale>,
}

/// A sale in which everything happens once, a row each second, and a checkpoint in the middle.
fn honest() -> Written {
    let held = |n: u128, numbers: &[u32], at_s: i64| Change::Held {
        hold: hold(n),
        owner: AccountId(Uuid::from_u128(n + 100)),
        units: units(numbers),
        expires_at: Timestamp(at_s * 1_000 + TTL_MS),
        key: None,
    };
    let changes = [
        held(1, &[1, 2], 1),
        Change::Extended { hold: hold(1), expires_at: Timestamp(15_000) },
        held(2, &[3], 3),
        Change::PaymentBegun { hold: hold(1), order: order(1), units: units(&[1, 2]) },
        Change::Sold { hold: hold(1), order: order(1), units: units(&[1, 2]) },
        Change::Cancelled { hold: hold(2), units: units(&[3]) },
        held(3, &[3], 7),
        Change::PaymentBegun { hold: hold(3), order: order(3), units: units(&[3]) },
        Change::PaymentEnded {
            hold: hold(3),
            order: order(3),
            units: units(&[3]),
            expires_at: Timestamp(17_000),
        },
        Change::Blocked { units: units(&[4, 5]) },
        Change::Returned { order: order(1), units: units(&[2]) },
        held(4, &[2], 12),
        Change::Unblocked { units: units(&[5]) },
        Change::PaymentBegun { hold: hold(4), order: order(4), units: units(&[2]) },
        held(5, &[6], 15),
        held(6, &[7], 16),
        Change::Expired { hold: hold(3), units: units(&[3]) },
    ];
    let plan = SeatingPlan::grid(1, 8).unwrap();
    let mut stock = Inventory::new(std::sync::Arc::new(Layout::new(&plan, &[])), 1);
    let mut checkpoint = stock.image();
    let mut rows = Vec::new();
    for (number, change) in (1_u32..).zip(changes) {
        let position = Position { epoch: 1, offset: number };
        let at = Timestamp(i64::from(number) * 1_000);
        stock.apply(position, at, &change);
        if number == 9 {
            checkpoint = stock.image();
        }
        let row = u64::from(number);
        rows.push((row, vec![Recorded { performance: P, position, sequence: row, at, change }]));
    }
    let sold = |order, owner, numbers: &[u32]| Sale {
        order,
        owner: AccountId(Uuid::from_u128(owner)),
        units: units(numbers),
    };
    // The last two rows are not in the ledger yet, and order 4 is paid: the stock does not know that yet.
    let mut written = Written {
        rows,
        checkpoint,
        drained_to: 15,
        reservations: Vec::new(),
        sales: vec![sold(order(1), 101, &[1]), sold(order(4), 104, &[2])],
    };
    let history = written.history();
    let past = &history.pasts[&P];
    written.reservations = past.made.values().map(|made| made.record.clone()).collect();
    written.reservations.retain(|record| record.id != hold(6));
    written.reservations.sort_by_key(|record| record.id);
    written.reservations[2].status = RecordedStatus::Held;
    written
}

impl Written {
    fn history(&self) -> History {
        let mut history = History::new([(P, self.checkpoint.clone())], [], self.drained_to);
        for (row, changes) in &self.rows {
            history.look_at(*row, changes);
        }
        history.end();
        history
    }

    /// What is found.
    fn found(&self) -> Vec<String> {
        let mut history = self.history();
        for record in &self.reservations {
            history.compare_reservation(record);
        }
        history.end_reservations();
        history.compare_sales(P, &self.sales);
        assert_eq!(history.findings.found, history.findings.listed.len() as u64);
        history.findings.listed
    }

    /// The change of a row.
    fn change(&mut self, row: usize) -> &mut Change {
        &mut self.rows[row - 1].1[0].change
    }

    /// The units that the change of a row names.
    fn units(&mut self, row: usize) -> &mut Units {
        match self.change(row) {
            Change::Held { units, .. }
            | Change::PaymentBegun { units, .. }
            | Change::PaymentEnded { units, .. }
            | Change::Sold { units, .. }
            | Change::Cancelled { units, .. }
            | Change::Expired { units, .. }
            | Change::Returned { units, .. }
            | Change::Blocked { units }
            | Change::Unblocked { units } => units,
            Change::Extended { .. } => panic!("names no units"),
        }
    }

    /// The ledger's record of a hold.
    fn record(&mut self, n: u128) -> &mut ReservationRecord {
        self.reservations.iter_mut().find(|record| record.id == hold(n)).unwrap()
    }

    fn held_in_checkpoint(&mut self) -> &mut Hold {
        &mut self.checkpoint.holds[0]
    }
}

#[test]
fn an_honest_history_is_right() {
    let mut written = honest();
    assert_eq!(written.found(), Vec::<String>::new());
    // What the store does not say to be in the ledger may be there or not.
    written.drained_to = 14;
    assert_eq!(written.found(), Vec::<String>::new());
    written.reservations.retain(|record| record.id != hold(5));
    assert_eq!(written.found(), Vec::<String>::new());
}

#[rstest]
#[case::sold_twice(|w: &mut Written| *w.units(7) = units(&[1]), "unit 1 is sold under order")]
#[case::held_twice(|w: &mut Written| *w.units(3) = units(&[2]), "unit 2 is held by")]
#[case::held_while_blocked(|w: &mut Written| *w.units(12) = units(&[4]), "unit 4 is blocked")]
#[case::a_unit_named_twice(|w: &mut Written| *w.units(16) = units(&[7, 7]), "unit 7 is held by")]
#[case::no_such_unit(|w: &mut Written| *w.units(16) = units(&[9]), "there is no unit 9")]
#[case::no_units(|w: &mut Written| w.units(16).clear(), "names no unit")]
#[case::a_change_is_missing(|w: &mut Written| { w.rows[1].1.clear(); }, "at 1:3: comes after 1:1")]
#[case::a_row_is_missing(|w: &mut Written| { w.rows.remove(9); }, "row 11 comes after row 9")]
#[case::rows_are_in_another_order(|w: &mut Written| {
    let later = w.rows[14].1.clone();
    w.rows[14].1 = std::mem::replace(&mut w.rows[15].1, later);
}, "command 15 comes after command 16")]
#[case::the_end_is_missing(|w: &mut Written| w.rows.truncate(6), "the checkpoint is of 1:9, and the last change 1:6")]
#[case::sold_without_payment(|w: &mut Written| {
    w.rows[3].1[0].change = Change::Extended { hold: hold(1), expires_at: Timestamp(16_000) };
}, "is held")]
#[case::sold_under_another_order(|w: &mut Written| {
    *w.change(5) = Change::Sold { hold: hold(1), order: order(9), units: units(&[1, 2]) };
}, "is being paid for by")]
#[case::ended_twice(|w: &mut Written| *w.change(10) = Change::Cancelled { hold: hold(2), units: units(&[3]) }, "is cancelled")]
#[case::never_made(|w: &mut Written| *w.change(10) = Change::Cancelled { hold: hold(9), units: units(&[4]) }, "was never made")]
#[case::made_twice(|w: &mut Written| {
    let again = w.rows[2].1[0].change.clone();
    *w.change(16) = again;
}, "is made a second time")]
#[case::lapses_before_its_time(|w: &mut Written| w.rows[16].1[0].at = Timestamp(16_999), "lapses before its time")]
#[case::shortened(|w: &mut Written| {
    *w.change(2) = Change::Extended { hold: hold(1), expires_at: Timestamp(10_999) };
}, "is extended to an earlier time")]
#[case::other_units_are_paid_for(|w: &mut Written| *w.units(4) = units(&[1]), "has other units")]
#[case::given_back_by_who_has_not_got_it(|w: &mut Written| *w.units(11) = units(&[3]), "unit 3 is held by")]
#[case::a_sale_is_not_in_the_checkpoint(|w: &mut Written| w.checkpoint.sales.clear(), "unit 1 is free in the checkpoint")]
#[case::a_hold_too_many_in_the_checkpoint(|w: &mut Written| {
    let more = Hold { id: hold(8), units: units(&[8]), ..w.held_in_checkpoint().clone() };
    w.checkpoint.holds.push(more);
}, "unit 8 is held by")]
#[case::another_state_in_the_checkpoint(|w: &mut Written| {
    w.held_in_checkpoint().status = HoldStatus::Paying { order: order(3), since: Timestamp(0) };
}, "unit 3 is being paid for by")]
#[case::another_expiry_in_the_checkpoint(|w: &mut Written| w.held_in_checkpoint().expires_at = Timestamp(1), "has another expiry")]
#[case::not_in_the_ledger(|w: &mut Written| w.reservations.retain(|record| record.id != hold(2)), "not in the ledger")]
#[case::not_in_the_journal(|w: &mut Written| {
    let more = ReservationRecord { id: hold(8), ..w.reservations[0].clone() };
    w.reservations.push(more);
}, "not in the journal")]
#[case::another_state_in_the_ledger(|w: &mut Written| w.record(2).status = RecordedStatus::Expired,
    "is expired in the ledger, and cancelled in the journal")]
#[case::another_owner_in_the_ledger(|w: &mut Written| w.record(1).owner = AccountId(Uuid::from_u128(9)), "the owner in the ledger")]
#[case::other_units_in_the_ledger(|w: &mut Written| w.record(1).units = units(&[1, 3]), "the list of units in the ledger")]
#[case::another_fence_in_the_ledger(|w: &mut Written| w.record(1).fence.0 += 1, "the fence in the ledger")]
#[case::another_order_in_the_ledger(|w: &mut Written| w.record(1).order = Some(order(4)), "the order in the ledger")]
#[case::more_is_drained_than_there_is(|w: &mut Written| w.drained_to = 99, "are said to be in the ledger, and the last one is 17")]
#[case::sold_and_not_paid(|w: &mut Written| { w.sales.remove(0); }, "unit 1 is sold under order")]
#[case::paid_and_not_sold(|w: &mut Written| w.sales[0].units.push(Unit(8)), "unit 8 is paid for under order")]
#[case::paid_by_another(|w: &mut Written| w.sales[1].order = order(9), "unit 2 is paid for under order")]
fn what_is_wrong_is_said(#[case] plant: fn(&mut Written), #[case] finding: &str) {
    let mut written = honest();
    plant(&mut written);
    let found = written.found();
    assert!(found.iter().any(|found| found.contains(finding)), "{found:#?}");
}

#[test]
fn what_was_before_the_stock_was_loaded_anew_is_not_known() {
    let mut written = honest();
    // The journal is of the second epoch alone: holds go on that began before it.
    written.rows.drain(..2);
    for (number, (row, changes)) in (1..).zip(&mut written.rows) {
        *row = u64::from(number);
        changes[0].position = Position { epoch: 2, offset: number };
    }
    written.checkpoint = Image::untouched(written.checkpoint.layout.clone(), 2);
    let mut history = written.history();
    assert_eq!(history.findings.listed, Vec::<String>::new());
    let begun_before = written.reservations[0].clone();
    history.compare_reservation(&begun_before);
    assert_eq!((history.findings.found, history.compared), (0, 0));
    // What is known, is known.
    *written.units(13) = units(&[1]);
    assert!(written.history().findings.listed[0].contains("unit 1 is sold"));
}
