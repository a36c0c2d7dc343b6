//! The viewers: WebSockets that note when the frame naming a seat reaches them.
//!
//! Invariant: reading along costs the machine as little as it can, since the server shares it: a frame that many get
//! is taken apart once.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use futures_util::StreamExt;
use hdrhistogram::Histogram;
use hyper::http::Uri;
use parking_lot::Mutex;
use serde::Deserialize;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::bench::socket::{CONNECT_LIMIT, Socket, connect};

/// Viewers that connect at the same time.
const CONNECTING: usize = 64;
/// The longest latency that is told apart, in milliseconds.
const LONGEST_MS: usize = 60_000;
/// Frames that are kept taken apart.
const KEPT_FRAMES: usize = 64;

/// When each hold was sent, and how long it took to be seen.
pub(super) struct Sent {
    begun: Instant,
    /// Microseconds since `begun` for each seat, from 1.
    at_us: Vec<AtomicU64>,
    /// How often a hold took so many milliseconds.
    taken_ms: Vec<AtomicU32>,
    /// Frames lately taken apart: the seats that each names.
    frames: Mutex<HashMap<Utf8Bytes, Arc<Vec<usize>>>>,
}

/// What is of interest in a frame. The floor's frames are the bodies of the requests.
#[derive(Default, Deserialize)]
struct Frame {
    #[serde(default)]
    to: Option<String>,
    #[serde(default)]
    position: Option<String>,
    #[serde(default, alias = "seat_ids")]
    held: Vec<usize>,
}

impl Sent {
    pub(super) fn new(seats: usize) -> Self {
        Self {
            begun: Instant::now(),
            at_us: std::iter::repeat_with(AtomicU64::default).take(seats + 1).collect(),
            taken_ms: std::iter::repeat_with(AtomicU32::default).take(LONGEST_MS + 1).collect(),
            frames: Mutex::default(),
        }
    }

    /// The hold of a seat is being sent.
    pub(super) fn now(&self, seat: usize) {
        self.at_us[seat].store(self.begun.elapsed().as_micros() as u64, Ordering::Release);
    }

    /// A viewer has a frame. Gives how many holds it tells of.
    fn seen(&self, text: &Utf8Bytes) -> anyhow::Result<usize> {
        let now_us = self.begun.elapsed().as_micros() as u64;
        let seats = self.seats_of(text)?;
        for seat in &*seats {
            let at_us = self.at_us.get(*seat).context("a seat that there is not")?.load(Ordering::Acquire);
            let ms = (now_us.saturating_sub(at_us) / 1_000) as usize;
            self.taken_ms[ms.min(LONGEST_MS)].fetch_add(1, Ordering::Relaxed);
        }
        Ok(seats.len())
    }

    fn seats_of(&self, text: &Utf8Bytes) -> anyhow::Result<Arc<Vec<usize>>> {
        let mut frames = self.frames.lock();
        if let Some(seats) = frames.get(text) {
            return Ok(Arc::clone(seats));
        }
        let frame: Frame = serde_json::from_str(text).with_context(|| format!("not a frame: {text}"))?;
        if frames.len() >= KEPT_FRAMES {
            frames.clear();
        }
        let seats = Arc::new(frame.held);
        frames.insert(text.clone(), Arc::clone(&seats));
        Ok(seats)
    }

    /// Milliseconds, of every hold at every viewer.
    pub(super) fn latencies(&self) -> Histogram<u64> {
        let mut latencies = longest();
        for (ms, count) in self.taken_ms.iter().enumerate() {
            let count = count.load(Ordering::Acquire);
            if count > 0 {
                latencies.saturating_record_n(ms as u64, u64::from(count));
            }
        }
        latencies
    }
}

/// How those fared who were cut off.
pub(super) struct Storm {
    pub(super) returned: usize,
    /// From connecting to the first frame.
    pub(super) p99_ms: f64,
}

/// Everybody who watches.
pub(super) struct Viewers {
    address: SocketAddr,
    path: String,
    seen: Arc<[AtomicUsize]>,
    tasks: JoinSet<anyhow::Result<Option<String>>>,
    cut_off: watch::Sender<bool>,
}

impl Viewers {
    /// Connects so many, each of which has had its first frame if the server sends one to begin with.
    pub(super) async fn open(
        address: SocketAddr,
        watch: &Uri,
        count: usize,
        sent: Arc<Sent>,
    ) -> anyhow::Result<Self> {
        let path = watch.path().to_owned();
        let seen: Arc<[AtomicUsize]> = std::iter::repeat_with(AtomicUsize::default).take(count).collect();
        let (cut_off, _) = watch::channel(false);
        let mut viewers =
            Self { address, path: path.clone(), seen: Arc::clone(&seen), tasks: JoinSet::new(), cut_off };
        let sockets = futures_util::stream::iter((0..count).map(|_| connect(address, path.clone())))
            .buffer_unordered(CONNECTING);
        tokio::pin!(sockets);
        let mut number = 0;
        while let Some(socket) = sockets.next().await {
            let (seen, sent, cut_off) = (Arc::clone(&seen), Arc::clone(&sent), viewers.cut_off.subscribe());
            let socket = socket?;
            let watching = async move { watch_until(socket, &sent, &seen[number], cut_off).await };
            viewers.tasks.spawn(watching);
            number += 1;
        }
        Ok(viewers)
    }

    /// Waits until every viewer has seen so many holds.
    pub(super) async fn wait_until_seen(&self, holds: usize, limit: Duration) -> anyhow::Result<()> {
        let until = Instant::now() + limit;
        loop {
            let behind = self.seen.iter().filter(|seen| seen.load(Ordering::Acquire) < holds).count();
            if behind == 0 {
                let most = self.seen.iter().map(|seen| seen.load(Ordering::Acquire)).max();
                ensure!(most == Some(holds), "a viewer was told of {most:?} holds, but {holds} were made");
                return Ok(());
            }
            if Instant::now() > until {
                bail!("{behind} of {} viewers have not seen every hold", self.seen.len());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ends all connections at once; all come back with the position they had, spread over `within`.
    pub(super) async fn cut_off_and_return(mut self, within: Duration) -> anyhow::Result<Storm> {
        // Those who have ended already report below.
        let _ = self.cut_off.send(true);
        let mut positions = Vec::new();
        while let Some(ended) = self.tasks.join_next().await {
            positions.push(ended.context("a viewer's task ended early")??);
        }
        let count = positions.len();
        let begun = Instant::now();
        let mut returning = JoinSet::new();
        for (number, position) in positions.into_iter().enumerate() {
            let position = position.context("a viewer without a position")?;
            let (address, path) = (self.address, format!("{}?from={position}", self.path));
            let at = begun + within.mul_f64(number as f64 / count as f64);
            returning.spawn(async move {
                tokio::time::sleep_until(at.into()).await;
                let start = Instant::now();
                let mut socket = connect(address, path).await?;
                let first = tokio::time::timeout(CONNECT_LIMIT, socket.next()).await;
                first.context("nothing came")?.context("closed at once")??;
                anyhow::Ok((start.elapsed(), socket))
            });
        }
        let mut took_ms = longest();
        let mut open = Vec::with_capacity(count);
        while let Some(returned) = returning.join_next().await {
            let (took, socket) = returned.context("a viewer's task ended early")??;
            took_ms.saturating_record(took.as_millis() as u64);
            open.push(socket);
        }
        Ok(Storm { returned: open.len(), p99_ms: took_ms.value_at_percentile(99.0) as f64 })
    }
}

/// For milliseconds.
fn longest() -> Histogram<u64> {
    Histogram::new_with_max(LONGEST_MS as u64, 3).expect("three digits of a minute are allowed")
}

/// Watches until the connections are cut off; gives the last position.
async fn watch_until(
    mut socket: Socket,
    sent: &Sent,
    seen: &AtomicUsize,
    mut cut_off: watch::Receiver<bool>,
) -> anyhow::Result<Option<String>> {
    let mut last = Utf8Bytes::default();
    loop {
        let message = tokio::select! {
            message = socket.next() => message.context("the server ended a connection")??,
            _ = cut_off.wait_for(|cut_off| *cut_off) => break,
        };
        if let Message::Text(text) = message {
            let holds = sent.seen(&text)?;
            if !text.contains(r#""presence""#) {
                last = text;
            }
            seen.fetch_add(holds, Ordering::AcqRel);
        }
    }
    let frame: Frame = serde_json::from_str(&last).unwrap_or_default();
    Ok(frame.to.or(frame.position))
}
