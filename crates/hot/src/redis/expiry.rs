//! Expiry without a leader: every node lets lapse what is due in every performance there is.
//!
//! Two nodes that come at once do it once: it is one script, and the second finds nothing due. A node learns of
//! performances from its own requests and from the registry, and of the next due hold from the last script it ran.
//!
//! Invariant: no hold is shorter than a second, and a node that is up looks once a second, so every hold is known
//! before it is due.

use std::{sync::Arc, time::Duration};

use onsale_app::ports::{StoreError, hot::HotError};
use onsale_domain::ids::PerformanceId;
use parking_lot::Mutex;
use redis::Value;
use tokio::{task::JoinSet, time::Instant};

use super::{Inner, Performance, RedisStore, WITHIN, keys::REGISTRY, scripts, stock::AT_ONCE};

/// How long a performance goes without being looked at.
const AT_MOST: Duration = Duration::from_secs(1);

/// How often the registry is read.
const REGISTRY_EVERY: Duration = Duration::from_secs(2);

/// How many holds one script lets lapse: it must not keep others waiting.
const PORTION: &[u8] = b"100";

/// How many portions one performance gets before it is the next one's turn.
const PORTIONS: usize = 50;

/// When a performance is looked at next; at once where nothing is said.
#[derive(Debug, Default)]
pub(super) struct Schedule(Mutex<Option<Instant>>);

impl Schedule {
    fn is_due(&self, now: Instant) -> bool {
        self.0.lock().is_none_or(|at| at <= now)
    }

    fn at(&self) -> Option<Instant> {
        *self.0.lock()
    }

    fn again_in(&self, wait: Duration) {
        *self.0.lock() = Some(Instant::now() + wait);
    }
}

impl RedisStore {
    /// Lets lapse what is due, in every performance.
    pub async fn expire_due(&self) -> Result<(), StoreError> {
        self.inner.hear_of_performances().await?;
        self.inner.expire(self.inner.all_performances()).await
    }

    /// Lets holds lapse at their time, and says that this node is there, until the future is dropped.
    pub async fn run_expiry(&self) {
        let mut heard: Option<Instant> = None;
        let mut shown: Option<Instant> = None;
        loop {
            let now = Instant::now();
            if shown.is_none_or(|at| at + AT_MOST <= now) {
                match self.inner.show_itself().await {
                    Ok(()) => shown = Some(now),
                    Err(error) => tracing::debug!(%error, "others may take this node for gone"),
                }
            }
            if heard.is_none_or(|at| at + REGISTRY_EVERY <= now) {
                match self.inner.hear_of_performances().await {
                    Ok(()) => heard = Some(now),
                    Err(error) => tracing::debug!(%error, "the registry is read later"),
                }
            }
            let mut due = self.inner.all_performances();
            due.retain(|performance| performance.expiry.is_due(now));
            if let Err(error) = self.inner.expire(due).await {
                tracing::warn!(%error, "holds lapse later");
            }
            let next = self.inner.all_performances().iter().filter_map(|known| known.expiry.at()).min();
            let soonest = Instant::now() + Duration::from_millis(1);
            let latest = Instant::now() + AT_MOST;
            tokio::time::sleep_until(next.unwrap_or(latest).clamp(soonest, latest)).await;
        }
    }
}

impl Inner {
    /// Learns of the performances that other nodes loaded.
    pub(super) async fn hear_of_performances(&self) -> Result<(), StoreError> {
        let listed = self.background.run(redis::cmd("SMEMBERS").arg(REGISTRY)).await?;
        let (Value::Array(members) | Value::Set(members)) = listed else {
            return Err(StoreError::corrupt("the registry of performances is no set"));
        };
        for member in members {
            let Value::BulkString(name) = member else { continue };
            match String::from_utf8_lossy(&name).parse::<PerformanceId>() {
                Ok(p) => drop(self.performance(p)),
                Err(_) => return Err(StoreError::corrupt("the registry names what is no performance")),
            }
        }
        Ok(())
    }

    /// Lets lapse what is due in these. One that cannot be reached does not keep the others waiting.
    async fn expire(self: &Arc<Self>, performances: Vec<Arc<Performance>>) -> Result<(), StoreError> {
        let mut trouble = None;
        for some in performances.chunks(AT_ONCE) {
            let mut asked = JoinSet::new();
            for performance in some {
                let (inner, performance) = (Arc::clone(self), Arc::clone(performance));
                asked.spawn(async move { inner.expire_in(&performance).await });
            }
            trouble = asked.join_all().await.into_iter().find_map(Result::err).or(trouble);
        }
        trouble.map_or(Ok(()), Err)
    }

    async fn expire_in(&self, performance: &Performance) -> Result<(), StoreError> {
        // Whatever happens, it is looked at again.
        performance.expiry.again_in(AT_MOST);
        for _ in 0..PORTIONS {
            let keys = performance.keys.of_stock();
            let ran = self.run(&self.background, &scripts::EXPIRE, keys, &[PORTION], WITHIN).await;
            let mut answer = match ran {
                Ok(answer) => answer,
                Err(HotError::NotLoaded) => return Ok(()),
                Err(HotError::Store(error)) => return Err(error),
            };
            if answer.number.is_some() {
                self.drain.wake(performance);
            }
            if answer.word() == "more" {
                continue;
            }
            if let Ok(wait_ms) = u64::try_from(answer.int()?) {
                performance.expiry.again_in(Duration::from_millis(wait_ms).min(AT_MOST));
            }
            return Ok(());
        }
        performance.expiry.again_in(Duration::ZERO);
        Ok(())
    }
}
