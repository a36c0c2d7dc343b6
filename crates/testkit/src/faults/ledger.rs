//! Faults around a ledger.
//!
//! Invariant: see [`super`].

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    ledger::{
        Access, Account, Accounts, Action, Actions, Attendance, BeginOrder, BeginRefund, BookPage,
        BookedOrder, Books, CheckIn, CheckInOutcome, Created, DeleteOutcome, Deliveries, Delivery,
        DeliveryStatus, Endpoint, Endpoints, Erasure, Event, Events, GiveBack, InLine, Kept, Lane, Lease,
        Ledger, LedgerHealth, LetterKind, Login, Logins, NewRefund, Offer, Order, OrderFilter, Orders,
        OwnedKey, Page, PageRequest, Performance, Performances, PersonalData, PlanSummary, PutWish, Refund,
        Refunds, Replay, ReservationRecord, ReservationRecords, ReturnLine, Role, Rotation, SeatingPlans,
        SendLetter, SendLimits, SettleOrder, Settlement, Stray, Ticket, Tickets, Unfit, Wallet,
        WalletOutcome, WalletSums, Watched, Wish, WishStep, Wishes,
    },
};
use onsale_domain::{
    changes::Recorded,
    ids::{
        AccountId, DeliveryId, EndpointId, EventId, LoginId, OrderId, PerformanceId, PerformanceNumber,
        PlanId, RefundId, ReservationId, WishId,
    },
    inventory::{Image, Sale},
    money::{Currency, Money},
    orders::OrderStatus,
    reservations::RequestKey,
    seating::{Layout, SeatingPlan},
    time::Timestamp,
    units::Units,
};
use uuid::Uuid;

use super::{Faults, passed_on};

/// A ledger whose calls may fail.
pub struct FaultyLedger {
    inner: Arc<dyn Ledger>,
    faults: Arc<Faults>,
}

impl FaultyLedger {
    /// Puts faults around a ledger.
    pub fn new(inner: Arc<dyn Ledger>, faults: Arc<Faults>) -> Self {
        Self { inner, faults }
    }
}

passed_on!(Accounts for FaultyLedger.inner {
    fn create_account(account: &Account) -> Result<bool, StoreError>;
    fn account_by_email(email: &str) -> Result<Option<Account>, StoreError>;
    fn account(id: AccountId) -> Result<Option<Account>, StoreError>;
    fn account_by_external_id(fresh: &Account) -> Result<Account, StoreError>;
    fn set_role(id: AccountId, role: Role) -> Result<bool, StoreError>;
});

passed_on!(Actions for FaultyLedger.inner {
    fn note_action(action: &Action) -> Result<(), StoreError>;
    fn actions_of(event: EventId, page: PageRequest) -> Result<Page<Action>, StoreError>;
});

passed_on!(PersonalData for FaultyLedger.inner {
    fn kept_of(owner: AccountId, at_most: u32) -> Result<Kept, StoreError>;
    fn erase(owner: AccountId, at: Timestamp, over_before: Timestamp) -> Result<Erasure, StoreError>;
    fn erase_rest(over_before: Timestamp, at_most: u32) -> Result<u64, StoreError>;
    fn erase_guests(before: Timestamp, at_most: u32) -> Result<u64, StoreError>;
});

passed_on!(Logins for FaultyLedger.inner {
    fn begin_login(login: Login, token: [u8; 32], expires_at: Timestamp) -> Result<(), StoreError>;
    fn has_logged_in_from(account: AccountId, address: [u8; 16]) -> Result<bool, StoreError>;
    fn rotate(
        token: [u8; 32],
        next: [u8; 32],
        next_expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<Rotation, StoreError>;
    fn end_login(token: [u8; 32]) -> Result<(), StoreError>;
    fn end_login_by_id(login: LoginId) -> Result<(), StoreError>;
});

passed_on!(Events for FaultyLedger.inner {
    fn create_event(event: &Event, key: Option<OwnedKey>) -> Result<Created<Event>, StoreError>;
    fn event(id: EventId) -> Result<Option<Event>, StoreError>;
    fn events(page: PageRequest) -> Result<Page<Event>, StoreError>;
    fn events_of(organizer: AccountId, page: PageRequest) -> Result<Page<Event>, StoreError>;
    fn update_event(event: &Event) -> Result<bool, StoreError>;
    fn delete_event(id: EventId) -> Result<DeleteOutcome, StoreError>;
});

passed_on!(SeatingPlans for FaultyLedger.inner {
    fn create_plan(
        summary: &PlanSummary,
        owner: AccountId,
        plan: &SeatingPlan,
        key: Option<OwnedKey>,
    ) -> Result<Created<PlanSummary>, StoreError>;
    fn plan(id: PlanId) -> Result<Option<(PlanSummary, SeatingPlan)>, StoreError>;
    fn plans(page: PageRequest) -> Result<Page<PlanSummary>, StoreError>;
    fn grid_plan(rows: u32, columns: u32) -> Result<Option<PlanSummary>, StoreError>;
    fn remember_grid_plan(rows: u32, columns: u32, plan: PlanId) -> Result<(), StoreError>;
});

passed_on!(Performances for FaultyLedger.inner {
    fn create_performance(
        performance: &Performance,
        key: Option<OwnedKey>,
    ) -> Result<Created<Performance>, StoreError>;
    fn performance(id: PerformanceId) -> Result<Option<Performance>, StoreError>;
    fn performance_by_number(number: PerformanceNumber) -> Result<Option<Performance>, StoreError>;
    fn performances(event: EventId, page: PageRequest) -> Result<Page<Performance>, StoreError>;
    fn reschedule(performance: &Performance) -> Result<bool, StoreError>;
    fn next_epoch(id: PerformanceId) -> Result<u32, StoreError>;
});

passed_on!(ReservationRecords for FaultyLedger.inner {
    fn record(changes: &[Recorded]) -> Result<(), StoreError>;
    fn reservation(id: ReservationId) -> Result<Option<ReservationRecord>, StoreError>;
    fn hold_by_key(
        performance: PerformanceId,
        key: OwnedKey,
        now: Timestamp,
    ) -> Result<Option<(RequestKey, ReservationId)>, StoreError>;
    fn reservations_of(owner: AccountId, page: PageRequest) -> Result<Page<ReservationRecord>, StoreError>;
    fn recorded_reservations(
        after: Option<ReservationId>,
        limit: u32,
    ) -> Result<Vec<ReservationRecord>, StoreError>;
    fn close_epochs(
        performance: PerformanceId,
        epoch: u32,
        live: &BTreeSet<ReservationId>,
    ) -> Result<usize, StoreError>;
    fn image(
        performance: PerformanceId,
        layout: Layout,
        epoch: u32,
        now: Timestamp,
    ) -> Result<Image, StoreError>;
    fn sales(performance: PerformanceId) -> Result<Vec<Sale>, StoreError>;
});

passed_on!(Orders for FaultyLedger.inner {
    fn begin_order(order: &Order, key: Option<OwnedKey>) -> Result<BeginOrder, StoreError>;
    fn name_payment(id: OrderId, reference: &str, at: Timestamp) -> Result<Option<String>, StoreError>;
    fn pay_order(id: OrderId, reference: &str, at: Timestamp) -> Result<SettleOrder, StoreError>;
    fn fail_order(id: OrderId, reason: &str, at: Timestamp) -> Result<SettleOrder, StoreError>;
    fn void_order(id: OrderId, at: Timestamp) -> Result<Option<OrderStatus>, StoreError>;
    fn order(id: OrderId) -> Result<Option<Order>, StoreError>;
    fn order_by_key(key: OwnedKey) -> Result<Option<(RequestKey, OrderId)>, StoreError>;
    fn orders_of(owner: AccountId, page: PageRequest) -> Result<Page<Order>, StoreError>;
    fn find_orders(
        event: EventId,
        filter: &OrderFilter,
        page: PageRequest,
    ) -> Result<Page<Order>, StoreError>;
    fn open_orders(
        before: Timestamp,
        after: Option<(Timestamp, OrderId)>,
        limit: u32,
    ) -> Result<Vec<Order>, StoreError>;
});

passed_on!(Refunds for FaultyLedger.inner {
    fn begin_refund(new: &NewRefund) -> Result<BeginRefund, StoreError>;
    fn finish_refund(id: RefundId, at: Timestamp) -> Result<Option<Refund>, StoreError>;
    fn release_refunded(order: OrderId, units: &Units, at: Timestamp) -> Result<Vec<Refund>, StoreError>;
    fn close_refund(id: RefundId, released: &Units, at: Timestamp) -> Result<(), StoreError>;
    fn open_refunds(
        before: Timestamp,
        after: Option<(Timestamp, RefundId)>,
        limit: u32,
    ) -> Result<Vec<Refund>, StoreError>;
});

passed_on!(Tickets for FaultyLedger.inner {
    fn ticket(code: &str) -> Result<Option<Ticket>, StoreError>;
    fn check_in(code: &str, check_in: CheckIn) -> Result<CheckInOutcome, StoreError>;
    fn undo_check_in(code: &str) -> Result<bool, StoreError>;
    fn attendance(performance: PerformanceId) -> Result<Attendance, StoreError>;
});

passed_on!(Deliveries for FaultyLedger.inner {
    fn due_lanes(now: Timestamp) -> Result<Vec<Lane>, StoreError>;
    fn claim_deliveries(lane: Lane, limit: u32, lease: Lease) -> Result<Vec<Delivery>, StoreError>;
    fn settle_delivery(id: DeliveryId, lease: Uuid, settlement: &Settlement) -> Result<bool, StoreError>;
    fn send_letter(letter: &Delivery, limits: SendLimits) -> Result<SendLetter, StoreError>;
    fn latest_letter(order: OrderId, kind: LetterKind) -> Result<Option<Delivery>, StoreError>;
    fn forget_deliveries(before: Timestamp, at_most: u32) -> Result<u64, StoreError>;
});

passed_on!(Endpoints for FaultyLedger.inner {
    fn create_endpoint(endpoint: &Endpoint, at_most: u32) -> Result<bool, StoreError>;
    fn endpoint(id: EndpointId) -> Result<Option<Endpoint>, StoreError>;
    fn endpoints_of(organizer: AccountId) -> Result<Vec<Endpoint>, StoreError>;
    fn delete_endpoint(organizer: AccountId, id: EndpointId) -> Result<bool, StoreError>;
    fn notices_of(
        organizer: AccountId,
        status: Option<DeliveryStatus>,
        page: PageRequest,
    ) -> Result<Page<Delivery>, StoreError>;
    fn replay_notice(organizer: AccountId, id: DeliveryId, at: Timestamp) -> Result<Replay, StoreError>;
    fn watched_performances(
        starting_after: Timestamp,
        after: Option<PerformanceId>,
        limit: u32,
    ) -> Result<Vec<Watched>, StoreError>;
    fn note_sold_out(performance: PerformanceId, sold_out: bool, at: Timestamp) -> Result<(), StoreError>;
});

passed_on!(Wallet for FaultyLedger.inner {
    fn balance(account: AccountId, currency: Currency) -> Result<Money, StoreError>;
    fn top_up(
        id: Uuid,
        account: AccountId,
        amount: Money,
        key: Option<OwnedKey>,
        at: Timestamp,
    ) -> Result<Created<Money>, StoreError>;
    fn charge(
        order: OrderId,
        account: AccountId,
        amount: Money,
        at: Timestamp,
    ) -> Result<WalletOutcome, StoreError>;
    fn settle(order: OrderId, at: Timestamp) -> Result<bool, StoreError>;
    fn give_back(
        order: OrderId,
        refund: RefundId,
        amount: Money,
        at: Timestamp,
    ) -> Result<GiveBack, StoreError>;
});

passed_on!(Wishes for FaultyLedger.inner {
    fn put_wish(wish: &Wish) -> Result<PutWish, StoreError>;
    fn wish(event: EventId, owner: AccountId) -> Result<Option<Wish>, StoreError>;
    fn step_wish(step: WishStep) -> Result<bool, StoreError>;
    fn offer_wish(offer: &Offer) -> Result<bool, StoreError>;
    fn return_lines(
        starting_after: Timestamp,
        after: Option<PerformanceId>,
        limit: u32,
    ) -> Result<Vec<ReturnLine>, StoreError>;
    fn begin_return_line(performance: PerformanceId, at: Timestamp) -> Result<(), StoreError>;
    fn waiting_wishes(
        performance: PerformanceId,
        unfit: &[Unfit],
        after: Option<InLine>,
        limit: u32,
    ) -> Result<Vec<Wish>, StoreError>;
    fn offered_wishes(after: Option<WishId>, limit: u32) -> Result<Vec<Wish>, StoreError>;
});

passed_on!(Books for FaultyLedger.inner {
    fn booked_orders(page: BookPage) -> Result<Vec<BookedOrder>, StoreError>;
    fn strays(limit: u32) -> Result<Vec<Stray>, StoreError>;
    fn wallet_sums() -> Result<Vec<WalletSums>, StoreError>;
});

passed_on!(LedgerHealth for FaultyLedger.inner {
    fn ping() -> Result<(), StoreError>;
    fn turn(to: Access) -> Result<(), StoreError>;
    fn payers_waiting_for() -> Result<Duration, StoreError>;
});
