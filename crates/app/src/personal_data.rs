//! Personal data: what is kept of somebody, and erasing it.
//!
//! Invariants: nobody sees or erases more than their own; who manages events, or has money here, is not erased before that
//! is settled; whoever is erased, the accounts stay right, because no order, unit, payment or entry goes.

use std::time::Duration;

use onsale_domain::{
    ids::{AccountId, OrderId},
    money::Money,
    time::Timestamp,
};

use crate::{
    App, Caller,
    errors::{AppError, Reason},
    orders::OrderView,
    ports::ledger::{Erasure, Kept, Page, PageRequest},
    reservations::ReservationView,
};

/// How long something goes on after it has begun, at the longest: for so long its tickets are needed, and whom they are for.
const OVER_AFTER_MS: u64 = 24 * 3_600_000;

/// How many log-ins and wishes are shown at most; there are more of neither for anybody but a program.
const SHOWN: u32 = 200;

/// How many orders one transaction is about.
const AT_ONCE: u32 = 100;

/// Between two of them, so that those who are buying get through.
const PAUSE: Duration = Duration::from_millis(50);

/// How many there are in one go; what is left waits for the next.
const ROUNDS: u32 = 1_000;

/// What is kept of somebody.
#[derive(Clone, Debug)]
pub struct PersonalData {
    /// Who they are, how they came in, and what they wait for.
    pub kept: Kept,
    /// What is in their wallet.
    pub balance: Money,
    /// Their reservations, newest first: the first page.
    pub reservations: Page<ReservationView>,
    /// Their orders, newest first: the first page.
    pub orders: Page<OrderView>,
}

/// What has been erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erased {
    /// In so many orders nobody knows any more who they were for.
    pub orders: u64,
    /// So many follow when what they are for is over.
    pub to_follow: u64,
}

impl App {
    /// What is kept of the caller.
    pub async fn data_of(&self, caller: Caller, page: PageRequest) -> Result<PersonalData, AppError> {
        // A token outlives its account by some minutes.
        self.account_of(caller).await?;
        Ok(PersonalData {
            kept: self.ledger.kept_of(caller.account, SHOWN).await?,
            balance: self.balance(caller).await?,
            reservations: self.reservations_of(caller, page).await?,
            orders: self.orders_of(caller, page).await?,
        })
    }

    /// Erases the caller. Doing it again is no mistake.
    pub async fn erase(&self, caller: Caller) -> Result<Erased, AppError> {
        self.erase_owner(caller.account).await
    }

    /// Erases whoever made an order, an account or a guest.
    pub async fn erase_buyer_of(&self, order: OrderId) -> Result<Erased, AppError> {
        let order = self.ledger.order(order).await?.ok_or_else(|| AppError::not_found("order"))?;
        self.erase_owner(order.owner).await
    }

    /// Erases the account of an address.
    pub async fn erase_account(&self, email: &str) -> Result<Erased, AppError> {
        let account = self.account_by_email(email).await?.ok_or_else(|| AppError::not_found("account"))?;
        self.erase_owner(account.id).await
    }

    async fn erase_owner(&self, owner: AccountId) -> Result<Erased, AppError> {
        let now = self.clock.now();
        match self.ledger.erase(owner, now, over_before(now)).await? {
            Erasure::Erased { orders, to_follow } => {
                tracing::info!(orders, to_follow, "somebody was erased");
                Ok(Erased { orders, to_follow })
            }
            Erasure::Manages => Err(AppError::refused(
                Reason::Forbidden,
                "an organizer's account is not erased; its role has to be taken back first",
            )),
            Erasure::HasBalance => Err(AppError::refused(
                Reason::WalletNotEmpty,
                "there is money in the wallet; spend it, or ask the operator to give it back",
            )),
        }
    }

    /// Erases what is due: of those who asked, what has come to be over; of guests, where they are kept for so long only,
    /// what is older. Gives how many orders it looked at.
    pub async fn erase_due(&self, guests_kept_for_ms: Option<u64>) -> Result<u64, AppError> {
        let now = self.clock.now();
        let mut looked_at = 0;
        for _ in 0..ROUNDS {
            let asked = self.ledger.erase_rest(over_before(now), AT_ONCE).await?;
            let guests = match guests_kept_for_ms {
                Some(kept_for_ms) => self.ledger.erase_guests(earlier(now, kept_for_ms), AT_ONCE).await?,
                None => 0,
            };
            if asked + guests == 0 {
                break;
            }
            looked_at += asked + guests;
            tokio::time::sleep(PAUSE).await;
        }
        Ok(looked_at)
    }
}

/// What began before then is over.
fn over_before(now: Timestamp) -> Timestamp {
    earlier(now, OVER_AFTER_MS)
}

fn earlier(now: Timestamp, by_ms: u64) -> Timestamp {
    Timestamp(now.as_millis().saturating_sub(i64::try_from(by_ms).unwrap_or(i64::MAX)))
}
