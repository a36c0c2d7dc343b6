//! A provider that takes no money: for rehearsals, demonstrations and tests.
//!
//! Invariant: whether an order is declined depends on nothing but its id and the failure rate, so a repeat
//! answers the same, also after a restart; and no order is captured after it was declined or settled as dead.
//!
//! The books live in memory and are bounded. What is captured or dead stays so as soon as it is entered, refunds are added to it,
//! and beyond [`MAX_ENTRIES`] the oldest are forgotten. For a forgotten order this provider answers as after a
//! restart: a repeated charge is decided anew, with the same answer unless `settle` had ended the order; `settle`
//! says dead; a refund is accepted. The ledger is the authority by then: it has long since recorded the order as
//! paid or failed and asks no more.
//!
//! Where the delay goes: half of it before the decision, half behind it, as if request and answer were under way
//! for so long. The first half lets `settle` overtake a charge, which then has to be declined; the second lets
//! the caller give up on, or die before, an answer whose effect is on the books. Delaying on one side only would
//! hide one of the two races that the use cases have to survive. With no delay set there is neither.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use async_trait::async_trait;
use onsale_app::ports::payments::{
    Balance, Charge, Charged, Decline, PaymentProvider, ProviderError, Repayment, Settled,
};
use onsale_domain::{
    ids::{OrderId, RefundId},
    money::Money,
};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

/// How many orders the books remember; some 40 MB.
pub const MAX_ENTRIES: usize = 200_000;

const DECLINED: &str = "declined by the simulated bank";
const CANCELLED: &str = "cancelled before it was charged";

/// How the simulated bank behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SimulatedSettings {
    /// Which share of orders is declined, 0 to 1; values outside are taken as the nearer end, and what is not
    /// a number as 0.
    pub failure_rate: f64,
    /// How long request and answer take together, milliseconds.
    pub delay_ms: u64,
}

impl Default for SimulatedSettings {
    fn default() -> Self {
        Self { failure_rate: 0.01, delay_ms: 0 }
    }
}

/// How an order stands on the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The money is taken.
    Captured(Money),
    /// Nothing was taken, nor will be: declined, or settled before it was charged.
    Dead(&'static str),
    /// The money was taken, and all of it or some was given back.
    Refunded {
        /// What was taken.
        captured: Money,
        /// What was given back, all refunds together.
        returned: Money,
    },
}

/// The simulated provider.
#[derive(Debug)]
pub struct Simulated {
    failure_rate: f64,
    delay: Duration,
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
struct Books {
    entries: BTreeMap<OrderId, Entry>,
    /// What was given back under which refund; an order's go with its entry.
    refunds: BTreeMap<OrderId, BTreeMap<RefundId, Money>>,
    /// The orders in `entries`, oldest entry first.
    age: VecDeque<OrderId>,
}

impl Books {
    fn enter(&mut self, order: OrderId, entry: Entry) {
        if self.entries.insert(order, entry).is_none() {
            self.age.push_back(order);
        }
        while self.age.len() > MAX_ENTRIES {
            if let Some(oldest) = self.age.pop_front() {
                self.entries.remove(&oldest);
                self.refunds.remove(&oldest);
            }
        }
    }
}

impl Simulated {
    /// A provider with empty books.
    pub fn new(settings: SimulatedSettings) -> Self {
        let rate = if settings.failure_rate.is_nan() { 0.0 } else { settings.failure_rate };
        Self {
            failure_rate: rate.clamp(0.0, 1.0),
            delay: Duration::from_millis(settings.delay_ms),
            books: Mutex::new(Books::default()),
        }
    }

    /// The books as they are now, for tests and checkers.
    pub fn books(&self) -> BTreeMap<OrderId, Entry> {
        self.books.lock().entries.clone()
    }

    fn declines(&self, order: OrderId) -> bool {
        share_of(order) < self.failure_rate
    }

    fn decide(&self, charge: &Charge) -> Result<Charged, ProviderError> {
        if charge.amount.amount < 0 {
            return Err(ProviderError("a charge cannot be negative".to_owned()));
        }
        let mut books = self.books.lock();
        let known = books.entries.get(&charge.order).copied();
        match known {
            // A refund does not unmake the charge: that it was captured stays true, as at a real provider.
            Some(Entry::Captured(captured) | Entry::Refunded { captured, .. }) => {
                if captured == charge.amount {
                    Ok(Charged::Captured(reference(charge.order)))
                } else {
                    Err(ProviderError("this order was charged with another amount".to_owned()))
                }
            }
            Some(Entry::Dead(reason)) => Ok(Charged::Declined(Decline::because(reason))),
            None if self.declines(charge.order) => {
                books.enter(charge.order, Entry::Dead(DECLINED));
                Ok(Charged::Declined(Decline::because(DECLINED)))
            }
            None => {
                books.enter(charge.order, Entry::Captured(charge.amount));
                Ok(Charged::Captured(reference(charge.order)))
            }
        }
    }

    fn close(&self, order: OrderId) -> Settled {
        let mut books = self.books.lock();
        match books.entries.get(&order) {
            Some(Entry::Captured(_) | Entry::Refunded { .. }) => Settled::Captured(reference(order)),
            Some(Entry::Dead(_)) => Settled::Dead,
            None => {
                books.enter(order, Entry::Dead(CANCELLED));
                Settled::Dead
            }
        }
    }

    fn give_back(&self, repayment: &Repayment) -> Result<(), ProviderError> {
        let Repayment { refund, order, amount } = *repayment;
        let mut books = self.books.lock();
        let (captured, before) = match books.entries.get(&order).copied() {
            Some(Entry::Captured(captured)) => (captured, 0),
            Some(Entry::Refunded { captured, returned }) => (captured, returned.amount),
            // Charged before a restart: the ledger, which asks, knows better.
            None => return Ok(()),
            Some(Entry::Dead(_)) => {
                return Err(ProviderError("a refund of what was never captured".to_owned()));
            }
        };
        match books.refunds.get(&order).and_then(|refunds| refunds.get(&refund)) {
            Some(known) if *known == amount => return Ok(()),
            Some(_) => {
                return Err(ProviderError("this refund was made with another amount".to_owned()));
            }
            None => {}
        }
        let is_covered = (0..=captured.amount - before).contains(&amount.amount);
        if amount.currency != captured.currency || !is_covered {
            return Err(ProviderError("a refund of more than was captured".to_owned()));
        }
        books.refunds.entry(order).or_default().insert(refund, amount);
        let returned = Money::new(before + amount.amount, captured.currency);
        books.enter(order, Entry::Refunded { captured, returned });
        Ok(())
    }

    async fn travel(&self, time: Duration) {
        if !time.is_zero() {
            tokio::time::sleep(time).await;
        }
    }

    fn way_there(&self) -> Duration {
        self.delay / 2
    }

    fn way_back(&self) -> Duration {
        self.delay.saturating_sub(self.way_there())
    }
}

fn reference(order: OrderId) -> String {
    format!("simulated-{order}")
}

/// A number in [0, 1) that an order id always maps to, uniform over ids: the first 53 bits (what an `f64` holds
/// exactly) of its SHA-256.
#[expect(clippy::cast_precision_loss, reason = "both numbers are at most 2^53")]
fn share_of(order: OrderId) -> f64 {
    let digest: [u8; 32] = Sha256::digest(order.0.as_bytes()).into();
    let bits = digest.iter().take(8).fold(0_u64, |bits, byte| (bits << 8) | u64::from(*byte));
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[async_trait]
impl PaymentProvider for Simulated {
    fn name(&self) -> &'static str {
        "simulated"
    }

    async fn charge(&self, charge: &Charge) -> Result<Charged, ProviderError> {
        self.travel(self.way_there()).await;
        let answer = self.decide(charge);
        self.travel(self.way_back()).await;
        answer
    }

    async fn settle(&self, order: OrderId) -> Result<Settled, ProviderError> {
        self.travel(self.way_there()).await;
        let answer = self.close(order);
        self.travel(self.way_back()).await;
        Ok(answer)
    }

    /// Of what is remembered since the start; nobody waits for it.
    async fn balance(&self, order: OrderId) -> Result<Option<Balance>, ProviderError> {
        let entry = self.books.lock().entries.get(&order).copied();
        Ok(match entry {
            Some(Entry::Captured(captured)) => {
                Some(Balance { captured, returned: Money::zero(captured.currency) })
            }
            Some(Entry::Refunded { captured, returned }) => Some(Balance { captured, returned }),
            Some(Entry::Dead(_)) | None => None,
        })
    }

    async fn refund(&self, repayment: &Repayment) -> Result<(), ProviderError> {
        self.travel(self.way_there()).await;
        let answer = self.give_back(repayment);
        self.travel(self.way_back()).await;
        answer
    }
}

#[cfg(test)]
mod tests;
