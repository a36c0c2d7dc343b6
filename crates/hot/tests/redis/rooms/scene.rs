//! A room on Redis' own time, and short words for what the tests ask of it.

use std::time::{Duration, Instant};

use onsale_app::ports::{
    StoreError,
    waiting_room::{Holder, RoomError, WaitingRooms as _},
};
use onsale_domain::{
    events::WhenSoldOut,
    ids::EventId,
    time::Timestamp,
    waiting_room::{
        EndOutcome, EnterOutcome, JoinOutcome, Leaving, Place, Pseudonym, Secret, Standing, Summary, Terms,
        room::JoinRequest,
    },
};
use onsale_hot::redis::RedisStore;
use uuid::Uuid;

use crate::stage::SOON;

pub(super) const SECRET: Secret = Secret([42; 32]);

pub(super) fn terms() -> Terms {
    Terms {
        opens_at: None,
        admit_per_second: 400,
        max_inside: 20,
        inside_for_ms: 600_000,
        claim_within_ms: 60_000,
        when_sold_out: WhenSoldOut::Close,
    }
}

/// A room of these terms, seen from one node.
#[derive(Clone)]
pub(super) struct Scene {
    pub(super) store: RedisStore,
    pub(super) event: EventId,
    pub(super) terms: Terms,
    pub(super) generation: u32,
}

impl Scene {
    pub(super) async fn begin(store: &RedisStore, terms: Terms) -> Self {
        let scene = Self { store: store.clone(), event: EventId(Uuid::new_v4()), terms, generation: 1 };
        assert!(store.begin(scene.event, 1, SECRET).await.unwrap());
        scene
    }

    /// The same room from another node.
    pub(super) fn seen_from(&self, store: &RedisStore) -> Self {
        Self { store: store.clone(), ..self.clone() }
    }

    pub(super) fn holder(&self, n: u32, place: Place) -> Holder {
        Holder { generation: self.generation, place, buyer: buyer(n) }
    }

    pub(super) async fn try_join(&self, n: u32) -> Result<(JoinOutcome, Option<u64>), RoomError> {
        let request = JoinRequest { buyer: buyer(n), address: None };
        let decided = self.store.join(self.event, request, self.terms).await?;
        Ok((decided.outcome, decided.sequence))
    }

    pub(super) async fn joined(&self, n: u32) -> Holder {
        match self.try_join(n).await.unwrap() {
            (JoinOutcome::Placed(place) | JoinOutcome::Same(place), _) => self.holder(n, place),
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn admit(&self) -> u32 {
        self.store.admit(self.event, None, self.terms).await.unwrap().outcome
    }

    pub(super) async fn enter(&self, holder: Holder) -> EnterOutcome {
        self.store.enter(self.event, holder, self.terms).await.unwrap().outcome
    }

    pub(super) async fn end(&self, holder: Holder) -> EndOutcome {
        self.store.end(self.event, holder, Leaving::Completed { units: 2 }, self.terms).await.unwrap().outcome
    }

    pub(super) async fn summary(&self) -> Summary {
        self.store.summary(self.event, self.terms).await.unwrap()
    }

    pub(super) async fn standing(&self, holder: Holder) -> Standing {
        self.store.standing(self.event, holder).await.unwrap()
    }

    /// Steps until so many have been called.
    pub(super) async fn called(&self, count: u32) {
        let (begun, mut called) = (Instant::now(), 0);
        while called < count {
            assert!(begun.elapsed() < SOON, "{called} of {count} called");
            called += self.admit().await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

pub(super) fn buyer(n: u32) -> Pseudonym {
    // Spread as the first bytes of a hash are.
    Pseudonym(((u128::from(n.wrapping_mul(0x9E37_79B1)) << 96) + u128::from(n)).to_be_bytes())
}

pub(super) fn is_away<T>(answer: &Result<T, RoomError>) -> bool {
    matches!(answer, Err(RoomError::Store(StoreError::Unavailable(_))))
}

/// In so many milliseconds, by the clock of this machine, which is Redis' own here.
pub(super) fn in_ms(ms: u64) -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp(i64::try_from(since.as_millis()).unwrap()).plus_ms(ms)
}
