//! An in-memory adapter of every ledger port: one lock around plain maps.
//!
//! Invariant: each method takes the lock once and holds it for the whole command, so every command is atomic and
//! they all stand in one order. Written to be obviously right rather than fast: it is what the deterministic
//! simulation runs on, and the conformance suite holds it and the SQL ledger to the same contract.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    ledger::{
        Access, Account, Action, CheckIn, Created, Endpoint, Event, LedgerHealth, Order, OwnedKey, Page,
        PageRequest, Performance, PlanSummary, Refund, ReservationRecord, Wish,
    },
};
use onsale_domain::{
    ids::{
        AccountId, ActionId, DeliveryId, EndpointId, EventId, LoginId, OrderId, PerformanceId, PlanId,
        RefundId, ReservationId, WishId,
    },
    position::Position,
    reservations::RequestKey,
    seating::SeatingPlan,
    time::Timestamp,
    units::Unit,
};
use parking_lot::Mutex;
use uuid::Uuid;

mod accounts;
mod actions;
mod books;
mod catalogue;
mod deliveries;
mod orders;
mod personal_data;
mod refunds;
mod reservations;
mod tickets;
mod wallet;
mod wishes;

pub use wallet::{WalletEntry, WalletSide};

/// A ledger that ends with the process.
#[derive(Default)]
pub struct MemoryLedger {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    accounts: BTreeMap<AccountId, Account>,
    logins: BTreeMap<LoginId, accounts::Login>,
    tokens: BTreeMap<[u8; 32], accounts::Token>,
    events: BTreeMap<EventId, Event>,
    plans: BTreeMap<PlanId, (PlanSummary, SeatingPlan)>,
    grids: BTreeMap<(u32, u32), PlanId>,
    performances: BTreeMap<PerformanceId, Performance>,
    last_number: u32,
    epochs: BTreeMap<PerformanceId, u32>,
    reservations: BTreeMap<ReservationId, ReservationRecord>,
    recorded: BTreeMap<PerformanceId, Position>,
    blocked: BTreeSet<(PerformanceId, Unit)>,
    /// Keys of reservations, as the drain found them in the record.
    hold_keys: Vec<(PerformanceId, Timestamp, AccountId, RequestKey, ReservationId)>,
    orders: BTreeMap<OrderId, Order>,
    /// Orders that were failed before they were begun.
    tombstones: BTreeSet<OrderId>,
    claims: BTreeMap<(PerformanceId, Unit), OrderId>,
    refunds: BTreeMap<RefundId, Refund>,
    /// Tickets that were used, by code.
    check_ins: BTreeMap<String, CheckIn>,
    deliveries: BTreeMap<DeliveryId, deliveries::Kept>,
    endpoints: BTreeMap<EndpointId, Endpoint>,
    sold_out: BTreeSet<PerformanceId>,
    wishes: BTreeMap<WishId, Wish>,
    actions: BTreeMap<ActionId, Action>,
    /// Those who asked to be forgotten, and when.
    erasures: BTreeMap<AccountId, Timestamp>,
    /// The last order of a performance in which guests were forgotten.
    guests_erased_to: BTreeMap<PerformanceId, OrderId>,
    /// Performances that somebody has waited for, and whether they have been sold out.
    return_lines: BTreeMap<PerformanceId, bool>,
    entries: Vec<WalletEntry>,
    charges: BTreeMap<OrderId, wallet::ChargeState>,
    /// Refunds that wallets have.
    given_back: BTreeSet<RefundId>,
    keys: BTreeMap<(AccountId, [u8; 16]), KeyUse>,
}

/// What a key was used for.
#[derive(Clone, Copy)]
struct KeyUse {
    request: [u8; 16],
    made: Made,
}

#[derive(Clone, Copy)]
enum Made {
    Event(EventId),
    Plan(PlanId),
    Performance(PerformanceId),
    TopUp(AccountId),
    Order(OrderId),
}

impl State {
    /// The answer to a repeat; `None` where the key is new or there is none. `find` fetches what was made.
    fn repeat<T>(
        &self,
        key: Option<OwnedKey>,
        find: impl Fn(&Self, Made) -> Option<T>,
    ) -> Option<Created<T>> {
        let key = key?;
        let used = self.keys.get(&(key.owner, key.key.key))?;
        if used.request != key.key.request {
            return Some(Created::KeyMismatch);
        }
        // A key whose thing is of another noun, or deleted since, was used for another request.
        Some(find(self, used.made).map_or(Created::KeyMismatch, Created::Repeated))
    }

    fn remember(&mut self, key: Option<OwnedKey>, made: Made) {
        if let Some(key) = key {
            self.keys.insert((key.owner, key.key.key), KeyUse { request: key.key.request, made });
        }
    }
}

impl MemoryLedger {
    /// An empty ledger.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every order there is, by id; for checkers.
    pub fn all_orders(&self) -> Vec<Order> {
        self.state.lock().orders.values().cloned().collect()
    }

    /// Every refund there is, by id; for checkers.
    pub fn all_refunds(&self) -> Vec<Refund> {
        self.state.lock().refunds.values().cloned().collect()
    }

    /// Which order claims which unit now; for checkers. A refund that kept its claim is among them.
    pub fn live_claims(&self) -> BTreeMap<(PerformanceId, Unit), OrderId> {
        self.state.lock().claims.clone()
    }

    /// Every entry ever made in a wallet, oldest first; for checkers.
    pub fn wallet_entries(&self) -> Vec<WalletEntry> {
        self.state.lock().entries.clone()
    }

    /// Every reservation recorded, by id; for checkers.
    pub fn all_reservations(&self) -> Vec<ReservationRecord> {
        self.state.lock().reservations.values().cloned().collect()
    }
}

#[async_trait]
impl LedgerHealth for MemoryLedger {
    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn turn(&self, _: Access) -> Result<(), StoreError> {
        Ok(())
    }

    async fn payers_waiting_for(&self) -> Result<Duration, StoreError> {
        Ok(Duration::ZERO)
    }
}

/// One page out of `items`, which are in the order of the list; goes on behind the item with the id `after`.
fn page<T>(
    items: impl IntoIterator<Item = T>,
    id: impl Fn(&T) -> Uuid,
    request: PageRequest,
    newest_first: bool,
) -> Page<T> {
    let behind = |item: &T| match request.after {
        None => true,
        Some(after) if newest_first => id(item) < after,
        Some(after) => id(item) > after,
    };
    let limit = request.limit as usize;
    let mut found: Vec<T> = items.into_iter().filter(behind).take(limit + 1).collect();
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(id);
    Page { items: found, next }
}
