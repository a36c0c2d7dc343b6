//! A room to play cases in, and shorthands for what they ask.
//!
//! Invariant: nothing here decides what is right; it asks, and fails where the store is in trouble.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "what stands here is used by tests only")]

use onsale_app::ports::waiting_room::Holder;
use onsale_domain::{
    events::WhenSoldOut,
    ids::EventId,
    time::Timestamp,
    waiting_room::{
        Control, EndOutcome, EnterOutcome, Gate, JoinOutcome, Leaving, Place, Progress, Pseudonym, Secret,
        Standing, Stock, Summary, Terms, Turn, room::JoinRequest,
    },
};
use uuid::Uuid;

use super::RoomsUnderTest;

pub(super) const GENERATION: u32 = 0xAB12;
pub(super) const SECRET: Secret = Secret([42; 32]);
pub(super) const CLAIM_MS: u64 = 60_000;
pub(super) const INSIDE_MS: u64 = 600_000;

/// One room in a store under test.
#[derive(Clone)]
pub struct RoomStage {
    /// The store.
    pub under_test: RoomsUnderTest,
    /// The event.
    pub event: EventId,
    /// Its terms.
    pub terms: Terms,
}

pub(super) fn buyer(n: u32) -> Pseudonym {
    Pseudonym((u128::from(n) + 1).to_be_bytes())
}

pub(super) fn event(n: u128) -> EventId {
    EventId(Uuid::from_u128((0xE << 96) + n))
}

impl RoomStage {
    /// Begins a room without a lobby: 50 a second, 500 inside.
    pub async fn new(under_test: RoomsUnderTest) -> Self {
        let terms = Terms {
            opens_at: None,
            admit_per_second: 50,
            max_inside: 500,
            inside_for_ms: INSIDE_MS,
            claim_within_ms: CLAIM_MS,
            when_sold_out: WhenSoldOut::Close,
        };
        let stage = Self { under_test, event: event(1), terms };
        assert!(stage.under_test.rooms.begin(stage.event, GENERATION, SECRET).await.unwrap());
        stage
    }

    /// As [`RoomStage::new`], with a lobby that closes after a minute.
    pub async fn with_lobby(under_test: RoomsUnderTest) -> Self {
        let mut stage = Self::new(under_test).await;
        stage.terms.opens_at = Some(stage.now().plus_ms(60_000));
        stage
    }

    pub(super) fn now(&self) -> Timestamp {
        self.under_test.clock.now()
    }

    pub(super) async fn join(&self, n: u32) -> JoinOutcome {
        let request = JoinRequest { buyer: buyer(n), address: None };
        self.under_test.rooms.join(self.event, request, self.terms).await.unwrap().outcome
    }

    /// Joins; fails where there is no new place.
    pub(super) async fn placed(&self, n: u32) -> Holder {
        match self.join(n).await {
            JoinOutcome::Placed(place) => Self::holder(place, n),
            other => panic!("buyer {n} should get a place, not {other:?}"),
        }
    }

    /// The first so many buyers join; buyer n gets place n.
    pub(super) async fn joined(&self, count: u32) -> Vec<Holder> {
        let mut holders = Vec::new();
        for n in 0..count {
            holders.push(self.placed(n).await);
            assert_eq!(holders[n as usize].place, Place(n));
        }
        holders
    }

    pub(super) fn holder(place: Place, n: u32) -> Holder {
        Holder { generation: GENERATION, place, buyer: buyer(n) }
    }

    pub(super) async fn admit(&self, stock: Option<Stock>) -> u32 {
        self.under_test.rooms.admit(self.event, stock, self.terms).await.unwrap().outcome
    }

    /// Lets time pass and calls every quarter of a second. Gives how many were called.
    pub(super) async fn pass(&self, ms: u64, stock: Option<Stock>) -> u32 {
        let mut called = 0;
        for _ in 0..ms.div_ceil(250) {
            self.under_test.time.advance_ms(250).await;
            called += self.admit(stock).await;
        }
        called
    }

    pub(super) async fn enter(&self, holder: Holder) -> EnterOutcome {
        self.under_test.rooms.enter(self.event, holder, self.terms).await.unwrap().outcome
    }

    /// Enters; fails where that is refused. Gives until when.
    pub(super) async fn inside(&self, holder: Holder) -> Timestamp {
        match self.enter(holder).await {
            EnterOutcome::Inside { until } => until,
            other => panic!("{holder:?} should be let in, not {other:?}"),
        }
    }

    pub(super) async fn end(&self, holder: Holder, leaving: Leaving) -> EndOutcome {
        self.under_test.rooms.end(self.event, holder, leaving, self.terms).await.unwrap().outcome
    }

    pub(super) async fn control(&self, control: Control, gate: Gate) -> bool {
        self.under_test.rooms.control(self.event, control, gate, self.terms).await.unwrap().outcome
    }

    pub(super) async fn summary(&self) -> Summary {
        self.under_test.rooms.summary(self.event, self.terms).await.unwrap()
    }

    pub(super) async fn standing(&self, holder: Holder) -> Standing {
        self.under_test.rooms.standing(self.event, holder).await.unwrap()
    }

    pub(super) async fn progress(&self, holder: Holder) -> Progress {
        self.summary().await.progress(holder.place, self.now())
    }

    /// Which places are called and have not come.
    pub(super) async fn called(&self) -> Vec<u32> {
        let turns = self.summary().await.turns;
        turns
            .iter()
            .filter(|(_, turn)| matches!(turn, Turn::Called { .. }))
            .map(|(place, _)| place.0)
            .collect()
    }
}
