//! What is kept of people, and forgetting it, in memory.
//!
//! Invariant: a forgotten order has an empty name, and no letter about it is left.

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    ledger::{BuyerDetails, Content, Erasure, Kept, Order, PersonalData, Role},
};
use onsale_domain::{
    ids::{AccountId, OrderId},
    orders::OrderStatus,
    time::Timestamp,
    wishes::WishStatus,
};

use super::{MemoryLedger, State, WalletSide};

#[async_trait]
impl PersonalData for MemoryLedger {
    async fn kept_of(&self, owner: AccountId, at_most: u32) -> Result<Kept, StoreError> {
        let state = self.state.lock();
        let logins = state.logins.iter().rev().filter(|(_, login)| login.account == owner);
        let wishes = state.wishes.values().rev().filter(|wish| wish.owner == owner);
        Ok(Kept {
            account: state.accounts.get(&owner).cloned(),
            logins: logins.map(|(id, login)| (*id, login.ended)).take(at_most as usize).collect(),
            wishes: wishes.take(at_most as usize).cloned().collect(),
        })
    }

    async fn erase(
        &self,
        owner: AccountId,
        at: Timestamp,
        over_before: Timestamp,
    ) -> Result<Erasure, StoreError> {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        if state.accounts.get(&owner).is_some_and(|account| account.role != Role::Buyer) {
            return Ok(Erasure::Manages);
        }
        let theirs =
            state.entries.iter().filter(|entry| entry.account == owner && entry.side == WalletSide::Account);
        if theirs.map(|entry| entry.amount.amount).sum::<i64>() != 0 {
            return Ok(Erasure::HasBalance);
        }
        state.erasures.insert(owner, at);
        state.accounts.remove(&owner);
        state.logins.retain(|_, login| login.account != owner);
        state.tokens.retain(|_, token| state.logins.contains_key(&token.login));
        for wish in state.wishes.values_mut().filter(|wish| wish.owner == owner) {
            wish.letters = None;
            if wish.status == WishStatus::Waiting {
                (wish.status, wish.attempt, wish.updated_at) = (WishStatus::Withdrawn, wish.attempt + 1, at);
            }
        }
        let orders =
            state.forget(u32::MAX, |state, order| order.owner == owner && state.is_over(order, over_before));
        let to_follow = state.orders.values().filter(|order| order.owner == owner && is_known(order)).count();
        Ok(Erasure::Erased { orders, to_follow: to_follow as u64 })
    }

    async fn erase_rest(&self, over_before: Timestamp, at_most: u32) -> Result<u64, StoreError> {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let erased = state.forget(at_most, |state, order| {
            state.erasures.contains_key(&order.owner) && state.is_over(order, over_before)
        });
        let orders = &state.orders;
        let is_somewhere =
            |owner: &AccountId| orders.values().any(|order| order.owner == *owner && is_known(order));
        state.erasures.retain(|owner, asked_at| *asked_at >= over_before || is_somewhere(owner));
        Ok(erased)
    }

    async fn erase_guests(&self, before: Timestamp, at_most: u32) -> Result<u64, StoreError> {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let begun = state.performances.values().filter(|performance| performance.starts_at < before);
        for performance in begun.map(|performance| performance.id).collect::<Vec<_>>() {
            let last = state.guests_erased_to.get(&performance).copied();
            let looked_at: Vec<OrderId> = state
                .orders
                .values()
                .filter(|order| order.performance == performance && order.created_at < before)
                .filter(|order| last.is_none_or(|last| order.id > last))
                .map(|order| order.id)
                .take(at_most as usize)
                .collect();
            let Some(last) = looked_at.last() else { continue };
            state.guests_erased_to.insert(performance, *last);
            state.forget(u32::MAX, |state, order| {
                looked_at.contains(&order.id) && !state.accounts.contains_key(&order.owner)
            });
            return Ok(looked_at.len() as u64);
        }
        Ok(0)
    }
}

fn is_known(order: &Order) -> bool {
    !order.buyer.name.is_empty()
}

impl State {
    fn is_over(&self, order: &Order, before: Timestamp) -> bool {
        match order.status {
            OrderStatus::Failed | OrderStatus::Refunded => true,
            OrderStatus::Paid => {
                self.performances.get(&order.performance).is_none_or(|found| found.starts_at < before)
            }
            OrderStatus::Paying => false,
        }
    }

    /// Forgets who some orders are for, at most so many; gives how many it was.
    fn forget(&mut self, at_most: u32, which: impl Fn(&Self, &Order) -> bool) -> u64 {
        let these: Vec<OrderId> = self
            .orders
            .values()
            .filter(|order| is_known(order) && which(self, order))
            .map(|order| order.id)
            .take(at_most as usize)
            .collect();
        for id in &these {
            if let Some(order) = self.orders.get_mut(id) {
                order.buyer = BuyerDetails::default();
            }
            self.deliveries.retain(
                |_, kept| !matches!(&kept.delivery.content, Content::Letter(letter) if letter.order == *id),
            );
        }
        these.len() as u64
    }
}
