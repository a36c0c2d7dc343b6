//! The ledger: what must be true in ten years.
//!
//! Contract: every method is one transaction; `Ok` means committed. Methods that create something take the
//! client's idempotency key, which is recorded in the same transaction: a repeat answers [`Created::Repeated`]
//! and does nothing. `Unavailable` leaves open whether the transaction was committed; every method may be
//! called again.

use std::time::Duration;

use async_trait::async_trait;
use onsale_domain::{
    events::EventSettings,
    ids::{AccountId, EventId, LoginId, PerformanceId, PerformanceNumber, PlanId},
    money::Money,
    reservations::RequestKey,
    seating::SeatingPlan,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::StoreError;

mod actions;
mod books;
mod deliveries;
mod orders;
mod personal_data;
mod refunds;
mod reservations;
mod tickets;
mod wallets;
mod wishes;

pub use actions::{Action, ActionKind, Actions};
pub use books::{
    BookPage, BookedCharge, BookedEntry, BookedMoney, BookedOrder, BookedPayment, BookedRefund, BookedUnit,
    Books, Stray, WalletSums,
};
pub use deliveries::{
    Content, Deliveries, Delivery, DeliveryStatus, Endpoint, Endpoints, Lane, Lease, Letter, LetterKind,
    Notice, NoticeKind, OfferLetter, Replay, SendLetter, SendLimits, Settlement, Watched, Writing,
};
pub use orders::{BeginOrder, BuyerDetails, Order, OrderFilter, OrderUnit, Orders, SettleOrder, UnitRefund};
pub use personal_data::{Erasure, Kept, PersonalData};
pub use refunds::{BeginRefund, NewRefund, Refund, RefundOf, Refunds};
pub use reservations::{RecordedStatus, ReservationRecord, ReservationRecords};
pub use tickets::{Attendance, CheckIn, CheckInOutcome, Ticket, Tickets};
pub use wallets::{GiveBack, Wallet, WalletOutcome};
pub use wishes::{InLine, Offer, PutWish, ReturnLine, Unfit, Wanted, Wish, WishStep, Wishes};

/// A created thing, or what an earlier request under the same key created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created<T> {
    /// Made by this call.
    New(T),
    /// Made before, under the same key and for the same request.
    Repeated(T),
    /// The key was used before for another request.
    KeyMismatch,
}

/// An idempotency key and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnedKey {
    /// The buyer or organizer.
    pub owner: AccountId,
    /// Digests of the key and the request.
    pub key: RequestKey,
}

/// A page of a list, newest first unless the method says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins, if there is one: the id of this page's last item.
    pub next: Option<Uuid>,
}

/// Which page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PageRequest {
    /// At most so many items, 1 to 200.
    pub limit: u32,
    /// Go on behind this id.
    pub after: Option<Uuid>,
}

/// What somebody may do. Everyone is a buyer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Buys.
    Buyer,
    /// Sells: manages their own events.
    Organizer,
    /// Manages everything.
    Admin,
}

impl Role {
    /// Its name in the ledger, in tokens and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Buyer => "buyer",
            Self::Organizer => "organizer",
            Self::Admin => "admin",
        }
    }

    /// The role of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Buyer, Self::Organizer, Self::Admin].into_iter().find(|role| role.as_str() == name)
    }
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Lower-case address; `None` for identities that a gateway vouches for.
    pub email: Option<String>,
    /// What to call them.
    pub name: String,
    /// Argon2id hash in PHC form; `None` where no password can log in.
    pub password_hash: Option<String>,
    /// What the gateway calls them, where the identity comes from one.
    pub external_id: Option<String>,
    /// What they may do beside buying.
    pub role: Role,
    /// Since when.
    pub created_at: Timestamp,
}

/// Accounts.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Adds an account; `false` where its e-mail address is taken.
    async fn create_account(&self, account: &Account) -> Result<bool, StoreError>;
    /// By address, which the caller has lower-cased.
    async fn account_by_email(&self, email: &str) -> Result<Option<Account>, StoreError>;
    /// By id.
    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError>;
    /// The account of a gateway's identity; `fresh` is added where there is none yet.
    async fn account_by_external_id(&self, fresh: &Account) -> Result<Account, StoreError>;
    /// Gives a role; `false` where there is no such account.
    async fn set_role(&self, id: AccountId, role: Role) -> Result<bool, StoreError>;
}

/// What became of presenting a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// It was good and is used up; the next one is recorded.
    Rotated(AccountId),
    /// Never issued, expired, or its login has ended.
    Unknown,
    /// It was used before: somebody has a copy, so the whole login has ended.
    Reused,
}

/// Somebody logging in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Login {
    /// Names the log-in.
    pub id: LoginId,
    /// Who.
    pub account: AccountId,
    /// From which network address: a digest.
    pub address: [u8; 16],
}

/// Log-ins and their refresh tokens. Tokens are recorded as SHA-256 digests only.
#[async_trait]
pub trait Logins: Send + Sync {
    /// Begins a login with its first refresh token.
    async fn begin_login(
        &self,
        login: Login,
        token: [u8; 32],
        expires_at: Timestamp,
    ) -> Result<(), StoreError>;
    /// Whether a log-in of an account that is still kept, ended or not, came from an address.
    async fn has_logged_in_from(&self, account: AccountId, address: [u8; 16]) -> Result<bool, StoreError>;
    /// Uses up a token and records its successor, in one step.
    async fn rotate(
        &self,
        token: [u8; 32],
        next: [u8; 32],
        next_expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<Rotation, StoreError>;
    /// Ends the login of a token, if there is one.
    async fn end_login(&self, token: [u8; 32]) -> Result<(), StoreError>;
    /// Ends a login by name.
    async fn end_login_by_id(&self, login: LoginId) -> Result<(), StoreError>;
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// Whose it is.
    pub organizer: AccountId,
    /// What it is called.
    pub title: String,
    /// More about it.
    pub description: Option<String>,
    /// What its organizer decided.
    pub settings: EventSettings,
    /// Since when.
    pub created_at: Timestamp,
}

/// What became of deleting an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteOutcome {
    /// Gone, with its performances.
    Deleted,
    /// There is none.
    NotFound,
    /// Seats are sold or being paid for.
    HasOrders,
}

/// Events.
#[async_trait]
pub trait Events: Send + Sync {
    /// Adds an event.
    async fn create_event(&self, event: &Event, key: Option<OwnedKey>) -> Result<Created<Event>, StoreError>;
    /// By id.
    async fn event(&self, id: EventId) -> Result<Option<Event>, StoreError>;
    /// All, newest first.
    async fn events(&self, page: PageRequest) -> Result<Page<Event>, StoreError>;
    /// Those of one organizer, newest first.
    async fn events_of(&self, organizer: AccountId, page: PageRequest) -> Result<Page<Event>, StoreError>;
    /// Replaces title, description and settings; `false` where there is no such event.
    async fn update_event(&self, event: &Event) -> Result<bool, StoreError>;
    /// Deletes an event and its performances, unless there are orders.
    async fn delete_event(&self, id: EventId) -> Result<DeleteOutcome, StoreError>;
}

/// A seating plan as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanSummary {
    /// Its id.
    pub id: PlanId,
    /// Its name.
    pub name: String,
    /// How many seats it has.
    pub seat_count: u32,
    /// How many areas are drawn in it.
    pub area_count: u32,
    /// Since when.
    pub created_at: Timestamp,
}

/// Seating plans: stored once, never changed.
#[async_trait]
pub trait SeatingPlans: Send + Sync {
    /// Adds a plan.
    async fn create_plan(
        &self,
        summary: &PlanSummary,
        owner: AccountId,
        plan: &SeatingPlan,
        key: Option<OwnedKey>,
    ) -> Result<Created<PlanSummary>, StoreError>;
    /// The plan itself.
    async fn plan(&self, id: PlanId) -> Result<Option<(PlanSummary, SeatingPlan)>, StoreError>;
    /// All, newest first.
    async fn plans(&self, page: PageRequest) -> Result<Page<PlanSummary>, StoreError>;
    /// A plan of `rows × columns` made before, so that a thousand equal performances share one.
    async fn grid_plan(&self, rows: u32, columns: u32) -> Result<Option<PlanSummary>, StoreError>;
    /// Remembers that a plan is the grid of so many rows and columns.
    async fn remember_grid_plan(&self, rows: u32, columns: u32, plan: PlanId) -> Result<(), StoreError>;
}

/// A general-admission area of a performance. Its id is its place in the list, from 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AreaOffer {
    /// What it is called.
    pub label: String,
    /// How many places.
    pub capacity: u32,
    /// What one costs.
    pub price: Money,
}

/// One date of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Performance {
    /// Its id.
    pub id: PerformanceId,
    /// Its serial number, given by the ledger; 0 before it is created.
    pub number: PerformanceNumber,
    /// Of what.
    pub event: EventId,
    /// When the doors open.
    pub starts_at: Timestamp,
    /// Its plan.
    pub plan: PlanId,
    /// How many seats the plan has.
    pub seat_count: u32,
    /// Seats and places.
    pub capacity: u32,
    /// Areas, in order of their ids.
    pub areas: Vec<AreaOffer>,
    /// Price of each category, by name; categories without one are free of charge.
    pub prices: Vec<(String, Money)>,
    /// Not before.
    pub sale_opens_at: Option<Timestamp>,
    /// Not after.
    pub sale_closes_at: Option<Timestamp>,
    /// Since when.
    pub created_at: Timestamp,
}

/// Performances.
#[async_trait]
pub trait Performances: Send + Sync {
    /// Adds a performance and gives it its number.
    async fn create_performance(
        &self,
        performance: &Performance,
        key: Option<OwnedKey>,
    ) -> Result<Created<Performance>, StoreError>;
    /// By id.
    async fn performance(&self, id: PerformanceId) -> Result<Option<Performance>, StoreError>;
    /// By number.
    async fn performance_by_number(
        &self,
        number: PerformanceNumber,
    ) -> Result<Option<Performance>, StoreError>;
    /// Of an event, in order of creation.
    async fn performances(&self, event: EventId, page: PageRequest) -> Result<Page<Performance>, StoreError>;
    /// Replaces when it begins and when its sale opens and closes; `false` where there is no such performance.
    async fn reschedule(&self, performance: &Performance) -> Result<bool, StoreError>;
    /// Hands out the next epoch of a performance, from 1.
    async fn next_epoch(&self, id: PerformanceId) -> Result<u32, StoreError>;
}

/// Everything the use cases ask of the ledger, for wiring.
pub trait Ledger:
    Accounts
    + Logins
    + Events
    + SeatingPlans
    + Performances
    + ReservationRecords
    + Orders
    + Refunds
    + Tickets
    + Deliveries
    + Endpoints
    + Wallet
    + Wishes
    + Books
    + Actions
    + PersonalData
    + LedgerHealth
{
}

impl<T> Ledger for T where
    T: Accounts
        + Logins
        + Events
        + SeatingPlans
        + Performances
        + ReservationRecords
        + Orders
        + Refunds
        + Tickets
        + Deliveries
        + Endpoints
        + Wallet
        + Wishes
        + Books
        + Actions
        + PersonalData
        + LedgerHealth
{
}

/// While the first of those who are to pay has waited for so long, whoever else begins to is put off at once: they would
/// wait for longer, and know it now. Twice, to begin an order and to record that it is paid, and still within a second.
pub const PAYERS_WAIT_AT_MOST: Duration = Duration::from_millis(400);

/// What a turn is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing is changed.
    Read,
    /// Something is changed, and it is nothing that a buyer pays.
    Write,
}

/// Whether the ledger answers.
#[async_trait]
pub trait LedgerHealth: Send + Sync {
    /// A round trip.
    async fn ping(&self) -> Result<(), StoreError>;
    /// Waits until it is the turn of whoever asks now; does nothing with it.
    async fn turn(&self, to: Access) -> Result<(), StoreError>;
    /// For how long the first of those has waited whose order is to be begun or paid; zero where nobody waits.
    async fn payers_waiting_for(&self) -> Result<Duration, StoreError>;
}
