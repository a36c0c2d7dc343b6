//! The sales server's side of a waiting room that is served apart.
//!
//! It checks passes by itself, so that whoever has one buys on while the queue server is away, and reports what is on
//! sale and who has bought.
//!
//! Invariants: a purchase is told until the queue server has taken it, or the place would have ended anyway; the queue
//! server counts as unreachable only after several looks in a row, and as back after one.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ahash::AHashMap;
use async_trait::async_trait;
use onsale_app::{
    App, Caller,
    errors::{AppError, Reason},
    ports::{
        admissions::{Admissions, Bought, PlaceTicket, Shown},
        clock::Clock,
        ledger::{Event, PageRequest},
    },
    waiting_room::door,
};
use onsale_domain::{
    events::{WaitingRoomMode, WhenUnreachable},
    ids::{AccountId, EventId},
};
use parking_lot::Mutex;
use reqwest::Client;

use crate::{
    http::queue::reports::{BoughtDto, CountsDto, Report, StockDto},
    seal::{BadToken, Seal},
};

/// How often the queue server is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// So many looks in a row that found nothing, and it counts as unreachable.
const LOOKS: u32 = 4;

/// How long the queue server may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);

/// How often what is on sale is reported.
const REPORT_EVERY: Duration = Duration::from_millis(250);

/// How often the events that have a waiting room are listed.
const LIST_EVERY: Duration = Duration::from_secs(2);

/// How many events are reported on.
const MAX_EVENTS: usize = 1_000;

/// How many purchases wait to be told, and are told at once.
const MAX_WAITING: usize = 100_000;
const MAX_TOLD: usize = 500;

/// The longest that a place inside can last.
const LONGEST_MS: u64 = 86_400_000;

/// How many passes a generation of those seen holds.
const GENERATION: usize = 65_536;

/// Who the sales server says it is.
pub(crate) const SERVICE_AUDIENCE: &str = "onsale:service";

/// The passes that this process has seen, and those of them that are used up. Two generations: when the younger is full
/// it becomes the older.
#[derive(Default)]
struct Passes {
    young: AHashMap<(EventId, AccountId), (PlaceTicket, bool)>,
    old: AHashMap<(EventId, AccountId), (PlaceTicket, bool)>,
}

impl Passes {
    fn get(&self, key: (EventId, AccountId)) -> Option<(PlaceTicket, bool)> {
        self.young.get(&key).or_else(|| self.old.get(&key)).copied()
    }

    fn put(&mut self, key: (EventId, AccountId), value: (PlaceTicket, bool)) {
        if self.young.len() >= GENERATION && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

/// A waiting room served apart.
pub(crate) struct RemoteQueue {
    url: String,
    client: Client,
    seal: Seal,
    clock: Arc<dyn Clock>,
    is_unreachable: AtomicBool,
    passes: Mutex<Passes>,
    bought: Mutex<VecDeque<Bought>>,
}

impl RemoteQueue {
    /// `url`: where the queue server is.
    pub(crate) fn new(url: &str, secrets: &[Vec<u8>], clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let client = Client::builder().timeout(ANSWERS_WITHIN).connect_timeout(ANSWERS_WITHIN).build()?;
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            client,
            seal: Seal::new(secrets, SERVICE_AUDIENCE),
            clock,
            is_unreachable: AtomicBool::new(false),
            passes: Mutex::default(),
            bought: Mutex::default(),
        })
    }

    /// Looks at the queue server, and reports to it, until it is dropped.
    pub(crate) async fn run(&self, app: &App) {
        tokio::join!(self.watch(), self.report(app));
    }

    async fn watch(&self) {
        let mut missed = 0;
        loop {
            let found = self.client.get(format!("{}/health/live", self.url)).send().await;
            let is_there = found.is_ok_and(|answer| answer.status().is_success());
            missed = if is_there { 0 } else { missed + 1 };
            let unreachable = missed >= LOOKS;
            if self.is_unreachable.swap(unreachable, Ordering::AcqRel) != unreachable {
                if unreachable {
                    tracing::warn!(url = self.url, "the queue server is unreachable");
                } else {
                    tracing::info!(url = self.url, "the queue server is back");
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn report(&self, app: &App) {
        let mut events = Vec::new();
        let mut since_listed = LIST_EVERY;
        loop {
            if since_listed >= LIST_EVERY {
                match with_rooms(app).await {
                    Ok(found) => events = found,
                    Err(error) => tracing::debug!(%error, "events not listed; going on with those known"),
                }
                since_listed = Duration::ZERO;
            }
            let told = self.bought.lock().iter().take(MAX_TOLD).copied().collect::<Vec<_>>();
            match self.send(app, &events, &told).await {
                // Only this task takes from the front.
                Ok(()) => drop(self.bought.lock().drain(..told.len())),
                Err(error) => {
                    tracing::debug!(%error, "reported to the queue server later");
                    let now = self.clock.now();
                    self.bought.lock().retain(|bought| now.since_ms(bought.at) < LONGEST_MS);
                }
            }
            tokio::time::sleep(REPORT_EVERY).await;
            since_listed += REPORT_EVERY;
        }
    }

    async fn send(&self, app: &App, events: &[EventId], told: &[Bought]) -> anyhow::Result<()> {
        let mut stock = Vec::with_capacity(events.len());
        for event in events {
            // What is not known is not reported, and then nobody is called.
            if let Ok(on_sale) = app.on_sale(*event).await {
                stock.push(StockDto { event_id: event.0, on_sale: on_sale.map(CountsDto::from) });
            }
        }
        if stock.is_empty() && told.is_empty() {
            return Ok(());
        }
        let bought = told.iter().map(BoughtDto::from).collect();
        let token = self.seal.sign(&ServiceClaims::of(self.clock.now())).map_err(|BadToken| BadToken)?;
        let answer = self
            .client
            .post(format!("{}/api/v1/queue/reports", self.url))
            .bearer_auth(token)
            .json(&Report { stock, bought })
            .send()
            .await?;
        answer.error_for_status()?;
        Ok(())
    }
}

/// What a server says of itself to another.
#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct ServiceClaims {
    exp: i64,
}

impl ServiceClaims {
    fn of(now: onsale_domain::time::Timestamp) -> Self {
        Self { exp: now.as_millis() / 1000 + 60 }
    }

    /// Whether they are still good.
    pub(crate) fn are_good(&self, now: onsale_domain::time::Timestamp) -> bool {
        self.exp.saturating_mul(1000) > now.as_millis()
    }
}

/// The events that have a waiting room.
async fn with_rooms(app: &App) -> Result<Vec<EventId>, AppError> {
    let (mut found, mut after) = (Vec::new(), None);
    while found.len() < MAX_EVENTS {
        let page = app.events(PageRequest { limit: 200, after }).await?;
        let on = |event: &Event| event.settings.waiting_room.mode == WaitingRoomMode::On;
        found.extend(page.items.iter().filter(|event| on(event)).map(|event| event.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok(found)
}

#[async_trait]
impl Admissions for RemoteQueue {
    async fn check(&self, buyer: Caller, event: &Event, shown: &Shown) -> Result<(), AppError> {
        if *shown == Shown::Nothing
            && event.settings.waiting_room.when_unreachable == WhenUnreachable::Admit
            && self.is_unreachable.load(Ordering::Acquire)
        {
            return Ok(());
        }
        let grant = door::valid_alone(buyer.account, event.id, shown, self.clock.now())?;
        let key = (event.id, buyer.account);
        let mut passes = self.passes.lock();
        match passes.get(key) {
            Some((ticket, true)) if ticket == grant.ticket => {
                Err(AppError::refused(Reason::PassUsed, "the place inside has ended"))
            }
            Some((ticket, false)) if ticket == grant.ticket => Ok(()),
            _ => {
                passes.put(key, (grant.ticket, false));
                Ok(())
            }
        }
    }

    fn bought(&self, bought: Bought) {
        let key = (bought.event, bought.buyer);
        let mut passes = self.passes.lock();
        if let Some((ticket, _)) = passes.get(key) {
            passes.put(key, (ticket, true));
        }
        drop(passes);
        let mut waiting = self.bought.lock();
        if waiting.len() >= MAX_WAITING {
            tracing::warn!(event = %bought.event, "too many purchases to tell; the place ends by its own time");
            return;
        }
        waiting.push_back(bought);
    }
}
