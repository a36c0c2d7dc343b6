//! A hub: everybody who watches one performance on this node.
//!
//! Invariant: a frame is made from two views of the stock and from nothing else, so whoever follows the frames has what
//! the stock shows. A mark that moved, or a second that passed, only says when to look.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::extract::ws::Utf8Bytes;
use onsale_app::{
    App,
    errors::{AppError, Reason},
    ports::hot::Availability,
};
use onsale_domain::{ids::PerformanceId, position::Position};
use parking_lot::Mutex;
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::frames::{self, Changes, Ring, Since};

/// The shortest time between two frames.
const SHORTEST: Duration = Duration::from_millis(50);

/// The longest, with many viewers.
const LONGEST: Duration = Duration::from_millis(250);

/// How much each viewer adds to the time between frames: at 10,000 a frame takes two cores about 55 ms to send, and
/// should leave them more than half of their time.
const FOR_EACH_VIEWER: Duration = Duration::from_micros(8);

/// After a quiet time the first change waits this long for others of the same moment.
const GATHER: Duration = Duration::from_millis(5);

/// How often a hub looks although no mark has moved.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often the number of viewers is told, where it has changed.
const PRESENCE_EVERY: Duration = Duration::from_secs(5);

/// How often something is sent in any case, so that a client notices a connection that is dead.
const SIGN_OF_LIFE_EVERY: Duration = Duration::from_secs(15);

/// How long a hub without viewers keeps its frames for those who come back.
const KEPT_FOR: Duration = Duration::from_secs(30);

/// Counts what there is to be sent.
#[derive(Clone, Copy, Default)]
struct News {
    frames: u64,
    presence: u64,
}

struct Shown {
    view: Arc<Availability>,
    /// How far the history has come without anything more to show.
    seen: Position,
    ring: Ring,
    snapshot: Option<Utf8Bytes>,
    presence: Utf8Bytes,
}

/// One performance's.
pub(super) struct Hub {
    pub(super) id: PerformanceId,
    shown: Mutex<Shown>,
    news: watch::Sender<News>,
    viewers: AtomicUsize,
    /// Ends every connection: the server stops, or the performance is gone.
    pub(super) ended: CancellationToken,
}

impl Hub {
    pub(super) fn new(id: PerformanceId, view: Arc<Availability>, ended: CancellationToken) -> Self {
        let seen = view.position;
        let shown =
            Shown { view, seen, ring: Ring::default(), snapshot: None, presence: frames::presence(1) };
        Self {
            id,
            shown: Mutex::new(shown),
            news: watch::Sender::new(News { frames: 0, presence: 1 }),
            viewers: AtomicUsize::new(0),
            ended,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.viewers() == 0
    }

    pub(super) fn viewers(&self) -> usize {
        self.viewers.load(Ordering::Acquire)
    }

    /// Shows a newer view. An older one, from a look that took longer, is passed over.
    pub(super) fn show(&self, view: Arc<Availability>) {
        let mut shown = self.shown.lock();
        if view.position <= shown.seen {
            return;
        }
        let changes =
            (view.position.epoch == shown.view.position.epoch).then(|| Changes::between(&shown.view, &view));
        shown.seen = view.position;
        match changes {
            Some(changes) if changes.is_empty() => return,
            Some(changes) => {
                let from = shown.view.position;
                shown.ring.push(from, view.position, changes);
            }
            // Loaded anew from the ledger: nobody can continue.
            None => shown.ring.clear(),
        }
        shown.view = view;
        shown.snapshot = None;
        drop(shown);
        metrics::counter!("onsale_live_frames_total").increment(1);
        self.news.send_modify(|news| news.frames += 1);
    }

    /// What somebody at a position needs, and where they are then.
    fn since(&self, position: Option<Position>) -> Option<(Utf8Bytes, Position)> {
        let mut shown = self.shown.lock();
        let current = shown.view.position;
        let since = match position {
            Some(at) if at.epoch == current.epoch && at <= shown.seen => shown.ring.since(at, &shown.view),
            _ => Since::Snapshot,
        };
        let text = match since {
            Since::Nothing => return None,
            Since::Delta(text) => text,
            Since::Snapshot => {
                metrics::counter!("onsale_live_snapshots_total").increment(1);
                let Shown { view, snapshot, .. } = &mut *shown;
                snapshot.get_or_insert_with(|| frames::snapshot(view)).clone()
            }
        };
        Some((text, current))
    }

    fn tell_presence(&self) {
        self.shown.lock().presence = frames::presence(self.viewers());
        self.news.send_modify(|news| news.presence += 1);
    }

    /// The time between frames.
    fn pace(&self) -> Duration {
        let viewers = u32::try_from(self.viewers()).unwrap_or(u32::MAX);
        (SHORTEST + FOR_EACH_VIEWER.saturating_mul(viewers)).min(LONGEST)
    }

    /// Looks and shows, until nobody has watched for a while (then `is_over` decides) or the performance is gone.
    pub(super) async fn run(
        &self,
        app: &App,
        mut mark: watch::Receiver<u64>,
        is_over: impl Fn(&Self) -> bool,
    ) {
        let mut last_frame = Instant::now();
        let (mut told, mut told_viewers) = (Instant::now(), 0);
        let mut watched = Instant::now();
        loop {
            let moved = tokio::select! {
                changed = mark.changed() => changed.is_ok(),
                () = sleep(LOOK_EVERY) => false,
                () = self.ended.cancelled() => return,
            };
            if moved {
                sleep_until((last_frame + self.pace()).max(Instant::now() + GATHER)).await;
            }
            // What happens after this line moves the mark again.
            mark.mark_unchanged();
            let heard = Instant::now();
            match app.availability(self.id).await {
                Ok(view) => {
                    self.show(view);
                    metrics::histogram!("onsale_live_frame_seconds").record(heard.elapsed().as_secs_f64());
                }
                Err(AppError::Refused(refusal)) if refusal.reason == Reason::NotFound => {
                    self.ended.cancel();
                    return;
                }
                // Viewers keep what they have; the next look tells.
                Err(error) => {
                    tracing::debug!(%error, performance = %self.id, "not seen");
                    sleep(LOOK_EVERY).await;
                }
            }
            last_frame = Instant::now();
            let viewers = self.viewers();
            let due = if viewers == told_viewers { SIGN_OF_LIFE_EVERY } else { PRESENCE_EVERY };
            if told.elapsed() >= due {
                (told, told_viewers) = (Instant::now(), viewers);
                self.tell_presence();
            }
            if viewers > 0 {
                watched = Instant::now();
            } else if watched.elapsed() >= KEPT_FOR && is_over(self) {
                return;
            }
        }
    }
}

/// One connection's place in a hub.
pub(crate) struct Viewer {
    hub: Arc<Hub>,
    news: watch::Receiver<News>,
    /// What the client has; `None`: nothing yet.
    at: Option<Position>,
    presence: u64,
}

impl Viewer {
    pub(super) fn new(hub: Arc<Hub>, from: Option<Position>) -> Self {
        hub.viewers.fetch_add(1, Ordering::AcqRel);
        let news = hub.news.subscribe();
        Self { hub, news, at: from, presence: 0 }
    }

    /// Where the client is once it has what was given out.
    pub(crate) fn position(&self) -> Option<Position> {
        self.at
    }

    /// The next frame, when there is one; `None`: the feed has ended. Giving up waiting loses nothing. Frames that came
    /// while the last one was being sent come as one, so a client that is slow costs no more than one that is not.
    pub(crate) async fn next(&mut self) -> Option<Utf8Bytes> {
        loop {
            if self.hub.ended.is_cancelled() {
                return None;
            }
            let presence = self.news.borrow_and_update().presence;
            if let Some((text, position)) = self.hub.since(self.at) {
                self.at = Some(position);
                return Some(text);
            }
            if presence != self.presence {
                self.presence = presence;
                return Some(self.hub.shown.lock().presence.clone());
            }
            tokio::select! {
                changed = self.news.changed() => changed.ok()?,
                () = self.hub.ended.cancelled() => return None,
            }
        }
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.hub.viewers.fetch_sub(1, Ordering::AcqRel);
    }
}
