//! The stock as a whole over Redis.
//!
//! Invariant: what is shown is what Redis has at one position; counts are counted from the states themselves.

use std::sync::{Arc, atomic::Ordering};

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    hot::{Availability, Decided, HotError, Stock},
};
use onsale_domain::{
    ids::{OrderId, PerformanceId},
    inventory::Image,
    reservations::{BlockOutcome, FinishOutcome, Hold},
    seating::Layout,
    units::{Counts, Unit, UnitState},
};
use redis::Value;
use tokio::task::JoinSet;

use super::{
    Inner, Performance, RedisStore, checks,
    codec::{self, Meta},
    reservations::{finished, number},
    scripts::{self, Answer, Pair},
};

/// How many performances are asked at once.
pub(super) const AT_ONCE: usize = 32;

/// A payment this old may be looked at to see whether the node that began it is still there.
const GONE_AFTER_MS: u64 = 2_000;

impl Inner {
    /// The states of all units at one position; with `lapse`, after what is due has lapsed.
    pub(super) async fn states(
        &self,
        performance: &Performance,
        lapse: bool,
    ) -> Result<(Meta, Vec<u8>), HotError> {
        let lapse = if lapse { b"1" } else { b"0" };
        let mut answer = self.command(performance, &scripts::LOOK, &[lapse]).await?;
        if answer.word() != "seen" {
            return Err(answer.unknown());
        }
        Ok((Meta::decode(&answer.bytes()?)?, answer.bytes()?))
    }

    /// The static facts of a performance, fetched once.
    pub(super) async fn layout(&self, performance: &Performance) -> Result<Arc<Layout>, HotError> {
        if let Some(known) = performance.layout.get() {
            return Ok(Arc::clone(known));
        }
        let stored = self.commands.run(redis::cmd("GET").arg(performance.keys.layout())).await?;
        let Value::BulkString(bytes) = stored else { return Err(HotError::NotLoaded) };
        let layout: Layout = postcard::from_bytes(&bytes).map_err(StoreError::corrupt)?;
        Ok(Arc::clone(performance.layout.get_or_init(|| Arc::new(layout))))
    }
}

/// Packs the states of the seats, two bits each, and counts everything.
fn public_view(layout: &Layout, meta: Meta, bytes: &[u8]) -> Result<Availability, StoreError> {
    let states: Vec<UnitState> = bytes.iter().map(|byte| codec::state(*byte)).collect::<Result<_, _>>()?;
    if states.len() != layout.capacity() as usize || meta.seats != layout.seat_count() {
        return Err(StoreError::corrupt("a stock that does not fit its layout"));
    }
    let mut counts = Counts::default();
    for state in &states {
        *counts.of(*state) += 1;
    }
    let free_in = |run: &onsale_domain::seating::AreaRun| {
        let from = run.first.index();
        let places = &states[from..from + run.capacity as usize];
        places.iter().filter(|state| **state == UnitState::Available).count() as u32
    };
    let packed = states[..meta.seats as usize]
        .chunks(4)
        .map(|four| four.iter().rev().fold(0, |byte, state| (byte << 2) | state.public_bits()))
        .collect();
    Ok(Availability {
        position: meta.position,
        seat_count: meta.seats,
        states: packed,
        areas: layout.areas().iter().map(|run| (run.id, free_in(run))).collect(),
        counts,
    })
}

#[async_trait]
impl Stock for RedisStore {
    async fn load(&self, p: PerformanceId, image: Image) -> Result<bool, StoreError> {
        self.inner.load(&self.inner.performance(p), image).await
    }

    async fn availability(&self, p: PerformanceId) -> Result<Arc<Availability>, HotError> {
        let performance = self.inner.performance(p);
        let (meta, states) = self.inner.states(&performance, false).await?;
        let layout = self.inner.layout(&performance).await?;
        Ok(Arc::new(public_view(&layout, meta, &states)?))
    }

    async fn block(
        &self,
        p: PerformanceId,
        seats: Vec<Unit>,
        blocked: bool,
    ) -> Result<Decided<BlockOutcome>, HotError> {
        let performance = self.inner.performance(p);
        let units = codec::unit_bytes(&seats);
        let arguments: [&[u8]; 2] = [&units, if blocked { b"1" } else { b"0" }];
        let mut answer = self.inner.command(&performance, &scripts::BLOCK, &arguments).await?;
        let outcome = match answer.word() {
            "done" => BlockOutcome::Done,
            "no_seat" => BlockOutcome::SeatNotFound(Unit(number(answer.int()?)?)),
            "taken" => BlockOutcome::SeatTaken(codec::units(&answer.bytes()?)?),
            _ => return Err(answer.unknown()),
        };
        Ok(Decided { outcome, sequence: answer.number })
    }

    async fn give_back(
        &self,
        p: PerformanceId,
        order: OrderId,
        units: Vec<Unit>,
    ) -> Result<Decided<FinishOutcome>, HotError> {
        let performance = self.inner.performance(p);
        let units = codec::unit_bytes(&units);
        let arguments: [&[u8]; 2] = [order.0.as_bytes(), &units];
        finished(&self.inner.command(&performance, &scripts::GIVE_BACK, &arguments).await?)
    }

    async fn paying(
        &self,
        older_than_ms: u64,
        limit: usize,
    ) -> Result<Vec<(PerformanceId, Hold)>, StoreError> {
        self.inner.hear_of_performances().await?;
        let mut found = Vec::new();
        for some in self.inner.all_performances().chunks(AT_ONCE) {
            let mut asked = JoinSet::new();
            for performance in some {
                let (inner, performance) = (Arc::clone(&self.inner), Arc::clone(performance));
                asked.spawn(async move { inner.paying_in(&performance, older_than_ms, limit).await });
            }
            for holds in asked.join_all().await {
                found.extend(holds?);
            }
            if found.len() >= limit {
                break;
            }
        }
        found.sort_unstable_by_key(|(p, hold)| (*p, hold.id));
        found.truncate(limit);
        Ok(found)
    }

    async fn image(&self, p: PerformanceId) -> Result<Image, HotError> {
        self.inner.image(&self.inner.performance(p)).await
    }

    async fn health(&self) -> Result<(), StoreError> {
        self.inner.commands.run(&redis::cmd("PING")).await.map(drop)
    }

    async fn flaws(&self) -> Result<Vec<String>, StoreError> {
        let flaws = checks::flaws(&self.inner.background).await?;
        Ok(flaws.into_iter().map(str::to_owned).collect())
    }

    async fn shut_down(&self) {
        self.inner.stopped.store(true, Ordering::Release);
        self.inner.release_records().await;
    }
}

impl Inner {
    async fn paying_in(
        &self,
        performance: &Performance,
        older_than_ms: u64,
        limit: usize,
    ) -> Result<Vec<(PerformanceId, Hold)>, StoreError> {
        let old = self.paying_for(performance, older_than_ms, limit).await?;
        let mut found: Vec<_> = old.into_iter().map(|(_, hold)| (performance.id, hold)).collect();
        if older_than_ms > GONE_AFTER_MS && found.len() < limit {
            let younger = self.paying_for(performance, GONE_AFTER_MS, limit).await?;
            let calls: Vec<u64> = younger.iter().map(|(call, _)| *call).collect();
            let gone = self.of_nodes_gone(&calls).await?;
            for (call, hold) in younger {
                if gone.contains(&call) && !found.iter().any(|(_, known)| known.id == hold.id) {
                    found.push((performance.id, hold));
                }
            }
        }
        Ok(found)
    }

    /// The holds that have been PAYING for so long, each with the call that moved it last.
    async fn paying_for(
        &self,
        performance: &Performance,
        older_than_ms: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Hold)>, StoreError> {
        let (older_than_ms, limit) = (older_than_ms.to_string(), limit.to_string());
        let arguments: [&[u8]; 2] = [older_than_ms.as_bytes(), limit.as_bytes()];
        let pairs = match self.command(performance, &scripts::PAYING, &arguments).await.map(Answer::rest) {
            Ok(pairs) => pairs?,
            Err(HotError::NotLoaded) => return Ok(Vec::new()),
            Err(HotError::Store(error)) => return Err(error),
        };
        let hold = |(id, bytes): Pair| {
            let (hold, _) = codec::hold(codec::id(&id)?, &bytes)?;
            Ok((codec::call(&bytes)?, hold))
        };
        pairs.into_iter().map(hold).collect()
    }
}
