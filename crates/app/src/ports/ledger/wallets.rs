//! The ledger's part of wallets.
//!
//! Contract: as for every port of the ledger. Each movement has two entries, one on the account and one against it; the
//! balance is the sum of an account's entries and never goes below zero.

use async_trait::async_trait;
use onsale_domain::{
    ids::{AccountId, OrderId, RefundId},
    money::{Currency, Money},
    time::Timestamp,
};
use uuid::Uuid;

use super::{Created, OwnedKey};
use crate::ports::StoreError;

/// What became of a movement on a wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalletOutcome {
    /// Moved, by this call or an earlier one of the same reference; the balance after it.
    Moved(Money),
    /// The balance does not cover it; nothing moved.
    Insufficient(Money),
    /// The order was cancelled at the wallet before it was charged.
    Cancelled,
}

/// What became of giving money of an order back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GiveBack {
    /// Given, by this call or an earlier one for the same refund.
    Given,
    /// The order was never charged to a wallet.
    NeverCharged,
    /// It is more than what is left of the charge, or in another currency; nothing moved.
    TooMuch,
}

/// Wallets: double entry.
#[async_trait]
pub trait Wallet: Send + Sync {
    /// The sum of an account's entries.
    async fn balance(&self, account: AccountId, currency: Currency) -> Result<Money, StoreError>;
    /// Adds to a wallet.
    async fn top_up(
        &self,
        id: Uuid,
        account: AccountId,
        amount: Money,
        key: Option<OwnedKey>,
        at: Timestamp,
    ) -> Result<Created<Money>, StoreError>;
    /// Takes the price of an order, once per order.
    async fn charge(
        &self,
        order: OrderId,
        account: AccountId,
        amount: Money,
        at: Timestamp,
    ) -> Result<WalletOutcome, StoreError>;
    /// Whether an order was charged; where it was not, makes sure that it never will be.
    async fn settle(&self, order: OrderId, at: Timestamp) -> Result<bool, StoreError>;
    /// Gives a part of the price of an order back, or all of it, once per refund; all together never more than was
    /// charged.
    async fn give_back(
        &self,
        order: OrderId,
        refund: RefundId,
        amount: Money,
        at: Timestamp,
    ) -> Result<GiveBack, StoreError>;
}
