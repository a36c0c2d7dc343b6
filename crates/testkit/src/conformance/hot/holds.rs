//! Cases: holding, cancelling, and finding holds.
//!
//! Invariant checked: a hold is all or nothing, its owner's alone, and refused with the reason that is true.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use onsale_app::ports::hot::Decided;
use onsale_domain::{
    position::Position,
    reservations::{
        CancelOutcome, Choice, Ending, Hold, HoldOutcome, HoldRefusal, HoldRequest, HoldStatus, HoldView,
    },
    units::{Unit, Units},
};

use super::{
    HotUnderTest,
    stage::{FREE, HELD, LONG_MS, Stage, buyer, fresh_hold, order, places, seats, wish},
};
use crate::stocks;

fn units(numbers: &[u32]) -> Units {
    numbers.iter().map(|number| Unit(*number)).collect()
}

fn sorted(units: &Units) -> Vec<u32> {
    let mut numbers: Vec<u32> = units.iter().map(|unit| unit.0).collect();
    numbers.sort_unstable();
    numbers
}

/// A hold has what was asked for, for as long as was asked, and shows.
pub async fn holds_named_seats(hot: HotUnderTest) {
    let stage = Stage::new(hot, 5, &[]).await;
    let request = wish(buyer(1), seats(&[2, 4]));
    let Decided { outcome, sequence } = stage.ask(&request).await;
    assert!(sequence.is_some(), "an accepted command has a number");
    let HoldOutcome::Held(hold) = outcome else { panic!("{outcome:?}") };
    let expected = Hold {
        id: request.id,
        owner: buyer(1),
        units: hold.units.clone(),
        made_at: hold.made_at,
        expires_at: hold.made_at.plus_ms(LONG_MS),
        fence: Position { epoch: 1, offset: 1 }.fence(),
        extensions_used: 0,
        status: HoldStatus::Held,
    };
    assert_eq!(hold, expected);
    assert_eq!(sorted(&hold.units), [2, 4]);
    assert_eq!(stage.bits(&[1, 2, 3, 4, 5]).await, [FREE, HELD, FREE, HELD, FREE]);
    assert_eq!(stage.look().await.counts.held, 2);
}

/// Where one seat is taken, none is held.
pub async fn holds_all_or_none(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[]).await;
    stage.held_seats(buyer(1), &[2]).await;
    let outcome = stage.untouched(stage.hold(buyer(2), seats(&[1, 2, 3]))).await;
    assert!(matches!(outcome, HoldOutcome::Refused(HoldRefusal::SeatTaken(_))), "{outcome:?}");
    stage.held_seats(buyer(2), &[1, 3]).await;
}

/// A refusal names exactly the seats that are not free: held, paying, sold or blocked.
pub async fn says_which_seats_are_taken(hot: HotUnderTest) {
    let stage = Stage::new(hot, 6, &[]).await;
    stage.held_seats(buyer(1), &[1]).await;
    let paying = stage.held_seats(buyer(1), &[2]).await;
    stage.paying(&paying, order(1)).await;
    stage.sold(buyer(1), seats(&[3]), order(2)).await;
    stage.hot.stock.block(stage.p, units(&[4]).to_vec(), true).await.unwrap();
    for (asked, wanted) in [(&[1, 5][..], &[1][..]), (&[2, 6], &[2]), (&[6, 3, 5], &[3]), (&[4], &[4])] {
        match stage.hold(buyer(2), seats(asked)).await {
            HoldOutcome::Refused(HoldRefusal::SeatTaken(taken)) => assert_eq!(sorted(&taken), wanted),
            other => panic!("{asked:?}: {other:?}"),
        }
    }
    match stage.hold(buyer(2), seats(&[6, 4, 3, 2, 1, 5])).await {
        HoldOutcome::Refused(HoldRefusal::SeatTaken(taken)) => assert_eq!(sorted(&taken), [1, 2, 3, 4]),
        other => panic!("{other:?}"),
    }
}

/// Numbers beyond the seats, and places of areas, are no seats.
pub async fn refuses_seats_that_are_none(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[3]).await;
    for unknown in [5, 7, 8, 100_000] {
        let outcome = stage.untouched(stage.hold(buyer(1), seats(&[1, unknown]))).await;
        assert_eq!(outcome, HoldOutcome::Refused(HoldRefusal::SeatNotFound(Unit(unknown))));
    }
}

/// Areas are numbered from 1; others are refused.
pub async fn refuses_areas_that_are_none(hot: HotUnderTest) {
    let stage = Stage::new(hot, 1, &[3]).await;
    for unknown in [0, 2, u32::MAX] {
        let outcome = stage.untouched(stage.hold(buyer(1), places(unknown, 1))).await;
        assert_eq!(outcome, HoldOutcome::Refused(HoldRefusal::AreaNotFound(unknown)));
    }
}

/// Places of an area are distinct units of that area, and the other areas keep theirs.
pub async fn picks_free_places_of_an_area(hot: HotUnderTest) {
    let stage = Stage::new(hot, 2, &[4, 5]).await;
    let first = stage.held(wish(buyer(1), places(2, 2))).await;
    let second = stage.held(wish(buyer(2), places(2, 3))).await;
    let mut all = sorted(&first.units);
    all.extend(sorted(&second.units));
    all.sort_unstable();
    assert_eq!(all, [7, 8, 9, 10, 11], "each place once, out of 7 to 11");
    assert_eq!(stage.look().await.areas, [(1, 4), (2, 0)]);
    assert_eq!(stage.bits(&[1, 2]).await, [FREE, FREE]);
}

/// More places than are free are refused, and what is left can still be had.
pub async fn sells_an_area_out_exactly(hot: HotUnderTest) {
    let stage = Stage::new(hot, 0, &[5]).await;
    let first = stage.held(wish(buyer(1), places(1, 3))).await;
    let refused = stage.untouched(stage.hold(buyer(2), places(1, 3))).await;
    assert_eq!(refused, HoldOutcome::Refused(HoldRefusal::SoldOut));
    stage.held(wish(buyer(2), places(1, 2))).await;
    assert_eq!(stage.hold(buyer(3), places(1, 1)).await, HoldOutcome::Refused(HoldRefusal::SoldOut));
    stage.cancel(&first).await;
    assert_eq!(stage.free_in(1).await, 3);
    stage.held(wish(buyer(3), places(1, 3))).await;
}

/// The best seats are free, distinct, of the category asked for, and as many as asked for.
pub async fn picks_the_best_of_a_category(hot: HotUnderTest) {
    let categories = [0, 0, 1, 1, 1, 0, 1, 0];
    let stage = Stage::with_layout(hot, stocks::layout(&categories, &[4])).await;
    stage.held_seats(buyer(1), &[4]).await;
    let best = |quantity, category| Choice::Best { quantity, category, together: true };
    let of_one = stage.held(wish(buyer(2), best(3, Some(1)))).await;
    assert_eq!(sorted(&of_one.units), [3, 5, 7], "the free ones of category 1");
    let refused = stage.untouched(stage.hold(buyer(2), best(1, Some(1)))).await;
    assert_eq!(refused, HoldOutcome::Refused(HoldRefusal::SoldOut));
    let any = stage.held(wish(buyer(3), best(4, None))).await;
    assert_eq!(sorted(&any.units), [1, 2, 6, 8], "seats only, also where they are not side by side");
    assert_eq!(stage.hold(buyer(3), best(1, None)).await, HoldOutcome::Refused(HoldRefusal::SoldOut));
    assert_eq!(stage.free_in(1).await, 4);
}

/// What an owner has, held, paying and sold together, may reach the limit and not pass it.
pub async fn limits_what_one_owner_may_have(hot: HotUnderTest) {
    let stage = Stage::new(hot, 8, &[4]).await;
    let limited = |choice| HoldRequest { max_per_owner: 4, ..wish(buyer(1), choice) };
    stage.held(limited(seats(&[1]))).await;
    let paying = stage.held(limited(seats(&[2]))).await;
    stage.paying(&paying, order(1)).await;
    stage.sold(buyer(1), seats(&[3]), order(2)).await;
    let refusal = HoldOutcome::Refused(HoldRefusal::LimitExceeded { limit: 4, owned: 3 });
    for choice in
        [seats(&[4, 5]), places(1, 2), Choice::Best { quantity: 2, category: None, together: false }]
    {
        let request = limited(choice);
        assert_eq!(stage.untouched(stage.ask(&request)).await.outcome, refusal);
    }
    stage.held(limited(places(1, 1))).await;
    let full = HoldOutcome::Refused(HoldRefusal::LimitExceeded { limit: 4, owned: 4 });
    assert_eq!(stage.ask(&limited(seats(&[4]))).await.outcome, full);
    stage.held(HoldRequest { max_per_owner: 4, ..wish(buyer(2), seats(&[4, 5, 6, 7])) }).await;
}

/// Cancelled and refunded units no longer count against the limit.
pub async fn what_an_owner_gives_back_no_longer_counts(hot: HotUnderTest) {
    let stage = Stage::new(hot, 6, &[]).await;
    let limited = |choice| HoldRequest { max_per_owner: 2, ..wish(buyer(1), choice) };
    let hold = stage.held(limited(seats(&[1]))).await;
    let (sold, _) = stage.sold(buyer(1), seats(&[2]), order(1)).await;
    stage.cancel(&hold).await;
    let second = stage.held(limited(seats(&[3]))).await;
    stage.give_back(order(1), &sold.units).await;
    stage.held(limited(seats(&[4]))).await;
    stage.cancel(&second).await;
    stage.held(limited(seats(&[5]))).await;
    let refused = stage.ask(&limited(seats(&[6]))).await.outcome;
    assert_eq!(refused, HoldOutcome::Refused(HoldRefusal::LimitExceeded { limit: 2, owned: 2 }));
}

/// The name of a live hold cannot be given again.
pub async fn refuses_a_name_that_is_in_use(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[]).await;
    let first = stage.held_seats(buyer(1), &[1]).await;
    for owner in [buyer(1), buyer(2)] {
        let request = HoldRequest { id: first.id, ..wish(owner, seats(&[2])) };
        let outcome = stage.untouched(stage.ask(&request)).await.outcome;
        assert_eq!(outcome, HoldOutcome::Refused(HoldRefusal::NameTaken));
    }
}

/// Cancelling frees the units once; cancelling again is no mistake and frees nothing.
pub async fn cancels_once_and_again(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[2]).await;
    let hold = stage.held_seats(buyer(1), &[1, 2]).await;
    let in_area = stage.held(wish(buyer(1), places(1, 2))).await;
    assert_eq!(stage.cancel(&hold).await, CancelOutcome::Gone);
    assert_eq!(stage.cancel(&in_area).await, CancelOutcome::Gone);
    assert_eq!(stage.bits(&[1, 2]).await, [FREE, FREE]);
    assert_eq!(stage.free_in(1).await, 2);
    let next = stage.held_seats(buyer(2), &[1, 2]).await;
    assert_eq!(stage.untouched(stage.cancel(&hold)).await, CancelOutcome::Gone);
    assert_eq!(stage.cancel(&next).await, CancelOutcome::Gone);
}

/// To anybody else the hold does not exist.
pub async fn cancels_for_the_owner_only(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[]).await;
    let hold = stage.held_seats(buyer(1), &[1]).await;
    let by_other = Hold { owner: buyer(2), ..hold.clone() };
    assert_eq!(stage.untouched(stage.cancel(&by_other)).await, CancelOutcome::NotFound);
    let unknown = Hold { id: fresh_hold(), ..hold.clone() };
    assert_eq!(stage.untouched(stage.cancel(&unknown)).await, CancelOutcome::NotFound);
    assert_eq!(stage.cancel(&hold).await, CancelOutcome::Gone);
    assert_eq!(stage.cancel(&by_other).await, CancelOutcome::NotFound, "also when it has ended");
}

/// A live hold is found as it is, an ended one as it last was and with its ending; an unknown one is not there.
pub async fn finds_live_and_ended_holds(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[]).await;
    let find = async |id| stage.hot.reservations.find(stage.p, id).await.unwrap();
    let hold = stage.held_seats(buyer(1), &[1, 2]).await;
    assert_eq!(find(hold.id).await, Some(HoldView { hold: hold.clone(), ended: None }));
    stage.cancel(&hold).await;
    let ended = find(hold.id).await.unwrap();
    assert_eq!(ended.ended, Some(Ending::Cancelled));
    assert_eq!((ended.hold.id, ended.hold.owner, ended.hold.fence), (hold.id, hold.owner, hold.fence));
    assert_eq!(sorted(&ended.hold.units), [1, 2]);
    let (sold, step) = stage.sold(buyer(1), seats(&[3]), order(1)).await;
    assert_eq!(find(sold.id).await.unwrap().ended, Some(Ending::Confirmed(step.order)));
    assert_eq!(find(fresh_hold()).await, None);
}
