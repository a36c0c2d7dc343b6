//! Cases: idempotency keys of holds.
//!
//! Invariant checked: under one key of one owner at most one hold is ever made.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use onsale_domain::reservations::{HoldOutcome, HoldRefusal, HoldRequest, RequestKey};

use super::{
    HotUnderTest,
    stage::{FREE, PAST_SHORT_MS, Stage, buyer, fresh_hold, key, seats, short_wish, wish},
};

fn with_key(request: HoldRequest, key: RequestKey) -> HoldRequest {
    HoldRequest { key: Some(key), ..request }
}

/// The same again, as a client sends it: the name is drawn anew.
fn again(request: &HoldRequest) -> HoldRequest {
    HoldRequest { id: fresh_hold(), ..request.clone() }
}

/// The same request under the same key answers with the hold that the first one made, and does nothing.
pub async fn a_repeat_answers_with_the_first_hold(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[]).await;
    let request = with_key(wish(buyer(1), seats(&[1])), key(1, 1));
    let hold = stage.held(request.clone()).await;
    for _ in 0..2 {
        let repeat = stage.untouched(stage.ask(&again(&request))).await;
        assert_eq!(repeat.outcome, HoldOutcome::Repeated(hold.id));
        assert_eq!(repeat.sequence, None);
    }
    assert_eq!(stage.ask(&request).await.outcome, HoldOutcome::Repeated(hold.id), "also under the same name");
}

/// It is remembered beyond the end of the hold.
pub async fn a_repeat_answers_after_the_hold_ended(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[]).await;
    let first = with_key(wish(buyer(1), seats(&[1])), key(1, 1));
    let cancelled = stage.held(first.clone()).await;
    stage.cancel(&cancelled).await;
    let second = with_key(short_wish(buyer(1), seats(&[2])), key(2, 1));
    let lapsed = stage.held(second.clone()).await;
    stage.pass(PAST_SHORT_MS).await;
    stage.acknowledge().await;
    for (request, made) in [(&first, cancelled.id), (&second, lapsed.id)] {
        let outcome = stage.ask(&again(request)).await.outcome;
        // The ledger has recorded it, and may be asked.
        let is_right = matches!(outcome, HoldOutcome::KeyRecorded) || outcome == HoldOutcome::Repeated(made);
        assert!(is_right, "{outcome:?}");
    }
    assert_eq!(stage.bits(&[1, 2]).await, [FREE, FREE]);
}

/// Another request under a used key is refused, whatever it asks for.
pub async fn another_request_under_the_key_is_a_mismatch(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[]).await;
    stage.held(with_key(wish(buyer(1), seats(&[1])), key(1, 1))).await;
    let other = with_key(wish(buyer(1), seats(&[2])), key(1, 2));
    let answer = stage.untouched(stage.ask(&other)).await;
    assert_eq!((answer.outcome, answer.sequence), (HoldOutcome::KeyMismatch, None));
}

/// Two buyers may choose the same key.
pub async fn keys_belong_to_their_owners(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[]).await;
    let mine = stage.held(with_key(wish(buyer(1), seats(&[1])), key(1, 1))).await;
    let theirs = stage.held(with_key(wish(buyer(2), seats(&[2])), key(1, 2))).await;
    assert_ne!(mine.id, theirs.id);
}

/// A refusal changes nothing, so the key is still unused.
pub async fn a_refused_request_does_not_use_up_its_key(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[]).await;
    let in_the_way = stage.held_seats(buyer(2), &[1]).await;
    let request = with_key(wish(buyer(1), seats(&[1])), key(1, 1));
    let refused = stage.ask(&request).await.outcome;
    assert!(matches!(refused, HoldOutcome::Refused(HoldRefusal::SeatTaken(_))), "{refused:?}");
    stage.cancel(&in_the_way).await;
    stage.held(again(&request)).await;
    let other = with_key(wish(buyer(2), seats(&[1])), key(1, 1));
    assert!(matches!(stage.ask(&other).await.outcome, HoldOutcome::Refused(_)));
    stage.held(with_key(wish(buyer(2), seats(&[2])), key(1, 2))).await;
}

/// The same request sent forty times at once makes one hold, and all are told of it.
pub async fn a_key_makes_one_hold_among_many_at_once(hot: HotUnderTest) {
    let stage = Stage::new(hot, 0, &[40]).await;
    let request = with_key(wish(buyer(1), super::stage::places(1, 1)), key(1, 1));
    let asked: Vec<_> = (0..40)
        .map(|_| {
            let (stage, request) = (stage.clone(), again(&request));
            tokio::spawn(async move { stage.ask(&request).await.outcome })
        })
        .collect();
    let (mut made, mut told) = (Vec::new(), Vec::new());
    for answer in asked {
        match answer.await.unwrap() {
            HoldOutcome::Held(hold) => made.push(hold.id),
            HoldOutcome::Repeated(id) => told.push(id),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((made.len(), told.len()), (1, 39));
    assert!(told.iter().all(|id| *id == made[0]));
    assert_eq!(stage.free_in(1).await, 39);
}
