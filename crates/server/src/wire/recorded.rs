//! A payment provider that is told of in traces: each call of it is a step of the request that made it.
//!
//! Invariant: what is asked and answered is passed on as it is.

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;
use onsale_app::ports::payments::{
    Balance, Charge, Charged, Delivery, Notice, PageForm, PaymentProvider, ProviderError, Repayment, Settled,
    Standing,
};
use onsale_domain::{ids::OrderId, time::Timestamp};

use crate::{requests, traces::Step};

pub(super) struct Recorded(pub(super) Arc<dyn PaymentProvider>);

async fn told<T>(
    step: &'static str,
    answer: impl Future<Output = Result<T, ProviderError>>,
) -> Result<T, ProviderError> {
    let begun = Instant::now();
    let answer = answer.await;
    requests::step(Step::Outside(step), begun, answer.is_err());
    answer
}

#[async_trait]
impl PaymentProvider for Recorded {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn page_form(&self) -> Option<PageForm> {
        self.0.page_form()
    }

    async fn charge(&self, charge: &Charge) -> Result<Charged, ProviderError> {
        told("payment charge", self.0.charge(charge)).await
    }

    async fn settle(&self, order: OrderId) -> Result<Settled, ProviderError> {
        told("payment settle", self.0.settle(order)).await
    }

    async fn refund(&self, repayment: &Repayment) -> Result<(), ProviderError> {
        told("payment refund", self.0.refund(repayment)).await
    }

    async fn balance(&self, order: OrderId) -> Result<Option<Balance>, ProviderError> {
        self.0.balance(order).await
    }

    async fn look_up(&self, order: OrderId) -> Result<Standing, ProviderError> {
        told("payment look up", self.0.look_up(order)).await
    }

    fn buyer_acts_within_ms(&self) -> u64 {
        self.0.buyer_acts_within_ms()
    }

    fn notice(&self, delivery: &Delivery<'_>, now: Timestamp) -> Option<Notice> {
        self.0.notice(delivery, now)
    }
}
