//! Payments that are not over when a confirm has been answered: what providers tell, what buyers come back to, and what
//! was left behind.
//!
//! Invariants: what a provider is said to have told is only a reason to ask it; money that was taken makes the order
//! paid, or goes back where the order had failed; an attempt that waits for its buyer is ended at the provider before
//! anything of it is released.

use onsale_domain::{
    ids::{OrderId, ReservationId},
    orders::OrderStatus,
    reservations::GRACE_AFTER_DECLINE_MS,
};

use crate::{
    App, Caller,
    cards::Card,
    errors::{AppError, Reason},
    orders::{FREE_OF_CHARGE, OrderView, PROVIDER_ANSWERS_WITHIN, order_in_words, within},
    ports::{
        hot::PaymentStep,
        ledger::{Order, RecordedStatus, SettleOrder},
        payments::{Delivery, Instrument, Notice, PaymentProvider, Settled, Standing},
    },
    reconciler::LEFT_BEHIND_AFTER_MS,
    reservations::payment_under_way,
};

/// What became of an earlier attempt that somebody came back to.
pub(crate) enum Resumed {
    /// It is paid, or waits for its buyer.
    Stands(Box<OrderView>),
    /// Somebody is at it.
    UnderWay,
    /// It has come to nothing; another may begin.
    Over,
}

/// How an open order was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attended {
    /// Paid or failed.
    Settled,
    /// Its buyer has to act, and has time to.
    AwaitsBuyer,
}

/// What names its payment in the hot store.
pub(crate) fn step_of(order: &Order) -> PaymentStep {
    PaymentStep { hold: order.reservation, fence: order.fence, order: order.id }
}

impl App {
    /// Takes what somebody delivers in the name of a provider. A delivery that is genuine and of now is looked into at
    /// once; an error asks for it to be delivered again. It may come before the answer that it is about, after it,
    /// twice, in another order and for nothing of ours: whatever it says, the provider is asked how things stand.
    pub async fn notified(&self, provider: &str, delivery: &Delivery<'_>) -> Result<(), AppError> {
        let unknown = || AppError::not_found("provider that delivers here");
        let provider =
            self.providers.iter().find(|known| known.name() == provider).cloned().ok_or_else(unknown)?;
        let name = provider.name();
        let told = |outcome: &'static str| {
            metrics::counter!("onsale_payment_notices_total", "provider" => name, "outcome" => outcome)
                .increment(1);
        };
        match provider.notice(delivery, self.clock.now()).ok_or_else(unknown)? {
            Notice::Refused(why) => {
                told("refused");
                tracing::warn!(provider = name, why, "a delivery was refused");
                Err(AppError::refused(Reason::Validation, format!("not a delivery of {name}: {why}")))
            }
            Notice::Unrelated => {
                told("unrelated");
                Ok(())
            }
            Notice::About(order) => {
                told("taken");
                self.look_into(provider.as_ref(), order).await
            }
        }
    }

    /// Finds out what has happened to a charge, and does what follows from it.
    async fn look_into(&self, provider: &dyn PaymentProvider, id: OrderId) -> Result<(), AppError> {
        let known = self.ledger.order(id).await?;
        let Some(order) = known.filter(|order| order.method == provider.name()) else {
            tracing::info!(order = %id, provider = provider.name(), "told of an order that is not known here");
            return Ok(());
        };
        if !matches!(order.status, OrderStatus::Paying | OrderStatus::Failed) {
            return Ok(());
        }
        let Some(card) = self.find_card(order.performance).await? else { return Ok(()) };
        match within(PROVIDER_ANSWERS_WITHIN, provider.look_up(id)).await? {
            Standing::Captured(reference) => {
                self.captured(&card, step_of(&order), &reference).await.map(drop)
            }
            Standing::Dead | Standing::Failed(_) if order.status == OrderStatus::Paying => {
                self.settle(&card, &order, GRACE_AFTER_DECLINE_MS).await.map(drop)
            }
            _ => Ok(()),
        }
    }

    /// The money is taken: the order is paid, then sold, and given. `None` where the order had failed and the money
    /// has been given back.
    pub(crate) async fn captured(
        &self,
        card: &Card,
        step: PaymentStep,
        reference: &str,
    ) -> Result<Option<Order>, AppError> {
        match self.ledger.pay_order(step.order, reference, self.clock.now()).await? {
            SettleOrder::Done(paid) => {
                self.sell(card, step).await;
                tracing::info!(order = %paid.id, sequence = paid.sequence, "paid");
                self.tell_bought(card, paid.owner, paid.units.len());
                Ok(Some(*paid))
            }
            SettleOrder::Otherwise(_) | SettleOrder::NotFound => {
                tracing::error!(order = %step.order, "charged after the order had failed; giving the money back");
                self.give_back_late_charge(step.order).await?;
                Ok(None)
            }
        }
    }

    /// A buyer comes back to a payment that was begun: the order where it is paid by now or waits for them, `None` where
    /// none is under way any more. Nothing is begun. One that has failed at the provider is ended here, so that the hold
    /// is theirs again at once.
    ///
    /// To be run to its end once begun, like a confirm.
    pub async fn take_up_payment(
        &self,
        caller: Caller,
        id: ReservationId,
    ) -> Result<Option<OrderView>, AppError> {
        let reservation = self.reservation(caller, id).await?;
        let is_open = matches!(reservation.status, RecordedStatus::Paying | RecordedStatus::Confirmed);
        let Some(order) = reservation.order.filter(|_| is_open) else { return Ok(None) };
        let order = self.ledger.order(order).await?.ok_or_else(payment_under_way)?;
        let card = self.card_of(id).await?;
        match self.resume(&card, order, None).await? {
            Resumed::Stands(view) => Ok(Some(*view)),
            Resumed::UnderWay => Err(payment_under_way()),
            Resumed::Over => Ok(None),
        }
    }

    /// Somebody pays for a reservation that has an attempt already: what has become of that.
    pub(crate) async fn resume(
        &self,
        card: &Card,
        order: Order,
        instrument: Option<&Instrument>,
    ) -> Result<Resumed, AppError> {
        let stands = |order, action| {
            Ok(Resumed::Stands(Box::new(OrderView { action, ..order_in_words(card, order) })))
        };
        match order.status {
            OrderStatus::Paid | OrderStatus::Refunded => return stands(order, None),
            // The hold is about to go back, by whoever recorded that.
            OrderStatus::Failed => return Ok(Resumed::UnderWay),
            OrderStatus::Paying if order.total.amount == 0 => return Ok(Resumed::UnderWay),
            OrderStatus::Paying => {}
        }
        let provider = self.provider(&order.method)?;
        let standing = match within(PROVIDER_ANSWERS_WITHIN, provider.look_up(order.id)).await {
            Ok(standing) => standing,
            Err(error) => {
                tracing::warn!(order = %order.id, %error, "how the payment stands is not known");
                return Ok(Resumed::UnderWay);
            }
        };
        let age_ms = self.clock.now().since_ms(order.created_at);
        match standing {
            Standing::Captured(reference) => match self.captured(card, step_of(&order), &reference).await? {
                Some(paid) => stands(paid, None),
                None => Ok(Resumed::Over),
            },
            Standing::AwaitsBuyer(action) => stands(order, Some(action)),
            Standing::AwaitsInstrument(action) if instrument.is_none() => stands(order, Some(action)),
            // Whoever began it may be about to say with what: a click too many must not end their payment.
            Standing::AwaitsInstrument(_) if age_ms < LEFT_BEHIND_AFTER_MS => Ok(Resumed::UnderWay),
            Standing::AwaitsInstrument(_) | Standing::Failed(_) | Standing::Dead => {
                match self.settle(card, &order, GRACE_AFTER_DECLINE_MS).await? {
                    Some(paid) => stands(paid, None),
                    None => Ok(Resumed::Over),
                }
            }
            Standing::Open => Ok(Resumed::UnderWay),
        }
    }

    /// Sees to an order that was left open: one that waits for its buyer is left to them for their time.
    pub(crate) async fn attend(&self, card: &Card, order: &Order) -> Result<Attended, AppError> {
        if order.total.amount > 0 {
            let provider = self.provider(&order.method)?;
            let standing = within(PROVIDER_ANSWERS_WITHIN, provider.look_up(order.id)).await?;
            let has_time = self.clock.now().since_ms(order.created_at) < provider.buyer_acts_within_ms();
            let awaits_buyer = matches!(standing, Standing::AwaitsBuyer(_) | Standing::AwaitsInstrument(_));
            if awaits_buyer && has_time {
                return Ok(Attended::AwaitsBuyer);
            }
            if let Standing::Captured(reference) = standing {
                self.captured(card, step_of(order), &reference).await?;
                return Ok(Attended::Settled);
            }
        }
        self.settle(card, order, 0).await?;
        Ok(Attended::Settled)
    }

    /// Brings an open order to its end: forward if the money was taken, which gives the order, backward if it was not.
    /// What the provider cannot say stays open. The hold goes back for what was left of its time, at least `grace_ms`.
    pub(crate) async fn settle(
        &self,
        card: &Card,
        order: &Order,
        grace_ms: u64,
    ) -> Result<Option<Order>, AppError> {
        let step = step_of(order);
        let settled = if order.total.amount == 0 {
            match self.ledger.pay_order(order.id, FREE_OF_CHARGE, self.clock.now()).await? {
                SettleOrder::Done(paid) => {
                    self.sell(card, step).await;
                    self.tell_bought(card, paid.owner, paid.units.len());
                    Some(*paid)
                }
                SettleOrder::Otherwise(_) | SettleOrder::NotFound => None,
            }
        } else {
            let provider = self.provider(&order.method)?;
            match within(PROVIDER_ANSWERS_WITHIN, provider.settle(order.id)).await? {
                Settled::Captured(reference) => self.captured(card, step, &reference).await?,
                Settled::Dead => {
                    self.ledger.fail_order(order.id, "abandoned", self.clock.now()).await?;
                    self.on_hot(card, || self.hot.end_payment(card.performance.id, step, grace_ms)).await?;
                    None
                }
            }
        };
        tracing::info!(order = %order.id, paid = settled.is_some(), "open order settled");
        Ok(settled)
    }
}
