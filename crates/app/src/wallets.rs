//! Wallets: points of an account, topped up and paid with.
//!
//! Invariant: the balance is the sum of the entries and never goes below zero; the ledger keeps that.

use onsale_domain::money::{Currency, Money};

use crate::{
    App, Caller, CallerKind,
    errors::{AppError, Reason},
    ports::ledger::{Created, OwnedKey},
    reservations::key_mismatch,
};

/// The provider whose money a wallet is filled with.
const SIMULATED: &str = "simulated";

impl App {
    /// What is in the caller's wallet.
    pub async fn balance(&self, caller: Caller) -> Result<Money, AppError> {
        Ok(self.ledger.balance(caller.account, Currency::KRW).await?)
    }

    /// Adds to the caller's wallet; gives the balance after it.
    pub async fn top_up(
        &self,
        caller: Caller,
        amount: Money,
        key: Option<OwnedKey>,
    ) -> Result<Money, AppError> {
        if caller.kind == CallerKind::Guest {
            return Err(AppError::refused(Reason::Forbidden, "a wallet needs an account; sign up first"));
        }
        if !self.providers.iter().any(|provider| provider.name() == SIMULATED) {
            return Err(AppError::refused(Reason::Forbidden, "wallets are filled with simulated money only"));
        }
        if amount.amount < 1 || amount.amount > Money::MAX_AMOUNT {
            return Err(AppError::invalid("amount", "must be from 1 to 10,000,000,000"));
        }
        if amount.currency != Currency::KRW {
            return Err(AppError::invalid("amount.currency", "wallets are in KRW"));
        }
        let now = self.clock.now();
        match self.ledger.top_up(self.new_id(), caller.account, amount, key, now).await? {
            Created::New(balance) | Created::Repeated(balance) => Ok(balance),
            Created::KeyMismatch => Err(key_mismatch()),
        }
    }
}
