//! What was read from a store is kept at hand for a while, so that a crowd that asks for it costs one read.
//!
//! Invariants: what is given out is no older than it may be, except while one reads it anew or the store does not answer;
//! what was known before it was forgotten is given out only where the store does not answer; how much is kept is bounded.

use std::{hash::Hash, sync::Arc};

use ahash::AHashMap;
use onsale_domain::time::Timestamp;
use parking_lot::RwLock;

use crate::{lines::Lines, ports::StoreError};

/// How much of a kind is kept. Beyond that what was read longest ago goes.
pub(crate) const MAX_KEPT: usize = 1_000;

struct Kept<V> {
    value: Arc<V>,
    /// When, or when somebody began to read it anew.
    read_at: Timestamp,
    is_forgotten: bool,
}

struct State<K, V> {
    kept: AHashMap<K, Kept<V>>,
    /// How often all was forgotten: what began to be read before that is not kept.
    forgotten: u64,
}

/// Values by their keys.
pub(crate) struct AtHand<K: Eq + Hash, V> {
    fresh_for_ms: u64,
    state: RwLock<State<K, V>>,
    /// When a sale opens everybody finds it missing at once; one reads, the others wait for that.
    reading: Lines<K>,
}

impl<K: Copy + Eq + Hash, V> AtHand<K, V> {
    /// Values are read again when they are this old.
    pub(crate) fn fresh_for(fresh_for_ms: u64) -> Self {
        let state = State { kept: AHashMap::new(), forgotten: 0 };
        Self { fresh_for_ms, state: RwLock::new(state), reading: Lines::default() }
    }

    /// Reads everything anew at the next use.
    pub(crate) fn forget(&self) {
        let mut state = self.state.write();
        state.forgotten += 1;
        for kept in state.kept.values_mut() {
            kept.is_forgotten = true;
        }
    }

    /// The value however old.
    pub(crate) fn peek(&self, key: K) -> Option<Arc<V>> {
        self.state.read().kept.get(&key).map(|kept| Arc::clone(&kept.value))
    }

    /// The keys of those that were read after a moment.
    pub(crate) fn read_since(&self, since: Timestamp) -> Vec<K> {
        let state = self.state.read();
        state.kept.iter().filter(|(_, kept)| kept.read_at >= since).map(|(key, _)| *key).collect()
    }

    /// The value, from the store where there is none or it is old; one reads, and the others go on with what is there.
    /// `None`: the store has none.
    pub(crate) async fn get(
        &self,
        key: K,
        now: Timestamp,
        read: impl Future<Output = Result<Option<V>, StoreError>>,
    ) -> Result<Option<Arc<V>>, StoreError> {
        if let Some(value) = self.fresh(key, now) {
            return Ok(Some(value));
        }
        if let Some((value, is_ours)) = self.claim(key, now) {
            return if is_ours { self.or_stale(key, now, read).await } else { Ok(Some(value)) };
        }
        let _one_at_a_time = self.reading.turn(key).await;
        if let Some((value, _)) = self.claim(key, now) {
            return Ok(Some(value));
        }
        self.or_stale(key, now, read).await
    }

    fn fresh(&self, key: K, now: Timestamp) -> Option<Arc<V>> {
        let state = self.state.read();
        let kept = state.kept.get(&key).filter(|kept| self.is_fresh(kept, now))?;
        Some(Arc::clone(&kept.value))
    }

    fn is_fresh(&self, kept: &Kept<V>, now: Timestamp) -> bool {
        !kept.is_forgotten && now.since_ms(kept.read_at) < self.fresh_for_ms
    }

    /// A value that was not forgotten, and whether whoever asks is to read it anew: to the others it is fresh meanwhile.
    fn claim(&self, key: K, now: Timestamp) -> Option<(Arc<V>, bool)> {
        let mut state = self.state.write();
        let kept = state.kept.get_mut(&key).filter(|kept| !kept.is_forgotten)?;
        let is_old = !self.is_fresh(kept, now);
        if is_old {
            kept.read_at = now;
        }
        Some((Arc::clone(&kept.value), is_old))
    }

    async fn or_stale(
        &self,
        key: K,
        now: Timestamp,
        read: impl Future<Output = Result<Option<V>, StoreError>>,
    ) -> Result<Option<Arc<V>>, StoreError> {
        let forgotten = self.state.read().forgotten;
        match (read.await, self.peek(key)) {
            (Ok(found), _) => Ok(self.keep(key, found, now, forgotten)),
            (Err(error), Some(stale)) => {
                tracing::warn!(%error, "not read; going on with what is at hand");
                self.go_on(key, now);
                Ok(Some(stale))
            }
            (Err(error), None) => Err(error),
        }
    }

    /// Gives out what is there as if it were fresh: otherwise everybody would wait in turn for a store that does not answer.
    fn go_on(&self, key: K, now: Timestamp) {
        if let Some(kept) = self.state.write().kept.get_mut(&key) {
            kept.is_forgotten = false;
            kept.read_at = now;
        }
    }

    fn keep(&self, key: K, found: Option<V>, now: Timestamp, forgotten: u64) -> Option<Arc<V>> {
        let mut state = self.state.write();
        let Some(value) = found.map(Arc::new) else {
            state.kept.remove(&key);
            return None;
        };
        if state.forgotten != forgotten {
            return Some(value);
        }
        if state.kept.len() >= MAX_KEPT && !state.kept.contains_key(&key) {
            let oldest = state.kept.iter().min_by_key(|(_, kept)| kept.read_at).map(|(key, _)| *key);
            oldest.map(|key| state.kept.remove(&key));
        }
        let kept = Kept { value: Arc::clone(&value), read_at: now, is_forgotten: false };
        state.kept.insert(key, kept);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    type Numbers = AtHand<u32, u32>;

    async fn get(
        numbers: &Numbers,
        at: i64,
        answer: Result<Option<u32>, StoreError>,
    ) -> Result<Option<u32>, StoreError> {
        let found = numbers.get(1, Timestamp(at), async { answer }).await?;
        Ok(found.map(|value| *value))
    }

    #[tokio::test]
    async fn a_value_is_read_again_when_it_is_old() {
        let numbers = Numbers::fresh_for(1_000);
        assert_eq!(get(&numbers, 0, Ok(None)).await.unwrap(), None);
        for (at, stored, given) in [(0, 1, 1), (999, 2, 1), (1_000, 3, 3), (1_500, 4, 3)] {
            assert_eq!(get(&numbers, at, Ok(Some(stored))).await.unwrap(), Some(given), "{at}");
        }
        assert_eq!(get(&numbers, 2_000, Ok(None)).await.unwrap(), None, "it has gone");
        assert_eq!(numbers.peek(1), None);
    }

    #[tokio::test]
    async fn what_is_forgotten_is_read_before_anything_is_given_out() {
        let numbers = Numbers::fresh_for(1_000);
        get(&numbers, 0, Ok(Some(1))).await.unwrap();
        numbers.forget();
        assert_eq!(get(&numbers, 1, Ok(Some(2))).await.unwrap(), Some(2));
        // Read before it was changed, and not there until after.
        let late = numbers.get(1, Timestamp(2_000), async {
            numbers.forget();
            Ok(Some(2))
        });
        assert_eq!(late.await.unwrap().as_deref(), Some(&2));
        assert_eq!(get(&numbers, 2_000, Ok(Some(3))).await.unwrap(), Some(3));
    }

    #[tokio::test]
    async fn without_the_store_it_is_what_was_known() {
        let numbers = Numbers::fresh_for(1_000);
        let away = || Err(StoreError::unavailable("away"));
        assert!(get(&numbers, 0, away()).await.is_err());
        get(&numbers, 0, Ok(Some(1))).await.unwrap();
        assert_eq!(get(&numbers, 5_000, away()).await.unwrap(), Some(1));
        numbers.forget();
        assert_eq!(get(&numbers, 5_001, away()).await.unwrap(), Some(1));
        assert_eq!(get(&numbers, 6_000, Ok(Some(2))).await.unwrap(), Some(1), "nobody asks again at once");
        assert_eq!(get(&numbers, 6_001, Ok(Some(2))).await.unwrap(), Some(2));
    }

    #[tokio::test]
    async fn a_crowd_costs_one_read() {
        let numbers = Numbers::fresh_for(1_000);
        let reads = AtomicU32::new(0);
        let ask = |at| {
            let (numbers, reads) = (&numbers, &reads);
            async move {
                let read = async {
                    let number = reads.fetch_add(1, Ordering::Relaxed) + 1;
                    tokio::task::yield_now().await;
                    Ok(Some(number))
                };
                *numbers.get(1, Timestamp(at), read).await.unwrap().unwrap()
            }
        };
        assert_eq!(tokio::join!(ask(0), ask(0), ask(0)), (1, 1, 1));
        // Whoever comes second has what is there, and does not wait.
        assert_eq!(tokio::join!(ask(1_000), ask(1_000), ask(1_001)), (2, 1, 1));
        assert_eq!(reads.into_inner(), 2);
    }

    #[tokio::test]
    async fn no_more_is_kept_than_may_be() {
        let numbers = Numbers::fresh_for(1_000);
        for key in 0..MAX_KEPT as u32 + 10 {
            numbers.get(key, Timestamp(i64::from(key)), async { Ok(Some(key)) }).await.unwrap();
        }
        assert_eq!(numbers.read_since(Timestamp(i64::MIN)).len(), MAX_KEPT);
        assert_eq!((numbers.peek(9), numbers.peek(10).as_deref()), (None, Some(&10)));
    }
}
