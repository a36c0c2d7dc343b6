//! The ledger's part of orders.
//!
//! Contract: as for every port of the ledger. A unit is claimed by one order at a time, from before it is charged.

use async_trait::async_trait;
use onsale_domain::{
    ids::{AccountId, EventId, OrderId, PerformanceId, RefundId, ReservationId},
    money::Money,
    orders::{OrderStatus, RefundStatus},
    position::Fence,
    reservations::RequestKey,
    time::Timestamp,
    units::{Unit, Units},
};

use super::{OwnedKey, Page, PageRequest, Writing};
use crate::ports::StoreError;

/// Who the tickets are for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuyerDetails {
    /// Their name.
    pub name: String,
    /// A phone number.
    pub phone: Option<String>,
    /// An e-mail address.
    pub email: Option<String>,
    /// How letters to that address are written; `None`: there are to be none.
    pub letters: Option<Writing>,
}

/// One unit of an order and its ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderUnit {
    /// The unit.
    pub unit: Unit,
    /// What it cost.
    pub price: Money,
    /// The unguessable code of its ticket.
    pub ticket_code: String,
    /// The refund it is in, if it is in one; its ticket is void then.
    pub refund: Option<UnitRefund>,
}

/// How a unit of an order is refunded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitRefund {
    /// Under which refund.
    pub id: RefundId,
    /// Where that stands.
    pub status: RefundStatus,
    /// Whether the order has given its claim on the unit up.
    pub is_released: bool,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// What it pays for.
    pub reservation: ReservationId,
    /// Of which performance.
    pub performance: PerformanceId,
    /// Who pays.
    pub owner: AccountId,
    /// The fence of the hold.
    pub fence: Fence,
    /// Where it stands.
    pub status: OrderStatus,
    /// What is bought, in unit order.
    pub units: Vec<OrderUnit>,
    /// What is to be paid.
    pub total: Money,
    /// For whom.
    pub buyer: BuyerDetails,
    /// The provider, by name.
    pub method: String,
    /// What the provider calls the payment, once that is known; it says nothing about what came of it.
    pub reference: Option<String>,
    /// The number of the command that began it.
    pub sequence: u64,
    /// When it was begun.
    pub created_at: Timestamp,
}

impl Order {
    /// Whether a ticket of this unit lets in.
    pub fn has_ticket_for(&self, unit: &OrderUnit) -> bool {
        self.status == OrderStatus::Paid && unit.refund.is_none()
    }

    /// The price of all units whose money the buyer has back.
    pub fn refunded(&self) -> Money {
        let back =
            self.units.iter().filter(|unit| unit.refund.is_some_and(|refund| refund.status.is_money_back()));
        Money::new(back.map(|unit| unit.price.amount).sum(), self.total.currency)
    }

    /// The units that were given back and have gone on sale again.
    pub fn released(&self) -> Units {
        let released = self.units.iter().filter(|unit| unit.refund.is_some_and(|refund| refund.is_released));
        released.map(|unit| unit.unit).collect()
    }

    /// The units that it has not given up.
    pub fn kept(&self) -> Units {
        let kept = self.units.iter().filter(|unit| unit.refund.is_none_or(|refund| !refund.is_released));
        kept.map(|unit| unit.unit).collect()
    }
}

/// What became of recording a new order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BeginOrder {
    /// Recorded as paying, its units claimed.
    Begun,
    /// An order of this id is there already, in this state (voided by the reconciler, say).
    Exists(OrderStatus),
    /// Units are claimed by another order: these.
    UnitTaken(Units),
}

/// What became of settling an order one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettleOrder {
    /// It is so, by this call or an earlier one.
    Done(Box<Order>),
    /// It is settled the other way; this is how it stands.
    Otherwise(OrderStatus),
    /// There is no such order.
    NotFound,
}

/// Which orders of an event are looked for; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderFilter {
    /// Part of the buyer's name, e-mail address or phone number, whatever the case; or the order's id, or the code of one
    /// of its tickets, as a whole.
    pub text: Option<String>,
    /// How they stand.
    pub status: Option<OrderStatus>,
}

/// Orders and their claims on units.
#[async_trait]
pub trait Orders: Send + Sync {
    /// Records an order as paying and claims its units, all or none. Earlier paying orders of the same
    /// reservation are marked failed in the same step: the hot store admits a new attempt only when the old
    /// one is known to be over. The key, where given, points at this order from now on. A performance that is not
    /// there (its event may have been deleted since the hold) is an error, and nothing is recorded.
    async fn begin_order(&self, order: &Order, key: Option<OwnedKey>) -> Result<BeginOrder, StoreError>;
    /// Notes what the provider calls the payment of an order, before anything is charged under that name. The first
    /// name stays; gives the name that stands, or `None` where there is no such order.
    async fn name_payment(
        &self,
        id: OrderId,
        reference: &str,
        at: Timestamp,
    ) -> Result<Option<String>, StoreError>;
    /// PAYING → PAID. The tickets are on their way to the buyer from then on, where there are to be letters.
    async fn pay_order(&self, id: OrderId, reference: &str, at: Timestamp)
    -> Result<SettleOrder, StoreError>;
    /// PAYING → FAILED; the claim on the units ends.
    async fn fail_order(&self, id: OrderId, reason: &str, at: Timestamp) -> Result<SettleOrder, StoreError>;
    /// Makes sure that an order that was never begun never will be: it is recorded as failed. `None`: done. One
    /// that is there, or was recorded so before, stays as it is, and this is its state: looking and recording
    /// are one step, so that a live attempt cannot slip in between and be taken for dead.
    async fn void_order(&self, id: OrderId, at: Timestamp) -> Result<Option<OrderStatus>, StoreError>;
    /// By id.
    async fn order(&self, id: OrderId) -> Result<Option<Order>, StoreError>;
    /// The order that a key points at, with the digest of the request it was used for. How old it may be is the
    /// caller's affair.
    async fn order_by_key(&self, key: OwnedKey) -> Result<Option<(RequestKey, OrderId)>, StoreError>;
    /// Of an owner, newest first; only orders that were paid at some time.
    async fn orders_of(&self, owner: AccountId, page: PageRequest) -> Result<Page<Order>, StoreError>;
    /// Of an event, newest first.
    async fn find_orders(
        &self,
        event: EventId,
        filter: &OrderFilter,
        page: PageRequest,
    ) -> Result<Page<Order>, StoreError>;
    /// Orders that have been paying since before `before`, oldest first; those that come after `after`, where given,
    /// by when they were begun and their ids.
    async fn open_orders(
        &self,
        before: Timestamp,
        after: Option<(Timestamp, OrderId)>,
        limit: u32,
    ) -> Result<Vec<Order>, StoreError>;
}
