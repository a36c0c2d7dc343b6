//! Cases: reservations, written behind the hot store.
//!
//! Invariant checked: a record follows the changes in order, each once, however often a batch comes.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use std::{collections::BTreeSet, sync::Arc};

use onsale_app::ports::ledger::{Ledger, OwnedKey, RecordedStatus, ReservationRecord};
use onsale_domain::{
    changes::Change,
    ids::{OrderId, PerformanceId, ReservationId},
    position::Position,
    reservations::{KEY_MEMORY_MS, RequestKey},
    units::Unit,
};

use super::stage::{Stage, all_pages, at, id, units};

async fn found(stage: &Stage, id: ReservationId) -> ReservationRecord {
    stage.ledger.reservation(id).await.unwrap().unwrap()
}

/// Everything that the change says.
pub async fn a_hold_is_written_down(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let owner = stage.buyer().await;
    let (hold, begun) = stage.held(owner, &[3, 5], at(9_000));
    stage.ledger.record(&[stage.change(4, begun)]).await.unwrap();
    let expected = ReservationRecord {
        id: hold,
        performance: stage.p(),
        owner,
        units: units(&[3, 5]),
        status: RecordedStatus::Held,
        made_at: at(4),
        expires_at: at(9_000),
        fence: Position { epoch: 1, offset: 4 }.fence(),
        extensions_used: 0,
        order: None,
        sequence: 1_004,
    };
    assert_eq!(found(&stage, hold).await, expected);
    assert_eq!(stage.ledger.reservation(stage.reservation_id()).await.unwrap(), None);
    stage.ledger.record(&[]).await.unwrap();
}

/// By its owner, in its performance; also in the image.
pub async fn a_key_leads_to_its_hold_for_a_day(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let (owner, other) = (stage.buyer().await, stage.buyer().await);
    let key = RequestKey { key: [1; 16], request: [2; 16] };
    let (hold, mut begun) = stage.held(owner, &[1], at(1_000));
    if let Change::Held { key: under, .. } = &mut begun {
        *under = Some(key);
    }
    let (_, without) = stage.held(owner, &[2], at(1_000));
    stage.ledger.record(&[stage.change(1, begun.clone()), stage.change(2, without)]).await.unwrap();
    let under = async |performance, owner, key, now| {
        // Whatever is asked now.
        let key = OwnedKey { owner, key: RequestKey { key, request: [9; 16] } };
        stage.ledger.hold_by_key(performance, key, now).await.unwrap()
    };
    assert_eq!(under(stage.p(), owner, key.key, at(2)).await, Some((key, hold)));
    assert_eq!(under(stage.p(), owner, [3; 16], at(2)).await, None);
    assert_eq!(under(stage.p(), other, key.key, at(2)).await, None);
    assert_eq!(under(PerformanceId(id()), owner, key.key, at(2)).await, None);
    let cancelled = Change::Cancelled { hold, units: units(&[1]) };
    // What comes again changes nothing of it, and neither does what comes after.
    stage.ledger.record(&[stage.change(1, begun), stage.change(3, cancelled)]).await.unwrap();
    assert_eq!(under(stage.p(), owner, key.key, at(KEY_MEMORY_MS)).await, Some((key, hold)));
    assert_eq!(stage.image(2, at(KEY_MEMORY_MS)).await.keys, [(at(1), owner, key, hold)]);
    assert_eq!(under(stage.p(), owner, key.key, at(KEY_MEMORY_MS + 1)).await, None);
    assert_eq!(stage.image(2, at(KEY_MEMORY_MS + 1)).await.keys, []);
}

/// Extended, paying, held again, and each of the three ends.
pub async fn a_hold_is_followed_to_each_end(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let owner = stage.buyer().await;
    let (first, second) = (OrderId(id()), OrderId(id()));
    let (hold, begun) = stage.held(owner, &[1], at(1_000));
    let one = units(&[1]);
    let steps = [
        (begun, RecordedStatus::Held, 1_000, 0, None),
        (Change::Extended { hold, expires_at: at(2_000) }, RecordedStatus::Held, 2_000, 1, None),
        (
            Change::PaymentBegun { hold, order: first, units: one.clone() },
            RecordedStatus::Paying,
            2_000,
            1,
            Some(first),
        ),
        (
            Change::PaymentEnded { hold, order: first, units: one.clone(), expires_at: at(3_000) },
            RecordedStatus::Held,
            3_000,
            1,
            None,
        ),
        (
            Change::PaymentBegun { hold, order: second, units: one.clone() },
            RecordedStatus::Paying,
            3_000,
            1,
            Some(second),
        ),
        (
            Change::Sold { hold, order: second, units: one.clone() },
            RecordedStatus::Confirmed,
            3_000,
            1,
            Some(second),
        ),
        (Change::Returned { order: second, units: one }, RecordedStatus::Confirmed, 3_000, 1, Some(second)),
    ];
    for (offset, (change, status, expires_ms, extensions, order)) in (1..).zip(steps) {
        let told = format!("{change:?}");
        stage.ledger.record(&[stage.change(offset, change)]).await.unwrap();
        let record = found(&stage, hold).await;
        let stands = (record.status, record.expires_at, record.extensions_used);
        assert_eq!(stands, (status, at(expires_ms), extensions), "after {told}");
        if order.is_some() {
            assert_eq!(record.order, order, "after {told}");
        }
        assert_eq!((record.made_at, record.fence), (at(1), Position { epoch: 1, offset: 1 }.fence()));
    }
    let (cancelled, begun) = stage.held(owner, &[2], at(1_000));
    let cancel = Change::Cancelled { hold: cancelled, units: units(&[2]) };
    let (expired, held_too) = stage.held(owner, &[3], at(1_000));
    let expire = Change::Expired { hold: expired, units: units(&[3]) };
    let batch: Vec<_> = (8..)
        .zip([begun, held_too, cancel, expire])
        .map(|(offset, change)| stage.change(offset, change))
        .collect();
    stage.ledger.record(&batch).await.unwrap();
    assert_eq!(found(&stage, cancelled).await.status, RecordedStatus::Cancelled);
    assert_eq!(found(&stage, expired).await.status, RecordedStatus::Expired);
}

/// The same batch twice, one that overlaps with it, and one change at a time come to the same.
pub async fn a_batch_may_come_again(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let owner = stage.buyer().await;
    let (hold, begun) = stage.held(owner, &[1], at(1_000));
    let (other, held_too) = stage.held(owner, &[2], at(1_500));
    let steps = [
        begun,
        Change::Extended { hold, expires_at: at(2_000) },
        held_too,
        Change::Extended { hold, expires_at: at(3_000) },
        Change::Blocked { units: units(&[7]) },
        Change::Unblocked { units: units(&[7]) },
    ];
    let batch: Vec<_> = (1..).zip(steps).map(|(offset, change)| stage.change(offset, change)).collect();
    for part in [&batch[..4], &batch[..4], &batch[..2], &batch[1..], &batch[3..], &batch[..], &batch[4..5]] {
        stage.ledger.record(part).await.unwrap();
    }
    let record = found(&stage, hold).await;
    assert_eq!((record.extensions_used, record.expires_at), (2, at(3_000)), "each extension counts once");
    assert_eq!(found(&stage, other).await.expires_at, at(1_500));
    assert!(stage.image(2, at(1)).await.blocked.is_empty(), "blocking came before unblocking, once");
}

/// What was recorded later is not undone by what comes late.
pub async fn an_old_batch_does_not_turn_back_a_newer_state(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let owner = stage.buyer().await;
    let order = OrderId(id());
    let (hold, begun) = stage.held(owner, &[1], at(1_000));
    let paying = |order| Change::PaymentBegun { hold, order, units: units(&[1]) };
    let ended = Change::PaymentEnded { hold, order, units: units(&[1]), expires_at: at(5_000) };
    let sold = Change::Sold { hold, order, units: units(&[1]) };
    let steps = [begun, paying(order), ended, paying(order), sold];
    let batch: Vec<_> = (1..).zip(steps).map(|(offset, change)| stage.change(offset, change)).collect();
    stage.ledger.record(&batch).await.unwrap();
    let recorded = found(&stage, hold).await;
    assert_eq!((recorded.status, recorded.order), (RecordedStatus::Confirmed, Some(order)));
    for late in [&batch[..1], &batch[..3], &batch[2..4], &batch[1..2]] {
        stage.ledger.record(late).await.unwrap();
        assert_eq!(found(&stage, hold).await, recorded, "after {late:?} came late");
    }
}

/// Positions begin anew in the next epoch; those of the epoch before are old then.
pub async fn history_goes_on_in_the_next_epoch(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let owner = stage.buyer().await;
    let (kept, begun) = stage.held(owner, &[1], at(1_000));
    let first = [stage.change_in(1, 7, begun)];
    stage.ledger.record(&first).await.unwrap();
    let (next, begun) = stage.held(owner, &[2], at(2_000));
    let second = [
        stage.change_in(2, 1, Change::Extended { hold: kept, expires_at: at(4_000) }),
        stage.change_in(2, 2, begun),
    ];
    for batch in [&second[..], &first[..], &second[..]] {
        stage.ledger.record(batch).await.unwrap();
    }
    let record = found(&stage, kept).await;
    assert_eq!((record.extensions_used, record.expires_at), (1, at(4_000)));
    assert_eq!(record.fence, Position { epoch: 1, offset: 7 }.fence());
    assert_eq!(found(&stage, next).await.fence, Position { epoch: 2, offset: 2 }.fence());
}

/// A stock was loaded anew: what it has is left alone, what was paid for is confirmed, the rest has lapsed; and what
/// comes late of the epoch before changes none of it.
pub async fn what_an_epoch_left_behind_is_closed(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let owner = stage.buyer().await;
    let (live, begun_live) = stage.held(owner, &[1], at(9_000));
    let (lost, begun_lost) = stage.held(owner, &[2], at(9_000));
    let bought = stage.paid(owner, &[3]).await;
    let never_recorded = stage.paid(owner, &[4, 5]).await;
    let failed = stage.begun(owner, &[6]).await;
    stage.ledger.fail_order(failed.id, "declined", at(1)).await.unwrap();
    let (next, begun_next) = stage.held(owner, &[7], at(9_000));
    let begun_bought = Change::Held {
        hold: bought.reservation,
        owner,
        units: units(&[3]),
        expires_at: at(9_000),
        key: None,
    };
    let before = [
        stage.change_in(1, 7, begun_live),
        stage.change_in(1, 8, begun_lost),
        stage.change_in(1, 9, begun_bought),
    ];
    stage.ledger.record(&before).await.unwrap();
    stage.ledger.record(&[stage.change_in(2, 1, begun_next)]).await.unwrap();
    let close = async || stage.ledger.close_epochs(stage.p(), 2, &BTreeSet::from([live])).await.unwrap();
    assert_eq!(close().await, 3);
    assert_eq!(close().await, 0, "again there is nothing to do");
    let late = [stage.change_in(1, 10, Change::Cancelled { hold: lost, units: units(&[2]) })];
    stage.ledger.record(&late).await.unwrap();
    for (id, status) in [
        (live, RecordedStatus::Held),
        (lost, RecordedStatus::Expired),
        (next, RecordedStatus::Held),
        (bought.reservation, RecordedStatus::Confirmed),
        (never_recorded.reservation, RecordedStatus::Confirmed),
    ] {
        assert_eq!(found(&stage, id).await.status, status, "{id}");
    }
    let record = found(&stage, never_recorded.reservation).await;
    assert_eq!((record.owner, record.order), (owner, Some(never_recorded.id)));
    assert_eq!(record.units.as_slice(), [Unit(4), Unit(5)]);
    assert!(stage.ledger.reservation(failed.reservation).await.unwrap().is_none());
    let cancelled = [stage.change_in(2, 2, Change::Cancelled { hold: live, units: units(&[1]) })];
    stage.ledger.record(&cancelled).await.unwrap();
    assert_eq!(found(&stage, live).await.status, RecordedStatus::Cancelled);
    // What was closed on the word of its order, and is heard of after all, is what is heard.
    let begun_late = Change::Held {
        hold: never_recorded.reservation,
        owner,
        units: units(&[4, 5]),
        expires_at: at(7_000),
        key: None,
    };
    stage.ledger.record(&[stage.change_in(2, 3, begun_late)]).await.unwrap();
    let record = found(&stage, never_recorded.reservation).await;
    assert_eq!((record.made_at, record.expires_at), (at(3), at(7_000)));
    assert_eq!(record.fence, Position { epoch: 2, offset: 3 }.fence());
}

/// Each performance has positions of its own.
pub async fn one_batch_may_be_of_many_performances(ledger: Arc<dyn Ledger>) {
    let one = Stage::new(ledger).await;
    let two = one.another_performance().await;
    let owner = one.buyer().await;
    let (here, begun_here) = one.held(owner, &[1], at(1_000));
    let (elsewhere, begun_elsewhere) = two.held(owner, &[1], at(2_000));
    let batch = [
        one.change(5, begun_here),
        two.change(1, begun_elsewhere),
        one.change(6, Change::Cancelled { hold: here, units: units(&[1]) }),
        two.change(2, Change::Extended { hold: elsewhere, expires_at: at(3_000) }),
    ];
    for _ in 0..2 {
        one.ledger.record(&batch).await.unwrap();
    }
    assert_eq!(found(&one, here).await.status, RecordedStatus::Cancelled);
    let record = found(&two, elsewhere).await;
    assert_eq!((record.performance, record.extensions_used), (two.p(), 1));
    assert_eq!(record.units.as_slice(), [Unit(1)]);
}

/// Page by page, of one owner, whatever became of them.
pub async fn reservations_are_listed_newest_first(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let (owner, other) = (stage.buyer().await, stage.buyer().await);
    let mut made = Vec::new();
    for number in 1..=5 {
        let (hold, begun) = stage.held(owner, &[number], at(1_000));
        let (_, not_theirs) = stage.held(other, &[number + 5], at(1_000));
        let changes = [stage.change(number * 2, begun), stage.change(number * 2 + 1, not_theirs)];
        stage.ledger.record(&changes).await.unwrap();
        made.push(hold);
    }
    let cancel = Change::Cancelled { hold: made[2], units: units(&[3]) };
    stage.ledger.record(&[stage.change(50, cancel)]).await.unwrap();
    made.reverse();
    for limit in [1, 2, 5, 200] {
        let listed =
            all_pages(limit, async |page| stage.ledger.reservations_of(owner, page).await.unwrap()).await;
        assert_eq!(listed.iter().map(|record| record.id).collect::<Vec<_>>(), made, "in pages of {limit}");
    }
}

/// All there are, of any performance, a portion at a time.
pub async fn reservations_are_gone_through_by_id(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let owner = stage.buyer().await;
    let (holds, begun): (Vec<_>, Vec<_>) = (1..=5).map(|seat| stage.held(owner, &[seat], at(9_000))).unzip();
    let batch: Vec<_> = (1..).zip(begun).map(|(offset, change)| stage.change(offset, change)).collect();
    stage.ledger.record(&batch).await.unwrap();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let portion = stage.ledger.recorded_reservations(after, 2).await.unwrap();
        assert!(portion.len() <= 2);
        let Some(last) = portion.last() else { break };
        after = Some(last.id);
        seen.extend(portion);
    }
    assert!(seen.is_sorted_by(|one, next| one.id < next.id));
    for hold in holds {
        let recorded = seen.iter().find(|recorded| recorded.id == hold);
        assert_eq!(recorded, Some(&found(&stage, hold).await));
    }
}
