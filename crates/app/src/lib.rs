//! Use cases and ports: what onsale does, told without naming a store.
//!
//! Invariant: nothing here knows which adapter it talks to; the steps of a use case may each fail or run twice.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

pub mod accounts;
pub mod actions;
mod at_hand;
pub mod audit;
pub mod cards;
pub mod catalogue;
pub mod deliveries;
pub mod drain;
pub mod endpoints;
pub mod errors;
pub mod exports;
pub mod figures;
pub mod findings;
pub mod history;
pub mod letters;
mod lines;
pub mod moving;
pub mod notices;
mod offers;
pub mod on_sale;
pub mod orders;
pub mod passwords;
mod pauses;
pub mod payments;
pub mod personal_data;
pub mod ports;
pub mod reconciler;
pub mod refunds;
pub mod reservations;
pub mod returns;
pub mod tickets;
pub mod unsettled;
pub mod waiting_room;
pub mod wallets;

use cards::{Card, Cards};
use errors::AppError;
use offers::Offers;
use on_sale::OnSale;
use onsale_domain::ids::{AccountId, OrderId, PerformanceId, RefundId};
use passwords::Passwords;
use pauses::Pauses;
use ports::{
    admissions::Admissions,
    clock::{Clock, Entropy, Ids},
    hot::{ChangeFeed, ChangeLog, Decided, HotError, Reservations, Stock},
    ledger::{Access, Ledger, Role},
    payments::PaymentProvider,
};
use reconciler::LeftOpen;
use returns::ReturnLines;
use tokio::sync::watch;
use uuid::Uuid;

/// What the use cases work with.
pub struct Ports {
    /// The lease.
    pub reservations: Arc<dyn Reservations>,
    /// The stock.
    pub stock: Arc<dyn Stock>,
    /// The record.
    pub log: Arc<dyn ChangeLog>,
    /// What tells of news.
    pub feed: Arc<dyn ChangeFeed>,
    /// The ledger.
    pub ledger: Arc<dyn Ledger>,
    /// The ways to pay.
    pub providers: Vec<Arc<dyn PaymentProvider>>,
    /// The door where there is a waiting room.
    pub admissions: Arc<dyn Admissions>,
    /// Whether buyers are written to.
    pub sends_letters: bool,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
}

/// The use cases.
pub struct App {
    hot: Arc<dyn Reservations>,
    stock: Arc<dyn Stock>,
    log: Arc<dyn ChangeLog>,
    feed: Arc<dyn ChangeFeed>,
    ledger: Arc<dyn Ledger>,
    providers: Vec<Arc<dyn PaymentProvider>>,
    admissions: Arc<dyn Admissions>,
    sends_letters: bool,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    ids: Ids,
    passwords: Passwords,
    cards: Cards,
    offers: Offers,
    on_sale: OnSale,
    /// Who waits for what comes back.
    return_lines: ReturnLines,
    /// When to ask again about payments that stayed open.
    pauses: parking_lot::Mutex<Pauses<OrderId>>,
    /// The same for refunds.
    refund_pauses: parking_lot::Mutex<Pauses<RefundId>>,
    loading: tokio::sync::Mutex<()>,
    /// How many commands this process has seen accepted.
    commands: AtomicU64,
    /// The highest command number among them, and up to which number all are in the ledger.
    accepted: AtomicU64,
    recorded: watch::Sender<u64>,
    /// Held by whoever asks the record how far the ledger is.
    asking: tokio::sync::Mutex<()>,
    /// Payments that this process could not bring to an end.
    left_open: LeftOpen,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Their account, or the id given to a guest.
    pub account: AccountId,
    /// Whether they have signed up.
    pub kind: CallerKind,
    /// What they may do.
    pub role: Role,
}

impl Caller {
    /// Whether they manage an event: it is theirs, or they manage everything.
    pub fn manages(&self, event: &ports::ledger::Event) -> bool {
        match self.role {
            Role::Admin => true,
            Role::Organizer => event.organizer == self.account,
            Role::Buyer => false,
        }
    }
}

/// Whether somebody has signed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallerKind {
    /// No.
    Guest,
    /// Yes.
    Account,
}

impl App {
    /// Puts the use cases on their ports.
    pub fn new(ports: Ports) -> Self {
        Self {
            hot: ports.reservations,
            stock: ports.stock,
            log: ports.log,
            feed: ports.feed,
            ledger: ports.ledger,
            providers: ports.providers,
            admissions: ports.admissions,
            sends_letters: ports.sends_letters,
            clock: ports.clock,
            entropy: ports.entropy,
            ids: Ids::default(),
            passwords: Passwords::new(),
            cards: Cards::default(),
            offers: Offers::default(),
            on_sale: OnSale::default(),
            return_lines: ReturnLines::default(),
            pauses: parking_lot::Mutex::default(),
            refund_pauses: parking_lot::Mutex::default(),
            loading: tokio::sync::Mutex::new(()),
            commands: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            recorded: watch::Sender::new(0),
            asking: tokio::sync::Mutex::new(()),
            left_open: LeftOpen::default(),
        }
    }

    /// The clock everything here goes by.
    pub fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// A UUIDv7 of now, higher than all this process has given before.
    pub fn new_id(&self) -> Uuid {
        self.ids.next(self.clock.as_ref(), self.entropy.as_ref())
    }

    /// Waits until it is the turn of whoever asks the ledger now: how long that takes is how late it is.
    pub async fn turn_at_the_ledger(&self, to: Access) -> Result<(), AppError> {
        Ok(self.ledger.turn(to).await?)
    }

    /// For how long the first of those has waited at the ledger who are about to pay.
    pub async fn payers_waiting_for(&self) -> Result<Duration, AppError> {
        Ok(self.ledger.payers_waiting_for().await?)
    }

    /// Whether both stores answer, and how far the second is behind the first.
    pub async fn health(&self) -> Health {
        let (hot, ledger, lag) = tokio::join!(self.stock.health(), self.ledger.ping(), self.drain_lag());
        Health {
            hot: hot.err().map(|e| e.to_string()),
            ledger: ledger.err().map(|e| e.to_string()),
            lag: lag.ok(),
        }
    }

    /// Ends the hot store: what is under way is finished and written down.
    pub async fn shut_down(&self) {
        self.stock.shut_down().await;
    }

    /// Runs a command of the hot store; a performance that is not there is loaded from the ledger first.
    pub(crate) async fn on_stock<T, F>(&self, card: &Card, command: impl Fn() -> F) -> Result<T, AppError>
    where
        F: Future<Output = Result<T, HotError>>,
    {
        match command().await {
            Err(HotError::NotLoaded) => {
                self.load(card).await?;
                Ok(command().await?)
            }
            other => Ok(other?),
        }
    }

    /// As [`App::on_stock`], for commands that change something; notes their sequence number.
    pub(crate) async fn on_hot<T, F>(
        &self,
        card: &Card,
        command: impl Fn() -> F,
    ) -> Result<Decided<T>, AppError>
    where
        F: Future<Output = Result<Decided<T>, HotError>>,
    {
        let decided = self.on_stock(card, command).await?;
        if let Some(sequence) = decided.sequence {
            self.commands.fetch_add(1, Ordering::AcqRel);
            self.accepted.fetch_max(sequence, Ordering::AcqRel);
        }
        Ok(decided)
    }

    /// Puts a performance into the hot store as the ledger knows it, under the next epoch.
    async fn load(&self, card: &Card) -> Result<(), AppError> {
        let id = card.performance.id;
        // One at a time: a crowd that finds it missing must not read it a thousand times.
        let _one_at_a_time = self.loading.lock().await;
        if !matches!(self.stock.availability(id).await, Err(HotError::NotLoaded)) {
            return Ok(());
        }
        let epoch = self.ledger.next_epoch(id).await?;
        let image = self.ledger.image(id, (*card.layout).clone(), epoch, self.clock.now()).await?;
        let (holds, sales) = (image.holds.len(), image.sales.len());
        if self.stock.load(id, image).await? {
            tracing::info!(performance = %id, epoch, holds, sales, "performance loaded");
            // The stock is right without it; the drain or the next repair comes to it again.
            if epoch > 1
                && let Err(error) = self.close_epochs(id).await
            {
                tracing::warn!(performance = %id, %error, "what was recorded before is brought up to date later");
            }
        }
        Ok(())
    }

    /// After a stock was loaded anew: brings the records of what it had before, and has no more, up to date. Gives how
    /// many there were.
    pub(crate) async fn close_epochs(&self, id: PerformanceId) -> Result<usize, AppError> {
        let stock = self.stock.image(id).await?;
        let live = stock.holds.iter().map(|hold| hold.id).collect();
        let moved = self.ledger.close_epochs(id, stock.position.epoch, &live).await?;
        if moved > 0 {
            tracing::info!(performance = %id, epoch = stock.position.epoch, moved, "earlier reservations closed");
        }
        Ok(moved)
    }
}

/// What does not answer, and what it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// The hot store's trouble.
    pub hot: Option<String>,
    /// The ledger's trouble.
    pub ledger: Option<String>,
    /// How far the ledger is behind; `None` where the hot store does not say.
    pub lag: Option<drain::Lag>,
}
