//! Cases: putting a performance in place.
//!
//! Invariant checked: a stock is loaded once, from an image that says all there is to say.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use onsale_app::ports::hot::PaymentStep;
use onsale_domain::{
    inventory::Image,
    position::Position,
    reservations::{BeginOutcome, Ending, FinishOutcome, HoldOutcome, HoldRequest},
    units::{Counts, Unit},
};

use super::{
    HotUnderTest,
    stage::{
        BLOCKED, FREE, HELD, LONG_MS, PAST_SHORT_MS, SOLD, Stage, buyer, fresh_hold, fresh_performance,
        is_not_loaded, key, order, seats, short_wish, wish,
    },
};
use crate::stocks;

/// Every command and every question about a performance that was not loaded says so.
pub async fn nothing_works_before_loading(hot: HotUnderTest) {
    let p = fresh_performance();
    let (r, stock) = (&hot.reservations, &hot.stock);
    let id = fresh_hold();
    let step = PaymentStep { hold: id, fence: Position { epoch: 1, offset: 1 }.fence(), order: order(1) };
    assert!(is_not_loaded(&r.hold(p, wish(buyer(1), seats(&[1]))).await));
    assert!(is_not_loaded(&r.extend(p, id, buyer(1), LONG_MS, 1).await));
    assert!(is_not_loaded(&r.cancel(p, id, buyer(1)).await));
    assert!(is_not_loaded(&r.begin_payment(p, id, buyer(1), order(1)).await));
    assert!(is_not_loaded(&r.end_payment(p, step, 0).await));
    assert!(is_not_loaded(&r.sell(p, step).await));
    assert!(is_not_loaded(&r.find(p, id).await));
    assert!(is_not_loaded(&stock.availability(p).await));
    assert!(is_not_loaded(&stock.block(p, vec![Unit(1)], true).await));
    assert!(is_not_loaded(&stock.give_back(p, order(1), vec![Unit(1)]).await));
    assert!(is_not_loaded(&stock.image(p).await));
    stock.health().await.unwrap();
}

/// Loading again answers `false` and leaves everything as it is.
pub async fn loads_once(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[]).await;
    let hold = stage.held_seats(buyer(1), &[2]).await;
    let again = Image::untouched(stage.layout.clone(), 2);
    let loaded = stage.untouched(stage.hot.stock.load(stage.p, again)).await;
    assert!(!loaded.unwrap());
    assert!(matches!(stage.begin(&hold, order(1)).await, BeginOutcome::Begun(_)));
}

/// Of many loads at once, one puts the performance in place.
pub async fn one_of_many_loads_wins(hot: HotUnderTest) {
    let p = fresh_performance();
    let layout = stocks::layout(&[0; 4], &[]);
    let loads: Vec<_> = (1..=16)
        .map(|epoch| {
            let (stock, image) = (hot.stock.clone(), Image::untouched(layout.clone(), epoch));
            tokio::spawn(async move { (epoch, stock.load(p, image).await.unwrap()) })
        })
        .collect();
    let mut winners = Vec::new();
    for load in loads {
        let (epoch, won) = load.await.unwrap();
        winners.extend(won.then_some(epoch));
    }
    assert_eq!(winners.len(), 1, "{winners:?}");
    let position = hot.stock.availability(p).await.unwrap().position;
    assert_eq!(position, Position { epoch: winners[0], offset: 0 });
}

/// An untouched stock: everything available, at the beginning of its epoch.
pub async fn a_fresh_stock_is_all_free(hot: HotUnderTest) {
    let stage = Stage::new(hot, 5, &[3, 2]).await;
    let seen = stage.look().await;
    assert_eq!(seen.position, Position { epoch: 1, offset: 0 });
    assert_eq!(seen.counts, Counts { available: 10, ..Counts::default() });
    assert_eq!(seen.areas, [(1, 3), (2, 2)]);
    assert_eq!(stage.bits(&[1, 2, 3, 4, 5]).await, [FREE; 5]);
}

/// The image of a stock, loaded under another name, behaves like the stock it was taken from: holds, payments,
/// sales, blocked seats, ended holds, keys and expiry.
pub async fn an_image_goes_on_where_it_was_taken(hot: HotUnderTest) {
    let stage = Stage::new(hot, 6, &[3]).await;
    let kept = stage.held_seats(buyer(1), &[1]).await;
    let paying = stage.held_seats(buyer(1), &[2]).await;
    let step = stage.paying(&paying, order(2)).await;
    let (gone, _) = stage.sold(buyer(2), seats(&[3]), order(3)).await;
    stage.hot.stock.block(stage.p, vec![Unit(4)], true).await.unwrap();
    let cancelled = stage.held_seats(buyer(2), &[5]).await;
    stage.cancel(&cancelled).await;
    let keyed = HoldRequest { key: Some(key(1, 1)), ..short_wish(buyer(3), seats(&[6])) };
    let lapsing = stage.held(keyed.clone()).await;

    let image = stage.hot.stock.image(stage.p).await.unwrap();
    let copy = Stage { p: fresh_performance(), ..stage.clone() };
    assert!(copy.hot.stock.load(copy.p, image.clone()).await.unwrap());
    assert_eq!(copy.look().await, stage.look().await);
    assert_eq!(copy.hot.stock.image(copy.p).await.unwrap(), image);
    assert_eq!(copy.bits(&[1, 2, 3, 4, 5, 6]).await, [HELD, HELD, SOLD, BLOCKED, FREE, HELD]);

    let repeat = copy.ask(&HoldRequest { id: fresh_hold(), ..keyed }).await.outcome;
    assert_eq!(repeat, HoldOutcome::Repeated(lapsing.id), "keys go along");
    assert_eq!(copy.sell(step).await, FinishOutcome::Done, "a payment under way goes on");
    assert_eq!(copy.give_back(order(3), &gone.units).await, FinishOutcome::Done, "sales go along");
    assert_eq!(
        copy.begin(&cancelled, order(5)).await,
        BeginOutcome::Ended(Ending::Cancelled),
        "endings go along"
    );
    assert!(matches!(copy.begin(&kept, order(1)).await, BeginOutcome::Begun(_)));
    copy.pass(PAST_SHORT_MS).await;
    assert_eq!(
        copy.bits(&[1, 2, 3, 4, 5, 6]).await,
        [HELD, SOLD, FREE, BLOCKED, FREE, FREE],
        "expiry goes on"
    );
}

/// Positions begin at 0 in the epoch of the image; the fence of a hold is the position of the change that made
/// it, so that later holds have greater fences.
pub async fn positions_and_fences_are_of_the_epoch_loaded(hot: HotUnderTest) {
    let p = fresh_performance();
    let layout = stocks::layout(&[0; 4], &[]);
    assert!(hot.stock.load(p, Image::untouched(layout.clone(), 7)).await.unwrap());
    let stage = Stage { hot, p, layout };
    let first = stage.held_seats(buyer(1), &[1]).await;
    let second = stage.held_seats(buyer(1), &[2]).await;
    assert_eq!(first.fence, Position { epoch: 7, offset: 1 }.fence());
    assert_eq!(second.fence, Position { epoch: 7, offset: 2 }.fence());
    assert_eq!(stage.look().await.position, Position { epoch: 7, offset: 2 });
}

/// After shutting down, commands are refused as unavailable.
pub async fn refuses_commands_after_shutting_down(hot: HotUnderTest) {
    let stage = Stage::new(hot, 2, &[]).await;
    stage.held_seats(buyer(1), &[1]).await;
    stage.hot.stock.shut_down().await;
    let answer = stage.hot.reservations.hold(stage.p, wish(buyer(1), seats(&[2]))).await;
    assert!(answer.is_err(), "{answer:?}");
}
