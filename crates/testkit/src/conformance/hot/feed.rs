//! Cases: news.
//!
//! Invariant checked: whoever reads when the mark has moved, and once before, has seen every change.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use std::time::Duration;

use onsale_domain::units::Unit;
use tokio::sync::watch;

use super::{
    HotUnderTest,
    stage::{FREE, HELD, PAST_SHORT_MS, Stage, buyer, seats, short_wish, wish},
};

/// How long news may take.
const SOON: Duration = Duration::from_secs(5);

async fn moved(mark: &mut watch::Receiver<u64>) {
    tokio::time::timeout(SOON, mark.changed()).await.expect("the mark moves soon").unwrap();
}

/// A hold is news, and so is that it was given back.
pub async fn a_change_moves_the_mark(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[]).await;
    let mut mark = stage.hot.feed.watch(stage.p).await.unwrap();
    mark.mark_unchanged();
    let hold = stage.held(wish(buyer(1), seats(&[2]))).await;
    moved(&mut mark).await;
    stage.cancel(&hold).await;
    moved(&mut mark).await;
}

/// Time itself makes news.
pub async fn what_lapses_moves_the_mark(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[]).await;
    stage.held(short_wish(buyer(1), seats(&[2]))).await;
    let mut mark = stage.hot.feed.watch(stage.p).await.unwrap();
    mark.mark_unchanged();
    stage.pass(PAST_SHORT_MS).await;
    moved(&mut mark).await;
}

/// Two who watch the same performance are both told.
pub async fn everybody_who_watches_is_told(hot: HotUnderTest) {
    let stage = Stage::new(hot, 4, &[]).await;
    let mut marks = Vec::new();
    for _ in 0..2 {
        marks.push(stage.hot.feed.watch(stage.p).await.unwrap());
    }
    // One who stops watching takes nothing from the others.
    drop(stage.hot.feed.watch(stage.p).await.unwrap());
    marks.iter_mut().for_each(watch::Receiver::mark_unchanged);
    stage.held(wish(buyer(1), seats(&[2]))).await;
    for mark in &mut marks {
        moved(mark).await;
    }
}

/// Reading after the mark has moved shows what moved it, time after time.
pub async fn a_mark_that_moved_shows_the_change(hot: HotUnderTest) {
    let stage = Stage::new(hot, 20, &[]).await;
    let mut mark = stage.hot.feed.watch(stage.p).await.unwrap();
    for seat in 1..=20 {
        let before = stage.hot.stock.availability(stage.p).await.unwrap();
        assert_eq!(before.bits(Unit(seat)), FREE);
        mark.mark_unchanged();
        stage.held(wish(buyer(seat), seats(&[seat]))).await;
        // Marks may move for earlier changes; what counts is that one comes with which this one shows.
        loop {
            moved(&mut mark).await;
            if stage.hot.stock.availability(stage.p).await.unwrap().bits(Unit(seat)) == HELD {
                break;
            }
        }
    }
}
