//! A performance in the store under test, and short words for what the cases do with it.
//!
//! Invariant: every look at the stock checks that it adds up.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "what stands here is used by tests only")]

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use onsale_app::ports::hot::{Availability, Decided, HotError, PaymentStep};
use onsale_domain::{
    changes::{Change, Recorded},
    ids::{AccountId, OrderId, PerformanceId, PerformanceNumber, ReservationId},
    inventory::Image,
    reservations::{
        BeginOutcome, CancelOutcome, Choice, ExtendOutcome, FinishOutcome, Hold, HoldOutcome, HoldRequest,
        RequestKey,
    },
    seating::Layout,
    units::Unit,
};
use uuid::Uuid;

use super::HotUnderTest;
use crate::stocks;

/// Longer than any case takes.
pub(super) const LONG_MS: u64 = 60_000;
/// For holds that are meant to lapse.
pub(super) const SHORT_MS: u64 = 1_500;
/// Long enough for a short hold to have lapsed.
pub(super) const PAST_SHORT_MS: u64 = 2_000;

pub(super) const FREE: u8 = 0b00;
pub(super) const HELD: u8 = 0b01;
pub(super) const SOLD: u8 = 0b10;
pub(super) const BLOCKED: u8 = 0b11;

/// Names that no other call gave.
fn fresh() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

pub(super) fn fresh_performance() -> PerformanceId {
    PerformanceId(Uuid::new_v4())
}

pub(super) fn fresh_hold() -> ReservationId {
    ReservationId::compose(1_800_000_000_000, PerformanceNumber(1), fresh())
}

pub(super) fn buyer(number: u32) -> AccountId {
    AccountId(Uuid::from_u128((0xA << 96) + u128::from(number)))
}

pub(super) fn order(number: u32) -> OrderId {
    OrderId(Uuid::from_u128((0xB << 96) + u128::from(number)))
}

pub(super) fn seats(numbers: &[u32]) -> Choice {
    Choice::Seats(numbers.iter().map(|number| Unit(*number)).collect())
}

pub(super) fn places(area: u32, quantity: u32) -> Choice {
    Choice::Area { area, quantity }
}

pub(super) fn wish(owner: AccountId, choice: Choice) -> HoldRequest {
    HoldRequest {
        id: fresh_hold(),
        owner,
        choice,
        ttl_ms: LONG_MS,
        max_per_owner: 1_000,
        key: None,
        is_key_new: false,
    }
}

pub(super) fn short_wish(owner: AccountId, choice: Choice) -> HoldRequest {
    HoldRequest { ttl_ms: SHORT_MS, ..wish(owner, choice) }
}

pub(super) fn key(key: u8, request: u8) -> RequestKey {
    RequestKey { key: [key; 16], request: [request; 16] }
}

/// One performance in a store under test.
#[derive(Clone)]
pub struct Stage {
    /// The store.
    pub hot: HotUnderTest,
    /// The performance.
    pub p: PerformanceId,
    /// Its layout.
    pub layout: Layout,
}

impl Stage {
    /// Loads an untouched stock of so many seats, all of one category, and areas of these capacities.
    pub async fn new(hot: HotUnderTest, seats: u32, areas: &[u32]) -> Self {
        Self::with_layout(hot, stocks::layout(&vec![0; seats as usize], areas)).await
    }

    /// Loads an untouched stock.
    pub async fn with_layout(hot: HotUnderTest, layout: Layout) -> Self {
        let p = fresh_performance();
        let stage = Self { hot, p, layout: layout.clone() };
        assert!(stage.hot.stock.load(p, Image::untouched(layout, 1)).await.unwrap(), "loaded by this call");
        stage
    }

    pub(super) async fn ask(&self, request: &HoldRequest) -> Decided<HoldOutcome> {
        self.hot.reservations.hold(self.p, request.clone()).await.unwrap()
    }

    pub(super) async fn hold(&self, owner: AccountId, choice: Choice) -> HoldOutcome {
        self.ask(&wish(owner, choice)).await.outcome
    }

    /// Holds; fails where it is refused.
    pub(super) async fn held(&self, request: HoldRequest) -> Hold {
        match self.ask(&request).await.outcome {
            HoldOutcome::Held(hold) => hold,
            other => panic!("{request:?} should be held, not {other:?}"),
        }
    }

    pub(super) async fn held_seats(&self, owner: AccountId, numbers: &[u32]) -> Hold {
        self.held(wish(owner, seats(numbers))).await
    }

    pub(super) async fn extend(&self, hold: &Hold, ttl_ms: u64, max_extensions: u32) -> ExtendOutcome {
        let answer = self.hot.reservations.extend(self.p, hold.id, hold.owner, ttl_ms, max_extensions).await;
        answer.unwrap().outcome
    }

    pub(super) async fn cancel(&self, hold: &Hold) -> CancelOutcome {
        self.hot.reservations.cancel(self.p, hold.id, hold.owner).await.unwrap().outcome
    }

    pub(super) async fn begin(&self, hold: &Hold, order: OrderId) -> BeginOutcome {
        self.hot.reservations.begin_payment(self.p, hold.id, hold.owner, order).await.unwrap().outcome
    }

    /// Begins a payment; fails where it is refused.
    pub(super) async fn paying(&self, hold: &Hold, order: OrderId) -> PaymentStep {
        let outcome = self.begin(hold, order).await;
        assert!(matches!(outcome, BeginOutcome::Begun(_)), "{outcome:?}");
        PaymentStep { hold: hold.id, fence: hold.fence, order }
    }

    pub(super) async fn end(&self, step: PaymentStep, grace_ms: u64) -> FinishOutcome {
        self.hot.reservations.end_payment(self.p, step, grace_ms).await.unwrap().outcome
    }

    pub(super) async fn sell(&self, step: PaymentStep) -> FinishOutcome {
        self.hot.reservations.sell(self.p, step).await.unwrap().outcome
    }

    /// Holds and sells; the hold as it was made, and the step that sold it.
    pub(super) async fn sold(&self, owner: AccountId, choice: Choice, order: OrderId) -> (Hold, PaymentStep) {
        let hold = self.held(wish(owner, choice)).await;
        let step = self.paying(&hold, order).await;
        assert_eq!(self.sell(step).await, FinishOutcome::Done);
        (hold, step)
    }

    pub(super) async fn give_back(&self, order: OrderId, units: &[Unit]) -> FinishOutcome {
        self.hot.stock.give_back(self.p, order, units.to_vec()).await.unwrap().outcome
    }

    pub(super) async fn pass(&self, ms: u64) {
        self.hot.time.advance_ms(ms).await;
    }

    /// The public view, which has to add up.
    pub async fn look(&self) -> Arc<Availability> {
        let seen = self.hot.stock.availability(self.p).await.unwrap();
        if let Err(flaw) = conserves(&self.layout, &seen) {
            panic!("{flaw}: {seen:?}");
        }
        seen
    }

    /// The public bits of the seats, in order.
    pub(super) async fn bits(&self, numbers: &[u32]) -> Vec<u8> {
        let seen = self.look().await;
        numbers.iter().map(|number| seen.bits(Unit(*number))).collect()
    }

    /// How many places of an area are free.
    pub(super) async fn free_in(&self, area: u32) -> u32 {
        let seen = self.look().await;
        seen.areas.iter().find(|(id, _)| *id == area).unwrap().1
    }

    /// Everything that happened to this performance and is not acknowledged.
    pub(super) async fn changes(&self) -> Vec<Recorded> {
        changes_of(&self.hot, self.p).await
    }

    /// Acknowledges everything there is.
    pub(super) async fn acknowledge(&self) {
        while let Some(batch) = self.hot.log.next(10_000, 0).await.unwrap() {
            self.hot.log.acknowledge(batch).await.unwrap();
        }
    }

    /// Runs an action and checks that it left no trace: neither in the stock nor in the record.
    pub(super) async fn untouched<T>(&self, action: impl Future<Output = T>) -> T {
        let (before, recorded) = (self.look().await, self.changes().await);
        let answer = action.await;
        assert_eq!(self.look().await, before, "the stock was touched");
        assert_eq!(self.changes().await, recorded, "something was recorded");
        answer
    }
}

/// Everything of one performance that the store has not been told to forget.
pub async fn changes_of(hot: &HotUnderTest, p: PerformanceId) -> Vec<Recorded> {
    let batch = hot.log.next(1_000_000, 0).await.unwrap();
    let changes = batch.map(|batch| batch.changes).unwrap_or_default();
    changes.into_iter().filter(|recorded| recorded.performance == p).collect()
}

/// Whether a public view adds up: counts to the capacity, bits and areas to the counts.
pub fn conserves(layout: &Layout, seen: &Availability) -> Result<(), String> {
    let expect = |what: &str, found: u32, wanted: u32| {
        if found == wanted { Ok(()) } else { Err(format!("{what}: {found}, not {wanted}")) }
    };
    let places: u32 = layout.areas().iter().map(|area| area.capacity).sum();
    expect("units counted", seen.counts.total(), layout.capacity())?;
    expect("seats", seen.seat_count, layout.capacity() - places)?;
    expect("bytes of states", seen.states.len() as u32, seen.seat_count.div_ceil(4))?;
    let with = |bits: u8| (1..=seen.seat_count).filter(|seat| seen.bits(Unit(*seat)) == bits).count() as u32;
    let free_places: u32 = seen.areas.iter().map(|(_, free)| *free).sum();
    expect("units free", with(FREE) + free_places, seen.counts.available)?;
    expect("units blocked", with(BLOCKED), seen.counts.blocked)?;
    expect(
        "units held, paying and sold",
        with(HELD) + with(SOLD) + places - free_places,
        seen.counts.held + seen.counts.paying + seen.counts.sold,
    )?;
    let ids: Vec<u32> = seen.areas.iter().map(|(id, _)| *id).collect();
    let wanted: Vec<u32> = layout.areas().iter().map(|area| area.id).collect();
    if ids == wanted { Ok(()) } else { Err(format!("areas {ids:?}, not {wanted:?}")) }
}

pub(super) fn is_not_loaded<T>(answer: &Result<T, HotError>) -> bool {
    matches!(answer, Err(HotError::NotLoaded))
}

pub(super) fn made_hold(recorded: &Recorded) -> Option<ReservationId> {
    match &recorded.change {
        Change::Held { hold, .. } => Some(*hold),
        _ => None,
    }
}
