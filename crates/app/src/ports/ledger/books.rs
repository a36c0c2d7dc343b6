//! The ledger read as books: what is written down, row by row, for export and audit.
//!
//! Contract: as for every port of the ledger. Nothing is put right on the way: what does not agree with the rest is given
//! as it stands, for whoever reads it to find. All that is given of one order is of one state.

use async_trait::async_trait;
use onsale_domain::{
    ids::{AccountId, OrderId, PerformanceId, RefundId},
    orders::RefundStatus,
    time::Timestamp,
    units::Unit,
};
use uuid::Uuid;

use super::BuyerDetails;
use crate::ports::StoreError;

/// Money as it is written down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BookedMoney {
    /// Minor units.
    pub amount: i64,
    /// A currency code, if it is one.
    pub currency: String,
}

/// An order with all that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookedOrder {
    /// Its id.
    pub id: OrderId,
    /// Of which performance; with its owner missing where it was never begun.
    pub performance: Option<PerformanceId>,
    /// Whose.
    pub owner: Option<AccountId>,
    /// The name of its state.
    pub status: String,
    /// What was to be paid.
    pub total: BookedMoney,
    /// For whom.
    pub buyer: BuyerDetails,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it was paid or failed.
    pub settled_at: Option<Timestamp>,
    /// Its units, in the order of their numbers.
    pub units: Vec<BookedUnit>,
    /// Its payment.
    pub payment: Option<BookedPayment>,
    /// Its refunds, oldest first.
    pub refunds: Vec<BookedRefund>,
    /// How it stands at the wallet.
    pub charge: Option<BookedCharge>,
    /// What wallets have booked for it and its refunds.
    pub entries: Vec<BookedEntry>,
}

/// A unit of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookedUnit {
    /// Which.
    pub unit: Unit,
    /// What it cost.
    pub price: BookedMoney,
    /// The refund it is in.
    pub refund: Option<RefundId>,
    /// Whether the order has a claim on it.
    pub is_claimed: bool,
}

/// The payment of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookedPayment {
    /// The provider, by name.
    pub method: String,
    /// What the provider calls it.
    pub reference: Option<String>,
    /// The name of its state: `open`, `captured`, `void`, `refunded`.
    pub status: String,
    /// How much.
    pub money: BookedMoney,
    /// When its state changed last.
    pub updated_at: Timestamp,
}

/// A refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookedRefund {
    /// Its id.
    pub id: RefundId,
    /// The name of its state.
    pub status: String,
    /// How much.
    pub money: BookedMoney,
    /// Whether claims were to stay.
    pub keep_claim: bool,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// When its state changed last.
    pub updated_at: Timestamp,
}

impl BookedRefund {
    /// Whether its money is with the buyer.
    pub fn is_money_back(&self) -> bool {
        RefundStatus::parse(&self.status).is_some_and(RefundStatus::is_money_back)
    }
}

impl BookedOrder {
    /// What the ledger says was captured for it.
    pub fn captured(&self) -> i64 {
        let is_captured = |status: &str| matches!(status, "captured" | "refunded");
        let payment = self.payment.as_ref().filter(|payment| is_captured(&payment.status));
        payment.map_or(0, |payment| payment.money.amount)
    }

    /// What of it the buyer has back.
    pub fn money_back(&self) -> i64 {
        self.refunds_given().map(|refund| refund.money.amount).sum()
    }

    /// Its refunds whose money is with the buyer.
    pub fn refunds_given(&self) -> impl Iterator<Item = &BookedRefund> {
        self.refunds.iter().filter(|refund| refund.is_money_back())
    }

    /// Whether the money of one of its units is with the buyer.
    pub fn is_given_back(&self, unit: &BookedUnit) -> bool {
        unit.refund.is_some_and(|id| self.refunds_given().any(|refund| refund.id == id))
    }
}

/// How an order stands at the wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookedCharge {
    /// `charged` or `cancelled`.
    pub status: String,
    /// Whose wallet.
    pub account: Option<AccountId>,
    /// What was taken.
    pub amount: i64,
    /// What of it was given back.
    pub given_back: i64,
}

/// One side of a movement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookedEntry {
    /// The order or refund.
    pub movement: Uuid,
    /// Why: `charge` or `give_back`.
    pub kind: String,
    /// `account`, or what stands against it.
    pub side: String,
    /// Whose wallet.
    pub account: AccountId,
    /// What came (above zero) or went (below).
    pub money: BookedMoney,
    /// When.
    pub at: Timestamp,
}

/// Which orders are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookPage {
    /// Of this performance only.
    pub performance: Option<PerformanceId>,
    /// Begun before this moment only.
    pub before: Timestamp,
    /// Go on behind this order.
    pub after: Option<OrderId>,
    /// At most so many, 1 to 1,000.
    pub limit: u32,
}

/// Something that belongs to no order, or to two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stray {
    /// A unit with so many claims.
    ClaimedTwice {
        /// Of which performance.
        performance: PerformanceId,
        /// Which.
        unit: Unit,
        /// How many.
        claims: u64,
    },
    /// A movement whose entries are not two, or do not add up to zero.
    Uneven {
        /// The top-up, order or refund.
        movement: Uuid,
        /// Why it moved.
        kind: String,
        /// What the entries add up to.
        sum: i64,
    },
    /// A wallet whose balance is not the sum of its entries.
    Balance {
        /// Whose.
        account: AccountId,
        /// In which currency.
        currency: String,
        /// What the wallet says.
        balance: i64,
        /// What the entries say.
        entries: i64,
    },
    /// A charge at the wallet, or an entry for one, of an order that is not there.
    ChargeOfNothing(Uuid),
    /// An entry that gives something back under a refund that is not there.
    GiveBackOfNothing(Uuid),
}

/// What the wallets of a currency come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletSums {
    /// Which currency.
    pub currency: String,
    /// How many entries there are.
    pub entries: u64,
    /// What all of them add up to, which has to be zero.
    pub sum: i64,
    /// What is in the wallets.
    pub balance: i64,
}

/// The ledger as books.
#[async_trait]
pub trait Books: Send + Sync {
    /// Orders of any state by their ids, with all that belongs to them; those that were never begun included where all
    /// performances are read.
    async fn booked_orders(&self, page: BookPage) -> Result<Vec<BookedOrder>, StoreError>;
    /// What is wrong across orders, at most `limit` of each kind.
    async fn strays(&self, limit: u32) -> Result<Vec<Stray>, StoreError>;
    /// What wallets come to, by currency.
    async fn wallet_sums(&self) -> Result<Vec<WalletSums>, StoreError>;
}
