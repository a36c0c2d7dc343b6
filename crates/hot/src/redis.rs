//! The hot store over Redis: any number of nodes share it.
//!
//! A command is one script, and so one atomic step of one performance (`lua/`); the script writes the change to the
//! record in the same step. Nothing is decided here but which seats are the best, by the rule of
//! [`seating::best_available`](onsale_domain::seating::best_available), and that is only taken where it still holds.
//!
//! Invariants:
//! - one performance is one sequential history: Redis runs one script at a time;
//! - time is Redis' time, so that nodes need not agree on theirs;
//! - whatever Redis does, an answer comes in time: an outcome that is true, or an error. A call that may have
//!   reached Redis twice did its work once.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use onsale_app::ports::{StoreError, clock::Clock, hot::HotError};
use onsale_domain::{ids::PerformanceId, seating::Layout};
use parking_lot::RwLock;
use redis::{Cmd, ErrorKind, ServerErrorKind, Value};
use uuid::Uuid;

mod best;
mod checks;
mod codec;
mod connection;
mod expiry;
mod feed;
mod keys;
mod loading;
mod log;
mod moving;
mod nodes;
mod reservations;
mod rooms;
mod scripts;
mod shares;
mod stock;
mod together;

pub use checks::{Examined, examine};
pub use connection::BadUrl;
use connection::{Link, Place, WITHIN, trouble};
use keys::Keys;
use scripts::{Answer, Script};

/// How often a script that lets lapse what is due is asked again, when more is due than it does at once.
const PORTIONS: usize = 2_000;

/// How to reach Redis, and what to ask of it.
#[derive(Clone)]
pub struct RedisSettings {
    /// `redis://…`, `rediss://…`, `redis+cluster://a,b,c` or `redis+sentinel://a,b,c/master`.
    pub url: String,
    /// Refuse a Redis that may lose what it accepted, instead of warning.
    pub strict: bool,
    /// A clock to go by instead of Redis' own: for tests.
    pub clock: Option<Arc<dyn Clock>>,
}

/// Why the store was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL says nothing that can be connected to.
    #[error("redis_url: {0}")]
    Url(#[from] BadUrl),
    /// Redis does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Redis may lose what it accepted, and that is not allowed; or it is too old.
    #[error("Redis is not fit for this: {0}")]
    Unfit(String),
}

/// Whether a URL can be connected to at all.
pub fn check_url(url: &str) -> Result<(), BadUrl> {
    Place::parse(url).map(drop)
}

/// The store. Clones share it.
#[derive(Clone)]
pub struct RedisStore {
    inner: Arc<Inner>,
}

struct Inner {
    /// For what somebody waits for.
    commands: Link,
    /// For the drain, expiry and repair, whose answers are long.
    background: Link,
    clock: Option<Arc<dyn Clock>>,
    /// Names this node among those that drain.
    node: Uuid,
    calls: nodes::Calls,
    missing: nodes::Missing,
    performances: RwLock<BTreeMap<PerformanceId, Arc<Performance>>>,
    rooms: rooms::RoomsAtHand,
    stopped: AtomicBool,
    drain: log::Drain,
    watched: Arc<feed::Watched>,
}

/// What this node knows of a performance. There is one for each that it ever touched or heard of; the catalogue
/// bounds them.
struct Performance {
    id: PerformanceId,
    keys: Keys,
    /// Never changes, whatever the epoch.
    layout: OnceLock<Arc<Layout>>,
    /// Held by whoever chooses the best seats: two who choose at once would choose the same.
    choosing: tokio::sync::Mutex<()>,
    /// Who waits for a hold.
    line: Arc<together::Line<reservations::HoldWish, HotError>>,
    expiry: expiry::Schedule,
    drain: log::Standing,
}

impl RedisStore {
    /// Connects and checks that what Redis accepts it will keep.
    pub async fn open(settings: RedisSettings) -> Result<Self, OpenError> {
        let place = Place::parse(&settings.url)?;
        let (commands, background) = tokio::try_join!(Link::open(&place), Link::open(&place))?;
        checks::check(&background, settings.strict).await?;
        let node = Uuid::new_v4();
        let inner = Inner {
            commands,
            background,
            clock: settings.clock,
            node,
            calls: nodes::Calls::of(node),
            missing: nodes::Missing::default(),
            performances: RwLock::default(),
            rooms: rooms::RoomsAtHand::default(),
            stopped: AtomicBool::new(false),
            drain: log::Drain::default(),
            watched: Arc::default(),
        };
        let store = Self { inner: Arc::new(inner) };
        let watched = Arc::clone(&store.inner.watched);
        tokio::spawn(feed::run(Arc::downgrade(&store.inner), watched, place));
        Ok(store)
    }
}

impl Inner {
    fn performance(&self, p: PerformanceId) -> Arc<Performance> {
        if let Some(known) = self.performances.read().get(&p) {
            return Arc::clone(known);
        }
        let fresh = || Arc::new(Performance::new(p));
        Arc::clone(self.performances.write().entry(p).or_insert_with(fresh))
    }

    fn all_performances(&self) -> Vec<Arc<Performance>> {
        self.performances.read().values().cloned().collect()
    }

    /// What tells this call from every other.
    fn new_call(&self) -> [u8; 8] {
        self.calls.next().to_be_bytes()
    }

    /// Now, for scripts: empty where it is Redis' own time.
    fn now(&self) -> String {
        self.clock.as_ref().map_or_else(String::new, |clock| clock.now().as_millis().to_string())
    }

    /// Runs a command of somebody who waits, until it has come to its end.
    async fn command(
        &self,
        performance: &Performance,
        script: &Script,
        arguments: &[&[u8]],
    ) -> Result<Answer, HotError> {
        let answer = self.commands(performance, script, arguments, 1).await?.pop();
        answer.ok_or_else(|| StoreError::corrupt("a script answered nothing").into())
    }

    /// Runs a script that is so many commands of those who wait, until they have come to their end.
    async fn commands(
        &self,
        performance: &Performance,
        script: &Script,
        arguments: &[&[u8]],
        count: usize,
    ) -> Result<Vec<Answer>, HotError> {
        if self.stopped.load(Ordering::Acquire) {
            return Err(StoreError::unavailable("shutting down").into());
        }
        let deadline = tokio::time::Instant::now() + WITHIN;
        for _ in 0..PORTIONS {
            let left = deadline.saturating_duration_since(tokio::time::Instant::now());
            let keys = performance.keys.of_stock();
            let answered = self.ask(&self.commands, script, keys, arguments, left).await?;
            let answers = Answer::read_each(answered, count)?;
            if answers.iter().any(|answer| answer.number.is_some()) {
                self.drain.wake(performance);
            }
            if answers.first().is_none_or(|answer| answer.word() != "again") {
                return Ok(answers);
            }
        }
        Err(StoreError::unavailable("more holds are due than can be ended in time").into())
    }

    /// Runs a script once.
    async fn run(
        &self,
        link: &Link,
        script: &Script,
        keys: &[String],
        arguments: &[&[u8]],
        within: Duration,
    ) -> Result<Answer, HotError> {
        Answer::read(self.ask(link, script, keys, arguments, within).await?)
    }

    /// What a script answers to being run once.
    async fn ask(
        &self,
        link: &Link,
        script: &Script,
        keys: &[String],
        arguments: &[&[u8]],
        within: Duration,
    ) -> Result<Value, StoreError> {
        let now = self.now();
        let command = |verb: &str, script: &str| -> Cmd {
            let mut command = redis::cmd(verb);
            command.arg(script).arg(keys.len()).arg(keys).arg(&now);
            for argument in arguments {
                command.arg(argument);
            }
            command
        };
        let answered = match link.run_within(&command("EVALSHA", &script.sha), within).await {
            // A server that was started anew, or that we were sent to just now, does not know it yet.
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                link.run_within(&command("EVAL", &script.source), within).await
            }
            other => other,
        };
        answered.map_err(|error| trouble(&error))
    }
}

impl Performance {
    fn new(id: PerformanceId) -> Self {
        Self {
            id,
            keys: Keys::of(id),
            layout: OnceLock::new(),
            choosing: tokio::sync::Mutex::new(()),
            line: Arc::default(),
            expiry: expiry::Schedule::default(),
            drain: log::Standing::default(),
        }
    }
}
