//! A provider that takes no money: for rehearsals, demonstrations and tests.
//!
//! Invariant: whether an order is declined depends on nothing but its id and the failure rate, so a repeat
//! answers the same, also after a restart; and no order is captured after it was declined or settled as dead.
//!
//! The books live in memory and are bounded. An entry is final as soon as it is made (captured, dead, refunded),
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
use onsale_app::ports::payments::{Charge, Charged, PaymentProvider, ProviderError, Settled};
use onsale_domain::{ids::OrderId, money::Money};
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
    /// The money was taken and given back.
    Refunded {
        /// What was taken.
        captured: Money,
        /// What was given back.
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
            Some(Entry::Dead(reason)) => Ok(Charged::Declined(reason.to_owned())),
            None if self.declines(charge.order) => {
                books.enter(charge.order, Entry::Dead(DECLINED));
                Ok(Charged::Declined(DECLINED.to_owned()))
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

    fn give_back(&self, order: OrderId, amount: Money) -> Result<(), ProviderError> {
        let mut books = self.books.lock();
        match books.entries.get(&order).copied() {
            Some(Entry::Captured(captured)) => {
                let covered =
                    amount.currency == captured.currency && (0..=captured.amount).contains(&amount.amount);
                if !covered {
                    return Err(ProviderError("a refund of more than was captured".to_owned()));
                }
                books.enter(order, Entry::Refunded { captured, returned: amount });
                Ok(())
            }
            // Repeated, or charged before a restart; in both cases the ledger, which asks, knows better.
            Some(Entry::Refunded { .. }) | None => Ok(()),
            Some(Entry::Dead(_)) => Err(ProviderError("a refund of what was never captured".to_owned())),
        }
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

    async fn refund(&self, order: OrderId, amount: Money) -> Result<(), ProviderError> {
        self.travel(self.way_there()).await;
        let answer = self.give_back(order, amount);
        self.travel(self.way_back()).await;
        answer
    }
}

#[cfg(test)]
mod tests;
