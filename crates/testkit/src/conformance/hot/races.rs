//! Cases: many at once.
//!
//! Invariant checked: whatever the order in which they arrive, nobody gets what somebody else has.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use std::collections::BTreeSet;

use onsale_domain::{
    reservations::{BeginOutcome, CancelOutcome, FinishOutcome, Hold, HoldOutcome, HoldRequest},
    units::Unit,
};

use super::{
    HotUnderTest,
    stage::{Stage, buyer, order, places, seats, wish},
};

/// Sends all requests at once; gives the holds that were made.
async fn all_at_once(stage: &Stage, requests: Vec<HoldRequest>) -> Vec<Hold> {
    let asked: Vec<_> = requests
        .into_iter()
        .map(|request| {
            let stage = stage.clone();
            tokio::spawn(async move { stage.ask(&request).await.outcome })
        })
        .collect();
    let mut holds = Vec::new();
    for answer in asked {
        if let HoldOutcome::Held(hold) = answer.await.unwrap() {
            holds.push(hold);
        }
    }
    holds
}

fn assert_disjoint(holds: &[Hold]) {
    let mut seen = BTreeSet::new();
    for unit in holds.iter().flat_map(|hold| &hold.units) {
        assert!(seen.insert(*unit), "unit {} is in two holds", unit.0);
    }
}

/// A hundred buyers, one seat: one of them has it.
pub async fn one_of_a_hundred_gets_the_seat(hot: HotUnderTest) {
    let stage = Stage::new(hot, 3, &[]).await;
    let holds = all_at_once(&stage, (0..100).map(|n| wish(buyer(n), seats(&[2]))).collect()).await;
    assert_eq!(holds.len(), 1);
    assert_eq!(stage.look().await.counts.held, 1);
    assert_eq!(stage.changes().await.len(), 1);
}

/// Overlapping sets: each is held as a whole or not at all.
pub async fn overlapping_sets_never_split_a_seat(hot: HotUnderTest) {
    let stage = Stage::new(hot, 12, &[]).await;
    let window = |start: u32| seats(&[start % 12 + 1, (start + 1) % 12 + 1, (start + 2) % 12 + 1]);
    let holds = all_at_once(&stage, (0..96).map(|n| wish(buyer(n), window(n * 5))).collect()).await;
    assert_disjoint(&holds);
    assert!(holds.iter().all(|hold| hold.units.len() == 3));
    assert!((3..=4).contains(&holds.len()), "{} holds of three of twelve seats", holds.len());
    assert_eq!(stage.look().await.counts.held as usize, holds.len() * 3);
}

/// An area of twenty-five sells exactly twenty-five, one by one, to sixty buyers.
pub async fn an_area_sells_exactly_what_it_has(hot: HotUnderTest) {
    let stage = Stage::new(hot, 2, &[25, 7]).await;
    let holds = all_at_once(&stage, (0..60).map(|n| wish(buyer(n), places(1, 1))).collect()).await;
    assert_eq!(holds.len(), 25);
    assert_disjoint(&holds);
    assert!(holds.iter().flat_map(|hold| &hold.units).all(|unit| (3..=27).contains(&unit.0)));
    assert_eq!(stage.look().await.areas, [(1, 0), (2, 7)]);
}

/// Requests of one owner at once do not pass the limit together.
pub async fn one_owner_cannot_outrun_the_limit(hot: HotUnderTest) {
    let stage = Stage::new(hot, 40, &[]).await;
    let limited = |n: u32| HoldRequest { max_per_owner: 4, ..wish(buyer(1), seats(&[n])) };
    let holds = all_at_once(&stage, (1..=40).map(limited).collect()).await;
    assert_eq!(holds.len(), 4);
    assert_eq!(stage.look().await.counts.held, 4);
}

/// Of many attempts to pay for one hold at once, one begins and the others learn under which order.
pub async fn one_of_many_begins_the_payment(hot: HotUnderTest) {
    let stage = Stage::new(hot, 2, &[]).await;
    let hold = stage.held_seats(buyer(1), &[1]).await;
    let attempts: Vec<_> = (1..=20)
        .map(|n| {
            let (stage, hold) = (stage.clone(), hold.clone());
            tokio::spawn(async move { (order(n), stage.begin(&hold, order(n)).await) })
        })
        .collect();
    let (mut begun, mut told) = (Vec::new(), Vec::new());
    for attempt in attempts {
        match attempt.await.unwrap() {
            (order, BeginOutcome::Begun(_)) => begun.push(order),
            (_, BeginOutcome::PaymentUnderWay(order)) => told.push(order),
            (_, other) => panic!("{other:?}"),
        }
    }
    assert_eq!((begun.len(), told.len()), (1, 19));
    assert!(told.iter().all(|order| *order == begun[0]));
}

/// One buyer's visit: hold, and depending on their number cancel, give up paying, pay, or pay and be refunded.
async fn visit(stage: Stage, n: u32) -> Option<Vec<Unit>> {
    let choice =
        if n.is_multiple_of(3) { places(1, 1 + n % 2) } else { seats(&[n % 10 + 1, (n + 3) % 10 + 1]) };
    let HoldOutcome::Held(hold) = stage.hold(buyer(n), choice).await else { return None };
    if n % 4 == 1 {
        assert_eq!(stage.cancel(&hold).await, CancelOutcome::Gone);
        return None;
    }
    let step = stage.paying(&hold, order(n)).await;
    if n % 4 == 2 {
        assert_eq!(stage.end(step, 1).await, FinishOutcome::Done);
        assert_eq!(stage.cancel(&hold).await, CancelOutcome::Gone);
        return None;
    }
    assert_eq!(stage.sell(step).await, FinishOutcome::Done);
    if n.is_multiple_of(8) {
        assert_eq!(stage.give_back(step.order, &hold.units).await, FinishOutcome::Done);
        return None;
    }
    Some(hold.units.to_vec())
}

/// After two hundred visits at once every unit is sold to one of those who kept it, or free.
pub async fn everything_adds_up_after_a_storm(hot: HotUnderTest) {
    let stage = Stage::new(hot, 10, &[20]).await;
    let visits: Vec<_> = (0..200).map(|n| tokio::spawn(visit(stage.clone(), n))).collect();
    let mut sold = BTreeSet::new();
    for visit in visits {
        for unit in visit.await.unwrap().unwrap_or_default() {
            assert!(sold.insert(unit), "unit {} was sold twice", unit.0);
        }
    }
    let counts = stage.look().await.counts;
    assert_eq!((counts.sold as usize, counts.held, counts.paying), (sold.len(), 0, 0));
    for (index, recorded) in stage.changes().await.iter().enumerate() {
        assert_eq!(recorded.position.offset, index as u32 + 1, "positions have no gap");
    }
}
