//! Nodes on a Redis, on its own time, and short words for what the tests do with them.
//!
//! Invariant: whoever waits, waits for a condition, with a limit.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use onsale_app::ports::{
    StoreError,
    hot::{Availability, ChangeLog as _, HotError, Reservations as _, Stock as _},
};
use onsale_domain::{
    changes::Recorded,
    ids::{AccountId, OrderId, PerformanceId, PerformanceNumber, ReservationId},
    inventory::Image,
    reservations::{Choice, Hold, HoldOutcome, HoldRequest},
    seating::Layout,
    units::{Unit, Units},
};
use onsale_hot::redis::{RedisSettings, RedisStore};
use onsale_testkit::{conformance::hot::conserves, model::check_record, stocks};
use uuid::Uuid;

/// No command takes longer, whatever Redis does: the store's own limit, and what a busy machine adds.
pub(crate) const BOUND: Duration = Duration::from_millis(2_500);

/// How long anything may take to come true.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) async fn node(url: &str) -> RedisStore {
    RedisStore::open(RedisSettings { url: url.to_owned(), strict: true, clock: None }).await.unwrap()
}

pub(crate) fn buyer(number: u32) -> AccountId {
    AccountId(Uuid::from_u128((0xA << 96) + u128::from(number)))
}

pub(crate) fn order(number: u32) -> OrderId {
    OrderId(Uuid::from_u128((0xB << 96) + u128::from(number)))
}

pub(crate) fn performance() -> PerformanceId {
    PerformanceId(Uuid::new_v4())
}

pub(crate) fn fresh_hold() -> ReservationId {
    static LAST: AtomicU64 = AtomicU64::new(0);
    ReservationId::compose(1_800_000_000_000, PerformanceNumber(1), LAST.fetch_add(1, Ordering::Relaxed) + 1)
}

pub(crate) fn seats(numbers: &[u32]) -> Choice {
    Choice::Seats(numbers.iter().map(|number| Unit(*number)).collect())
}

pub(crate) fn wish(owner: AccountId, choice: Choice) -> HoldRequest {
    HoldRequest {
        id: fresh_hold(),
        owner,
        choice,
        ttl_ms: 60_000,
        max_per_owner: 100_000,
        key: None,
        is_key_new: false,
    }
}

pub(crate) fn layout(seats: u32, areas: &[u32]) -> Layout {
    stocks::layout(&vec![0; seats as usize], areas)
}

/// A performance of so many seats, in its first epoch.
pub(crate) async fn on_sale(store: &RedisStore, seats: u32, areas: &[u32]) -> PerformanceId {
    let p = performance();
    assert!(store.load(p, Image::untouched(layout(seats, areas), 1)).await.unwrap());
    p
}

pub(crate) async fn held(store: &RedisStore, p: PerformanceId, request: HoldRequest) -> Hold {
    match store.hold(p, request).await.unwrap().outcome {
        HoldOutcome::Held(hold) => hold,
        other => panic!("{other:?}"),
    }
}

/// The public view, which has to add up.
pub(crate) async fn look(store: &RedisStore, p: PerformanceId, layout: &Layout) -> Arc<Availability> {
    let seen = store.availability(p).await.unwrap();
    conserves(layout, &seen).unwrap();
    seen
}

pub(crate) fn is_unavailable<T>(answer: &Result<T, HotError>) -> bool {
    matches!(answer, Err(HotError::Store(StoreError::Unavailable(_))))
}

/// Asks until it is answered.
pub(crate) async fn until_back(store: &RedisStore) {
    let begun = Instant::now();
    while let Err(error) = store.health().await {
        assert!(begun.elapsed() < SOON, "not back: {error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What a ledger would have: every change, once, in order within its performance.
#[derive(Default)]
pub(crate) struct Recording {
    pub(crate) changes: BTreeMap<PerformanceId, Vec<Recorded>>,
    /// How many were told again.
    pub(crate) repeats: usize,
}

impl Recording {
    /// Takes a batch as the ledger does: what it has already, it passes over.
    pub(crate) fn record(&mut self, batch: &[Recorded]) {
        for change in batch {
            let known = self.changes.entry(change.performance).or_default();
            if known.last().is_some_and(|last| last.position >= change.position) {
                self.repeats += 1;
            } else {
                known.push(change.clone());
            }
        }
    }

    /// Takes everything there is.
    pub(crate) async fn drain(&mut self, store: &RedisStore) {
        while let Some(batch) = store.next(10_000, 0).await.unwrap() {
            self.record(&batch.changes);
            store.acknowledge(batch).await.unwrap();
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.changes.values().map(Vec::len).sum()
    }
}

/// Drains everything there is, and checks that it is a history of that many units.
pub(crate) async fn drained(store: &RedisStore, p: PerformanceId, units: usize) -> Vec<Recorded> {
    let mut recording = Recording::default();
    recording.drain(store).await;
    let changes = recording.changes.remove(&p).unwrap_or_default();
    check_record(units, &changes).unwrap();
    changes
}

/// Every unit of these holds once.
pub(crate) fn assert_disjoint<'a>(holds: impl IntoIterator<Item = &'a Hold>) {
    let mut units: Units = holds.into_iter().flat_map(|hold| hold.units.iter().copied()).collect();
    units.sort_unstable();
    if let Some(pair) = units.windows(2).find(|pair| pair[0] == pair[1]) {
        panic!("unit {} is in two holds", pair[0].0);
    }
}
