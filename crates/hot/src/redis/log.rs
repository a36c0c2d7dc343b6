//! The record over Redis, as the drain reads it.
//!
//! The record of a performance is a stream that holds exactly what the ledger does not have yet: acknowledging trims
//! it. One node at a time drains a performance, because its changes have to reach the ledger in order; it has it as
//! long as it makes progress, and whoever comes when that has stopped takes over where it was.
//!
//! Invariants:
//! - nothing leaves a stream before the ledger has it;
//! - a change that two nodes write because one was slow is the same change: the ledger passes over the second.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    hot::{Backlog, ChangeBatch, ChangeLog, HotError},
};
use onsale_domain::{changes::Recorded, ids::PerformanceId, position::Position};
use parking_lot::Mutex;
use redis::Value;
use tokio::{sync::Notify, task::JoinSet, time::Instant};

use super::{Inner, Performance, RedisStore, WITHIN, codec, scripts, stock::AT_ONCE};

/// How long a node has a record without progress.
const LEASE_MS: &[u8] = b"5000";

/// How often every record is looked at: what another node left behind is found this way.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How soon a record is asked for again that another node has.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// How many changes are read at once: a longer answer would keep others waiting.
const PORTION: usize = 2_000;

/// What there is to drain, as far as this node knows.
#[derive(Default)]
pub(super) struct Drain {
    /// Performances with changes.
    waiting: Mutex<BTreeSet<PerformanceId>>,
    woken: Notify,
    looked: Mutex<Option<Instant>>,
}

/// When to ask for the record of a performance again, where it could not be had.
#[derive(Default)]
pub(super) struct Standing(Mutex<Option<Instant>>);

impl Drain {
    /// There is something in the record of a performance.
    pub(super) fn wake(&self, performance: &Performance) {
        if self.waiting.lock().insert(performance.id) {
            self.woken.notify_one();
        }
    }
}

impl Inner {
    /// Looks for records that have something in them.
    async fn look_around(self: &Arc<Self>) -> Result<(), StoreError> {
        self.hear_of_performances().await?;
        for some in self.all_performances().chunks(AT_ONCE) {
            let mut asked = JoinSet::new();
            for performance in some {
                let (inner, performance) = (Arc::clone(self), Arc::clone(performance));
                asked.spawn(async move {
                    let length =
                        inner.background.run(redis::cmd("XLEN").arg(performance.keys.changes())).await;
                    (performance, length)
                });
            }
            for (performance, length) in asked.join_all().await {
                // One that cannot be reached is looked at again in a second.
                if let Ok(Value::Int(length)) = length
                    && length > 0
                {
                    self.drain.wake(&performance);
                }
            }
        }
        Ok(())
    }

    /// How much of a record is waiting.
    async fn backlog_of(&self, performance: &Performance) -> Result<Backlog, StoreError> {
        let changes = performance.keys.changes();
        // First the oldest, so that one that comes meanwhile is at worst counted.
        let command = |verb: &str| redis::cmd(verb).arg(changes).to_owned();
        let oldest = self.background.run(command("XRANGE").arg("-").arg("+").arg("COUNT").arg(1)).await?;
        let Some(oldest) = recorded(performance.id, oldest)?.pop() else { return Ok(Backlog::default()) };
        let Value::Int(length) = self.background.run(&command("XLEN")).await? else {
            return Err(StoreError::corrupt("the length of a record is no number"));
        };
        let changes = u64::try_from(length).unwrap_or(0);
        Ok(Backlog { changes, first: Some(oldest.sequence), since: Some(oldest.at) })
    }

    /// Lets other nodes drain what this one has taken.
    pub(super) async fn release_records(&self) {
        let taken = std::mem::take(&mut *self.drain.waiting.lock());
        for p in taken {
            let performance = self.performance(p);
            let keys = performance.keys.all();
            let node: [&[u8]; 1] = [self.node.as_bytes()];
            if self.run(&self.background, &scripts::LEAVE, keys, &node, WITHIN).await.is_err() {
                // It ends by itself, only later; and so does that of the others.
                return;
            }
        }
    }

    async fn look_around_in_time(self: &Arc<Self>) -> Result<(), StoreError> {
        let now = Instant::now();
        let is_time = self.drain.looked.lock().is_none_or(|at| at + LOOK_EVERY <= now);
        if is_time {
            self.look_around().await?;
            *self.drain.looked.lock() = Some(now);
        }
        Ok(())
    }

    /// Takes records and reads them, up to about so many changes.
    async fn gather(self: &Arc<Self>, max: usize) -> Result<Vec<Recorded>, StoreError> {
        let now = Instant::now();
        let mut ready = Vec::new();
        let mut later = BTreeSet::new();
        // Whatever comes in from here on wakes it again; so nothing is missed between looking and forgetting.
        for p in std::mem::take(&mut *self.drain.waiting.lock()) {
            let performance = self.performance(p);
            let is_ready = performance.drain.0.lock().is_none_or(|at| at <= now);
            if is_ready {
                ready.push(performance);
            } else {
                later.insert(p);
            }
        }
        let mut changes = Vec::new();
        let mut trouble = None;
        for some in ready.chunks(AT_ONCE) {
            let mut asked = JoinSet::new();
            let each = max.saturating_sub(changes.len()).div_ceil(some.len());
            for performance in some {
                let (inner, performance) = (Arc::clone(self), Arc::clone(performance));
                asked.spawn(async move {
                    let read =
                        if each == 0 { Ok(Taken::Later) } else { inner.read(&performance, each).await };
                    (performance, read)
                });
            }
            for (performance, read) in asked.join_all().await {
                let (keeps, again_at) = match read {
                    Ok(Taken::Nothing) => (false, None),
                    Ok(Taken::Later) => (true, None),
                    Ok(Taken::ByAnother) => (true, Some(Instant::now() + ASK_AGAIN)),
                    Ok(Taken::Changes(mut found)) => {
                        changes.append(&mut found);
                        (true, None)
                    }
                    Err(error) => {
                        trouble = Some(error);
                        (true, Some(Instant::now() + LOOK_EVERY))
                    }
                };
                *performance.drain.0.lock() = again_at;
                if keeps {
                    later.insert(performance.id);
                }
            }
        }
        self.drain.waiting.lock().append(&mut later);
        match trouble {
            Some(error) if changes.is_empty() => Err(error),
            _ => Ok(changes),
        }
    }

    async fn read(&self, performance: &Performance, max: usize) -> Result<Taken, StoreError> {
        let arguments: [&[u8]; 2] = [self.node.as_bytes(), LEASE_MS];
        let keys = performance.keys.all();
        let mut answer = match self.run(&self.background, &scripts::TAKE, keys, &arguments, WITHIN).await {
            Ok(answer) => answer,
            Err(HotError::NotLoaded) => return Ok(Taken::Nothing),
            Err(HotError::Store(error)) => return Err(error),
        };
        if answer.word() == "theirs" {
            return Ok(Taken::ByAnother);
        }
        if answer.int()? == 0 {
            return Ok(Taken::Nothing);
        }
        let mut changes: Vec<Recorded> = Vec::new();
        while changes.len() < max {
            let after = changes.last().map_or_else(
                || "-".to_owned(),
                |last| format!("({}-{}", last.position.epoch, last.position.offset),
            );
            let wanted = PORTION.min(max - changes.len());
            let mut command = redis::cmd("XRANGE");
            command.arg(performance.keys.changes()).arg(after).arg("+").arg("COUNT").arg(wanted);
            let entries = recorded(performance.id, self.background.run(&command).await?)?;
            let count = entries.len();
            changes.extend(entries);
            if count < wanted {
                break;
            }
        }
        Ok(Taken::Changes(changes))
    }

    /// `true`: the performance was loaded under a later epoch meanwhile.
    async fn acknowledged(&self, performance: &Performance, upto: Position) -> Result<bool, StoreError> {
        let (epoch, offset) = (upto.epoch.to_string(), upto.offset.to_string());
        let arguments: [&[u8]; 4] = [self.node.as_bytes(), epoch.as_bytes(), offset.as_bytes(), LEASE_MS];
        let keys = performance.keys.all();
        match self.run(&self.background, &scripts::ACKNOWLEDGE, keys, &arguments, WITHIN).await {
            Ok(answer) => Ok(answer.word() == "past"),
            // Emptied meanwhile; there is nothing left to forget, and whoever loads it finds what was written.
            Err(HotError::NotLoaded) => Ok(false),
            Err(HotError::Store(error)) => Err(error),
        }
    }
}

/// What came of asking for the record of a performance.
enum Taken {
    Changes(Vec<Recorded>),
    Nothing,
    ByAnother,
    /// The batch was full before its turn.
    Later,
}

/// Changes from the entries of a stream.
fn recorded(performance: PerformanceId, entries: Value) -> Result<Vec<Recorded>, StoreError> {
    let odd = || StoreError::corrupt("the record holds what is no change");
    let Value::Array(entries) = entries else { return Err(odd()) };
    let mut changes = Vec::with_capacity(entries.len());
    for entry in entries {
        let Value::Array(parts) = entry else { return Err(odd()) };
        let [Value::BulkString(id), Value::Array(fields)] = parts.as_slice() else { return Err(odd()) };
        let [_, Value::BulkString(bytes)] = fields.as_slice() else { return Err(odd()) };
        let position =
            String::from_utf8_lossy(id).replacen('-', ":", 1).parse().map_err(StoreError::corrupt)?;
        let (sequence, at, change) = codec::change(bytes)?;
        changes.push(Recorded { performance, position, sequence, at, change });
    }
    Ok(changes)
}

#[async_trait]
impl ChangeLog for RedisStore {
    async fn next(&self, max: usize, wait_ms: u64) -> Result<Option<ChangeBatch>, StoreError> {
        let deadline = Instant::now() + Duration::from_millis(wait_ms);
        loop {
            let woken = self.inner.drain.woken.notified();
            self.inner.look_around_in_time().await?;
            let changes = self.inner.gather(max.max(1)).await?;
            if !changes.is_empty() {
                // Batches are told apart by what is in them.
                return Ok(Some(ChangeBatch { upto: 0, changes, complete_to: None }));
            }
            let now = Instant::now();
            if now >= deadline {
                return Ok(None);
            }
            let is_another_at_it = !self.inner.drain.waiting.lock().is_empty();
            let pause = if is_another_at_it { ASK_AGAIN } else { LOOK_EVERY };
            // Woken, or it is time to look again: both are good.
            let _ = tokio::time::timeout_at(deadline.min(now + pause), woken).await;
        }
    }

    async fn acknowledge(&self, batch: ChangeBatch) -> Result<Vec<PerformanceId>, StoreError> {
        let mut reached: BTreeMap<PerformanceId, Position> = BTreeMap::new();
        for change in &batch.changes {
            reached.insert(change.performance, change.position);
        }
        let reached: Vec<_> = reached.into_iter().collect();
        let mut past = Vec::new();
        let mut trouble = None;
        for some in reached.chunks(AT_ONCE) {
            let mut told = JoinSet::new();
            for (p, upto) in some {
                let (inner, performance, upto) = (Arc::clone(&self.inner), self.inner.performance(*p), *upto);
                told.spawn(async move { (performance.id, inner.acknowledged(&performance, upto).await) });
            }
            for (p, acknowledged) in told.join_all().await {
                match acknowledged {
                    Ok(is_past) => past.extend(is_past.then_some(p)),
                    Err(error) => trouble = Some(error),
                }
            }
        }
        trouble.map_or(Ok(past), Err)
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        self.inner.hear_of_performances().await?;
        let mut whole = Backlog::default();
        for some in self.inner.all_performances().chunks(AT_ONCE) {
            let mut asked = JoinSet::new();
            for performance in some {
                let (inner, performance) = (Arc::clone(&self.inner), Arc::clone(performance));
                asked.spawn(async move { inner.backlog_of(&performance).await });
            }
            for one in asked.join_all().await {
                let one = one?;
                whole.changes += one.changes;
                whole.first = whole.first.into_iter().chain(one.first).min();
                whole.since = whole.since.into_iter().chain(one.since).min();
            }
        }
        Ok(whole)
    }
}
