//! Faults around a payment provider.
//!
//! Invariant: see [`super`].

use std::sync::Arc;

use async_trait::async_trait;
use onsale_app::ports::payments::{
    Balance, Charge, Charged, Delivery, Notice, PaymentProvider, ProviderError, Repayment, Settled, Standing,
};
use onsale_domain::{ids::OrderId, time::Timestamp};

use super::Faults;

/// A provider whose calls may fail.
pub struct FaultyProvider {
    inner: Arc<dyn PaymentProvider>,
    faults: Arc<Faults>,
}

impl FaultyProvider {
    /// Puts faults around a provider.
    pub fn new(inner: Arc<dyn PaymentProvider>, faults: Arc<Faults>) -> Self {
        Self { inner, faults }
    }
}

#[async_trait]
impl PaymentProvider for FaultyProvider {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    async fn charge(&self, charge: &Charge) -> Result<Charged, ProviderError> {
        self.faults.around("charge", self.inner.charge(charge)).await
    }

    async fn settle(&self, order: OrderId) -> Result<Settled, ProviderError> {
        self.faults.around("settle", self.inner.settle(order)).await
    }

    async fn refund(&self, repayment: &Repayment) -> Result<(), ProviderError> {
        self.faults.around("refund", self.inner.refund(repayment)).await
    }

    async fn balance(&self, order: OrderId) -> Result<Option<Balance>, ProviderError> {
        self.faults.around("balance", self.inner.balance(order)).await
    }

    async fn look_up(&self, order: OrderId) -> Result<Standing, ProviderError> {
        self.faults.around("look_up", self.inner.look_up(order)).await
    }

    fn buyer_acts_within_ms(&self) -> u64 {
        self.inner.buyer_acts_within_ms()
    }

    fn notice(&self, delivery: &Delivery<'_>, now: Timestamp) -> Option<Notice> {
        self.inner.notice(delivery, now)
    }
}
