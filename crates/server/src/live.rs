//! The live feed: who watches which performance on this node, and how they come to its hub.
//!
//! Invariant: there is at most one hub for a performance, and it looks at the stock only while somebody watches, or
//! has watched a moment ago.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use onsale_app::{App, errors::AppError};
use onsale_domain::{ids::PerformanceId, position::Position};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

mod frames;
mod hub;

use hub::Hub;
pub(crate) use hub::Viewer;

/// Connections of the feed that a process takes on; more are refused and may ask elsewhere or poll.
const MAX_VIEWERS: usize = 50_000;

/// The hubs of this node.
#[derive(Clone, Default)]
pub(crate) struct Hubs {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    by_id: Mutex<BTreeMap<PerformanceId, Arc<Hub>>>,
    viewers: AtomicUsize,
    /// The server stops.
    ended: CancellationToken,
}

/// One of the connections that a process takes on.
struct Place(Arc<Inner>);

impl Place {
    fn taken(inner: &Arc<Inner>) -> Result<Self, AppError> {
        let count = inner.viewers.fetch_add(1, Ordering::AcqRel) + 1;
        let place = Self(Arc::clone(inner));
        if count > MAX_VIEWERS {
            return Err(AppError::NotNow("too many are watching here; ask again in a while".into()));
        }
        metrics::gauge!("onsale_live_connections").set(count as f64);
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let left = self.0.viewers.fetch_sub(1, Ordering::AcqRel) - 1;
        metrics::gauge!("onsale_live_connections").set(left as f64);
    }
}

/// A viewer, and its place among those of the process.
pub(crate) struct Seated {
    /// Who watches.
    pub(crate) viewer: Viewer,
    _place: Place,
}

impl Hubs {
    /// Begins watching a performance, from `from` on if that can be continued.
    pub(crate) async fn join(
        &self,
        app: &Arc<App>,
        id: PerformanceId,
        from: Option<Position>,
    ) -> Result<Seated, AppError> {
        let place = Place::taken(&self.inner)?;
        loop {
            let known = self.inner.by_id.lock().get(&id).cloned();
            let hub = match known {
                Some(hub) => hub,
                None => self.begin(app, id).await?,
            };
            if from.is_some() {
                // A client may have seen more than the last frame shows.
                hub.show(app.availability(id).await?);
            }
            // Under the lock, because a hub that nobody watches may end meanwhile; then there is another one.
            let hubs = self.inner.by_id.lock();
            if hubs.get(&id).is_some_and(|current| Arc::ptr_eq(current, &hub)) {
                return Ok(Seated { viewer: Viewer::new(hub, from), _place: place });
            }
        }
    }

    /// How many watch a performance on this node.
    pub(crate) fn viewers_of(&self, id: PerformanceId) -> usize {
        self.inner.by_id.lock().get(&id).map_or(0, |hub| hub.viewers())
    }

    /// Ends every connection.
    pub(crate) fn end(&self) {
        self.inner.ended.cancel();
    }

    async fn begin(&self, app: &Arc<App>, id: PerformanceId) -> Result<Arc<Hub>, AppError> {
        let mark = app.watch(id).await?;
        let view = app.availability(id).await?;
        let hub = Arc::new(Hub::new(id, view, self.inner.ended.child_token()));
        match self.inner.by_id.lock().entry(id) {
            Entry::Occupied(known) => return Ok(Arc::clone(known.get())),
            Entry::Vacant(place) => place.insert(Arc::clone(&hub)),
        };
        let (hubs, app, running) = (self.clone(), Arc::clone(app), Arc::clone(&hub));
        tokio::spawn(async move {
            running.run(&app, mark, |hub| hubs.remove(hub, Hub::is_idle)).await;
            hubs.remove(&running, |_| true);
        });
        Ok(hub)
    }

    /// Takes a hub out if `may_go`; nobody can join it between looking and taking.
    fn remove(&self, hub: &Hub, may_go: impl Fn(&Hub) -> bool) -> bool {
        let mut hubs = self.inner.by_id.lock();
        let is_here = hubs.get(&hub.id).is_some_and(|current| std::ptr::eq(current.as_ref(), hub));
        let goes = is_here && may_go(hub);
        if goes {
            hubs.remove(&hub.id);
        }
        goes
    }
}
