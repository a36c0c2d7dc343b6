//! The sales server's side of a waiting room that is served apart.
//!
//! It checks passes by itself, so that whoever has one buys on while the queue server is away; only whether one that it
//! has not seen is used up it asks, as long as there is somebody to ask. It reports what is on sale and who has bought.
//!
//! Invariants: a purchase is told until the queue server has taken it, or the place would have ended anyway; the queue
//! server counts as unreachable only after several looks in a row, and as back after one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use onsale_app::{
    App, Caller,
    errors::{AppError, Reason},
    ports::{
        admissions::{Admissions, Bought, PassGrant, PlaceTicket, Shown},
        clock::Clock,
        ledger::{Event, PageRequest},
    },
    waiting_room::{door, untold::Untold},
};
use onsale_domain::{
    events::{WaitingRoomMode, WhenUnreachable},
    ids::{AccountId, EventId},
};
use parking_lot::Mutex;
use reqwest::{Client, StatusCode};
use serde_json::json;

use crate::{
    generations::Generations,
    http::queue::reports::{BoughtDto, CountsDto, Report, StockDto},
    queue_tokens::QueueTokens,
    requests,
    seal::{BadToken, Seal},
    trace_context::TRACEPARENT,
};

/// How often the queue server is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// So many looks in a row that found nothing, and it counts as unreachable.
const LOOKS: u32 = 4;

/// How long the queue server may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);

/// How long it may take to say whether a pass is used up, while a buyer waits.
const VERIFIES_WITHIN: Duration = Duration::from_millis(500);

/// How often what is on sale is reported.
const REPORT_EVERY: Duration = Duration::from_millis(250);

/// How often the events that have a waiting room are listed.
const LIST_EVERY: Duration = Duration::from_secs(2);

/// How many events are reported on.
const MAX_EVENTS: usize = 1_000;

/// How many purchases are told at once.
const MAX_TOLD: usize = 500;

/// How many passes a generation of those seen holds.
const GENERATION: usize = 65_536;

/// Who the sales server says it is.
pub(crate) const SERVICE_AUDIENCE: &str = "onsale:service";

/// A waiting room served apart.
pub(crate) struct RemoteQueue {
    url: String,
    client: Client,
    seal: Seal,
    tokens: QueueTokens,
    clock: Arc<dyn Clock>,
    is_unreachable: AtomicBool,
    /// The passes that this process has seen, and whether they are used up.
    passes: Mutex<Generations<(EventId, AccountId), (PlaceTicket, bool)>>,
    untold: Untold,
}

impl RemoteQueue {
    /// `url`: where the queue server is.
    pub(crate) fn new(url: &str, secrets: &[Vec<u8>], clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let client = Client::builder().timeout(ANSWERS_WITHIN).connect_timeout(ANSWERS_WITHIN).build()?;
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            client,
            seal: Seal::new(secrets, SERVICE_AUDIENCE),
            tokens: QueueTokens::new(secrets),
            clock,
            is_unreachable: AtomicBool::new(false),
            passes: Mutex::new(Generations::of(GENERATION)),
            untold: Untold::default(),
        })
    }

    /// Looks at the queue server, and reports to it, until it is dropped.
    pub(crate) async fn run(&self, app: &App) {
        tokio::join!(self.watch(), self.report(app));
    }

    /// Whether a pass that this process sees for the first time was used up before: another sales server may have sold
    /// to it, or this one in its last life. A queue server that does not say is one that does not know.
    async fn is_used_up(&self, buyer: AccountId, grant: PassGrant) -> Result<bool, AppError> {
        if self.is_unreachable.load(Ordering::Acquire) {
            return Ok(false);
        }
        let pass = self.tokens.pass(buyer, grant);
        let pass = pass.map_err(|BadToken| AppError::Internal("a pass could not be signed".into()))?;
        let call = self
            .client
            .post(format!("{}/api/v1/queue/passes/verify", self.url))
            .timeout(VERIFIES_WITHIN)
            .json(&json!({"pass": pass, "event_id": grant.ticket.event.0}));
        let outgoing = requests::call("queue verify");
        let call = match &outgoing {
            Some(outgoing) => call.header(TRACEPARENT.clone(), outgoing.as_parent().to_string()),
            None => call,
        };
        let said = async {
            let answer = call.send().await?;
            if answer.status() == StatusCode::FORBIDDEN { answer.json().await.map(Some) } else { Ok(None) }
        };
        let said = said.await;
        if let Some(outgoing) = outgoing {
            outgoing.end(said.is_err());
        }
        match said {
            Ok(Some(Refusal { code })) if code == Reason::PassUsed.code() => Ok(true),
            Ok(Some(Refusal { code })) if code == Reason::PassInvalid.code() => Err(door::not_theirs()),
            Ok(_) => Ok(false),
            Err(error) => {
                tracing::debug!(%error, "the pass is believed as it is");
                Ok(false)
            }
        }
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
            let told = self.untold.first(MAX_TOLD);
            match self.send(app, &events, &told).await {
                Ok(()) => self.untold.told(told.len()),
                Err(error) => {
                    tracing::debug!(%error, "reported to the queue server later");
                    self.untold.forget_those_over(self.clock.now());
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

/// Why a pass lets nobody in.
#[derive(serde::Deserialize)]
struct Refusal {
    code: String,
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

fn is_earlier(one: PlaceTicket, other: PlaceTicket) -> bool {
    one.generation == other.generation && one.place < other.place
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
        let known = self.passes.lock().get(&key);
        let is_used = match known {
            Some((ticket, is_used)) if ticket == grant.ticket => is_used,
            // A buyer gets a later place only after the earlier one has ended.
            Some((ticket, _)) if is_earlier(grant.ticket, ticket) => true,
            _ => {
                let is_used = self.is_used_up(buyer.account, grant).await?;
                let mut passes = self.passes.lock();
                // A purchase may have been told of while the pass was being asked about.
                let is_used = is_used || passes.get(&key) == Some((grant.ticket, true));
                passes.put(key, (grant.ticket, is_used));
                is_used
            }
        };
        if is_used {
            return Err(AppError::refused(Reason::PassUsed, "the place inside has ended"));
        }
        Ok(())
    }

    fn bought(&self, bought: Bought) {
        let key = (bought.event, bought.buyer);
        let mut passes = self.passes.lock();
        if let Some((ticket, _)) = passes.get(&key) {
            passes.put(key, (ticket, true));
        }
        drop(passes);
        self.untold.add(bought);
    }
}
