//! A line for each key: who comes waits for those who came before with the same, and for nobody else.
//!
//! Invariant: a line is there only while somebody stands in it.

use std::{hash::Hash, sync::Arc};

use ahash::AHashMap;
use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

type Line = Arc<tokio::sync::Mutex<()>>;

/// Lines by their keys.
pub(crate) struct Lines<K: Eq + Hash>(Mutex<AHashMap<K, Line>>);

impl<K: Eq + Hash> Default for Lines<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Copy + Eq + Hash> Lines<K> {
    /// Waits for one's turn, which lasts until it is dropped. Who gives up waiting has left.
    pub(crate) async fn turn(&self, key: K) -> Turn<'_, K> {
        let line = Arc::clone(self.0.lock().entry(key).or_default());
        let mut turn = Turn { lines: self, key, line: Arc::clone(&line), held: None };
        turn.held = Some(line.lock_owned().await);
        turn
    }
}

/// Somebody in a line, and at its head once `held` is there.
pub(crate) struct Turn<'a, K: Copy + Eq + Hash> {
    lines: &'a Lines<K>,
    key: K,
    line: Line,
    held: Option<OwnedMutexGuard<()>>,
}

impl<K: Copy + Eq + Hash> Drop for Turn<'_, K> {
    fn drop(&mut self) {
        self.held = None;
        let mut lines = self.lines.0.lock();
        // Nobody but the map and this one knows it, and nobody comes while the map is locked.
        if Arc::strong_count(&self.line) == 2 {
            lines.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn one_waits_for_those_with_the_same_key_only_and_lines_go_with_the_last() {
        let lines = Lines::<u32>::default();
        let first = lines.turn(1).await;
        let other = lines.turn(2).now_or_never().unwrap();
        let mut second = Box::pin(lines.turn(1));
        assert!(second.as_mut().now_or_never().is_none(), "it is the first one's turn");
        assert!(lines.turn(1).now_or_never().is_none(), "gives up at once");
        drop(first);
        let second = second.now_or_never().unwrap();
        assert!(lines.turn(1).now_or_never().is_none(), "still the same line");
        drop((second, other));
        assert!(lines.0.lock().is_empty());
    }
}
