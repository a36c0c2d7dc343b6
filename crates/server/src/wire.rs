//! Wiring: the only place that names concrete adapters.

use std::{fs, io::Write, path::Path, pin::Pin, sync::Arc, time::Instant};

use anyhow::{Context, anyhow};
use onsale_app::{
    App, Ports,
    ports::{
        admissions::Admissions,
        clock::{Clock, Entropy},
        hot::{ChangeFeed, ChangeLog, Reservations, Stock},
        ledger::{Events, Ledger, Orders, Wallet},
        limits::Shares,
        payments::PaymentProvider,
        waiting_room::WaitingRooms,
    },
    waiting_room::Rooms,
};
use onsale_domain::time::Timestamp;
use onsale_hot::{
    memory::{MemoryStore, journal::sqlite::SqliteJournal},
    redis::{RedisSettings, RedisStore},
};
use onsale_ledger::{LedgerSettings, SqlLedger};
use onsale_payments::{
    Simulated, SimulatedSettings, Stripe, StripeSettings, WalletPayments,
    stripe::{BASE_URL, SCRIPT_URL},
};

use recorded::Recorded;
use timed::Timed;

use crate::{
    queue_client::RemoteQueue,
    requests,
    settings::{Payments, Role, Settings, redacted},
    traces::Step,
};

pub(crate) mod copying;
pub(crate) mod examining;
pub(crate) mod marks;
pub(crate) mod moving;
mod recorded;
mod timed;
pub(crate) mod verifying;

/// The ledger in a folder.
const LEDGER: &str = "ledger.db";

/// The journal of its stock.
const JOURNAL: &str = "journal.db";

/// Locked by whoever has the stock of a folder, and by whoever has its waiting rooms apart.
const LOCK: &str = "lock";
const QUEUE_LOCK: &str = "queue.lock";

/// The process's clock: the wall clock at start, and from there the monotonic one, so that stepping the wall
/// clock neither ends holds early nor keeps them late.
struct SteadyClock {
    began: Timestamp,
    since: Instant,
}

impl SteadyClock {
    fn new() -> Self {
        Self { began: Timestamp(jiff::Timestamp::now().as_millisecond()), since: Instant::now() }
    }
}

impl Clock for SteadyClock {
    fn now(&self) -> Timestamp {
        self.began.plus_ms(u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}

/// Random bits from the thread's cryptographic generator.
struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn bits(&self) -> u64 {
        rand::random()
    }
}

/// What is served, and what runs in the background beside requests.
pub(crate) struct Wired {
    /// The use cases.
    pub(crate) app: Arc<App>,
    /// Lets holds lapse at their time, until it is dropped.
    pub(crate) expiry: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// The waiting rooms, unless another server has them.
    pub(crate) rooms: Option<Arc<Rooms>>,
    /// The link to the server that has them then.
    pub(crate) queue: Option<Arc<RemoteQueue>>,
    /// Whether other processes serve the same stock.
    pub(crate) is_shared: bool,
    /// The limits that they go by together then.
    pub(crate) shares: Option<Arc<dyn Shares>>,
    /// Keeps a second server off the same folder for as long as it lives, where the stock is in it.
    _folder: Option<fs::File>,
}

/// The ledger alone, migrated: for the command line beside a running server. Refuses one that was moved elsewhere, or
/// that has not wholly arrived.
pub(crate) async fn open_ledger(settings: &Settings) -> anyhow::Result<Arc<SqlLedger>> {
    if settings.database_url.is_none() {
        marks::refuse_moved(&settings.data_dir)?;
    }
    let ledger = connect_ledger(settings).await?;
    ledger.migrate().await.context("the ledger cannot be brought to this version")?;
    if ledger.arrival().await?.is_some_and(|arrival| arrival.finished_at.is_none()) {
        return Err(anyhow!("setting database_url: {HALF_MOVED}"));
    }
    Ok(ledger)
}

/// What is said of a store that is being filled, or was left half filled.
const HALF_MOVED: &str =
    "a move into it has not come to its end; let `onsale move` finish it, or begin with an empty one";

async fn connect_ledger(settings: &Settings) -> anyhow::Result<Arc<SqlLedger>> {
    fs::create_dir_all(&settings.data_dir)
        .with_context(|| format!("setting data_dir: {} cannot be created", settings.data_dir.display()))?;
    let in_folder = || format!("sqlite://{}", settings.data_dir.join(LEDGER).display());
    let url = settings.database_url.clone().unwrap_or_else(in_folder);
    let limits = LedgerSettings {
        acquire_timeout_ms: settings.database.acquire_timeout_ms,
        max_connections: settings.database.max_connections,
        statement_timeout_ms: settings.database.statement_timeout_ms,
        tell: |begun, failed| requests::step(Step::Inside("ledger"), begun, failed),
        ..LedgerSettings::default()
    };
    let ledger = SqlLedger::open(&url, limits)
        .await
        .with_context(|| format!("the ledger {} cannot be opened", redacted(&url)))?;
    Ok(Arc::new(ledger))
}

/// Use cases without a hot store of their own, for commands that only touch the ledger.
pub(crate) async fn ledger_app(settings: &Settings) -> anyhow::Result<App> {
    let ledger: Arc<dyn Ledger> = open_ledger(settings).await?;
    let clock: Arc<dyn Clock> = Arc::new(SteadyClock::new());
    let journal = onsale_hot::memory::journal::volatile::VolatileJournal::new();
    let store = Arc::new(MemoryStore::open_inline(Box::new(journal), Arc::clone(&clock))?);
    let door = rooms(Arc::clone(&store) as Arc<dyn WaitingRooms>, &ledger, &clock);
    Ok(App::new(ports(settings, store, ledger, door, clock)?))
}

/// Use cases on a ledger and a clock of a test's choice.
#[cfg(test)]
pub(crate) fn app_on(ledger: Arc<dyn Ledger>, clock: Arc<dyn Clock>) -> App {
    let journal = onsale_hot::memory::journal::volatile::VolatileJournal::new();
    let store = MemoryStore::open_inline(Box::new(journal), Arc::clone(&clock));
    let store = Arc::new(store.unwrap_or_else(|error| panic!("{error}")));
    let door = rooms(Arc::clone(&store) as Arc<dyn WaitingRooms>, &ledger, &clock);
    App::new(Ports {
        reservations: Arc::clone(&store) as Arc<dyn Reservations>,
        stock: Arc::clone(&store) as Arc<dyn Stock>,
        log: Arc::clone(&store) as Arc<dyn ChangeLog>,
        feed: store as Arc<dyn ChangeFeed>,
        ledger,
        providers: Vec::new(),
        admissions: door,
        sends_letters: true,
        clock,
        entropy: Arc::new(SystemEntropy),
    })
}

/// What is wrong with an address of Redis, without asking anybody there.
pub(crate) fn check_redis_url(url: &str) -> Result<(), impl std::fmt::Display> {
    onsale_hot::redis::check_url(url)
}

/// Everything, for `serve`.
pub(crate) async fn everything(settings: &Settings) -> anyhow::Result<Wired> {
    match &settings.redis_url {
        None => embedded(settings).await,
        Some(url) => shared(settings, url).await,
    }
}

/// A stock in Redis, served by any number of processes.
async fn shared(settings: &Settings, url: &str) -> anyhow::Result<Wired> {
    let ledger: Arc<dyn Ledger> = open_ledger(settings).await?;
    let clock: Arc<dyn Clock> = Arc::new(SteadyClock::new());
    let redis = RedisSettings { url: url.to_owned(), strict: settings.redis_strict, clock: None };
    let store = RedisStore::open(redis)
        .await
        .with_context(|| format!("setting redis_url: {} cannot be used", redacted(url)))?;
    if store.arrival().await?.is_some() {
        return Err(anyhow!("setting redis_url: {HALF_MOVED}"));
    }
    let door = Door::of(settings, Arc::new(store.clone()), &ledger, &clock)?;
    let app = App::new(ports(settings, Arc::new(store.clone()), ledger, door.admissions(), clock)?);
    let shares = Some(Arc::new(store.clone()) as Arc<dyn Shares>);
    let expiry = Box::pin(async move { store.run_expiry().await });
    Ok(Wired {
        app: Arc::new(app),
        expiry,
        rooms: door.rooms(),
        queue: door.queue(),
        is_shared: true,
        shares,
        _folder: None,
    })
}

/// A stock in this process, its journal in the folder.
async fn embedded(settings: &Settings) -> anyhow::Result<Wired> {
    // Also where the ledger is elsewhere: the stock went with it.
    marks::refuse_moved(&settings.data_dir)?;
    let ledger: Arc<dyn Ledger> = open_ledger(settings).await?;
    // Beside each other from one folder, the two roles keep journals of their own.
    let (lock, journal) = match settings.role {
        Role::All | Role::Sales { .. } => (LOCK, JOURNAL),
        Role::Queue => (QUEUE_LOCK, "queue.db"),
    };
    let folder = lock_folder(&settings.data_dir, lock)?;
    let clock: Arc<dyn Clock> = Arc::new(SteadyClock::new());
    let journal = SqliteJournal::open(&settings.data_dir.join(journal))?;
    let store = MemoryStore::open(Box::new(journal), Arc::clone(&clock), Box::new(end_process))
        .context("the journal cannot be replayed")?;
    let door = Door::of(settings, Arc::new(store.clone()), &ledger, &clock)?;
    let app = App::new(ports(settings, Arc::new(store.clone()), ledger, door.admissions(), clock)?);
    let expiry = Box::pin(async move { store.run_expiry().await });
    Ok(Wired {
        app: Arc::new(app),
        expiry,
        rooms: door.rooms(),
        queue: door.queue(),
        is_shared: false,
        shares: None,
        _folder: Some(folder),
    })
}

/// Who lets buyers in: the waiting rooms of this process, or the link to another's.
enum Door {
    Here(Arc<Rooms>),
    Elsewhere(Arc<RemoteQueue>),
}

impl Door {
    fn of(
        settings: &Settings,
        store: Arc<dyn WaitingRooms>,
        ledger: &Arc<dyn Ledger>,
        clock: &Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let Role::Sales { queue_url } = &settings.role else {
            return Ok(Self::Here(rooms(store, ledger, clock)));
        };
        let secrets = secrets(settings)?;
        Ok(Self::Elsewhere(Arc::new(RemoteQueue::new(queue_url, &secrets, Arc::clone(clock))?)))
    }

    fn admissions(&self) -> Arc<dyn Admissions> {
        match self {
            Self::Here(rooms) => Arc::clone(rooms) as Arc<dyn Admissions>,
            Self::Elsewhere(queue) => Arc::clone(queue) as Arc<dyn Admissions>,
        }
    }

    fn rooms(&self) -> Option<Arc<Rooms>> {
        match self {
            Self::Here(rooms) => Some(Arc::clone(rooms)),
            Self::Elsewhere(_) => None,
        }
    }

    fn queue(&self) -> Option<Arc<RemoteQueue>> {
        match self {
            Self::Here(_) => None,
            Self::Elsewhere(queue) => Some(Arc::clone(queue)),
        }
    }
}

fn rooms(store: Arc<dyn WaitingRooms>, ledger: &Arc<dyn Ledger>, clock: &Arc<dyn Clock>) -> Arc<Rooms> {
    let events = Arc::clone(ledger) as Arc<dyn Events>;
    Arc::new(Rooms::new(store, events, Arc::clone(clock), Arc::new(SystemEntropy)))
}

fn ports<Hot: Reservations + Stock + ChangeLog + ChangeFeed + 'static>(
    settings: &Settings,
    store: Arc<Hot>,
    ledger: Arc<dyn Ledger>,
    admissions: Arc<dyn Admissions>,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Ports> {
    let providers = providers(&settings.payments, &ledger, &clock)?;
    Ok(Ports {
        reservations: Arc::new(Timed::new(Arc::clone(&store) as Arc<dyn Reservations>)),
        stock: Arc::clone(&store) as Arc<dyn Stock>,
        log: Arc::clone(&store) as Arc<dyn ChangeLog>,
        feed: store as Arc<dyn ChangeFeed>,
        ledger,
        providers,
        admissions,
        sends_letters: settings.mail.is_some(),
        clock,
        entropy: Arc::new(SystemEntropy),
    })
}

/// The ways to pay.
fn providers(
    settings: &Payments,
    ledger: &Arc<dyn Ledger>,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Vec<Arc<dyn PaymentProvider>>> {
    let wallet = WalletPayments::new(Arc::clone(ledger) as Arc<dyn Wallet>, Arc::clone(clock));
    let mut providers: Vec<Arc<dyn PaymentProvider>> = Vec::new();
    if settings.simulated_enabled {
        providers.push(Arc::new(Simulated::new(SimulatedSettings {
            failure_rate: settings.simulated_failure_rate,
            delay_ms: settings.simulated_delay_ms,
        })));
    }
    providers.push(Arc::new(wallet));
    if let Some(account) = &settings.stripe {
        let stripe = StripeSettings {
            secret_key: String::from_utf8_lossy(&account.secret_key.0).into_owned(),
            publishable_key: account.publishable_key.clone(),
            webhook_secrets: account.webhook_secrets.iter().map(|secret| secret.0.clone()).collect(),
            tolerance_s: account.webhook_tolerance_s,
            base_url: account.base_url.clone().unwrap_or_else(|| BASE_URL.to_owned()),
            script_url: account.script_url.clone().unwrap_or_else(|| SCRIPT_URL.to_owned()),
            buyer_acts_within_ms: account.buyer_acts_within_s * 1000,
        };
        let orders = Arc::clone(ledger) as Arc<dyn Orders>;
        let stripe = Stripe::new(stripe, orders, Arc::clone(clock)).context("setting payments.stripe")?;
        if account.webhook_secrets.is_empty() {
            tracing::warn!("no payments.stripe.webhook_secrets: who pays at Stripe waits for the reconciler");
        }
        providers.push(Arc::new(stripe));
    }
    Ok(providers
        .into_iter()
        .map(|provider| Arc::new(Recorded(provider)) as Arc<dyn PaymentProvider>)
        .collect())
}

/// After a failed fsync nobody knows what is on disk: the process ends, and the next start replays.
fn end_process(cause: &str) {
    tracing::error!(cause, "the journal is in an unknown state; ending so that a restart can replay it");
    std::process::exit(70);
}

/// One server per folder: two would each believe to be the only one who sells.
fn lock_folder(folder: &Path, name: &str) -> anyhow::Result<fs::File> {
    let path = folder.join(name);
    let file = fs::File::options().create(true).append(true).open(&path)?;
    file.try_lock().map_err(|_| {
        anyhow!(
            "setting data_dir: another onsale serves from {}; give this one a folder of its own",
            folder.display()
        )
    })?;
    Ok(file)
}

/// The secrets that tokens are signed and checked with, the current one first. In the embedded form the first
/// start makes one and keeps it in the folder, readable by its owner only.
pub(crate) fn secrets(settings: &Settings) -> anyhow::Result<Vec<Vec<u8>>> {
    let previous = settings.previous_secrets.iter().map(|secret| secret.0.clone());
    if let Some(secret) = &settings.secret {
        return Ok(std::iter::once(secret.0.clone()).chain(previous).collect());
    }
    let path = settings.data_dir.join("secret");
    let fresh = hex::encode(rand::random::<[u8; 32]>());
    let mut options = fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(&path) {
        Ok(mut file) => {
            file.write_all(format!("{fresh}\n").as_bytes())?;
            file.sync_all()?;
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error).with_context(|| format!("{} cannot be made", path.display())),
    }
    let text = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let kept: Vec<Vec<u8>> = text.lines().map(|line| line.trim().as_bytes().to_vec()).collect();
    if kept.is_empty() || kept.iter().any(|secret| secret.len() < crate::settings::MIN_SECRET_BYTES) {
        return Err(anyhow!(
            "{} is damaged: each line has to be a secret of at least 32 bytes",
            path.display()
        ));
    }
    Ok(kept.into_iter().chain(previous).collect())
}
