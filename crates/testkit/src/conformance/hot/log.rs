//! Cases: the record.
//!
//! Invariant checked: every accepted command is in it, in one order, until it is acknowledged; nothing else is.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use std::time::Duration;

use onsale_app::ports::hot::{Backlog, PaymentStep};
use onsale_domain::{
    changes::{Change, Recorded},
    position::Position,
    reservations::{FinishOutcome, Hold},
    units::{Unit, Units},
};

use super::{
    HotUnderTest,
    stage::{
        LONG_MS, PAST_SHORT_MS, Stage, buyer, changes_of, made_hold, order, places, seats, short_wish, wish,
    },
};

/// Positions are consecutive from 1; sequences never fall.
fn assert_in_order(changes: &[Recorded], epoch: u32) {
    for (index, recorded) in changes.iter().enumerate() {
        let wanted = Position { epoch, offset: index as u32 + 1 };
        assert_eq!(recorded.position, wanted, "{changes:?}");
    }
    for pair in changes.windows(2) {
        assert!(pair[0].sequence <= pair[1].sequence, "{pair:?}");
        assert!(pair[0].at <= pair[1].at, "{pair:?}");
    }
}

/// Each kind of step leaves the change that names it, with the units it moved, at the next position.
pub async fn every_change_is_in_the_log_in_order(hot: HotUnderTest) {
    let stage = Stage::new(hot, 6, &[2]).await;
    let hold = stage.held_seats(buyer(1), &[1]).await;
    stage.extend(&hold, LONG_MS, 1).await;
    let step = stage.paying(&hold, order(1)).await;
    stage.end(step, 0).await;
    let step = stage.paying(&hold, order(2)).await;
    assert_eq!(stage.sell(step).await, FinishOutcome::Done);
    stage.give_back(order(2), &[Unit(1)]).await;
    let cancelled = stage.held(wish(buyer(1), places(1, 2))).await;
    stage.cancel(&cancelled).await;
    let lapsed = stage.held(short_wish(buyer(1), seats(&[2]))).await;
    stage.pass(PAST_SHORT_MS).await;
    for blocked in [true, false] {
        stage.hot.stock.block(stage.p, vec![Unit(3)], blocked).await.unwrap();
    }
    let changes = stage.changes().await;
    assert_in_order(&changes, 1);
    let one = |number: u32| Units::from_slice(&[Unit(number)]);
    let beginning = |hold: &Hold| Change::Held {
        hold: hold.id,
        owner: hold.owner,
        units: hold.units.clone(),
        expires_at: hold.expires_at,
        key: None,
    };
    let mut told = changes.iter().map(|recorded| recorded.change.clone());
    assert_eq!(told.next(), Some(beginning(&hold)));
    assert!(matches!(told.next(), Some(Change::Extended { hold: id, expires_at })
        if id == hold.id && expires_at >= hold.expires_at));
    assert_eq!(told.next(), Some(Change::PaymentBegun { hold: hold.id, order: order(1), units: one(1) }));
    assert!(matches!(told.next(), Some(Change::PaymentEnded { hold: id, order: under, units, .. })
        if id == hold.id && under == order(1) && units == one(1)));
    assert_eq!(told.next(), Some(Change::PaymentBegun { hold: hold.id, order: order(2), units: one(1) }));
    assert_eq!(told.next(), Some(Change::Sold { hold: hold.id, order: order(2), units: one(1) }));
    assert_eq!(told.next(), Some(Change::Returned { order: order(2), units: one(1) }));
    assert_eq!(told.next(), Some(beginning(&cancelled)));
    assert_eq!(told.next(), Some(Change::Cancelled { hold: cancelled.id, units: cancelled.units.clone() }));
    assert_eq!(told.next(), Some(beginning(&lapsed)));
    assert_eq!(told.next(), Some(Change::Expired { hold: lapsed.id, units: one(2) }));
    assert_eq!(told.next(), Some(Change::Blocked { units: one(3) }));
    assert_eq!(told.next(), Some(Change::Unblocked { units: one(3) }));
    assert_eq!(told.next(), None);
    assert_eq!(stage.look().await.position, changes[changes.len() - 1].position);
}

/// The number a command answers with is the number its changes carry; later commands have greater ones.
pub async fn a_command_is_found_under_its_sequence(hot: HotUnderTest) {
    let stage = Stage::new(hot, 6, &[]).await;
    let mut given = Vec::new();
    for seat in 1..=6 {
        let request = wish(buyer(seat), seats(&[seat]));
        let sequence = stage.ask(&request).await.sequence.unwrap();
        given.push((sequence, request.id));
    }
    assert!(given.windows(2).all(|pair| pair[0].0 < pair[1].0), "{given:?}");
    let changes = stage.changes().await;
    let told: Vec<_> =
        changes.iter().map(|recorded| (recorded.sequence, made_hold(recorded).unwrap())).collect();
    assert_eq!(told, given);
    let found = stage.hot.reservations.find(stage.p, given[3].1).await.unwrap().unwrap().hold;
    assert_eq!((changes[3].fence(), changes[3].at), (found.fence, found.made_at));
}

/// Refused and repeated commands have no number and no change.
pub async fn a_refusal_leaves_no_trace(hot: HotUnderTest) {
    let stage = Stage::new(hot, 3, &[1]).await;
    let hold = stage.held_seats(buyer(1), &[1]).await;
    let step = stage.paying(&hold, order(1)).await;
    let refusals = async {
        for choice in [seats(&[1]), seats(&[9]), places(1, 2), places(7, 1)] {
            assert_eq!(stage.ask(&wish(buyer(2), choice)).await.sequence, None);
        }
        let r = &stage.hot.reservations;
        assert_eq!(r.cancel(stage.p, hold.id, buyer(1)).await.unwrap().sequence, None);
        assert_eq!(r.extend(stage.p, hold.id, buyer(1), LONG_MS, 9).await.unwrap().sequence, None);
        assert_eq!(r.begin_payment(stage.p, hold.id, buyer(1), order(1)).await.unwrap().sequence, None);
        let late = PaymentStep { order: order(2), ..step };
        assert_eq!(r.sell(stage.p, late).await.unwrap().sequence, None);
        assert_eq!(r.end_payment(stage.p, late, 0).await.unwrap().sequence, None);
        assert_eq!(stage.hot.stock.block(stage.p, vec![Unit(1)], true).await.unwrap().sequence, None);
        assert_eq!(stage.hot.stock.give_back(stage.p, order(1), vec![Unit(1)]).await.unwrap().sequence, None);
    };
    stage.untouched(refusals).await;
}

/// A batch that is not acknowledged comes again; one that is does not, and the rest follows without a gap.
pub async fn comes_again_until_it_is_acknowledged(hot: HotUnderTest) {
    let stage = Stage::new(hot, 40, &[]).await;
    for seat in 1..=20 {
        stage.held_seats(buyer(seat), &[seat]).await;
    }
    let log = &stage.hot.log;
    let first = log.next(5, 0).await.unwrap().unwrap();
    assert!(!first.changes.is_empty());
    let again = log.next(5, 0).await.unwrap().unwrap();
    assert_eq!(again.changes[0], first.changes[0], "the same ones again");
    let mut seen = again.changes.clone();
    log.acknowledge(again).await.unwrap();
    stage.held_seats(buyer(21), &[21]).await;
    while let Some(batch) = log.next(5, 0).await.unwrap() {
        seen.extend(batch.changes.clone());
        log.acknowledge(batch).await.unwrap();
    }
    assert_eq!(seen.len(), 21);
    assert_in_order(&seen, 1);
    assert!(log.next(5, 0).await.unwrap().is_none(), "nothing is left");
    assert_eq!(stage.look().await.counts.held, 21, "the stock does not forget with the log");
}

/// The backlog is what is not acknowledged, in all performances, and says from where on.
pub async fn says_what_is_not_acknowledged(hot: HotUnderTest) {
    let (one, two) = (Stage::new(hot.clone(), 40, &[]).await, Stage::new(hot, 40, &[]).await);
    assert_eq!(one.hot.log.backlog().await.unwrap(), Backlog::default());
    let mut sequences = Vec::new();
    for seat in 1..=20 {
        for stage in [&one, &two] {
            sequences.push(stage.ask(&wish(buyer(seat), seats(&[seat]))).await.sequence.unwrap());
        }
    }
    let log = &one.hot.log;
    let first = log.next(10, 0).await.unwrap().unwrap();
    let before = log.backlog().await.unwrap();
    assert_eq!((before.changes, before.first), (40, Some(sequences[0])), "taking is not writing");
    assert_eq!(before.since, first.changes.iter().map(|change| change.at).min());
    let written: Vec<u64> = first.changes.iter().map(|change| change.sequence).collect();
    log.acknowledge(first).await.unwrap();
    let after = log.backlog().await.unwrap();
    let left = sequences.iter().find(|sequence| !written.contains(sequence));
    assert_eq!(after.first.as_ref(), left, "{written:?}");
    one.acknowledge().await;
    assert_eq!(log.backlog().await.unwrap(), Backlog::default());
}

/// Asking for changes waits for the first one, and not longer than it was told to.
pub async fn waits_for_the_first_change(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[]).await;
    assert!(stage.hot.log.next(10, 50).await.unwrap().is_none(), "loading is no change");
    let waiting = tokio::spawn({
        let log = stage.hot.log.clone();
        async move { log.next(10, 20_000).await.unwrap() }
    });
    tokio::task::yield_now().await;
    stage.held_seats(buyer(1), &[1]).await;
    let batch = tokio::time::timeout(Duration::from_secs(10), waiting).await;
    let batch = batch.expect("woken by the change").unwrap().unwrap();
    assert_eq!(batch.changes.len(), 1);
}

/// Each performance has its own positions; one counter numbers the commands of all.
pub async fn performances_do_not_mix(hot: HotUnderTest) {
    let one = Stage::new(hot.clone(), 4, &[]).await;
    let two = Stage::new(hot.clone(), 4, &[]).await;
    let mut sequences = Vec::new();
    for seat in 1..=4 {
        for stage in [&one, &two] {
            sequences.push(stage.ask(&wish(buyer(seat), seats(&[seat]))).await.sequence.unwrap());
        }
    }
    assert!(sequences.windows(2).all(|pair| pair[0] < pair[1]), "{sequences:?}");
    for stage in [&one, &two] {
        let changes = changes_of(&hot, stage.p).await;
        assert_eq!(changes.len(), 4);
        assert_in_order(&changes, 1);
        let held = one.hot.reservations.holds_of(stage.p, buyer(1)).await.unwrap();
        assert_eq!(held.len(), 1);
    }
}
