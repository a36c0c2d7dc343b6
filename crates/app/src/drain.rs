//! The drain: writes the hot store's record into the ledger, behind the answers.
//!
//! Invariant: a change is acknowledged to the hot store only after the ledger has committed it; the ledger
//! passes over what it has already, so a batch may come twice.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use crate::{
    App,
    errors::AppError,
    ports::{StoreError, hot::ChangeBatch},
};

/// How far the ledger is behind the hot store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// About how many changes it does not have.
    pub changes: u64,
    /// How old the oldest of them is.
    pub age_ms: u64,
}

/// How often the record is asked how far the ledger is, by somebody who waits for it.
const ASK_EVERY: Duration = Duration::from_millis(25);

/// About how many changes go into one transaction, where there are so many: the more, the less each costs.
const BATCH: usize = 10_000;

/// How long to wait for the first change before looking at the stop signal again.
const WAIT_MS: u64 = 500;

/// Gathers a moment before each batch, so that a trickle does not cost a transaction a change.
const GATHER: Duration = Duration::from_millis(15);

/// In a rush the drain rests this many times as long as a batch took: the machine belongs to those who are waiting
/// for an answer, and the drain catches up after it.
const REST: u32 = 24;

/// The longest rest: a batch of those who wait for the writer as well takes long, and most of that is no work.
const MAX_REST: Duration = Duration::from_secs(2);

/// What counts as a rush: so many commands accepted a second. About as many as a drain that rests can follow for good.
const RUSH_PER_S: f64 = 5_000.0;

/// How often a drain that rests looks whether the rush is over: then it goes on at once.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The longest pause between attempts while the ledger does not answer.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// A span of time, and how much was accepted up to its beginning.
struct Span {
    begun: Instant,
    before: u64,
}

impl Span {
    fn begin(app: &App) -> Self {
        Self { begun: Instant::now(), before: app.commands.load(Ordering::Acquire) }
    }

    /// Whether so much was accepted from its beginning to now that it was a rush.
    fn was_rush(&self, app: &App) -> bool {
        let accepted = app.commands.load(Ordering::Acquire) - self.before;
        accepted as f64 > RUSH_PER_S * self.begun.elapsed().as_secs_f64()
    }
}

impl App {
    /// Drains one batch. Gives how many changes it wrote; 0: there was nothing for `wait_ms`.
    pub async fn drain_once(&self, wait_ms: u64) -> Result<usize, AppError> {
        let Some(batch) = self.log.next(BATCH, wait_ms).await? else { return Ok(0) };
        self.write_behind(batch).await
    }

    async fn write_behind(&self, batch: ChangeBatch) -> Result<usize, AppError> {
        let count = batch.changes.len();
        let complete_to = batch.complete_to;
        self.ledger.record(&batch.changes).await?;
        for p in self.log.acknowledge(batch).await? {
            self.close_epochs(p).await?;
        }
        if let Some(sequence) = complete_to {
            self.note_recorded(sequence);
        }
        metrics::counter!("onsale_drain_changes_total").increment(count as u64);
        Ok(count)
    }

    /// Drains until the future is dropped; backs off while a store does not answer.
    pub async fn run_drain(&self) {
        let mut pause = GATHER;
        loop {
            match self.drain_and_rest().await {
                Ok(()) => pause = GATHER,
                Err(error) => {
                    pause = (pause * 2).min(MAX_PAUSE);
                    let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
                    tracing::warn!(%error, pause_ms, "the drain waits");
                }
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Drains one batch; in a rush it rests after it, as long as the rush lasts.
    async fn drain_and_rest(&self) -> Result<(), AppError> {
        let Some(batch) = self.log.next(BATCH, WAIT_MS).await? else { return Ok(()) };
        let mut span = Span::begin(self);
        self.write_behind(batch).await?;
        let rested = Instant::now();
        let enough = (span.begun.elapsed() * REST).min(MAX_REST);
        while span.was_rush(self) && rested.elapsed() < enough {
            span = Span::begin(self);
            tokio::time::sleep(LOOK_EVERY.min(enough.saturating_sub(rested.elapsed()))).await;
        }
        Ok(())
    }

    /// Drains what there is, at the end of a run.
    pub async fn drain_rest(&self) -> Result<(), AppError> {
        while self.drain_once(0).await? > 0 {}
        Ok(())
    }

    /// Waits until the ledger has what this process has accepted so far, or the time is up.
    pub(crate) async fn wait_recorded(&self, at_most: Duration) {
        let wanted = self.accepted.load(Ordering::Acquire);
        let mut recorded = self.recorded.subscribe();
        let told = async { recorded.wait_for(|sequence| *sequence >= wanted).await.is_ok() };
        let reached = async {
            tokio::select! {
                _ = told => {}
                () = self.ask_until_recorded(wanted) => {}
            }
        };
        // Being late is no error: the list is then a little behind, as it says.
        let _ = tokio::time::timeout(at_most, reached).await;
    }

    /// Another process may be the one that drains: then only the record tells how far the ledger is. One asks for
    /// all who wait.
    async fn ask_until_recorded(&self, wanted: u64) {
        while *self.recorded.borrow() < wanted {
            tokio::time::sleep(ASK_EVERY).await;
            let _asking = self.asking.lock().await;
            let accepted = self.accepted.load(Ordering::Acquire);
            match self.log.backlog().await {
                Ok(backlog) => self.note_recorded(backlog.first.map_or(accepted, |first| first - 1)),
                // The hot store is away; then so is whoever would write.
                Err(error) => tracing::debug!(%error, "how far the ledger is, is not known"),
            }
        }
    }

    fn note_recorded(&self, sequence: u64) {
        self.recorded.send_if_modified(|recorded| {
            let newer = sequence > *recorded;
            *recorded = sequence.max(*recorded);
            newer
        });
    }

    /// How far the ledger is behind the hot store; also put into the metrics.
    pub async fn drain_lag(&self) -> Result<Lag, StoreError> {
        let backlog = self.log.backlog().await?;
        let age_ms = backlog.since.map_or(0, |since| self.clock.now().since_ms(since));
        metrics::gauge!("onsale_drain_lag_changes").set(backlog.changes as f64);
        metrics::gauge!("onsale_drain_lag_seconds").set(age_ms as f64 / 1_000.0);
        Ok(Lag { changes: backlog.changes, age_ms })
    }
}
