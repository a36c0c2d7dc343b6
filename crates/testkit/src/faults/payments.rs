//! Faults around a payment provider.
//!
//! Invariant: see [`super`].

use std::sync::Arc;

use async_trait::async_trait;
use onsale_app::ports::payments::{Charge, Charged, PaymentProvider, ProviderError, Settled};
use onsale_domain::{ids::OrderId, money::Money};

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

    async fn refund(&self, order: OrderId, amount: Money) -> Result<(), ProviderError> {
        self.faults.around("refund", self.inner.refund(order, amount)).await
    }
}
