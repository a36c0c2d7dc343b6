//! Who watches which performance, over Redis: one connection of this node listens to their shard channels.
//!
//! Invariants:
//! - after a channel has begun to be listened to, for the first time or again, its mark moves: what was missed
//!   before is then read;
//! - while it cannot be listened to, its mark moves with every attempt, so that whoever watches goes on by asking.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Weak},
    time::Duration,
};

use async_trait::async_trait;
use onsale_app::ports::{StoreError, hot::ChangeFeed};
use onsale_domain::ids::PerformanceId;
use parking_lot::Mutex;
use redis::{PushInfo, PushKind, Value};
use tokio::sync::{Notify, watch};

use super::{
    Inner, RedisStore,
    connection::{Place, Subscription},
    keys::Keys,
};

/// How often the connection is looked at; also how long an attempt that failed is rested from.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What is watched, and what is listened to.
#[derive(Default)]
pub(super) struct Watched {
    marks: Mutex<BTreeMap<PerformanceId, watch::Sender<u64>>>,
    listened: Mutex<Listened>,
    /// Something is to be listened to, or no longer.
    stir: Notify,
}

#[derive(Default)]
struct Listened {
    channels: BTreeSet<PerformanceId>,
    is_cut: bool,
}

impl Watched {
    fn watch(&self, p: PerformanceId) -> watch::Receiver<u64> {
        let receiver = self.marks.lock().entry(p).or_insert_with(|| watch::Sender::new(0)).subscribe();
        self.stir.notify_one();
        receiver
    }

    fn move_mark(&self, p: PerformanceId) {
        if let Some(mark) = self.marks.lock().get(&p) {
            mark.send_modify(|mark| *mark += 1);
        }
    }

    /// The performances that somebody still watches.
    fn wanted(&self) -> BTreeSet<PerformanceId> {
        let mut marks = self.marks.lock();
        marks.retain(|_, mark| !mark.is_closed());
        marks.keys().copied().collect()
    }

    /// Takes what the connection pushes.
    fn told(&self, push: &PushInfo) {
        match push.kind {
            PushKind::SMessage => {
                if let Some(p) = channel(push) {
                    self.move_mark(p);
                }
            }
            // Also without our asking: its slot has gone to another node.
            PushKind::SUnsubscribe => {
                if let Some(p) = channel(push) {
                    self.listened.lock().channels.remove(&p);
                    self.stir.notify_one();
                }
            }
            PushKind::Disconnection => {
                self.listened.lock().is_cut = true;
                self.stir.notify_one();
            }
            _ => {}
        }
    }
}

/// The performance of the channel that a push names.
fn channel(push: &PushInfo) -> Option<PerformanceId> {
    let Some(Value::BulkString(name)) = push.data.first() else { return None };
    Keys::performance_of(std::str::from_utf8(name).ok()?)
}

/// Listens to what is watched, until the store is dropped.
pub(super) async fn run(store: Weak<Inner>, watched: Arc<Watched>, place: Place) {
    let mut connection: Option<Subscription> = None;
    while store.strong_count() > 0 {
        let wanted = watched.wanted();
        if let Err(error) = listen(&watched, &place, &mut connection, &wanted).await {
            tracing::warn!(%error, "viewers are told of changes once a second until Redis can be listened to again");
            connection = None;
            for p in &wanted {
                watched.move_mark(*p);
            }
            tokio::time::sleep(LOOK_EVERY).await;
            continue;
        }
        // Woken, or it is time to look: both are good.
        let _ = tokio::time::timeout(LOOK_EVERY, watched.stir.notified()).await;
    }
}

async fn listen(
    watched: &Arc<Watched>,
    place: &Place,
    connection: &mut Option<Subscription>,
    wanted: &BTreeSet<PerformanceId>,
) -> Result<(), StoreError> {
    if std::mem::take(&mut watched.listened.lock().is_cut) {
        *connection = None;
    }
    let subscription = match connection {
        Some(subscription) => {
            subscription.is_there().await?;
            subscription
        }
        None if wanted.is_empty() => return Ok(()),
        None => {
            *watched.listened.lock() = Listened::default();
            let told = {
                let watched = Arc::downgrade(watched);
                move |push: PushInfo| {
                    if let Some(watched) = watched.upgrade() {
                        watched.told(&push);
                    }
                    Ok::<(), redis::aio::SendError>(())
                }
            };
            connection.insert(Subscription::open(place, told).await?)
        }
    };
    let listened = watched.listened.lock().channels.clone();
    for p in wanted.difference(&listened) {
        subscription.listen(Keys::of(*p).changes(), true).await?;
        watched.listened.lock().channels.insert(*p);
        watched.move_mark(*p);
    }
    for p in listened.difference(wanted) {
        subscription.listen(Keys::of(*p).changes(), false).await?;
        watched.listened.lock().channels.remove(p);
    }
    Ok(())
}

#[async_trait]
impl ChangeFeed for RedisStore {
    async fn watch(&self, p: PerformanceId) -> Result<watch::Receiver<u64>, StoreError> {
        Ok(self.inner.watched.watch(p))
    }
}
