//! The ledger's part of personal data: what is kept of a person, and forgetting who they were.
//!
//! Contract: as for every port of the ledger. Forgetting takes away who somebody was and how they are reached; what was
//! bought, what it cost and what became of the money stays, under an id that says nothing of anybody. An order that was
//! forgotten has an empty name, which no order has otherwise.

use async_trait::async_trait;
use onsale_domain::{
    ids::{AccountId, LoginId},
    time::Timestamp,
};

use super::{Account, Wish};
use crate::ports::StoreError;

/// What is kept of somebody beside their orders, reservations and wallet, which are read like their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Their account; guests have none.
    pub account: Option<Account>,
    /// Their log-ins, newest first, and whether each has ended.
    pub logins: Vec<(LoginId, bool)>,
    /// What they would take of what comes back, newest first.
    pub wishes: Vec<Wish>,
}

/// What became of erasing somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erasure {
    /// Done, by this call or an earlier one.
    Erased {
        /// So many orders have been forgotten by this call.
        orders: u64,
        /// So many are needed yet, and follow when they are over.
        to_follow: u64,
    },
    /// They manage events; nothing was erased.
    Manages,
    /// There is money in their wallet; nothing was erased.
    HasBalance,
}

/// What is kept of people.
#[async_trait]
pub trait PersonalData: Send + Sync {
    /// What is kept of somebody; of log-ins and wishes at most so many each.
    async fn kept_of(&self, owner: AccountId, at_most: u32) -> Result<Kept, StoreError>;
    /// Erases somebody: their account with its log-ins, where they wait and how they are reached there, and who they were
    /// in orders that are over. Those are the failed and the refunded ones, and the paid ones of what began before
    /// `over_before`. The others follow by [`PersonalData::erase_rest`].
    async fn erase(
        &self,
        owner: AccountId,
        at: Timestamp,
        over_before: Timestamp,
    ) -> Result<Erasure, StoreError>;
    /// Goes on with those who were erased, with at most so many orders that are over by now; gives how many it was.
    async fn erase_rest(&self, over_before: Timestamp, at_most: u32) -> Result<u64, StoreError>;
    /// Erases who guests were in orders from before `before` for what began before it; gives how many orders it has
    /// looked at, which are at most so many. None is looked at twice.
    async fn erase_guests(&self, before: Timestamp, at_most: u32) -> Result<u64, StoreError>;
}
