//! Reservations with a clock beside them: each command's time goes into the metrics, and into the
//! trace of a request that is recorded.
//!
//! Invariant: what is asked and answered is passed on as it is.

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;
use metrics::{Counter, Histogram};
use onsale_app::ports::hot::{Decided, HotError, PaymentStep, Reservations};
use onsale_domain::{
    ids::{AccountId, OrderId, PerformanceId, ReservationId},
    reservations::{
        BeginOutcome, CancelOutcome, ExtendOutcome, FinishOutcome, HoldOutcome, HoldRequest, HoldView,
    },
};

use crate::{requests, traces::Step};

/// Where the times of a command go.
struct Command {
    seconds: Histogram,
    step: Step,
}

pub(super) struct Timed {
    inner: Arc<dyn Reservations>,
    hold: Command,
    extend: Command,
    cancel: Command,
    begin_payment: Command,
    end_payment: Command,
    sell: Command,
    find: Command,
    errors: Counter,
}

impl Timed {
    pub(super) fn new(inner: Arc<dyn Reservations>) -> Self {
        let command = |command: &'static str, step: &'static str| Command {
            seconds: metrics::histogram!("onsale_hot_seconds", "command" => command),
            step: Step::Inside(step),
        };
        Self {
            inner,
            hold: command("hold", "hot hold"),
            extend: command("extend", "hot extend"),
            cancel: command("cancel", "hot cancel"),
            begin_payment: command("begin_payment", "hot begin payment"),
            end_payment: command("end_payment", "hot end payment"),
            sell: command("sell", "hot sell"),
            find: command("find", "hot find"),
            errors: metrics::counter!("onsale_hot_errors_total"),
        }
    }

    async fn time<T>(
        &self,
        command: &Command,
        answer: impl Future<Output = Result<T, HotError>>,
    ) -> Result<T, HotError> {
        let begun = Instant::now();
        let answer = answer.await;
        command.seconds.record(begun.elapsed().as_secs_f64());
        let failed = matches!(answer, Err(HotError::Store(_)));
        if failed {
            self.errors.increment(1);
        }
        requests::step(command.step, begun, failed);
        answer
    }
}

#[async_trait]
impl Reservations for Timed {
    async fn hold(&self, p: PerformanceId, request: HoldRequest) -> Result<Decided<HoldOutcome>, HotError> {
        self.time(&self.hold, self.inner.hold(p, request)).await
    }

    async fn extend(
        &self,
        p: PerformanceId,
        hold: ReservationId,
        owner: AccountId,
        ttl_ms: u64,
        max_extensions: u32,
    ) -> Result<Decided<ExtendOutcome>, HotError> {
        self.time(&self.extend, self.inner.extend(p, hold, owner, ttl_ms, max_extensions)).await
    }

    async fn cancel(
        &self,
        p: PerformanceId,
        hold: ReservationId,
        owner: AccountId,
    ) -> Result<Decided<CancelOutcome>, HotError> {
        self.time(&self.cancel, self.inner.cancel(p, hold, owner)).await
    }

    async fn begin_payment(
        &self,
        p: PerformanceId,
        hold: ReservationId,
        owner: AccountId,
        order: OrderId,
    ) -> Result<Decided<BeginOutcome>, HotError> {
        self.time(&self.begin_payment, self.inner.begin_payment(p, hold, owner, order)).await
    }

    async fn end_payment(
        &self,
        p: PerformanceId,
        step: PaymentStep,
        grace_ms: u64,
    ) -> Result<Decided<FinishOutcome>, HotError> {
        self.time(&self.end_payment, self.inner.end_payment(p, step, grace_ms)).await
    }

    async fn sell(&self, p: PerformanceId, step: PaymentStep) -> Result<Decided<FinishOutcome>, HotError> {
        self.time(&self.sell, self.inner.sell(p, step)).await
    }

    async fn find(&self, p: PerformanceId, hold: ReservationId) -> Result<Option<HoldView>, HotError> {
        self.time(&self.find, self.inner.find(p, hold)).await
    }
}
