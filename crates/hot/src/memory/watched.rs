//! Who watches which performance.
//!
//! Invariant: a mark moves after the commit, so a reader that saw it move reads what was committed.

use std::sync::atomic::{AtomicUsize, Ordering};

use onsale_domain::ids::PerformanceId;
use parking_lot::RwLock;
use std::collections::BTreeMap;
use tokio::sync::watch;

use super::journal::Batch;

/// The marks of the performances that somebody watches.
#[derive(Default)]
pub(super) struct Watched {
    marks: RwLock<BTreeMap<PerformanceId, watch::Sender<u64>>>,
    /// How many there are; most commits find here that there is nobody to tell.
    count: AtomicUsize,
}

impl Watched {
    pub(super) fn watch(&self, p: PerformanceId) -> watch::Receiver<u64> {
        let mut marks = self.marks.write();
        // Whoever has stopped watching makes room for who begins; so there are never more than have been watched since.
        marks.retain(|_, mark| !mark.is_closed());
        let receiver = marks.entry(p).or_insert_with(|| watch::Sender::new(0)).subscribe();
        self.count.store(marks.len(), Ordering::Release);
        receiver
    }

    /// Moves the marks of what has been committed.
    pub(super) fn committed(&self, batch: &Batch) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let marks = self.marks.read();
        let mut last = None;
        for p in
            batch.changes.iter().map(|change| change.performance).chain(batch.images.iter().map(|(p, _)| *p))
        {
            if last.replace(p) == Some(p) {
                continue;
            }
            if let Some(mark) = marks.get(&p) {
                mark.send_modify(|mark| *mark += 1);
            }
        }
    }
}
