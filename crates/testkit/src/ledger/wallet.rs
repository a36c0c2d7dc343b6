//! Wallets in memory.
//!
//! Invariant: every movement has two entries that add up to zero, and no account's entries add up to less.

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    ledger::{Created, GiveBack, OwnedKey, Wallet, WalletOutcome},
};
use onsale_domain::{
    ids::{AccountId, OrderId, RefundId},
    money::{Currency, Money},
    time::Timestamp,
};
use uuid::Uuid;

use super::{Made, MemoryLedger, State};

/// Which side of a movement an entry is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WalletSide {
    /// The account's.
    Account,
    /// Against it: the house's.
    House,
}

/// One of the two entries of a movement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalletEntry {
    /// The top-up, the order or the refund that moved it.
    pub movement: Uuid,
    /// Whose wallet.
    pub account: AccountId,
    /// On which side.
    pub side: WalletSide,
    /// How much came (above zero) or went (below).
    pub amount: Money,
    /// When.
    pub at: Timestamp,
}

/// How an order stands at the wallet.
#[derive(Clone, Copy)]
pub(super) enum ChargeState {
    Charged { account: AccountId, amount: Money, given_back: i64 },
    Cancelled,
}

impl State {
    fn balance_of(&self, account: AccountId, currency: Currency) -> Money {
        let theirs = self
            .entries
            .iter()
            .filter(|entry| entry.account == account && entry.side == WalletSide::Account)
            .filter(|entry| entry.amount.currency == currency);
        Money::new(theirs.map(|entry| entry.amount.amount).sum(), currency)
    }

    fn enter(&mut self, movement: Uuid, account: AccountId, amount: Money, at: Timestamp) {
        let against = Money::new(-amount.amount, amount.currency);
        for (side, amount) in [(WalletSide::Account, amount), (WalletSide::House, against)] {
            self.entries.push(WalletEntry { movement, account, side, amount, at });
        }
    }
}

#[async_trait]
impl Wallet for MemoryLedger {
    async fn balance(&self, account: AccountId, currency: Currency) -> Result<Money, StoreError> {
        Ok(self.state.lock().balance_of(account, currency))
    }

    async fn top_up(
        &self,
        id: Uuid,
        account: AccountId,
        amount: Money,
        key: Option<OwnedKey>,
        at: Timestamp,
    ) -> Result<Created<Money>, StoreError> {
        let mut state = self.state.lock();
        let repeat = state.repeat(key, |state, made| match made {
            Made::TopUp(account) => Some(state.balance_of(account, amount.currency)),
            _ => None,
        });
        if let Some(answer) = repeat {
            return Ok(answer);
        }
        if state.entries.iter().any(|entry| entry.movement == id) {
            return Ok(Created::Repeated(state.balance_of(account, amount.currency)));
        }
        state.enter(id, account, amount, at);
        state.remember(key, Made::TopUp(account));
        Ok(Created::New(state.balance_of(account, amount.currency)))
    }

    async fn charge(
        &self,
        order: OrderId,
        account: AccountId,
        amount: Money,
        at: Timestamp,
    ) -> Result<WalletOutcome, StoreError> {
        let mut state = self.state.lock();
        match state.charges.get(&order).copied() {
            Some(ChargeState::Cancelled) => return Ok(WalletOutcome::Cancelled),
            Some(ChargeState::Charged { account, amount, .. }) => {
                return Ok(WalletOutcome::Moved(state.balance_of(account, amount.currency)));
            }
            None => {}
        }
        let balance = state.balance_of(account, amount.currency);
        if balance.amount < amount.amount {
            return Ok(WalletOutcome::Insufficient(balance));
        }
        state.enter(order.0, account, Money::new(-amount.amount, amount.currency), at);
        state.charges.insert(order, ChargeState::Charged { account, amount, given_back: 0 });
        Ok(WalletOutcome::Moved(state.balance_of(account, amount.currency)))
    }

    async fn settle(&self, order: OrderId, _at: Timestamp) -> Result<bool, StoreError> {
        let mut state = self.state.lock();
        let standing = state.charges.entry(order).or_insert(ChargeState::Cancelled);
        Ok(!matches!(standing, ChargeState::Cancelled))
    }

    async fn give_back(
        &self,
        order: OrderId,
        refund: RefundId,
        amount: Money,
        at: Timestamp,
    ) -> Result<GiveBack, StoreError> {
        let mut state = self.state.lock();
        let Some(ChargeState::Charged { account, amount: charged, given_back }) =
            state.charges.get(&order).copied()
        else {
            return Ok(GiveBack::NeverCharged);
        };
        if state.given_back.contains(&refund) {
            return Ok(GiveBack::Given);
        }
        let is_covered = (0..=charged.amount - given_back).contains(&amount.amount);
        if !is_covered || amount.currency != charged.currency {
            return Ok(GiveBack::TooMuch);
        }
        state.enter(refund.0, account, amount, at);
        state.given_back.insert(refund);
        let given_back = given_back + amount.amount;
        state.charges.insert(order, ChargeState::Charged { account, amount: charged, given_back });
        Ok(GiveBack::Given)
    }
}
